"""What is done with orders: one for each handoff however often it is heard of, dual pushes, escalations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from linkage.catalogue import Catalogue
from linkage.desk import NewOrder, OrderDesk
from linkage.errors import ActNotAllowed, CatalogueNotFound, ReasonMissing
from linkage.orders import Act, Order, OrderKind, OrderState
from linkage.ports import OrderFilter
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Decision, Handoff, Outcome, Step
from tests.support.memory import MemoryRecordStore
from tests.support.orders import NOON, MemoryOrderStore
from tests.support.records import a_handoff, ended
from tests.unit.linkage.test_catalogue import shipped

pytestmark = pytest.mark.asyncio


class Clock:
    def now(self) -> datetime:
        return NOON


class Weak(MemoryOrderStore):
    """Away for the first ``away`` creations; ``faulty``: fails once at one in a way that nobody knows."""

    away = 0
    faulty = False

    async def create(self, order: Order) -> Order:
        if self.faulty:
            self.faulty = False
            raise ValueError("nobody knows")
        if self.away:
            self.away -= 1
            raise RecordStoreUnavailable("away")
        return await super().create(order)


@dataclass
class Scene:
    store: Weak
    handoffs: MemoryRecordStore
    desk: OrderDesk
    named: dict[str, list[str]]
    """Of each handoff, the orders that its record was given."""

    async def orders(self) -> list[Order]:
        return list((await self.store.page(OrderFilter(), limit=99, cursor=None)).items)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        working = asyncio.create_task(self.desk.run())
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def becomes(self, state: OrderState) -> Order:
        """The only order, when it is there and in that state."""
        async with asyncio.timeout(30):
            while [each.state for each in await self.orders()] != [state]:
                await asyncio.sleep(0.01)
        return (await self.orders())[0]

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
    given: dict[str, list[str]] = {}

    async def named(handoff_id: str, order_ids: Collection[str]) -> bool:
        given.setdefault(handoff_id, []).extend(order_ids)
        return True

    desk = OrderDesk(store, handoffs, Clock(), bayannur, "属地政府", named=named)
    yield Scene(store, handoffs, desk, given)


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


# ---------------------------------------------------------------- what becomes of the handoff


def step(event: str) -> Step:
    return Step(NOON, event, {})


def cancelled(handoff: Handoff) -> Handoff:
    return replace(ended(handoff), outcome=Outcome.CANCELLED, timeline=(*handoff.timeline, step("fails")))


def decided(handoff: Handoff, accepted_by: str, *, automatic: bool = False) -> Handoff:
    decision = Decision(accepted_by, "协商确定", None if automatic else "fang", NOON, automatic)
    return replace(handoff, outcome=Outcome.ANSWERED, decision=decision, timeline=(*handoff.timeline, step("decided")))


async def test_the_handoffs_record_names_its_orders_both_of_a_dual_push(scene: Scene) -> None:
    handoff = a_handoff(from_line="12345", target="110", category_id="byn-c02")
    async with scene.at_work():
        scene.desk.heard_of(handoff)
        orders = await scene.until(2)
        async with asyncio.timeout(30):
            while handoff.id not in scene.named:
                await asyncio.sleep(0.01)

    assert sorted(scene.named[handoff.id]) == sorted(each.id for each in orders)


@pytest.mark.parametrize("order_first", [True, False])
async def test_given_the_handoff_is_cancelled_then_its_order_is_taken_back(scene: Scene, order_first: bool) -> None:
    handoff = a_handoff()
    async with scene.at_work():
        if order_first:
            scene.desk.heard_of(handoff)
            await scene.becomes(OrderState.SENT)
        scene.desk.heard_of(cancelled(handoff))
        scene.desk.heard_of(handoff)
        order = await scene.becomes(OrderState.WITHDRAWN)

    assert [(each.act, each.by) for each in order.history] == [(Act.WITHDRAW, "system")]
    assert not order.open


async def test_given_the_other_side_took_it_before_the_cancel_then_it_keeps_it(scene: Scene) -> None:
    handoff = a_handoff()
    async with scene.at_work():
        scene.desk.heard_of(handoff)
        order = await scene.becomes(OrderState.SENT)
        await scene.desk.act(order.id, Act.ACCEPT, by="li", detail={})
        scene.desk.heard_of(cancelled(handoff))
        scene.desk.heard_of(later := a_handoff())
        await scene.until(2)

    assert {each.state for each in await scene.orders()} == {OrderState.ACCEPTED, OrderState.SENT}
    assert later.id != handoff.id


async def test_given_it_takes_it_in_the_moment_of_the_cancel_then_it_keeps_it(scene: Scene) -> None:
    handoff = a_handoff()
    order, *_ = await scene.desk.made_for(handoff)
    await scene.desk.act(order.id, Act.ACCEPT, by="li", detail={})

    await scene.desk._follow(cancelled(handoff), order)  # what it saw of the order is older

    assert (await scene.store.get(order.id)).state is OrderState.ACCEPTED


@pytest.mark.parametrize(
    ("accepted_by", "automatic", "state"),
    [
        ("110", False, OrderState.ACCEPTED),
        ("12345", False, OrderState.WITHDRAWN),
        ("120", False, OrderState.SENT),
        ("12345", True, OrderState.SENT),
    ],
)
@pytest.mark.shows(46, 72)
async def test_what_is_decided_in_a_three_way_call_holds_for_the_order(
    scene: Scene, accepted_by: str, automatic: bool, state: OrderState
) -> None:
    handoff = a_handoff(from_line="12345", target="110")
    async with scene.at_work():
        scene.desk.heard_of(handoff)
        await scene.becomes(OrderState.SENT)
        scene.desk.heard_of(decided(handoff, accepted_by, automatic=automatic))
        order = await scene.becomes(state)

    assert [each.by for each in order.history] == ([] if state is OrderState.SENT else ["fang"])
    assert order.owner == ("110" if state is OrderState.ACCEPTED else "12345")


async def test_given_a_fault_with_one_handoff_then_it_costs_that_one_only_until_the_next_look(scene: Scene) -> None:
    broken, sound = a_handoff(), a_handoff()
    await scene.handoffs.save_handoff(broken)
    scene.store.faulty = True
    async with scene.at_work():
        scene.desk.heard_of(broken)
        await scene.until(0)
        scene.desk.heard_of(sound)
        await scene.until(1)
        await scene.desk.look_back(timedelta(days=9))
        assert {each.handoff_id for each in await scene.until(2)} == {broken.id, sound.id}
