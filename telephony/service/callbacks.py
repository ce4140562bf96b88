"""Call-backs that were promised: known, listed, taken, cancelled, and what Asterisk says of them.

The dialplan makes the promise and writes it down; here it becomes an order. What was promised while nobody listened is
read from Asterisk's own record (``telephony.service.dialling``), so that no promise depends on us or on the database.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import structlog

from telephony import commands, events, numbers
from telephony.callback import (
    CallBack,
    CallBackHappening,
    CallBackRules,
    CallBackState,
    CallBackTrigger,
    LineNow,
    advance,
)
from telephony.errors import AmiError, CallBackNotFound, CallBackSettled, NoSeatToRing, NotYourCall
from telephony.ports import CallBackFilter, Page
from telephony.presence import SeatState
from telephony.service.node import Actor
from telephony.service.seats import Seats

log = structlog.get_logger()

_KEPT_WITHIN: Final = 1.5
_SETTLED_KEPT: Final = 1000
_STEPS: Final = {
    "answered": CallBackTrigger.ANSWERS,
    "result": CallBackTrigger.FAILS,
    "gone": CallBackTrigger.GONE,
    "served": CallBackTrigger.SERVED,
}
_FREES_A_SEAT: Final = (events.SeatPhoneChanged, events.SeatPauseChanged, events.LinkRestored)


class CallBacks(Seats):
    """``call_back_rules`` is asked each time. ``promised`` holds the open orders of this node, by id.

    Until ``orders_known`` nothing is made of what is heard: it may be about orders that are on record already. All of
    it stands in Asterisk's record too.
    """

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.call_back_rules: Callable[[], CallBackRules] = CallBackRules
        self.promised: dict[str, CallBack] = {}
        self.orders_known = False
        self.call_back_unreached: Callable[[CallBack], None] = lambda order: None
        self.call_backs_changed = asyncio.Event()
        """Something happened that may make a call-back due; whoever waits for it clears it."""
        self._kept_orders: OrderedDict[str, CallBack] = OrderedDict()
        self._forgetting: set[asyncio.Task[None]] = set()

    async def call_back(self, order_id: str) -> CallBack:
        """Raises CallBackNotFound."""
        order = self._known_order(order_id) or await self._store.call_back(order_id)
        if order is None:
            raise CallBackNotFound(f"no call-back {order_id}")
        return order

    async def call_backs(self, where: CallBackFilter, *, limit: int, cursor: str | None) -> Page[CallBack]:
        return await self._store.call_backs(where, limit=limit, cursor=cursor)

    async def take_call_back(self, order_id: str, actor: Actor) -> CallBack:
        """The citizen is dialled now, and the call is this seat's as soon as the citizen answers.

        Raises CallBackNotFound, CallBackSettled, NoSeatToRing, NotYourCall (another line's).
        """
        order = await self._own_call_back(order_id)
        line = self.directory.line(order.line)
        if actor.seat is None:
            raise NoSeatToRing("a call-back is taken at a seat")
        if line is None or actor.seat not in line.seats:
            raise NotYourCall("a call-back is taken by a seat of its line")
        if order.original_caller is None:
            raise CallBackSettled("the caller's number has been erased")
        happening = CallBackHappening(CallBackTrigger.TAKEN, self._clock.now(), seat=actor.seat, by=actor.name)
        return await self._asked(order, happening)

    async def cancel_call_back(self, order_id: str, reason: str, actor: Actor) -> CallBack:
        """It will not be dialled. Raises CallBackNotFound, CallBackSettled."""
        order = await self._own_call_back(order_id)
        detail = {"reason": reason}
        happening = CallBackHappening(CallBackTrigger.CANCELLED, self._clock.now(), by=actor.name, detail=detail)
        return await self._asked(order, happening)

    async def _own_call_back(self, order_id: str) -> CallBack:
        order = await self.call_back(order_id)
        if order.node != self.node:
            raise CallBackNotFound(f"the call-back {order_id} is kept by the node {order.node}")
        return order

    async def _asked(self, order: CallBack, happening: CallBackHappening) -> CallBack:
        order = self._known_order(order.id) or order  # nothing is awaited between reading it and changing it
        after = advance(order, happening, self.call_back_rules())
        if after is order:
            raise CallBackSettled(f"the call-back is {order.state.value}")
        self.keep_call_back(after)
        self.call_backs_changed.set()
        if not await self._sink.flush(_KEPT_WITHIN):
            log.warning("call_back.not_in_database_yet", order_id=order.id)
        return after

    # -------------------------------------------------------------- what Asterisk says

    def hear_of_call_backs(self, fact: events.Event) -> None:
        """Each of the facts, after the tracker has had it. Never waits."""
        if self.orders_known:
            match fact:
                case events.CallBackPromised():
                    self._promise(fact)
                case events.CallBackReported():
                    self._report(fact)
                case events.SeatAnswered():
                    self._called_again(fact)
        if isinstance(fact, (events.CallBackPromised, events.CallBackReported, *_FREES_A_SEAT)):
            self.call_backs_changed.set()

    def _promise(self, fact: events.CallBackPromised) -> None:
        if self._known_order(fact.order_id) is not None:
            return
        order = CallBack(
            id=fact.order_id,
            node=self.node,
            line=fact.line,
            original_caller=fact.number,
            trunk=fact.trunk,
            reason=fact.reason,
            call_id=fact.linkedid,
            created_at=fact.at,
            since=fact.since or fact.at,
            handoff_id=fact.handoff_id or None,
        )
        log.info("call_back.promised", order_id=order.id, line=order.line, caller=numbers.mask(fact.number))
        self.keep_call_back(order)

    def _report(self, fact: events.CallBackReported) -> None:
        trigger = _STEPS.get(fact.step)
        if trigger is not None:
            happening = CallBackHappening(
                trigger,
                fact.at,
                fact.attempt,
                fact.status,
                call_id=fact.call_id if fact.step in ("answered", "served") else None,
                seat=fact.seat or None,
            )
            self.call_back_happens(fact.order_id, happening)

    def _called_again(self, fact: events.SeatAnswered) -> None:
        """A human has the citizen now, by whichever call: nobody need ring a second time."""
        call = self.tracker.book.calls.get(fact.linkedid)
        if call is None:
            return
        for order in [order for order in self.promised.values() if order.is_for(call.original_caller, call.line)]:
            trigger = CallBackTrigger.CALLED_AGAIN
            happening = CallBackHappening(trigger, fact.at, call_id=call.id, seat=fact.seat or None)
            self.call_back_happens(order.id, happening)

    def call_back_happens(self, order_id: str, happening: CallBackHappening) -> CallBack | None:
        """The order after it; None when there is no such order here, or it changes nothing."""
        order = self._known_order(order_id)
        if order is None:
            return None
        after = advance(order, happening, self.call_back_rules())
        if after is order:
            return None
        self.keep_call_back(after)
        return after

    def keep_call_back(self, order: CallBack) -> None:
        """Hand on what changed; never waits."""
        if order.live:
            self._kept_orders.pop(order.id, None)
            self.promised[order.id] = order
        else:
            self.promised.pop(order.id, None)
            self._note_settled(order)
        self._sink.put_call_back(order)
        self.watch.publisher.tell("call-back", id=order.id, line=order.line, state=order.state.value)

    def _note_settled(self, order: CallBack) -> None:
        self._kept_orders[order.id] = order
        while len(self._kept_orders) > _SETTLED_KEPT:
            self._kept_orders.popitem(last=False)
        log.info("call_back.settled", order_id=order.id, line=order.line, state=order.state.value, tries=order.tries)
        if order.state is CallBackState.UNREACHED:
            self.watch.publisher.tell("alarm", alarm="call_back_unreached", order_id=order.id, line=order.line)
            self.call_back_unreached(order)
        if order.state is CallBackState.UNREACHED or order.timeline[-1].event == CallBackTrigger.SERVED:
            return  # a seat may still take it; or the dialplan itself has forgotten it
        task = asyncio.get_running_loop().create_task(self._forget(order.id), name="forget-call-back")
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _forget(self, order_id: str) -> None:
        """Asterisk keeps the number of whoever is to be called, and of nobody else."""
        try:
            await self._control.execute(commands.ForgetCallBack(order_id))
        except AmiError as error:
            log.warning("call_back.not_forgotten", order_id=order_id, reason=error.slug)

    def _known_order(self, order_id: str) -> CallBack | None:
        return self.promised.get(order_id) or self._kept_orders.get(order_id)

    async def call_citizen(self, command: commands.CallBackCitizen) -> None:
        """Raises AmiError."""
        await self._control.execute(command)

    async def lines_now(self) -> dict[str, LineNow]:
        """Who could be rung on each line of ours, and who waits there."""
        idle = {status.seat for status in await self.seats() if status.state is SeatState.IDLE}
        calls = [call for call in self.live_calls() if call.state == "waiting" and not call.caller_has_left]
        return {
            line.id: LineNow(
                frozenset(line.seats) & idle, tuple(call.arrived_at for call in calls if call.line == line.id)
            )
            for line in self.directory.lines
        }
