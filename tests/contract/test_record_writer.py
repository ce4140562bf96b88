"""Write-behind: what reaches the database, and what is on disk while the database is away."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from records.mapping import Record
from records.spool import Spool
from records.writer import RecordWriter
from telephony.handoff import Handoff, State
from tests.support.memory import MemoryRecordStore
from tests.support.records import NOON, a_call, a_conference, a_handoff, ended

pytestmark = pytest.mark.asyncio


async def _until(seen: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while True:
            if seen():
                return
            await asyncio.sleep(0.02)


class CountingStore(MemoryRecordStore):
    def __init__(self) -> None:
        super().__init__()
        self.saved: list[Record] = []

    async def save_all(self, records: Sequence[Record]) -> None:
        await super().save_all(records)
        self.saved += records


async def test_given_changes_when_flushed_then_all_kinds_are_in_the_database(tmp_path: Path) -> None:
    store = MemoryRecordStore()
    writer = RecordWriter(store, tmp_path / "spool")
    handoff, call = a_handoff(), a_call()
    await writer.start()
    writer.put_handoff(handoff)
    writer.put_conference(a_conference(handoff))
    writer.put_call(call)
    assert writer.depth == 3

    assert await writer.flush(20)
    assert writer.depth == 0
    assert await store.handoff(handoff.id) == handoff
    assert await store.conference(handoff.id) == a_conference(handoff)
    assert await store.call(call.id) == call
    await writer.close()
    assert not (tmp_path / "spool").exists()


async def test_given_many_changes_of_one_record_then_only_the_newest_is_written(tmp_path: Path) -> None:
    store = CountingStore()
    writer = RecordWriter(store, tmp_path)
    handoff = a_handoff()
    for state in (State.REQUESTED, State.REDIRECTED, State.RINGING):
        writer.put_handoff(replace(handoff, state=state))
    await writer.start()
    await writer.flush(20)
    await writer.close()

    assert store.saved == [replace(handoff, state=State.RINGING)]


async def test_given_an_ended_record_waits_when_a_late_one_is_put_then_the_end_stands(tmp_path: Path) -> None:
    store = CountingStore()
    writer = RecordWriter(store, tmp_path)
    handoff = a_handoff()
    writer.put_handoff(ended(handoff))
    writer.put_handoff(handoff)
    await writer.start()
    await writer.close()

    assert store.saved == [ended(handoff)]


async def test_given_the_database_is_away_then_put_returns_at_once_and_it_is_written_later(tmp_path: Path) -> None:
    store = CountingStore()
    store.away = True
    writer = RecordWriter(store, tmp_path)
    await writer.start()
    handoffs = [a_handoff() for _ in range(250)]
    for handoff in handoffs:
        writer.put_handoff(handoff)

    assert not await writer.flush(0.3)
    assert writer.depth == 250
    store.away = False
    assert await writer.flush(20)
    await writer.close()
    assert store.saved == handoffs


async def test_given_the_database_is_away_for_a_second_then_the_records_are_on_disk_too(tmp_path: Path) -> None:
    store = MemoryRecordStore()
    store.away = True
    writer = RecordWriter(store, tmp_path / "spool")
    await writer.start()
    handoff, spool = a_handoff(), Spool(tmp_path / "spool")
    writer.put_handoff(handoff)
    await _until(spool.read)
    writer.put_handoff(replace(handoff, state=State.RINGING))
    await _until(lambda: spool.read() == [replace(handoff, state=State.RINGING)])
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600

    store.away = False
    assert await writer.flush(20)
    assert not spool.path.exists()
    assert await store.handoff(handoff.id) == replace(handoff, state=State.RINGING)
    await writer.close()


async def test_given_close_while_the_database_is_away_then_the_next_start_writes_the_rest_once(tmp_path: Path) -> None:
    store = CountingStore()
    store.away = True
    handoff, other = a_handoff(), a_handoff(created_at=NOON + timedelta(seconds=1))
    first = RecordWriter(store, tmp_path)
    await first.start()
    first.put_handoff(handoff)
    first.put_handoff(other)
    await first.close(timeout=0.1)

    store.away = False
    second = RecordWriter(store, tmp_path)
    second.put_handoff(ended(other))
    await second.start()
    assert await second.flush(20)
    await second.close()
    third = RecordWriter(store, tmp_path)
    await third.start()
    await third.close()

    assert sorted(store.saved, key=lambda record: record.id) == [handoff, ended(other)]


async def test_given_a_record_the_database_refuses_for_good_then_the_others_are_written(tmp_path: Path) -> None:
    class Picky(CountingStore):
        async def save_all(self, records: Sequence[Record]) -> None:
            if any(isinstance(record, Handoff) and record.target == "poison" for record in records):
                raise ValueError("no column takes this")
            await super().save_all(records)

    store = Picky()
    writer = RecordWriter(store, tmp_path)
    good, bad, other = a_handoff(), replace(a_handoff(), target="poison"), a_handoff()
    for handoff in (good, bad, other):
        writer.put_handoff(handoff)
    await writer.start()
    assert await writer.flush(20)
    await writer.close()

    assert store.saved == [good, other]
    assert bad.id in (tmp_path / "rejected.jsonl").read_text()


async def test_given_the_disk_is_full_too_then_nothing_is_lost_while_the_process_lives(tmp_path: Path) -> None:
    (tmp_path / "not-a-folder").write_text("")
    store = CountingStore()
    store.away = True
    writer = RecordWriter(store, tmp_path / "not-a-folder")
    await writer.start()
    handoff = a_handoff()
    writer.put_handoff(handoff)
    await asyncio.sleep(1.5)

    store.away = False
    assert await writer.flush(20)
    await writer.close()
    assert store.saved == [handoff]


async def test_given_a_torn_last_line_and_a_foreign_one_then_the_rest_is_read(tmp_path: Path) -> None:
    spool, handoffs = Spool(tmp_path), [a_handoff(), a_handoff(), a_handoff()]
    spool.append(handoffs[:1])
    with spool.path.open("ab") as file:
        file.write(b'{"kind":"letter","record":{}}\n')
    spool.append(handoffs[1:2])
    with spool.path.open("ab") as file:
        file.write(b'{"kind":"handoff","rec')

    assert spool.read() == handoffs[:2]
    assert "letter" in (tmp_path / "rejected.jsonl").read_text()
    spool.append(handoffs[2:])
    assert spool.read() == handoffs


_DYING = """
    import asyncio, sys
    from pathlib import Path
    from records.writer import RecordWriter
    from tests.support.memory import MemoryRecordStore
    from tests.support.records import a_handoff

    async def spooled(ids):
        file = Path(sys.argv[1]) / "records.jsonl"
        while not file.exists() or not all(file.read_bytes().count(b'"' + id.encode()) for id in ids):
            await asyncio.sleep(0.02)
        while not file.read_bytes().endswith(b"\\n"):
            await asyncio.sleep(0.02)

    async def main():
        store = MemoryRecordStore()
        store.away = True
        writer = RecordWriter(store, Path(sys.argv[1]))
        await writer.start()
        await asyncio.sleep(1.1)
        first = a_handoff()
        writer.put_handoff(first)
        await spooled([first.id])
        ids = [first.id]
        for _ in range(20):
            handoff = a_handoff()
            writer.put_handoff(handoff)
            ids.append(handoff.id)
            await asyncio.sleep(0.01)
        await spooled(ids)
        print("put", *ids, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


async def test_given_kill_9_while_the_database_is_away_then_the_next_start_has_all(tmp_path: Path) -> None:
    dying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(_DYING), str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert dying.stdout is not None
    ids: list[str] = []
    async with asyncio.timeout(60):
        while not ids:
            word, *ids = (await dying.stdout.readline()).decode().split()
            ids = ids if word == "put" else []
    dying.send_signal(signal.SIGKILL)
    await dying.communicate()

    store = CountingStore()
    writer = RecordWriter(store, tmp_path)
    await writer.start()
    assert await writer.flush(20)
    await writer.close()
    assert [record.id for record in store.saved] == ids
    assert len(ids) == 21
