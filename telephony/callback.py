"""One call-back that was promised to a caller, from the promise to its end: its record and its table. Pure.

The promise is made by the dialplan, which keeps the number (`[call-back-order]` in extensions.conf.j2); what comes of
each attempt to keep it is told by the dialplan too. ``advance`` is the only way an order changes; a pair that the table
does not know changes nothing, for what is told may come twice, late, or again from Asterisk's own record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from telephony import numbers
from telephony.handoff import Step


class CallBackState(StrEnum):
    """``answered``: the citizen is on the line and no human has spoken yet.

    ``unreached``: it is not dialled by itself any more; a seat may still take it.
    """

    WAITING = "waiting"
    DIALLING = "dialling"
    ANSWERED = "answered"
    SERVED = "served"
    UNREACHED = "unreached"
    CANCELLED = "cancelled"


class CallBackTrigger(StrEnum):
    """``dials``: we are about to dial. ``not_sent``: we did not, after all. ``lost``: nobody knows what came of it.

    ``called_again``: the citizen rang the line once more, and a human answered.
    """

    DIALS = "dials"
    NOT_SENT = "not_sent"
    ANSWERS = "answers"
    FAILS = "fails"
    GONE = "gone"
    LOST = "lost"
    SERVED = "served"
    CALLED_AGAIN = "called_again"
    TAKEN = "taken"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CallBackRules:
    """``retry_after``: the wait after the first, the second … attempt; the last one holds for all that follow.

    ``attempts``: of those in which the citizen could have answered. ``since``, ``until``: the hours of the day in which
    anybody is dialled, but for the lines ``at_any_hour``. ``give_up_after``: the promise, from when it was made.
    ``automatic``: without it only what a seat takes is dialled.
    """

    automatic: bool = True
    attempts: int = 3
    retry_after: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=60))
    since: time = time(8)
    until: time = time(21)
    at_any_hour: frozenset[str] = frozenset({"110"})
    give_up_after: timedelta = timedelta(hours=48)
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))

    def allow(self, line: str, now: datetime) -> bool:
        """Whether ``line`` may ring somebody at this hour. Hours over midnight: ``until`` is before ``since``."""
        if line in self.at_any_hour or self.since == self.until:
            return True
        local = now.astimezone(self.zone).time()
        if self.since < self.until:
            return self.since <= local < self.until
        return local >= self.since or local < self.until


_A_SEAT_WAITS: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class CallBack:
    """``id`` is the dialplan's. ``original_caller`` as received on ``trunk``; None: erased. ``call_id``: in which it
    was promised, ``reason`` whereby: ladder, menu or queue. ``since``: when the caller came, the place that is kept.

    ``dialled`` numbers the attempts, ``tries`` counts those in which the citizen could have answered.
    ``wanted_by``: the seat that has taken it and gets the call.
    """

    id: str
    node: str
    line: str
    original_caller: str | None
    trunk: str
    reason: str
    call_id: str
    created_at: datetime
    since: datetime
    handoff_id: str | None = None
    state: CallBackState = CallBackState.WAITING
    dialled: int = 0
    tries: int = 0
    not_before: datetime | None = None
    wanted_by: str | None = None
    served_call_id: str | None = None
    served_seat: str | None = None
    ended_at: datetime | None = None
    timeline: tuple[Step, ...] = ()

    @property
    def live(self) -> bool:
        return self.ended_at is None

    @property
    def under_way(self) -> bool:
        return self.state in (CallBackState.DIALLING, CallBackState.ANSWERED)

    def seat_that_waits(self, now: datetime) -> str | None:
        """Who has taken it waits for the call for a moment; after that it is anybody's again."""
        last = self.timeline[-1] if self.timeline else None
        taken = last is not None and last.event == CallBackTrigger.TAKEN and now < last.at + _A_SEAT_WAITS
        return self.wanted_by if taken else None

    def is_for(self, number: str | None, line: str | None) -> bool:
        return self.line == line and self.original_caller is not None and numbers.same(self.original_caller, number)


@dataclass(frozen=True, slots=True)
class CallBackHappening:
    """``attempt``: which one it is about, None: any. ``status``: Asterisk's word for how it ended."""

    trigger: CallBackTrigger
    at: datetime
    attempt: int | None = None
    status: str = ""
    call_id: str | None = None
    seat: str | None = None
    by: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


_OPEN: Final = (CallBackState.WAITING, CallBackState.UNREACHED)
_TOLD: Final = (CallBackState.WAITING, CallBackState.DIALLING, CallBackState.UNREACHED)
_DIALLED: Final = (CallBackState.DIALLING, CallBackState.ANSWERED)

_NEXT_TRY: Final = "next-try"
"""Not a state: WAITING or UNREACHED, as the rules say."""

TRANSITIONS: Final[Mapping[tuple[CallBackState, CallBackTrigger], CallBackState | str]] = {
    (CallBackState.WAITING, CallBackTrigger.DIALS): CallBackState.DIALLING,
    (CallBackState.DIALLING, CallBackTrigger.NOT_SENT): CallBackState.WAITING,
    # told late, after it was given up for lost
    **{(state, CallBackTrigger.ANSWERS): CallBackState.ANSWERED for state in _TOLD},
    (CallBackState.DIALLING, CallBackTrigger.FAILS): _NEXT_TRY,
    (CallBackState.ANSWERED, CallBackTrigger.GONE): _NEXT_TRY,
    **{(state, CallBackTrigger.LOST): _NEXT_TRY for state in _DIALLED},
    **{(state, CallBackTrigger.SERVED): CallBackState.SERVED for state in (*_TOLD, CallBackState.ANSWERED)},
    **{(state, CallBackTrigger.CALLED_AGAIN): CallBackState.SERVED for state in _OPEN},
    **{(state, CallBackTrigger.TAKEN): CallBackState.WAITING for state in _OPEN},
    **{(state, CallBackTrigger.CANCELLED): CallBackState.CANCELLED for state in _OPEN},
    (CallBackState.WAITING, CallBackTrigger.EXPIRED): CallBackState.UNREACHED,
}

_ENDED: Final = (CallBackState.SERVED, CallBackState.UNREACHED, CallBackState.CANCELLED)
_OF_THE_NETWORK: Final = frozenset({"CHANUNAVAIL", "CONGESTION"})
"""The citizen's phone never rang: that is no attempt of the citizen's."""
_OURS: Final = frozenset({"FENCED", "TWICE"})
"""The dialplan has refused: a later command than ours is under way, or the same one."""
NO_NUMBER: Final = "NONUMBER"
"""Asterisk has lost the number that it kept: dialling again is of no use."""

_SOON: Final = timedelta(seconds=10)


def allowed(order: CallBack, happening: CallBackHappening) -> bool:
    """Whether the table knows it here, and it is of this attempt and new: Asterisk's own record tells all once more."""
    if (order.state, happening.trigger) not in TRANSITIONS:
        return False
    if happening.attempt is None:
        return True
    known = ((step.event, step.detail.get("attempt")) for step in order.timeline)
    return happening.attempt == order.dialled and (happening.trigger, str(order.dialled)) not in known


def advance(order: CallBack, happening: CallBackHappening, rules: CallBackRules) -> CallBack:
    """The order after what happened; the same object when the table has no place for it."""
    if not allowed(order, happening):
        return order
    follows = TRANSITIONS[order.state, happening.trigger]
    after = _effect(order, happening)
    after = _tried(after, happening, rules) if follows == _NEXT_TRY else replace(after, state=CallBackState(follows))
    told = {"attempt": str(after.dialled), "status": happening.status, "call": happening.call_id or ""}
    told |= {"seat": happening.seat or "", "by": happening.by or "", **happening.detail}
    step = Step(happening.at, happening.trigger.value, {name: value for name, value in told.items() if value})
    ended = happening.at if after.state in _ENDED else None
    return replace(after, ended_at=ended, timeline=(*order.timeline, step))


def _effect(order: CallBack, happening: CallBackHappening) -> CallBack:
    match happening.trigger:
        case CallBackTrigger.DIALS:
            return replace(order, dialled=order.dialled + 1, wanted_by=happening.seat)
        case CallBackTrigger.NOT_SENT:
            return replace(order, not_before=happening.at + _SOON)
        case CallBackTrigger.ANSWERS:
            return replace(order, served_call_id=happening.call_id)
        case CallBackTrigger.SERVED | CallBackTrigger.CALLED_AGAIN:
            return replace(order, served_call_id=happening.call_id or order.served_call_id, served_seat=happening.seat)
        case CallBackTrigger.TAKEN:
            return replace(order, wanted_by=happening.seat, not_before=None)
        case _:
            return order


def _tried(order: CallBack, happening: CallBackHappening, rules: CallBackRules) -> CallBack:
    """Who took it has had the chance: the next attempt is for any seat."""
    order = replace(order, wanted_by=None, served_call_id=None)
    if happening.status in _OURS:
        return replace(order, state=CallBackState.WAITING, not_before=happening.at + _SOON)
    tries = order.tries + (happening.status not in _OF_THE_NETWORK)
    if tries >= rules.attempts or happening.status == NO_NUMBER:
        return replace(order, state=CallBackState.UNREACHED, tries=tries)
    wait = rules.retry_after[min(order.dialled, len(rules.retry_after)) - 1]
    return replace(order, state=CallBackState.WAITING, tries=tries, not_before=happening.at + wait)


@dataclass(frozen=True, slots=True)
class LineNow:
    """A line of ours: seats that would ring, and since when each caller waits for one of them."""

    free: frozenset[str]
    waiting: tuple[datetime, ...] = ()


def expired(orders: Mapping[str, CallBack], now: datetime, rules: CallBackRules) -> tuple[CallBack, ...]:
    waiting = (order for order in orders.values() if order.state is CallBackState.WAITING)
    return tuple(order for order in waiting if now >= order.created_at + rules.give_up_after)


def due(
    orders: Mapping[str, CallBack], lines: Mapping[str, LineNow], now: datetime, rules: CallBackRules
) -> tuple[CallBack, ...]:
    """Whom to dial now, first come first served: those with a free seat that no earlier caller waits for.

    ``orders``: those that are open. A citizen who was promised twice is dialled once.
    """
    busy = [order for order in orders.values() if order.under_way]
    chosen: list[CallBack] = []
    for order in sorted(orders.values(), key=lambda order: (order.seat_that_waits(now) is None, order.since, order.id)):
        line = lines.get(order.line)
        if line is None or not _ripe(order, now, rules):
            continue
        others = [other for other in (*busy, *chosen) if other.line == order.line]
        if any(other.is_for(order.original_caller, order.line) for other in others):
            continue
        if _has_a_seat(order, line, others, now):
            chosen.append(order)
    return tuple(chosen)


def _ripe(order: CallBack, now: datetime, rules: CallBackRules) -> bool:
    if order.state is not CallBackState.WAITING or order.original_caller is None:
        return False
    if order.seat_that_waits(now) is not None:
        return True
    early = order.not_before is not None and now < order.not_before
    return not early and rules.automatic and rules.allow(order.line, now)


def _has_a_seat(order: CallBack, line: LineNow, others: list[CallBack], now: datetime) -> bool:
    """Who has answered stands in the queue behind nobody, and is not among the earlier callers."""
    spoken_for = {other.wanted_by for other in others}
    seat = order.seat_that_waits(now)
    if seat is not None:
        return seat in line.free - spoken_for
    ahead = sum(since < order.since for since in line.waiting)
    return len(line.free - spoken_for) > ahead + sum(other.wanted_by is None for other in others)
