"""What goes over the wire of recordings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Given, Instant, Taken, Text
from records.recordings.store import RecordingState

_EXAMPLE = "n1-1795316359.0-1795316359533"


class RecordingReasonIn(Taken):
    reason: Annotated[Text, Field(description="For whoever listens later: the law, the case, the order.")]


class RecordingPauseOut(Given):
    """What was left out. ``began_at`` and ``ended_at``: when Asterisk did it; null until then."""

    asked_at: Instant
    by: str
    reason: str
    began_at: Instant | None
    ended_by: str | None
    ended_at: Instant | None


class LiveRecordingOut(Given):
    id: Annotated[str, Field(examples=[_EXAMPLE])]
    call_id: str
    started_at: Instant
    paused: bool
    pauses: list[RecordingPauseOut]


class RecordingOut(Given):
    """``seconds``: of sound, null until it is finished. ``problem``: ``cut`` (its end is missing), ``short`` (more of
    the call is missing than its first and last moments), ``no-file``. Left is the caller, right is all that it heard.
    """

    id: Annotated[str, Field(examples=[_EXAMPLE])]
    call_id: str
    node: str
    state: RecordingState
    problem: str | None
    started_at: Instant
    ended_at: Instant | None
    seconds: float | None
    bytes: int | None
    sha256: str | None
    pauses: list[RecordingPauseOut]
    hold: bool
    hold_reason: str | None
    held_by: str | None
    delete_after: Instant | None
    deleted_at: Instant | None


class MarkOut(Given):
    """Something of the call, ``at`` seconds from the beginning of the recording."""

    at: float
    kind: Annotated[str, Field(examples=["handoff", "answered", "back", "three-way", "pause"])]
    zh: str
    en: str
    until: float | None = None
    handoff_id: str | None = None


class PlaybackOut(Given):
    """``audio``: its address, which from now on takes this browser's requests for ranges."""

    recording: RecordingOut
    audio: str
    waveform: str
    marks: list[MarkOut]


class WaveformOut(Given):
    """The loudest sample of each of equally long parts, in percent of full scale."""

    seconds: float
    caller: list[int]
    others: list[int]


class FaultsOut(Given):
    """``faulty``: truncated and missing ones; ``unrecorded``: calls of a line that records, without a recording."""

    ok: bool
    faulty: list[RecordingOut]
    unrecorded: list[str]
    free_bytes: int
