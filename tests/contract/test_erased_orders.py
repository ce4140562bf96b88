"""Forgetting a caller in orders, and what is too old there: numbers, places and words go, what was decided stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import records.audit
from linkage.errors import OrderNotFound
from linkage.order_store import SqlOrderStore
from linkage.orders import Act, Order, OrderState, advance
from records.audit import Audit
from records.calldetail import detail_of
from records.calldetail_store import CallDetails
from records.chain import Signer
from records.erasure import Eraser
from records.ledger import Ledger
from records.periods import Periods
from records.store import SqlRecordStore
from tests.support.ledgers import KEY, a_ledger, bodies, database, rows_of
from tests.support.orders import NOON, an_order, step
from tests.support.records import a_call

__all__ = ["database"]
pytestmark = pytest.mark.asyncio

CALLER = "13800001111"
NEVER = Periods(None, None, None)
DAY = timedelta(days=1)
TOLD = {"content": f"张三说路灯不亮，回拨 {CALLER}", "place": "人民路 3 号", "caller": CALLER}


@dataclass
class Scene:
    engine: AsyncEngine
    ledger: Ledger
    store: SqlOrderStore

    async def closed(self, **about: object) -> Order:
        """Kept with all that was done with it."""
        order = await self.store.create(an_order(**{**TOLD, **about}))
        for act in (Act.ACCEPT, Act.EXTEND, Act.CLOSE):
            order = (
                await self.done(order.id, act, outcome="张三满意")
                if act is Act.CLOSE
                else await self.done(order.id, act)
            )
        return order

    async def done(self, id: str, act: Act, **detail: str) -> Order:
        return await self.store.change(id, lambda found: advance(found, step(act, **detail)), actor="li")

    async def faults(self) -> list[str]:
        audit = Audit(self.engine, node="n1", signer=Signer(KEY), head=self.ledger.kept_head())
        return [f"{fault.name} {fault.where}" async for fault in audit.faults()]

    async def erase(self, number: str = CALLER) -> tuple[int, int]:
        found = await Eraser(self.engine, self.ledger).person(number, actor="shen", reason="本人申请")
        return found.orders, found.live

    async def written(self) -> str:
        async with self.engine.connect() as connection:
            names = ("orders", "ledger", "ledger_salts", "call_details")
            return "".join([str((await connection.execute(text(f"SELECT * FROM {each}"))).all()) for each in names])


@pytest_asyncio.fixture
async def scene(database: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr("records.erasure._BATCH", 2)
    monkeypatch.setattr("records.erasure._PAUSE_SECONDS", 0.0)
    ledger = a_ledger(database, tmp_path)
    yield Scene(database, ledger, SqlOrderStore(database, ledger))


async def test_given_a_caller_is_erased_then_their_orders_are_without_them_and_as_the_ledger_has_them(
    scene: Scene,
) -> None:
    theirs = [await scene.closed(id=f"h-{number}.12345") for number in range(3)]
    other = await scene.closed(id="h-9.12345", caller="13900002222", content="井盖", place=None)
    typed = await scene.closed(id="k-1.12345", caller=None, place=None, content="无")
    assert await scene.faults() == []

    assert await scene.erase("+86 138 0000 1111") == (3, 0)
    assert await scene.erase() == (0, 0)

    left = await scene.written()
    assert CALLER not in left and "人民路" not in left and "张三说" not in left
    kept = await scene.store.get(theirs[0].id)
    assert (kept.caller, kept.place, kept.content) == (None, None, "")
    assert (kept.state, kept.unit, kept.due_at) == (OrderState.CLOSED, "12345", theirs[0].due_at)
    assert [each.act for each in kept.history] == [Act.ACCEPT, Act.EXTEND, Act.CLOSE]
    assert [set(each.detail) for each in kept.history] == [set(), {"until"}, set()]
    assert [await scene.store.get(each.id) for each in (other, typed)] == [other, typed]
    erasures = [row for row in await rows_of(scene.engine) if row.kind == "erasure"]
    assert {row.subject for row in erasures} == {each.id for each in theirs}
    assert await scene.faults() == []


async def test_given_an_order_of_no_caller_whose_words_hold_the_number_then_it_is_erased_too(scene: Scene) -> None:
    typed = await scene.closed(id="k-1.12345", caller=None, place=None, content=f"请回拨 {CALLER}")
    told = await scene.store.create(an_order(id="k-2.12345"))
    await scene.done(told.id, Act.ACCEPT)
    await scene.done(told.id, Act.CLOSE, outcome=f"已回拨 {CALLER}")

    assert await scene.erase() == (2, 0)
    assert (await scene.store.get(typed.id)).content == ""
    assert CALLER not in await scene.written()
    assert await scene.faults() == []


async def test_given_an_order_that_is_worked_on_then_it_is_left_alone_and_counted(scene: Scene) -> None:
    order = await scene.store.create(an_order(**TOLD))

    assert await scene.erase() == (0, 1)
    assert await scene.store.get(order.id) == order


async def test_given_an_erased_order_when_work_goes_on_then_nothing_of_them_comes_back(scene: Scene) -> None:
    order = await scene.closed()
    await scene.erase()

    again = await scene.done(order.id, Act.CALL_BACK, result=f"{CALLER} 满意")

    assert again == await scene.store.get(order.id)
    assert again.state is OrderState.CALLED_BACK
    assert CALLER not in await scene.written()
    assert await scene.faults() == []


async def test_given_an_erased_order_when_somebody_puts_the_number_back_then_it_is_named(scene: Scene) -> None:
    order = await scene.closed()
    await scene.erase()
    async with scene.engine.begin() as connection:
        await connection.execute(text("UPDATE orders SET caller = '13800001112'"))

    assert await scene.faults() == [f"erasure-undone order {order.id}"]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE orders SET state = 'sent'", "record-changed"),
        ("UPDATE orders SET content = '别的'", "record-changed"),
        ("UPDATE orders SET caller_e164 = NULL", "record-changed"),
        ("UPDATE orders SET history = '[]'", "record-changed"),
        ("DELETE FROM orders", "record-deleted"),
    ],
)
async def test_given_an_order_is_changed_behind_the_services_back_then_it_is_named(
    scene: Scene, statement: str, name: str
) -> None:
    order = await scene.closed()
    async with scene.engine.begin() as connection:
        await connection.execute(text(statement))

    assert await scene.faults() == [f"{name} order {order.id}"]


@pytest.mark.parametrize("dry", [True, False])
async def test_given_old_orders_then_persons_go_first_and_orders_later_counted_from_the_last_that_was_done(
    scene: Scene, dry: bool
) -> None:
    old, new = await scene.closed(), await scene.closed(id="h-2.12345", created_at=NOON - 300 * DAY)
    await scene.store.create(an_order(id="h-3.12345", created_at=NOON - 300 * DAY, **TOLD))
    late = replace(step(Act.CALL_BACK), at=NOON + 60 * DAY)
    await scene.store.change(new.id, lambda found: advance(found, late), actor="li")
    of_others = a_ledger(scene.engine, node="n2")

    eraser = Eraser(scene.engine, scene.ledger, dry=dry)

    persons = await eraser.expired(replace(NEVER, personal=30 * DAY), NOON + 31 * DAY)
    assert persons.orders == 1
    assert (await scene.store.get(old.id)).caller == (CALLER if dry else None)
    assert (await scene.store.get(new.id)).caller == CALLER
    assert (await Eraser(scene.engine, of_others).expired(replace(NEVER, records=DAY), NOON + 90 * DAY)).nothing

    gone = await eraser.expired(replace(NEVER, records=30 * DAY), NOON + 31 * DAY)
    assert gone.orders == 1
    if not dry:
        with pytest.raises(OrderNotFound):
            await scene.store.get(old.id)
    assert (await scene.store.get("h-3.12345")).caller == CALLER, "it is still worked on"
    assert await scene.faults() == []


# ---------------------------------------------------------------- with the detail of its call


async def test_given_orders_of_a_call_made_before_and_after_its_detail_then_the_detail_names_them(scene: Scene) -> None:
    call, other = (a_call(ended_at=NOON) for _ in range(2))
    await SqlRecordStore(scene.engine, scene.ledger).save_all((call, other))
    await scene.store.create(an_order(id="k-1.12345", call_id=call.id))
    details = CallDetails(scene.engine, scene.ledger)
    await details.save([detail_of(each, (), (), (), ()) for each in (call, other)])

    for _ in range(2):
        await scene.store.create(an_order(id="k-2.110", call_id=call.id))
    await scene.store.create(an_order(id="k-3.110", call_id="n1-gone"))

    async with scene.engine.connect() as connection:
        query = text("SELECT call_id, order_ids FROM call_details")
        found = {row.call_id: str(row.order_ids) for row in await connection.execute(query)}
    assert [name in found[call.id] for name in ("k-1.12345", "k-2.110", "k-3.110")] == [True, True, False]
    assert found[other.id] == "[]"
    assert len(bodies(await rows_of(scene.engine), "call-detail")) == 3
    assert await scene.faults() == []
