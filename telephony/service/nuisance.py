"""Callers who call again and again, or say nothing: counted as they come, told to the seat that answers."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Final

import structlog

from telephony import numbers
from telephony.call import Call
from telephony.errors import LiveStateUnavailable
from telephony.events import CallArrived, ChannelGone, Event, SeatAnswered
from telephony.nuisance import NuisanceRules, Often, Standing, Trait, standing, was_silent
from telephony.ports import CallerCounts
from telephony.service.node import Node

log = structlog.get_logger()

_PATIENCE_SECONDS: Final = 0.3
_KEPT: Final = 10_000
_WE_RANG: Final = "Local/"
"""The channel of a citizen who is called back: that is no call of the citizen's."""


class Nuisances(Node):
    """``counts`` None, away or slow: nothing is known of a caller, who goes on as any other."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.nuisance_rules: Callable[[], NuisanceRules] = NuisanceRules
        self.counts: CallerCounts | None = None
        self._standings: OrderedDict[str, Standing] = OrderedDict()
        self._answered: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._counting: set[asyncio.Task[None]] = set()

    def standing_of(self, call_id: str) -> Standing | None:
        """Of a live call's caller, or one of the last: as it was when the call came."""
        return self._standings.get(call_id)

    async def counted(self, call_id: str, number: str, at: datetime) -> Standing | None:
        """Counts the call once, however often it is asked for; None after 0.3 s, and for who has no number."""
        rules, caller = self.nuisance_rules(), _key(number)
        if self.counts is None or caller is None or (rules.repeat is None and rules.silent is None):
            return None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                calls = await self._count(Trait.REPEAT, rules.repeat, caller, call_id, at)
                silent = await self._count(Trait.SILENT, rules.silent, caller, None, at)
        except (LiveStateUnavailable, TimeoutError) as error:
            log.warning("nuisance.not_counted", call_id=call_id, problem=type(error).__name__)
            return None
        found = standing(calls, silent, rules)
        self._standings[call_id] = found
        while len(self._standings) > _KEPT:
            self._standings.popitem(last=False)
        return found

    async def _count(
        self, trait: Trait, often: Often | None, caller: str, call_id: str | None, at: datetime
    ) -> int | None:
        if often is None or self.counts is None:
            return None
        return await self.counts.count(trait, caller, at, often.within, add=call_id)

    def hear_of_nuisance(self, fact: Event) -> None:
        """Each of the facts, after the tracker has had it. Never waits."""
        match fact:
            case CallArrived() if not fact.channel.startswith(_WE_RANG):
                self._begin(self._arrived(fact))
            case SeatAnswered():
                self._seat_has(fact)
            case ChannelGone(uniqueid=call_id) if call_id in self._answered:
                number, answered_at = self._answered.pop(call_id)
                if was_silent(answered_at, fact.at, self.nuisance_rules()):
                    self._begin(self._silent(call_id, number, fact.at))

    async def _arrived(self, fact: CallArrived) -> None:
        await self.counted(fact.uniqueid, fact.number, fact.at)
        call = self.tracker.book.calls.get(fact.uniqueid)
        if call is not None and call.seat is not None:  # it was answered faster than counted
            self._tell_seat(call, call.seat)

    def _seat_has(self, fact: SeatAnswered) -> None:
        call = self.tracker.book.calls.get(fact.linkedid)
        if call is None:
            return
        if call.original_caller is not None and not call.caller_channel.startswith(_WE_RANG):
            self._answered.setdefault(call.id, (call.original_caller, fact.at))
            while len(self._answered) > _KEPT:  # of calls whose end nobody has told
                self._answered.popitem(last=False)
        self._tell_seat(call, fact.seat)

    def _tell_seat(self, call: Call, seat: str) -> None:
        found = self._standings.get(call.id)
        if found is not None and found.traits:
            self.watch.publisher.tell(
                "caller",
                call_id=call.id,
                seat=seat,
                line=call.line,
                traits=sorted(found.traits),
                calls=found.calls,
                silent_calls=found.silent_calls,
            )

    async def _silent(self, call_id: str, number: str, at: datetime) -> None:
        often, caller = self.nuisance_rules().silent, _key(number)
        if self.counts is None or often is None or caller is None:
            return
        try:
            await self.counts.count(Trait.SILENT, caller, at, often.within, add=call_id)
        except LiveStateUnavailable:
            log.warning("nuisance.not_counted", call_id=call_id, problem="LiveStateUnavailable")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="nuisance")
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)


def _key(number: str) -> str | None:
    """One for each caller, however the number is written."""
    return None if numbers.is_withheld(number) else numbers.e164(number) or number
