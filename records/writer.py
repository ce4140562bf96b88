"""Write-behind: a state change is on its way to the database without a call ever waiting for it.

What the database does not take within a second is on disk too (``records.spool``), so that neither a slow database nor
one that is away, nor ``kill -9`` meanwhile, loses a record. Writing twice is harmless: records are replaced by id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import stamina
import structlog

from records.mapping import Record, kind_of
from records.notes import Note
from records.spool import Spool
from records.tasks import report, stop
from telephony.call import Call
from telephony.callback import CallBack
from telephony.conference import Conference
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Handoff

log = structlog.get_logger(__name__)

_BATCH = 100
_SPOOL_AFTER_SECONDS = 1.0
_SPOOL_PAUSE_SECONDS = 0.05
_RETRY = {"wait_initial": 0.1, "wait_max": 2.0, "wait_jitter": 0.2}  # seconds

_Key = tuple[str, str]


class _Waiting(NamedTuple):
    record: Record
    since: float


class SavesRecords(Protocol):
    async def save_all(self, records: Sequence[Record]) -> None:
        """All or none. Raises RecordStoreUnavailable; anything else means that one of them cannot be saved ever."""


class RecordWriter:
    """One per process. Between ``start`` and ``close``; what was put before ``start`` is written after it."""

    def __init__(self, store: SavesRecords, spool_folder: Path) -> None:
        self._store = store
        self._spool = Spool(spool_folder)
        self._pending: dict[_Key, _Waiting] = {}  # the longest waiting first
        self._unspooled: dict[_Key, None] = {}  # an ordered set
        self._spooling = False  # the file is there, so it must have the newest of all that is pending
        self._spool_lock = asyncio.Lock()
        self._put = asyncio.Event()
        self._put_again = asyncio.Event()
        self._written = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def depth(self) -> int:
        """How many records are not in the database yet."""
        return len(self._pending)

    def put_handoff(self, handoff: Handoff) -> None:
        self._enqueue(handoff)

    def put_call(self, call: Call) -> None:
        self._enqueue(call)

    def put_conference(self, conference: Conference) -> None:
        self._enqueue(conference)

    def put_call_back(self, order: CallBack) -> None:
        self._enqueue(order)

    def put_note(self, note: Note) -> None:
        """For the ledger; nobody has to wait for it."""
        self._enqueue(note)

    async def start(self) -> None:
        """Take up what an earlier process left, then write for as long as the process lives.

        Await ``flush`` before reading live records back: what the spool holds is newer than the database.
        """
        left = await asyncio.to_thread(self._spool.read)
        for record in left:
            self._pending.setdefault((kind_of(record), record.id), _Waiting(record, time.monotonic()))
        self._spooling = self._spool.path.exists()
        self._put.set()
        self._tasks = [
            asyncio.create_task(self._write_for_ever(), name="records-writer"),
            asyncio.create_task(self._spool_for_ever(), name="records-spooler"),
        ]
        for task in self._tasks:
            task.add_done_callback(report)
        if left:
            log.info("records.spool_taken_up", records=len(left))

    async def flush(self, timeout: float) -> bool:
        """Whether all that was put is in the database, within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._pending:
                    self._written.clear()
                    await self._written.wait()
        except TimeoutError:
            return False
        return True

    async def close(self, timeout: float = 2.0) -> None:
        """Write what can be written within ``timeout`` seconds, spool the rest; the log says what neither took."""
        await self.flush(timeout)
        await stop(*self._tasks)
        if self._pending and await self._append_to_spool():
            log.warning("records.left_in_spool", records=self.depth, file=str(self._spool.path))

    def _enqueue(self, record: Record) -> None:
        key = (kind_of(record), record.id)
        waiting = self._pending.get(key)
        if waiting is not None and _has_ended(waiting.record) and not _has_ended(record):
            return
        self._pending[key] = _Waiting(record, waiting.since if waiting else time.monotonic())
        self._unspooled[key] = None
        self._put.set()
        self._put_again.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._put.wait()
            self._put.clear()
            while self._pending:
                written = await self._write_batch()
                for key, waiting in written.items():
                    if self._pending.get(key) is waiting:
                        del self._pending[key]
                        self._unspooled.pop(key, None)
            await self._clear_spool()
            self._written.set()

    async def _write_batch(self) -> dict[_Key, _Waiting]:
        """The oldest, written; returns only when the database took them."""
        failing_since: float | None = None
        async for attempt in stamina.retry_context(on=RecordStoreUnavailable, attempts=None, timeout=None, **_RETRY):
            with attempt:
                if self._spooling:  # first the file, then the database: the file is never the older one
                    await self._append_to_spool()
                batch = dict(islice(self._pending.items(), _BATCH))
                try:
                    await self._save([waiting.record for waiting in batch.values()])
                except RecordStoreUnavailable as error:
                    if failing_since is None:
                        failing_since = time.monotonic()
                        log.error("records.database_away", problem=error.message, waiting=self.depth)
                    raise
        if failing_since is not None:
            seconds = round(time.monotonic() - failing_since, 1)
            log.info("records.database_back", seconds=seconds, waiting=self.depth)
        return batch

    async def _save(self, records: Sequence[Record]) -> None:
        """All at once; one by one when one of them spoils it for the others."""
        try:
            await self._store.save_all(records)
        except RecordStoreUnavailable:
            raise
        except Exception:
            if len(records) > 1:
                for record in records:
                    await self._save([record])
                return
            log.exception("records.refused_for_good", kind=kind_of(records[0]), id=records[0].id)
            await self._on_disk(partial(self._spool.reject, records[0]))

    async def _spool_for_ever(self) -> None:
        while True:
            await self._put_again.wait()
            self._put_again.clear()
            await self._until_late()
            if self._pending and not await self._append_to_spool():
                self._put_again.set()
            await asyncio.sleep(_SPOOL_PAUSE_SECONDS)

    async def _until_late(self) -> None:
        """Returns when a record has waited for too long, or none waits."""
        while self._pending:
            longest = time.monotonic() - next(iter(self._pending.values())).since
            if longest >= _SPOOL_AFTER_SECONDS:
                return
            await asyncio.sleep(_SPOOL_AFTER_SECONDS - longest)

    async def _append_to_spool(self) -> bool:
        async with self._spool_lock:
            batch = {key: self._pending[key] for key in self._unspooled}
            if not batch:
                return True
            self._spooling = True
            records = [waiting.record for waiting in batch.values()]
            if not await self._on_disk(partial(self._spool.append, records)):
                self._spooling = self._spool.path.exists()
                return False
            for key, waiting in batch.items():
                if self._pending.get(key) is waiting:
                    self._unspooled.pop(key, None)
            return True

    async def _clear_spool(self) -> None:
        async with self._spool_lock:
            if self._spooling and not self._pending:
                self._spooling = not await self._on_disk(self._spool.clear)

    async def _on_disk(self, step: Callable[[], None]) -> bool:
        """Whether the disk did it; False comes after a pause, so that trying again is no busy loop."""
        try:
            await asyncio.to_thread(step)
        except OSError as error:
            log.error("records.spool_failed", file=str(self._spool.path), problem=str(error), waiting=self.depth)
            await asyncio.sleep(_SPOOL_AFTER_SECONDS)
            return False
        return True


def _has_ended(record: Record) -> bool:
    return isinstance(record, Handoff | Call) and not record.live
