"""What Asterisk wrote, and a service that keeps it, on either database."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from records.mapping import call_row
from records.recordings.files import RecordingFiles
from records.recordings.keeper import RecordingKeeper, Rules
from records.recordings.shelf import RecordingShelf
from records.recordings.store import Kept, RecordingStore
from records.tables import calls, recordings
from telephony.recordings import Recording, recording_of
from tests.support.ledgers import a_ledger, bodies, rows_of
from tests.support.records import a_call

BEGAN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Archive:
    files: RecordingFiles
    store: RecordingStore
    shelf: RecordingShelf
    engine: AsyncEngine
    time: datetime = BEGAN + timedelta(minutes=10)
    live: set[str] | None = field(default_factory=set)
    """Of the calls that go on; None: the link to Asterisk is down."""

    def now(self) -> datetime:
        return self.time

    def keeper(self, *, algorithm: str = "sha256", keep_free: int = 0) -> RecordingKeeper:
        """A service that has just started."""
        algorithms = tuple(dict.fromkeys(("sha256", algorithm)))
        ledger = a_ledger(self.engine, algorithm=algorithm)
        rules = Rules(180 * DAY, keep_free, algorithms)
        return RecordingKeeper(self.files, self.store, ledger, self, "n1", rules, self._is_live)

    def _is_live(self, call_id: str) -> bool | None:
        return None if self.live is None else call_id in self.live

    async def written(self, number: int = 0, *, seconds: float = 60, side: float | None = None) -> Recording:
        """By Asterisk, of a call that lasted a minute; it was closed a while ago."""
        recording = a_recording(number)
        for ending, length in ((".caller.sln24", seconds), (".others.sln24", seconds if side is None else side)):
            file = self.files.monitor / (recording.path.removesuffix(".flac") + ending)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes(2) * round(length * 24000))
            closed = time.time() - 600
            os.utime(file, (closed, closed))
        return recording

    async def called(self, recording: Recording, *, seconds: float = 60, **about: Any) -> None:
        """The call's own record, as it stands when the call is over."""
        call = replace(a_call(**about), id=recording.call_id, arrived_at=recording.started_at)
        ended_at = recording.started_at + timedelta(seconds=seconds)
        async with self.engine.begin() as connection:
            await connection.execute(insert(calls).values(call_row(replace(call, ended_at=ended_at, legs={}))))

    async def whole(self, number: int = 0) -> Kept:
        recording = await self.written(number)
        await self.called(recording)
        await self.keeper().round()
        return await self.store.find(recording.id)

    async def forge(self, recording_id: str, **values: Any) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(update(recordings).where(recordings.c.id == recording_id).values(**values))

    async def told(self, recording_id: str) -> list[str]:
        found = bodies(await rows_of(self.engine), "recording")
        return [body["event"] for body in found if body["call_id"] in recording_id]


def a_recording(number: int = 0) -> Recording:
    began = BEGAN + timedelta(minutes=number)
    found = recording_of(f"2026-11-22/n1-{number}.0-{round(began.timestamp() * 1000)}", "n1")
    assert found is not None
    return found


@pytest_asyncio.fixture
async def archive(database: AsyncEngine, tmp_path: Path) -> Archive:
    files = RecordingFiles(tmp_path / "spool" / "monitor", tmp_path / "recordings", "n1")
    store = RecordingStore(database)
    return Archive(files, store, RecordingShelf(files, store, a_ledger(database)), database)
