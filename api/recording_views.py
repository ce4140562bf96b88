"""Recordings as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from api.messages import MARKS
from api.schemas_recordings import (
    FaultsOut,
    LiveRecordingOut,
    MarkOut,
    PlaybackOut,
    RecordingOut,
    RecordingPauseOut,
)
from records.recordings.marks import Mark
from records.recordings.shelf import Faults
from records.recordings.store import Kept
from telephony.recordings import Pause, Recording


def pauses(of: Iterable[Pause]) -> list[RecordingPauseOut]:
    return [RecordingPauseOut(**asdict(each)) for each in of]


def live(of: Recording) -> LiveRecordingOut:
    return LiveRecordingOut(
        id=of.id, call_id=of.call_id, started_at=of.started_at, paused=of.paused, pauses=pauses(of.pauses)
    )


def recording(kept: Kept) -> RecordingOut:
    shown = {name: getattr(kept, name) for name in RecordingOut.model_fields if name != "pauses"}
    return RecordingOut(**shown, pauses=pauses(kept.pauses))


def mark(of: Mark) -> MarkOut:
    words = MARKS[of.kind]
    what = f" {of.what}" if of.what else ""
    return MarkOut(
        at=of.at,
        kind=of.kind.value,
        zh=words.zh + what,
        en=words.en + what,
        until=of.until,
        handoff_id=of.handoff_id,
    )


def playback(kept: Kept, marks: Iterable[Mark], address: str) -> PlaybackOut:
    return PlaybackOut(
        recording=recording(kept),
        audio=address,
        waveform=f"/v1/recordings/{kept.id}/waveform",
        marks=[mark(each) for each in marks],
    )


def faults(found: Faults, free_bytes: int) -> FaultsOut:
    return FaultsOut(
        ok=found.none,
        faulty=[recording(each) for each in found.faulty],
        unrecorded=list(found.unrecorded),
        free_bytes=free_bytes,
    )
