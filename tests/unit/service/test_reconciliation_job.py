"""The job that compares records: what it puts on record, what it tells, and what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from telephony.cel import Written
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Outcome
from telephony.service import reconciliation
from telephony.service.proofs import Proofs
from telephony.service.reconciliation import Reconciler, ReconciliationJob
from telephony.tracker import Tracker
from telephony.watch import Watch
from tests.support.fake_asterisk import FakeAsterisk
from tests.support.memory import MemoryLiveState, MemoryRecordStore
from tests.support.own_record import CALLER, PHONE, H, OwnRecord
from tests.support.records import NOON, a_handoff, ended

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


class Sink:
    """Writes at once."""

    def __init__(self, store: MemoryRecordStore) -> None:
        self.store = store
        self.puts: list[Any] = []

    def put(self, record: Any) -> None:
        self.puts.append(record)

    put_handoff = put_call = put_conference = put

    async def written(self, timeout: float) -> bool:
        try:
            await self.store.save_all(self.puts)
        except RecordStoreUnavailable:
            return False
        return True


class Bench:
    def __init__(self) -> None:
        self.store, self.own = MemoryRecordStore(), OwnRecord()
        self.sink = Sink(self.store)
        self.time = NOON + timedelta(hours=1)
        self.watch = Watch(Tracker("n1"), FakeAsterisk(), self.store, self.sink, MemoryLiveState())
        self.reads = 0
        reconciler = Reconciler("n1", self.store, self, self.read)
        self.job = ReconciliationJob(reconciler, self.watch, self, self.sink.written)

    def now(self) -> datetime:
        return self.time

    def read(self, since: datetime, until: datetime) -> Written:
        self.reads += 1
        return Written(tuple(self.own.rows), NOON)


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(reached: Any) -> None:
    async with asyncio.timeout(20):
        while not reached():
            await asyncio.sleep(0.01)


async def test_given_a_handoff_nobody_heard_of_when_looked_at_twice_then_it_is_on_record_once(
    logged: list[MutableMapping[str, Any]],
) -> None:
    bench = Bench()
    bench.own.answered().ends(PHONE).ends(CALLER)

    await bench.job.look()
    first = list(bench.sink.puts)
    assert bench.job.last is not None
    assert bench.job.last.compared == {H}
    await bench.job.look()

    record = await bench.store.handoff(H)
    assert record is not None
    assert (record.outcome, record.timeline[0].detail["source"]) == (Outcome.ANSWERED, "cel")
    assert await bench.store.call(CALLER) is not None
    assert bench.sink.puts == first
    assert bench.job.state == (0, bench.time)
    assert [entry["event"] for entry in logged].count("handoff.recovered") == 1


async def test_given_its_call_on_record_then_that_stays_as_it_is() -> None:
    bench = Bench()
    bench.own.answered().ends(PHONE).ends(CALLER)
    await bench.job.look()
    call = await bench.store.call(CALLER)
    bench.job.last = None
    bench.store._handoffs.clear()
    bench.sink.puts.clear()
    bench.watch.ended.clear()

    await bench.job.look()

    assert [record.id for record in bench.sink.puts] == [H]
    assert await bench.store.call(CALLER) == call


async def test_given_a_handoff_that_was_heard_of_meanwhile_then_it_is_left_alone() -> None:
    bench = Bench()
    bench.own.answered().ends(PHONE).ends(CALLER)
    bench.watch.ended[H] = a_handoff()

    await bench.job.look()

    assert bench.sink.puts == []

    del bench.watch.ended[H]
    heard_meanwhile = bench.store.handoff

    async def handoff(handoff_id: str) -> Any:
        bench.watch.ended[H] = a_handoff()
        return await heard_meanwhile(handoff_id)

    bench.job.last = None
    bench.store.handoff = handoff  # type: ignore[method-assign]  # what happens while the database is asked
    await bench.job.look()
    assert bench.sink.puts == []


async def test_given_a_difference_when_it_is_gone_then_it_is_not_counted_any_more(
    logged: list[MutableMapping[str, Any]],
) -> None:
    bench = Bench()
    wrong = ended(a_handoff(created_at=NOON + timedelta(minutes=50)))
    await bench.store.save_handoff(wrong)

    await bench.job.look()
    assert set(bench.job.unexplained) == {(wrong.id, "record")}
    bench.time += timedelta(hours=1)
    await bench.job.look()
    assert set(bench.job.unexplained) == {(wrong.id, "record")}  # not looked at again: still open
    assert [entry["event"] for entry in logged].count("reconciliation.difference") == 1

    del bench.store._handoffs[wrong.id]
    bench.job.last = None
    await bench.job.look()
    assert bench.job.state[0] == 1  # nothing says that it is right now


async def test_given_the_link_comes_up_then_it_looks_at_once_and_waits_for_the_database(
    monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    monkeypatch.setattr(reconciliation, "_RETRY_SECONDS", 0.01)
    bench = Bench()
    bench.own.answered().ends(PHONE).ends(CALLER)
    bench.store.away = True
    bench.sink.puts.append(a_handoff())
    async with running(bench.job.run()):
        await asyncio.sleep(0.05)
        assert bench.reads == 0

        bench.watch.on_link_up()
        await until(lambda: [entry["event"] for entry in logged].count("reconciliation.waits") > 1)
        assert bench.reads == 0

        bench.store.away = False
        await until(lambda: bench.job.last is not None)
    assert await bench.store.handoff(H) is not None


async def test_given_a_fault_then_it_is_loud_and_costs_one_look(
    monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    monkeypatch.setattr(reconciliation, "_EVERY_SECONDS", 0.01)
    bench = Bench()
    good = bench.read

    def read(since: datetime, until: datetime) -> Written:
        bench.job._reconciler._read = good
        raise PermissionError("Master.csv")

    bench.job._reconciler._read = read
    async with running(bench.job.run()):
        bench.watch.on_link_up()
        await until(lambda: bench.job.last is not None)
    assert [entry["event"] for entry in logged].count("reconciliation.failed") == 1


# -------------------------------------------------------------- the daily number proof


async def test_given_midnight_in_china_then_the_day_is_counted_in_the_log_once_the_database_is_there(
    monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    monkeypatch.setattr("telephony.service.proofs._PAGE", 2)
    monkeypatch.setattr("telephony.service.proofs._RETRY", {"wait_initial": 0.01, "wait_max": 0.01, "wait_jitter": 0.0})
    bench = Bench()
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    bench.time = midnight - timedelta(seconds=1)
    of_that_day = [a_handoff(created_at=midnight - timedelta(minutes=n), number_mismatch=True) for n in (1, 2, 3)]
    await bench.store.save_all([*of_that_day, a_handoff(created_at=midnight)])
    monkeypatch.setattr("telephony.service.proofs._AFTER_MIDNIGHT", timedelta(seconds=-0.95))
    bench.store.away = True
    async with running(Proofs(bench.store, bench).run()):
        await asyncio.sleep(0.2)
        bench.store.away = False
        bench.time = midnight + timedelta(seconds=1)
        await until(lambda: any(entry["event"] == "number_proof.day" for entry in logged))

    (told,) = (entry for entry in logged if entry["event"] == "number_proof.day")
    assert (told["day"], told["handoffs"], told["mismatched"], told["log_level"]) == ("2026-11-21", 3, 3, "error")
