"""What is done with orders: one for each handoff however often it is heard of, dual pushes, escalations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from linkage.catalogue import Catalogue
from linkage.desk import NewOrder, OrderDesk
from linkage.errors import ActNotAllowed, CatalogueNotFound, ReasonMissing
from linkage.orders import Act, Order, OrderKind
from linkage.ports import OrderFilter
from telephony.errors import RecordStoreUnavailable
from tests.support.memory import MemoryRecordStore
from tests.support.orders import NOON, MemoryOrderStore
from tests.support.records import a_handoff
from tests.unit.linkage.test_catalogue import shipped

pytestmark = pytest.mark.asyncio


class Clock:
    def now(self) -> datetime:
        return NOON


class Weak(MemoryOrderStore):
    """Away for the first ``away`` creations."""

    away = 0

    async def create(self, order: Order) -> Order:
        if self.away:
            self.away -= 1
            raise RecordStoreUnavailable("away")
        return await super().create(order)


@dataclass
class Scene:
    store: Weak
    handoffs: MemoryRecordStore
    desk: OrderDesk

    async def orders(self) -> list[Order]:
        return list((await self.store.page(OrderFilter(), limit=99, cursor=None)).items)

    async def until(self, count: int) -> list[Order]:
        async with asyncio.timeout(30):
            while len(await self.orders()) < count:
                await asyncio.sleep(0.01)
        return await self.orders()


async def bayannur() -> Catalogue:
    return shipped("bayannur")


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    store, handoffs = Weak(), MemoryRecordStore()
    yield Scene(store, handoffs, OrderDesk(store, handoffs, Clock(), bayannur, "属地政府"))


def new(**changes: object) -> NewOrder:
    plain = NewOrder(source="fang.key-1", to="12345", from_line="110", content="路灯不亮")
    return replace(plain, **changes)  # type: ignore[arg-type]


# ---------------------------------------------------------------- orders that are asked for


async def test_an_order_says_what_decided_and_whose_it_is(scene: Scene) -> None:
    order = await scene.desk.open(new(category_id="byn-a01"), by="fang")

    assert (order.kind, order.unit, order.owner, order.evaluated_by) == (OrderKind.WORK, "12345", "110", "12345")
    assert (order.catalogue, order.rule, order.ordered) == (shipped("bayannur").stamp, "T14", False)
    assert await scene.desk.open(new(content="again"), by="fang") == order


@pytest.mark.shows(26, 28, 123, 133)
async def test_an_order_to_a_unit_cannot_be_refused(scene: Scene) -> None:
    order = await scene.desk.open(new(to="供水公司", unit="抢修队"), by="fang")

    assert (order.kind, order.unit, order.ordered, order.rule) == (OrderKind.UNIT, "抢修队", True, None)


@pytest.mark.parametrize(("category", "receivers"), [("byn-c02", ["110", "属地政府"]), ("byn-b01", ["110"])])
@pytest.mark.shows(78, 79)
async def test_an_urgent_matter_is_pushed_to_both_in_one_action(
    scene: Scene, category: str, receivers: list[str]
) -> None:
    wanted = new(to="110", from_line="12345", category_id=category)

    opened = await scene.desk.open_all(wanted, by="fang")

    assert [each.to_line for each in opened] == receivers
    assert all(each.linked_id == opened[0].id for each in opened[1:])
    assert await scene.desk.open_all(wanted, by="fang") == opened
    assert len(await scene.orders()) == len(receivers)
    assert opened[0].urgent is (category == "byn-c02")


@pytest.mark.shows(80)
async def test_an_order_that_escalates_is_told_to_110_once(scene: Scene) -> None:
    order = await scene.desk.open(new(), by="fang")

    before, police = await scene.desk.escalate(order.id, by="fang", reason="两家要动手")

    assert (police.to_line, police.linked_id, police.urgent) == ("110", order.id, True)
    assert police.content.startswith("两家要动手")
    assert before.history[-1].act is Act.ESCALATE
    assert (await scene.desk.escalate(order.id, by="fang", reason="又来了"))[1] == police
    with pytest.raises(ReasonMissing):
        await scene.desk.escalate(order.id, by="fang", reason="")


async def test_given_no_catalogue_then_the_order_goes_out_all_the_same() -> None:
    async def none() -> Catalogue:
        raise CatalogueNotFound("none")

    desk = OrderDesk(MemoryOrderStore(), MemoryRecordStore(), Clock(), none, "属地政府")

    order = await desk.open(new(category_id="byn-a01"), by="fang")

    assert (order.catalogue, order.rule) == (None, None)


async def test_nobody_writes_a_slip_by_hand(scene: Scene) -> None:
    order = await scene.desk.open(new(), by="fang")

    for act in (Act.WARN, Act.SUPERVISE):
        with pytest.raises(ActNotAllowed):
            await scene.desk.act(order.id, act, by="fang", detail={})


# ---------------------------------------------------------------- orders of handoffs


async def test_given_a_handoff_is_heard_of_often_and_found_on_record_then_it_has_one_order(scene: Scene) -> None:
    handoff = a_handoff(category_id="byn-a01", reason="路灯不亮", requested_by="fang")
    await scene.handoffs.save_handoff(handoff)
    working = asyncio.create_task(scene.desk.run())

    for _ in range(3):
        scene.desk.heard_of(handoff)
    (order,) = await scene.until(1)
    scene.desk.heard_of(handoff)
    await scene.desk.look_back(timedelta(days=1))

    assert (order.handoff_id, order.caller, order.content, order.created_by) == (
        handoff.id,
        handoff.original_caller,
        "路灯不亮",
        "fang",
    )
    assert await scene.orders() == [order]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_given_the_database_is_away_then_the_order_is_made_when_it_is_back(scene: Scene) -> None:
    scene.store.away = 1
    working = asyncio.create_task(scene.desk.run())

    scene.desk.heard_of(a_handoff())

    assert len(await scene.until(1)) == 1
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_only_what_goes_between_the_two_lines_has_an_order(scene: Scene) -> None:
    working = asyncio.create_task(scene.desk.run())
    for changes in ({"target": "120"}, {"from_line": None}, {"from_line": "12345"}):
        scene.desk.heard_of(a_handoff(**changes))  # type: ignore[arg-type]
    scene.desk.heard_of(a_handoff())

    assert len(await scene.until(1)) == 1
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_given_a_crash_then_what_was_not_made_is_found_on_record(scene: Scene) -> None:
    lost = a_handoff(created_at=NOON - timedelta(hours=2))
    await scene.handoffs.save_handoff(lost)
    working = asyncio.create_task(scene.desk.run())

    assert [each.handoff_id for each in await scene.until(1)] == [lost.id]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
