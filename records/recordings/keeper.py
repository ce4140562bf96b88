"""Makes what Asterisk recorded into what is kept: beside the calls, at low priority, again and again until it is done.

The folder is the truth: what Asterisk wrote while no service listened is found there. The originals stay until their
stereo file can be read back, and its hash stands on the ledger and in its row.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from records.database import Change
from records.recordings.files import Made, RecordingFiles
from records.recordings.store import CHANNELS, Finished, Kept, RecordingState, RecordingStore, pauses_as_json
from telephony.errors import RecordStoreUnavailable
from telephony.ports import Clock
from telephony.recordings import Recording

log = structlog.get_logger(__name__)

T = TypeVar("T")

SYSTEM = "system"
_EVERY_SECONDS = 10.0
_CLOSED_SECONDS = 2.0
_SILENT_SECONDS = 60.0
_MISSING_AFTER = timedelta(seconds=30)
_TOLERANCE_SECONDS = 2.0
_TOLERANCE_SHARE = 0.01
_CLEAN_EVERY = timedelta(hours=1)
_BATCH = 100
_NICE = 15


class Appends(Protocol):
    async def append(
        self, kind: str, subject: str, body: Mapping[str, Any], *, actor: str, change: Change | None = None
    ) -> int:
        """0 where ``change`` changed nothing: nothing was appended then."""


@dataclass(frozen=True, slots=True)
class Rules:
    """``algorithms``: of the hashes; SHA-256 is always among them."""

    keep: timedelta
    keep_free_bytes: int
    algorithms: tuple[str, ...] = ("sha256",)


class RecordingKeeper:
    """One per node. ``is_live``: whether the call goes on; None while nobody knows."""

    def __init__(
        self,
        files: RecordingFiles,
        store: RecordingStore,
        ledger: Appends,
        clock: Clock,
        node: str,
        rules: Rules,
        is_live: Callable[[str], bool | None],
    ) -> None:
        self.files = files
        self.rules = rules
        self.low_on_disk = False
        self.free_bytes = 0
        self.counts: Mapping[RecordingState, int] = {}
        self._store, self._ledger, self._clock, self._node, self._is_live = store, ledger, clock, node, is_live
        self._changed: dict[str, Recording] = {}
        self._wake = asyncio.Event()
        self._soon = False
        self._cleaned: datetime | None = None
        self._disk = ThreadPoolExecutor(1, "recordings", initializer=_at_low_priority)
        self._notes = ThreadPoolExecutor(1, "recording-notes")

    # -------------------------------------------------------------- told by the switchboard

    def changed(self, recording: Recording) -> None:
        """Never waits."""
        self._changed[recording.id] = recording
        self._wake.set()

    async def keep_note(self, recording: Recording) -> None:
        """On disk when it returns; a disk that refuses is loud and keeps nobody from pausing."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._notes, self.files.keep_note, recording)
        except OSError as error:
            log.error("recording.note_not_kept", id=recording.id, problem=str(error))

    async def going_on(self) -> list[Recording]:
        """Of which pauses are noted: for a service that starts while calls go on."""
        return [each for each in await self._on_disk(lambda: list(self.files.unfinished())) if each.pauses]

    # -------------------------------------------------------------- the job

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this round only."""
        try:
            while True:
                await self.round()
                try:
                    async with asyncio.timeout(_CLOSED_SECONDS if self._soon else _EVERY_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # nobody told of anything: what was not told is looked for
                self._wake.clear()
        finally:
            for executor in (self._disk, self._notes):
                executor.shutdown(wait=False, cancel_futures=True)

    async def round(self) -> None:
        try:
            await self._write_rows()
            await self._finish_all()
            await self._find_missing()
            await self._clean_up()
            self.counts = await self._store.count()
        except RecordStoreUnavailable as error:
            log.warning("recordings.wait_for_database", detail=error.message)
        except OSError as error:
            log.error("recordings.disk_refuses", problem=str(error))
        except Exception:
            log.exception("recordings.failed")

    async def _write_rows(self) -> None:
        for recording in list(self._changed.values()):
            await self._store.save(recording)
            newest = self._changed[recording.id]  # the database may be slow, and a newer note there already
            if newest.pauses:  # the note is what the finished recording is made with
                await self.keep_note(newest)
            if newest is recording and self._changed[recording.id] is recording:
                del self._changed[recording.id]

    async def _finish_all(self) -> None:
        self._soon = False
        for recording in await self._on_disk(lambda: list(self.files.unfinished())):
            if await self._is_over(recording):
                try:
                    await self._finish(recording)
                except OSError as error:  # no room, or one file that cannot be read: the others go on
                    log.error("recording.not_finished", id=recording.id, problem=str(error))

    async def _is_over(self, recording: Recording) -> bool:
        live = self._is_live(recording.call_id)
        quiet = await self._on_disk(partial(self.files.quiet_seconds, recording.path))
        if live is None:  # nobody listens to Asterisk; while it records, it writes
            return quiet > _SILENT_SECONDS
        self._soon |= not live
        return not live and quiet > _CLOSED_SECONDS

    async def _finish(self, recording: Recording) -> None:
        await self._store.save(recording)
        kept = await self._store.find(recording.id)
        if kept.state is RecordingState.RECORDING:
            if not await self._on_disk(partial(self.files.has_originals, recording.path)):
                return  # a note alone: found missing later
            made = await self._on_disk(partial(self.files.make, recording.path, self.rules.algorithms))
            await self._put_on_record(recording, await self._ended(kept, made), made)
        await self._on_disk(partial(self.files.drop_originals, recording.path))

    async def _ended(self, kept: Kept, made: Made) -> datetime:
        """The earlier of what the channel and the call's record say; they may tell of it late, never early."""
        told = [each for each in (kept.ended_at, await self._store.call_ended(kept.call_id)) if each is not None]
        return min(told, default=kept.started_at + timedelta(seconds=made.seconds))

    async def _put_on_record(self, recording: Recording, ended_at: datetime, made: Made) -> None:
        lasted = (ended_at - recording.started_at).total_seconds()
        problem = "cut" if made.cut else "short" if is_short(made.seconds, lasted) else None
        state = RecordingState.TRUNCATED if problem else RecordingState.WHOLE
        delete_after = ended_at + self.rules.keep
        body = {
            "event": "finished",
            "call_id": recording.call_id,
            "node": recording.node,
            "channels": CHANNELS,
            "state": state.value,
            "problem": problem,
            "path": recording.path,
            "started_at": _iso(recording.started_at),
            "ended_at": _iso(ended_at),
            "delete_after": _iso(delete_after),
            "seconds": made.seconds,
            "bytes": made.bytes,
            "call_seconds": round(lasted, 3),
            "pauses": pauses_as_json(recording.pauses),
            **made.digests,
        }
        finished = Finished(
            state,
            ended_at,
            delete_after,
            problem,
            made.seconds,
            made.bytes,
            made.digests["sha256"],
            recording.pauses,
        )
        await self._note(body, recording.id, self._store.finishing(recording.id, finished))
        tell = log.error if problem else log.info
        tell("recording.finished", id=recording.id, state=state.value, seconds=made.seconds, problem=problem)

    async def _find_missing(self) -> None:
        now = self._clock.now()
        for kept in await self._store.open_ones(self._node):
            if self._is_live(kept.call_id) is not False:
                continue
            ended_at = kept.ended_at or await self._store.call_ended(kept.call_id) or kept.started_at
            late = now - ended_at > _MISSING_AFTER
            if late and not await self._on_disk(partial(self.files.has_originals, kept.path)):
                missing = Finished(
                    RecordingState.MISSING, ended_at, ended_at + self.rules.keep, "no-file", pauses=kept.pauses
                )
                body = {
                    "event": "missing",
                    "call_id": kept.call_id,
                    "node": kept.node,
                    "channels": kept.channels,
                    "pauses": pauses_as_json(kept.pauses),
                    "started_at": _iso(kept.started_at),
                    "ended_at": _iso(missing.ended_at),
                    "delete_after": _iso(missing.delete_after),
                }
                await self._note(body, kept.id, self._store.finishing(kept.id, missing))
                await self._on_disk(partial(self.files.drop_originals, kept.path))
                log.error("recording.missing", id=kept.id, call_id=kept.call_id)

    # -------------------------------------------------------------- the end of what was kept

    async def _clean_up(self) -> None:
        """Once an hour; at once while the disk is nearly full, until it is not. Who is on hold never goes."""
        now = self._clock.now()
        await self._look_at_disk()
        if self._cleaned is None or now - self._cleaned > _CLEAN_EVERY or self.low_on_disk:
            self._cleaned = now
            while expired := await self._store.expired(self._node, now, _BATCH):
                for kept in expired:
                    await self._delete(kept, now)
            await self._look_at_disk()

    async def _delete(self, kept: Kept, now: datetime) -> None:
        body = {"event": "deleted", "call_id": kept.call_id, "sha256": kept.sha256, "reason": "expired"}
        await self._note(body, kept.id, self._store.forgetting(kept.id))
        if (await self._store.find(kept.id)).state is RecordingState.DELETED:  # nobody has put it on hold meanwhile
            await self._on_disk(partial(self.files.delete, kept.path))
            await self._store.forgotten(kept.id, now)
            log.info("recording.deleted", id=kept.id, started_at=kept.started_at.isoformat())

    async def _look_at_disk(self) -> None:
        self.free_bytes = await self._on_disk(self.files.free_bytes)
        low = self.free_bytes < self.rules.keep_free_bytes
        if low and not self.low_on_disk:
            log.error("recordings.disk_nearly_full", free_mb=self.free_bytes >> 20)
        elif self.low_on_disk and not low:
            log.info("recordings.disk_has_room", free_mb=self.free_bytes >> 20)
        self.low_on_disk = low

    async def _note(self, body: Mapping[str, Any], recording_id: str, change: Change) -> None:
        """On the ledger and in the row at once, or neither."""
        await self._ledger.append("recording", recording_id, body, actor=SYSTEM, change=change)

    async def _on_disk(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, step)


def is_short(seconds: float, lasted: float) -> bool:
    """More of the call is missing than its first and last moments."""
    return seconds < lasted - max(_TOLERANCE_SECONDS, lasted * _TOLERANCE_SHARE)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _at_low_priority() -> None:
    """Of this thread alone (Linux): what joins sound gives way to what serves calls."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
