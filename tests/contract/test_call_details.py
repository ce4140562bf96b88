"""Call details made beside the calls, on both databases, from a file as Asterisk writes it."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from records import calldetail_job, tables
from records.calldetail_job import CallDetailJob
from records.calldetail_store import CallDetails
from records.database import engine_for, migrate
from records.mapping import Row as Saved
from records.notes import Note
from records.store import SqlRecordStore
from telephony.call import Call, Leg
from telephony.cel import Row
from telephony.errors import RecordStoreUnavailable
from tests.support.ledgers import a_ledger
from tests.support.own_record import CALLER, SEAT, OwnRecord
from tests.support.records import NOON, a_call
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class HandClock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Beside:
    """A job as the service has it; what it puts is saved at once."""

    engine: AsyncEngine
    cel: Path
    now: datetime = NOON + timedelta(hours=1)
    put: list[Call] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    writable: bool = True

    @property
    def store(self) -> SqlRecordStore:
        return SqlRecordStore(self.engine)

    @property
    def job(self) -> CallDetailJob:
        details = CallDetails(self.engine, a_ledger(self.engine))
        clock = HandClock(self.now)
        return CallDetailJob(
            "n1", details, self.cel, clock, asyncio.to_thread, self.put.append, self.written, self.live.__contains__
        )

    async def written(self, _seconds: float) -> bool:
        await self.store.save_all(self.put)
        return self.writable

    async def rows(self, table: str) -> list[Saved]:
        async with self.engine.connect() as connection:
            query = select(tables.metadata.tables[table])
            return [row._asdict() for row in await connection.execute(query)]

    def writes_down(self, rows: Iterable[Row]) -> None:
        with self.cel.open("a", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            for row in rows:
                time = row.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")
                head = [row.event, time, row.name, row.number, "", "", "", row.exten, row.context, row.channel]
                extra = json.dumps(dict(row.extra)) if row.extra else ""
                writer.writerow([*head, row.app, "", row.uniqueid, row.linkedid, "", "", "", "", extra])


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def beside(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> AsyncIterator[Beside]:
    url = f"sqlite:///{tmp_path}/records.db" if request.param == "sqlite" else await postgres.new_migrated_database()
    engine = engine_for(url)
    await migrate(engine)
    made = Beside(engine, tmp_path / "Master.csv")
    yield made
    await engine.dispose()


def a_whole_call() -> OwnRecord:
    told = OwnRecord().talking()
    return told.ends(SEAT).ends(CALLER).row("LINKEDID_END", CALLER)


async def test_given_a_call_that_has_ended_then_it_gets_its_detail_once(beside: Beside) -> None:
    written = a_whole_call()
    beside.writes_down(written.rows)
    seat = Leg(SEAT, "PJSIP/2101-8", "2101", NOON, seat="2101")
    call = replace(a_call(), id=CALLER, legs={SEAT: seat}, ended_at=written.now)
    await beside.store.save_call(call)

    assert await beside.job.look() == 1
    assert await beside.job.look() == 0
    [row] = await beside.rows("call_details")
    assert (row["call_id"], row["source"], row["leg_count"]) == (CALLER, "cel", 2)
    assert row["original_caller_e164"] == "+8613800001111"
    assert row["talk_ms"] > 0
    legs = await beside.rows("leg_details")
    assert {(leg["uniqueid"], leg["role"], leg["seat"]) for leg in legs} == {
        (CALLER, "caller", None),
        (SEAT, "seat", "2101"),
    }


async def test_given_a_call_that_goes_on_or_ended_just_now_then_not_yet(beside: Beside) -> None:
    await beside.store.save_all([a_call(), a_call(ended_at=beside.now - timedelta(seconds=5))])

    assert await beside.job.look() == 0


async def test_given_a_call_of_another_node_then_that_node_makes_it(beside: Beside) -> None:
    await beside.store.save_call(a_call(node="n2", ended_at=NOON))

    assert await beside.job.look() == 0


async def test_given_a_call_that_came_through_a_menu_then_its_detail_says_which_way_and_another_call_has_none(
    beside: Beside,
) -> None:
    with_menu, without = (a_call(ended_at=NOON) for _ in range(2))
    store = SqlRecordStore(beside.engine, a_ledger(beside.engine))
    path = [{"step": "welcome", "at": 0.1, "key": ""}, {"step": "topic", "at": 2.0, "key": "1"}]
    body = {"line": "12345", "flow": "city", "version": "a1", "began": NOON.isoformat(), "path": path}
    passed = {**body, "language": "zh", "ending": "human", "why": None, "numbers": {"caller": "13800001111"}}
    unreadable = Note(NOON, "menu", without.id, "ivr", {"path": "?"})
    await store.save_all([with_menu, without, Note(NOON, "menu", with_menu.id, "ivr", passed), unreadable])

    with capture_logs() as logs:
        assert await beside.job.look() == 2
    found = {row["call_id"]: row["ivr_path"] for row in await beside.rows("call_details")}
    assert found == {with_menu.id: ["city@a1", "welcome", "topic=1"], without.id: []}
    assert [entry["call_id"] for entry in logs if entry["event"] == "call_detail.menu_unreadable"] == [without.id]


async def test_given_no_file_of_asterisks_then_the_detail_has_no_durations(beside: Beside) -> None:
    await beside.store.save_call(a_call(ended_at=NOON + timedelta(seconds=30)))

    assert await beside.job.look() == 1
    [row] = await beside.rows("call_details")
    assert (row["source"], row["talk_ms"], row["total_ms"]) == ("events", None, 30_000)


async def test_given_a_call_that_nobody_heard_of_then_it_is_put_on_record_with_its_detail(beside: Beside) -> None:
    beside.writes_down(a_whole_call().rows)

    assert await beside.job.look() == 1
    [call] = await beside.rows("calls")
    assert (call["id"], call["first_line"], call["original_caller"]) == (CALLER, "12345", "13800001111")
    assert [row["call_id"] for row in await beside.rows("call_details")] == [CALLER]
    assert await beside.job.look() == 0


async def test_given_a_call_that_the_tracker_still_has_then_its_record_is_left_to_it(beside: Beside) -> None:
    beside.writes_down(a_whole_call().rows)
    beside.live.add(CALLER)

    assert await beside.job.look() == 0
    assert beside.put == []


async def test_given_records_that_are_not_written_yet_then_it_waits(beside: Beside) -> None:
    beside.writable = False
    with pytest.raises(RecordStoreUnavailable):
        await beside.job.look()


async def test_given_more_calls_than_are_made_at_once_then_none_is_left(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calldetail_job, "_AT_ONCE", 2)
    await beside.store.save_all([a_call(ended_at=NOON + timedelta(seconds=n)) for n in range(5)])

    assert await beside.job.look() == 5
    assert len(await beside.rows("call_details")) == 5


async def test_a_call_that_is_saved_again_keeps_its_detail(beside: Beside) -> None:
    call = a_call(ended_at=NOON)
    await beside.store.save_call(call)
    await beside.job.look()
    await beside.store.save_call(call)

    assert await beside.job.look() == 0
    assert len(await beside.rows("call_details")) == 1
