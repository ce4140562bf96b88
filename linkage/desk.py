"""What is done with orders, one method for each use. Nothing here is on a call's way: handoffs are heard of, not held.

Each handoff between 110 and 12345 has its order (双向派单), made when it is asked for, before the target rings; the
handoff's record names it. One that is cancelled takes its order back; what is decided in a three-way call holds for it.
Heard of at once from memory, and looked for once more on record: what a crash or an outage swallowed is done later.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import stamina
import structlog

from linkage.catalogue import LINES, POLICE, Catalogue, Place
from linkage.decisions import facts_of, table
from linkage.errors import ActNotAllowed, CatalogueNotFound, OrderChanged, OrderRefused
from linkage.orders import (
    BY_THE_SERVICE,
    NEW,
    Act,
    Order,
    OrderStep,
    advance,
    evaluated_by,
    kind_for,
    order_id,
    receivers,
)
from linkage.ports import OrderFilter, OrderStore
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Handoff, Outcome
from telephony.ports import Clock, HandoffFilter, Page

log = structlog.get_logger(__name__)

_REMEMBERED = 10_000
_LOOK_BACK_SECONDS = 600.0
_FIRST_LOOK, _LATER_LOOKS = timedelta(days=1), timedelta(hours=1)
_PAGE = 200
_BY_PHONE = "电话转接，内容见通话 · handed over by phone: listen to the call"
_CANCELLED = "坐席已取消转接 · the handoff was cancelled"
_SYSTEM = "system"

Named = Callable[[str, Collection[str]], Awaitable[bool]]
"""Puts the orders' ids on a handoff's record. False: not yet, it is to be tried again later."""


class Handoffs(Protocol):
    """Those on record."""

    async def handoffs(self, where: HandoffFilter, *, limit: int, cursor: str | None) -> Page[Handoff]:
        """Raises RecordStoreUnavailable."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What somebody asks for. ``source``: of the key that makes it one order, however often it is asked for.

    ``to``: a line, or a unit. ``caller`` comes from a call on record, never from whoever asks.
    """

    source: str
    to: str
    from_line: str
    content: str
    category_id: str | None = None
    place: str | None = None
    caller: str | None = None
    urgent: bool = False
    urban: bool | None = None
    handoff_id: str | None = None
    call_id: str | None = None
    linked_id: str | None = None
    peer_reference: str | None = None
    unit: str | None = None


class OrderDesk:
    """``catalogue``: the one in force; raises CatalogueNotFound. ``local_unit``: who stands for the departments.

    ``told`` hears of each order that was opened or changed; it must not wait.
    """

    def __init__(
        self,
        store: OrderStore,
        handoffs: Handoffs,
        clock: Clock,
        catalogue: Callable[[], Awaitable[Catalogue]],
        local_unit: str,
        told: Callable[[Order], None] = lambda order: None,
        named: Named | None = None,
    ) -> None:
        self.store = store
        self._named = named
        self.local_unit = local_unit
        self._handoffs, self._clock, self._catalogue, self._told = handoffs, clock, catalogue, told
        self._heard: OrderedDict[str, Handoff] = OrderedDict()
        self._done: OrderedDict[str, _Stage] = OrderedDict()
        self._more = asyncio.Event()

    def now(self) -> datetime:
        return self._clock.now()

    async def open(self, new: NewOrder, *, by: str) -> Order:
        """The order; the one that was first, when it is asked for again. Raises RecordStoreUnavailable."""
        stamp, rule, place = await self._decided(new)
        kind = place.kind if place else None
        line = new.to if new.to in LINES else ""
        order = Order(
            id=order_id(new.source, new.to),
            kind=kind_for(new.to),
            from_line=new.from_line,
            to_line=new.to,
            unit=new.unit or new.to,
            content=new.content,
            created_at=self._clock.now(),
            created_by=by,
            owner=new.from_line,
            evaluated_by=evaluated_by(line, kind),
            urgent=new.urgent or (place is not None and place.always_urgent),
            ordered=not line,
            urban=new.urban,
            place=new.place,
            caller=new.caller,
            handoff_id=new.handoff_id,
            call_id=new.call_id,
            category_id=new.category_id,
            catalogue=stamp,
            rule=rule,
            linked_id=new.linked_id,
            peer_reference=new.peer_reference,
        )
        kept = await self.store.create(order)
        if kept == order:
            self._told(kept)
        return kept

    async def open_all(self, new: NewOrder, *, by: str) -> tuple[Order, ...]:
        """As `open`, and where the table wants a dual push, the local unit's order with it: one action, two orders."""
        first = await self.open(new, by=by)
        if first.rule is None or first.to_line != POLICE:
            return (first,)
        row = next(each for each in table().rows if each.id == first.rule)
        if self.local_unit not in receivers(row.action, new.from_line, self.local_unit):
            return (first,)
        beside = replace(new, to=self.local_unit, unit=self.local_unit, linked_id=first.id)
        return first, await self.open(beside, by=by)

    async def of_call(self, call_id: str) -> tuple[Order, ...]:
        """The first 200 of them, oldest first. Raises RecordStoreUnavailable."""
        page = await self.store.page(OrderFilter(call_id=call_id), limit=_PAGE, cursor=None)
        return page.items[::-1]

    async def act(self, id: str, act: Act, *, by: str, detail: Mapping[str, str]) -> Order:
        """Raises OrderNotFound, an OrderRefused, OrderChanged, RecordStoreUnavailable."""
        if act in BY_THE_SERVICE:
            raise ActNotAllowed("warnings and slips are written by the service alone")
        step = OrderStep(self._clock.now(), act, by, dict(detail))
        changed = await self.store.change(id, lambda order: advance(order, step), actor=by)
        self._told(changed)
        return changed

    async def escalate(self, id: str, *, by: str, reason: str) -> tuple[Order, Order]:
        """要立即联动110派警处置: the order, and the one that 110 gets, without a call. Raises as `act`."""
        order = await self.act(id, Act.ESCALATE, by=by, detail={"reason": reason})
        to_police = NewOrder(
            source=f"{id}.escalated",
            to=POLICE,
            from_line=order.to_line,
            content=f"{reason}\n{order.content}",
            category_id=order.category_id,
            place=order.place,
            caller=order.caller,
            urgent=True,
            call_id=order.call_id,
            linked_id=order.id,
        )
        return order, await self.open(to_police, by=by)

    # --- handoffs ------------------------------------------------------------------------------------------------

    def heard_of(self, handoff: Handoff) -> None:
        """Does not wait. Told of what it has done already, or of a handoff that has no order, it does nothing."""
        if not _between_the_lines(handoff) or self._done.get(handoff.id) == _stage(handoff):
            return
        waiting = self._heard.get(handoff.id)
        if waiting is not None and len(waiting.timeline) > len(handoff.timeline):
            return  # on record it was not as new yet
        self._heard[handoff.id] = handoff
        while len(self._heard) > _REMEMBERED:  # the look back finds them
            self._heard.popitem(last=False)
        self._more.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._make(), name="orders")
            tasks.create_task(self._look_back(), name="orders-look-back")

    async def _make(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._heard:
                _, handoff = self._heard.popitem(last=False)
                self._done[handoff.id] = _stage(handoff)
                while len(self._done) > _REMEMBERED:
                    self._done.popitem(last=False)
                if not await self._done_with(handoff):
                    self._done.pop(handoff.id, None)  # the look back comes to it again

    async def _done_with(self, handoff: Handoff) -> bool:
        """Waits for the database. Any other fault is loud and costs this handoff's order alone, until the next look."""
        try:
            async for attempt in stamina.retry_context(
                on=RecordStoreUnavailable, attempts=None, timeout=None, wait_max=5.0
            ):
                with attempt:
                    orders = await self.made_for(handoff)
                    await self._follow(handoff, orders[0])
                    named = self._named is None or await self._named(handoff.id, [order.id for order in orders])
            return named
        except Exception:
            log.exception("order.not_made", handoff_id=handoff.id)
            return False

    async def made_for(self, handoff: Handoff) -> tuple[Order, ...]:
        """Its orders, made where they were not; its target's first. Raises RecordStoreUnavailable."""
        assert handoff.from_line is not None
        new = NewOrder(
            source=handoff.id,
            to=handoff.target,
            from_line=handoff.from_line,
            content=handoff.reason or _BY_PHONE,
            category_id=handoff.category_id,
            caller=handoff.original_caller,
            handoff_id=handoff.id,
            call_id=handoff.call_id,
        )
        return await self.open_all(new, by=handoff.requested_by or handoff.from_seat or handoff.from_line)

    async def _follow(self, handoff: Handoff, order: Order) -> None:
        """What became of the handoff, for the order to its target while that has done nothing with it yet."""
        cancelled, accepted_by = _stage(handoff)
        decision = handoff.decision
        if order.state not in NEW:
            return
        if cancelled:
            act, by, reason = Act.WITHDRAW, _SYSTEM, _CANCELLED
        elif decision is not None and accepted_by in (handoff.target, handoff.from_line):
            act = Act.ACCEPT if accepted_by == handoff.target else Act.WITHDRAW
            by, reason = decision.decided_by or _SYSTEM, decision.reason
        else:
            return
        try:
            await self.act(order.id, act, by=by, detail={"reason": reason})
        except (OrderRefused, OrderChanged) as error:  # the other side was faster
            log.info("order.not_followed", order_id=order.id, act=act.value, reason=error.slug)

    async def _look_back(self) -> None:
        span = _FIRST_LOOK
        while True:
            try:
                await self.look_back(span)
                span = _LATER_LOOKS
            except RecordStoreUnavailable as error:
                log.warning("orders.look_back_waits", detail=error.message)
            except Exception:
                log.exception("orders.look_back_failed")
            await asyncio.sleep(_LOOK_BACK_SECONDS)

    async def look_back(self, span: timedelta) -> None:
        """Hears of every handoff of that time on record. Raises RecordStoreUnavailable."""
        since: datetime = self._clock.now() - span
        cursor: str | None = None
        while True:
            page = await self._handoffs.handoffs(HandoffFilter(since=since), limit=_PAGE, cursor=cursor)
            for handoff in page.items:
                self.heard_of(handoff)
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _decided(self, new: NewOrder) -> tuple[str | None, str | None, Place | None]:
        """The catalogue's stamp, the row that decided, and where the category stands there."""
        try:
            catalogue = await self._catalogue()
        except CatalogueNotFound as missing:
            log.warning("orders.no_catalogue", detail=missing.message)
            return None, None, None
        place = catalogue.place(new.category_id) if new.category_id else None
        if place is None or new.category_id is None:
            return catalogue.stamp, None, None
        row = table().decide(facts_of(catalogue, new.category_id, new.from_line, danger=new.urgent))
        return catalogue.stamp, row.id, place


def _between_the_lines(handoff: Handoff) -> bool:
    return handoff.target in LINES and handoff.from_line in LINES and handoff.from_line != handoff.target


_Stage = tuple[bool, str | None]


def _stage(handoff: Handoff) -> _Stage:
    """What of a handoff matters to its order: whether it was cancelled, and who accepted, where somebody decided."""
    decided = handoff.decision if handoff.decision and not handoff.decision.automatic else None
    return handoff.outcome is Outcome.CANCELLED, decided.accepted_by if decided else None
