"""What every store of orders does: in memory, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from linkage.errors import FirstActionMissing, OrderChanged, OrderNotFound
from linkage.order_store import SqlOrderStore
from linkage.orders import Act, Order, OrderState, advance
from linkage.ports import OrderFilter, OrderStore
from records.database import engine_for, migrate
from telephony.errors import BadCursor, RecordStoreUnavailable
from tests.support.ledgers import a_ledger, database, faults_of, rows_of
from tests.support.orders import NOON, MemoryOrderStore, after, an_order, step

__all__ = ["database"]
pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: object) -> AsyncIterator[OrderStore]:
    if request.param == "memory":
        yield MemoryOrderStore()
        return
    url = f"sqlite:///{tmp_path}/orders.db"
    if request.param == "postgresql":
        url = await request.getfixturevalue("postgres").new_migrated_database()
    engine = engine_for(url)
    await migrate(engine)
    yield SqlOrderStore(engine, a_ledger(engine))
    await engine.dispose()


def full() -> Order:
    """With something in every field."""
    told = after(Act.ACCEPT, Act.EXTEND)
    return replace(
        told,
        id="h-9.12345",
        urgent=True,
        ordered=True,
        urban=False,
        place="人民路 3 号",
        caller="13800001111",
        handoff_id="h-9",
        call_id="n1-1.1",
        category_id="byn-a01",
        catalogue="bayannur@2023-04-13+0123456789abcdef",
        rule="T14",
        linked_id="h-8.110",
        peer_reference="JJ2026112000001",
    )


@pytest.mark.shows(13, 29)
async def test_what_is_kept_comes_back_as_it_was(store: OrderStore) -> None:
    assert await store.create(full()) == full()
    assert await store.get("h-9.12345") == full()
    with pytest.raises(OrderNotFound):
        await store.get("gone")


async def test_given_the_same_is_asked_for_again_then_the_first_one_stays(store: OrderStore) -> None:
    first = await store.create(an_order(content="第一次"))

    assert await store.create(an_order(content="第二次")) == first
    both = await asyncio.gather(*(store.create(an_order(id="h-2.110", content=str(each))) for each in range(4)))
    assert len(set(map(str, both))) == 1
    assert len((await store.page(OrderFilter(), limit=9, cursor=None)).items) == 2


async def test_given_several_change_it_at_once_then_each_change_stands(store: OrderStore) -> None:
    await store.create(an_order())

    await asyncio.gather(
        *(
            store.change("h-1.12345", lambda order: advance(order, step(Act.FIRST_ACTION)), actor="fang")
            for _ in range(3)
        )
    )

    found = await store.get("h-1.12345")
    assert (len(found.history), found.revision) == (3, 3)


async def test_given_a_refusal_then_nothing_changes(store: OrderStore) -> None:
    await store.create(an_order())

    with pytest.raises(FirstActionMissing):
        await store.change("h-1.12345", lambda order: advance(order, step(Act.RETURN)), actor="fang")
    with pytest.raises(OrderNotFound):
        await store.change("gone", lambda order: order, actor="fang")

    assert await store.get("h-1.12345") == an_order()


async def test_given_filters_then_only_what_they_name_is_found_newest_first_page_by_page(store: OrderStore) -> None:
    for number in range(4):
        at = NOON + timedelta(minutes=number)
        await store.create(
            an_order(id=f"h-{number}.12345", created_at=at, handoff_id=f"h-{number}", call_id=f"n1-{number - 2}.1")
        )
    await store.create(an_order(id="x.110", to_line="110", from_line="12345", unit="特警", linked_id="h-1.12345"))
    await store.create(after(Act.ACCEPT, Act.CLOSE, order=an_order(id="z.12345", created_at=NOON - timedelta(days=1))))

    async def found(**where: object) -> list[str]:
        page = await store.page(OrderFilter(**where), limit=9, cursor=None)  # type: ignore[arg-type]
        return [each.id for each in page.items]

    assert await found(handoff_id="h-2") == ["h-2.12345"]
    assert await found(to_line="110") == ["x.110"] == await found(unit="特警")
    assert await found(call_id="n1-1.1") == ["h-3.12345"]
    assert await found(linked_id="h-1.12345") == ["x.110"] == await found(from_line="12345")
    assert len(await found(either_line="110")) == 6
    assert await found(open=False) == ["z.12345"] == await found(state=OrderState.CLOSED)
    assert len(await found(open=True)) == 5
    assert await found(since=NOON + timedelta(minutes=3)) == ["h-3.12345"]
    assert await found(until=NOON) == ["z.12345"]
    await store.create(an_order(id="h-0.often", created_at=NOON - timedelta(days=2), assignments=3))
    assert await found(assigned_at_least=3) == ["h-0.often"]

    first = await store.page(OrderFilter(), limit=4, cursor=None)
    second = await store.page(OrderFilter(), limit=4, cursor=first.next_cursor)
    assert [each.id for each in (*first.items, *second.items)] == [
        "h-3.12345",
        "h-2.12345",
        "h-1.12345",
        "x.110",
        "h-0.12345",
        "z.12345",
        "h-0.often",
    ]
    assert second.next_cursor is None
    with pytest.raises(BadCursor):
        await store.page(OrderFilter(), limit=4, cursor="x")


# ---------------------------------------------------------------- in a database


async def test_what_the_other_side_calls_the_orders_of_a_handoff(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.order_store._BATCH", 1)
    store = SqlOrderStore(database, a_ledger(database))
    for number, reference in enumerate(("JJ-1", "JJ-2", None)):
        about = {"handoff_id": "h-9", "peer_reference": reference}
        await store.create(an_order(id=f"k-{number}", created_at=NOON + timedelta(minutes=number), **about))
    await store.create(an_order(id="k-7", handoff_id="h-8", peer_reference="JJ-7"))

    assert await store.references([]) == {}
    assert await store.references(["h-9", "h-8", "gone"]) == {"h-9": ["JJ-1", "JJ-2"], "h-8": ["JJ-7"]}


@pytest.mark.shows(91)
async def test_every_change_stands_on_the_ledger_without_what_is_personal(database: AsyncEngine) -> None:
    store = SqlOrderStore(database, a_ledger(database))
    await store.create(full())
    await store.create(full())
    await store.change(
        full().id, lambda order: advance(order, step(Act.FEED_BACK, outcome="打了13800001111")), actor="li"
    )

    rows = [row for row in await rows_of(database) if row.kind == "order"]

    assert [(row.actor, orjson.loads(row.body)["event"]) for row in rows] == [("fang", "created"), ("li", "feedback")]
    assert orjson.loads(rows[0].body)["catalogue"] == full().catalogue
    for row in rows:
        assert "13800001111" not in row.body and "人民路" not in row.body and "路灯" not in row.body
    assert faults_of(await rows_of(database)) == []


async def test_given_others_keep_changing_it_then_it_says_so(database: AsyncEngine) -> None:
    store = SqlOrderStore(database, a_ledger(database))
    other = SqlOrderStore(database, a_ledger(database, node="n2"))
    await store.create(an_order())

    class Busy:
        """Whose every look at the order comes too late."""

        async def get(self, id: str) -> Order:
            seen = await store.get(id)
            await other.change(id, lambda order: advance(order, step(Act.FIRST_ACTION)), actor="li")
            return seen

    busy = SqlOrderStore(database, a_ledger(database))
    busy.get = Busy().get  # type: ignore[method-assign]  # a store that is always late
    with pytest.raises(OrderChanged):
        await busy.change("h-1.12345", lambda order: advance(order, step(Act.ACKNOWLEDGE)), actor="fang")
    assert (await store.get("h-1.12345")).state is OrderState.SENT


async def test_given_the_database_is_away_then_every_method_says_so(tmp_path: object) -> None:
    engine = engine_for(f"sqlite:///{tmp_path}/nowhere/orders.db")
    store = SqlOrderStore(engine, a_ledger(engine))
    for work in (
        store.create(an_order()),
        store.get("x"),
        store.change("x", lambda order: order, actor="a"),
        store.page(OrderFilter(), limit=1, cursor=None),
    ):
        with pytest.raises(RecordStoreUnavailable):
            await work
    await engine.dispose()
