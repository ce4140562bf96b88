"""What people do with finished recordings: listen, put on hold, release, check. Each of these is on the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from records.database import Change
from records.recordings.audio import measure, peaks_of
from records.recordings.files import RecordingFiles
from records.recordings.keeper import Appends
from records.recordings.store import Kept, RecordingState, RecordingStore
from telephony.errors import RecordingAltered, RecordingNotPlayable


@dataclass(frozen=True, slots=True)
class Faults:
    """``unrecorded``: answered calls of a line that records, of which there is no recording at all. ``altered``: not
    what the ledger says; ``lost``: finished, and not there any more. Those two only where every file was read."""

    faulty: tuple[Kept, ...]
    unrecorded: tuple[str, ...]
    altered: tuple[Kept, ...] = ()
    lost: tuple[Kept, ...] = ()
    read: int = 0

    @property
    def none(self) -> bool:
        return not (self.faulty or self.unrecorded or self.altered or self.lost)


class RecordingShelf:
    """Every method raises RecordStoreUnavailable; those that take an id RecordingNotFound."""

    def __init__(self, files: RecordingFiles, store: RecordingStore, ledger: Appends) -> None:
        self.files = files
        self.store = store
        self._ledger = ledger

    async def open(self, recording_id: str, by: str) -> Kept:
        """For listening to: it is what the ledger says, and that ``by`` listens is on the ledger.

        Raises RecordingNotPlayable, RecordingAltered.
        """
        kept = await self._playable(recording_id)
        if not await self._is_genuine(kept):
            await self._note(kept, "refused", by, why="altered")
            raise RecordingAltered("the file is not the one that was put on the ledger")
        await self._note(kept, "played", by)
        return kept

    async def file(self, recording_id: str) -> Path:
        """Raises RecordingNotPlayable."""
        return self.files.finished((await self._playable(recording_id)).path)

    async def waveform(self, recording_id: str) -> bytes:
        """JSON: ``seconds``, and for ``caller`` and ``others`` the loudest sample of equal parts in percent.

        Raises RecordingNotPlayable.
        """
        file = await self.file(recording_id)
        try:
            return await asyncio.to_thread(peaks_of(file).read_bytes)
        except FileNotFoundError:
            return await asyncio.to_thread(measure, file)

    async def hold(self, recording_id: str, by: str, reason: str) -> Kept:
        """Nothing deletes it until it is released. Raises RecordingNotPlayable when it was deleted."""
        await self._change(recording_id, "held", by, reason, self.store.holding(recording_id, by, reason))
        return await self.store.find(recording_id)

    async def release(self, recording_id: str, by: str, reason: str) -> Kept:
        """Raises RecordingNotPlayable when it was deleted."""
        await self._change(recording_id, "released", by, reason, self.store.releasing(recording_id))
        return await self.store.find(recording_id)

    async def _change(self, recording_id: str, event: str, by: str, reason: str, change: Change) -> None:
        kept = await self.store.find(recording_id)
        body = {"event": event, "call_id": kept.call_id, "reason": reason}
        if not await self._ledger.append("recording", kept.id, body, actor=by, change=change):
            raise RecordingNotPlayable(_WHY[RecordingState.DELETED])

    async def check(self, lines: Sequence[str], since: datetime, until: datetime, *, read: bool = False) -> Faults:
        """Of recordings that began, and calls of these lines that came, in that time. ``read``: every file, too."""
        faulty = await self.store.faulty(since, until)
        unrecorded = await self.store.unrecorded(lines, since, until)
        altered: list[Kept] = []
        lost: list[Kept] = []
        kept_ones = await self.store.playable(since, until) if read else ()
        for kept in kept_ones:
            if not self.files.finished(kept.path).exists():
                lost.append(kept)
            elif not await self._is_genuine(kept):
                altered.append(kept)
        return Faults(tuple(faulty), tuple(unrecorded), tuple(altered), tuple(lost), len(kept_ones))

    async def _playable(self, recording_id: str) -> Kept:
        kept = await self.store.find(recording_id)
        if not kept.playable:
            raise RecordingNotPlayable(_WHY[kept.state])
        if not await asyncio.to_thread(self.files.finished(kept.path).exists):
            raise RecordingNotPlayable("its file is not where it was put")
        return kept

    async def _is_genuine(self, kept: Kept) -> bool:
        expected = await self.store.hash_on_ledger(kept.id)
        digest = await asyncio.to_thread(self.files.digest, kept.path, "sha256")
        return digest == kept.sha256 == expected

    async def _note(self, kept: Kept, event: str, by: str, **more: str) -> None:
        await self._ledger.append("recording", kept.id, {"event": event, "call_id": kept.call_id, **more}, actor=by)


_WHY = {
    RecordingState.RECORDING: "it is still being made",
    RecordingState.MISSING: "there is no file of it",
    RecordingState.DELETED: "it was deleted when its time was over",
}
