"""Call-backs on record: the same on the fake and on both databases; on the ledger, forgotten with their caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from records.database import engine_for, migrate
from records.erasure import Eraser
from records.periods import Periods
from records.store import SqlRecordStore
from telephony.callback import CallBackState
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Step
from telephony.ports import CallBackFilter, RecordStore
from tests.support.ledgers import a_ledger, rows_of
from tests.support.memory import MemoryRecordStore
from tests.support.records import NOON, a_call_back

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RecordStore]:
    if request.param == "memory":
        yield MemoryRecordStore()
        return
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/records.db")
        await migrate(engine)
    else:
        engine = engine_for(await request.getfixturevalue("postgres").new_migrated_database())
    yield SqlRecordStore(engine)
    await engine.dispose()


async def test_given_an_order_when_it_changes_then_its_newest_state_comes_back_whole(store: RecordStore) -> None:
    order = a_call_back(handoff_id="h-1", timeline=(Step(NOON, "dials", {"attempt": "1"}),))
    await store.save_all((order,))
    assert await store.call_back(order.id) == order
    given_up = replace(order, state=CallBackState.UNREACHED, ended_at=NOON, dialled=3, tries=3)
    await store.save_all((given_up,))
    taken_up = replace(given_up, state=CallBackState.WAITING, ended_at=None, wanted_by="2101")
    await store.save_all((taken_up,))
    assert await store.call_back(order.id) == taken_up
    assert await store.call_back("none") is None


async def test_given_orders_then_those_of_the_node_that_are_open_come_by_their_place(store: RecordStore) -> None:
    later = a_call_back(since=NOON)
    earlier = a_call_back(since=NOON - timedelta(hours=1), state=CallBackState.DIALLING, created_at=NOON)
    over = a_call_back(state=CallBackState.SERVED, ended_at=NOON)
    elsewhere = a_call_back(node="n2", created_at=NOON + timedelta(hours=1))
    assert await store.newest_call_back("n1") is None
    await store.save_all((later, over, elsewhere, earlier))

    assert await store.open_call_backs("n1") == [earlier, later]
    assert await store.newest_call_back("n1") == NOON


async def test_given_conditions_then_the_orders_that_meet_them_all(store: RecordStore) -> None:
    one = a_call_back(created_at=NOON, handoff_id="h-1", served_call_id="n1-2.2")
    two = a_call_back(created_at=NOON + timedelta(minutes=1), line="110", original_caller="+8613900002222")
    await store.save_all((one, two))

    async def found(where: CallBackFilter) -> list[str]:
        return [order.id for order in (await store.call_backs(where, limit=10, cursor=None)).items]

    assert await found(CallBackFilter()) == [two.id, one.id]
    for where in (
        CallBackFilter(line="12345"),
        CallBackFilter(handoff_id="h-1"),
        CallBackFilter(call_id="n1-2.2"),
        CallBackFilter(until=NOON + timedelta(seconds=1)),
        CallBackFilter(caller="+8613800001111", state="waiting"),
    ):
        assert await found(where) == [one.id], where
    for where in (CallBackFilter(since=NOON + timedelta(seconds=1)), CallBackFilter(caller="13900002222")):
        assert await found(where) == [two.id], where
    assert await found(CallBackFilter(state="served")) == []
    first = await store.call_backs(CallBackFilter(), limit=1, cursor=None)
    rest = await store.call_backs(CallBackFilter(), limit=1, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == [two, one] and rest.next_cursor is None


async def test_given_a_database_of_an_earlier_version_then_it_is_waited_for(tmp_path: Path) -> None:
    engine = engine_for(f"sqlite:///{tmp_path}/records.db")
    store = SqlRecordStore(engine)
    store.migrated = False
    for asked in (store.open_call_backs("n1"), store.newest_call_back("n1"), store.call_back("b-1")):
        with pytest.raises(RecordStoreUnavailable):
            await asked
    await engine.dispose()


async def test_given_a_ledger_then_each_state_stands_on_it_without_the_number_and_goes_with_its_caller(
    tmp_path: Path,
) -> None:
    engine = engine_for(f"sqlite:///{tmp_path}/records.db")
    await migrate(engine)
    ledger = a_ledger(engine)
    store = SqlRecordStore(engine, ledger)
    order = a_call_back()
    open_one = a_call_back()
    await store.save_all((order, open_one))
    served = replace(order, state=CallBackState.SERVED, ended_at=NOON)
    await store.save_all((served, served))

    rows = [row for row in await rows_of(engine) if row.kind == "callback" and row.subject == order.id]
    assert len(rows) == 2
    assert not [row for row in rows if "13800001111" in row.body]

    erased = await Eraser(engine, ledger).person("13800001111", actor="fang", reason="申请")
    assert (erased.callbacks, erased.live) == (1, 1)
    kept = await store.call_back(order.id)
    assert kept is not None and kept.original_caller is None
    old = Periods(timedelta(days=1), timedelta(days=1), None, timedelta(days=1))
    assert (await Eraser(engine, ledger).expired(old, datetime.now(UTC) + timedelta(days=9))).callbacks >= 1
    assert await store.call_back(order.id) is None
    assert await store.call_back(open_one.id) is not None
    await engine.dispose()
