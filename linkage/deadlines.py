"""When an order has to be where (时限), counted from its history alone. Pure.

Nothing is kept beside the order: what is due follows from what was done and when, so that a restart loses nothing. What
was warned of, and each supervision slip (督办单), is a step of the history itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from linkage.orders import Act, Order, OrderKind, OrderState, OrderStep

LADDER = ("督办单", "专题协调会", "约谈提醒", "通报", "追责")
"""通过督办单、专题协调会、约谈提醒等方式进行重点督办…予以通报，并追究 (河北 2024)."""


class Timer(StrEnum):
    ON_SCENE = "on-scene"
    """城区范围内应当在接到指令30分钟内赶赴现场进行处置 (漳平 2023); a trade's own limit goes before it."""
    FEEDBACK = "feedback"
    """2小时内…反馈基本情况 (河北 2024)."""
    CLOSE = "close"
    """2日内办结 (河北 2024)."""


class Calendar(StrEnum):
    CLOCK = "clock"
    WORKING = "working"


class TimerState(StrEnum):
    RUNNING = "running"
    WARNED = "warned"
    PAUSED = "paused"
    OVERDUE = "overdue"
    MET = "met"
    MET_LATE = "met_late"


@dataclass(frozen=True, slots=True)
class Limits:
    """``trades``: of a unit, how soon it is on scene. ``warn_share``: of its time left when a timer warns.

    ``worked``: whether a day is worked; asked for the ``calendar`` of working days alone. ``level_after``: how long one
    level of supervision stands before the next.
    """

    feedback: timedelta = timedelta(hours=2)
    close_days: int = 2
    calendar: Calendar = Calendar.CLOCK
    on_scene: timedelta = timedelta(minutes=30)
    trades: Mapping[str, timedelta] = field(default_factory=dict)
    warn_share: float = 0.25
    level_after: timedelta = timedelta(days=1)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    worked: Callable[[date], bool] = lambda day: day.weekday() < 5


@dataclass(frozen=True, slots=True)
class Deadline:
    """``level``: of supervision, 0 while there is none, else its place on the ``LADDER`` counted from 1."""

    timer: Timer
    started_at: datetime
    warn_at: datetime
    due_at: datetime
    state: TimerState
    met_at: datetime | None
    level: int


_MET_BY: Mapping[Timer, frozenset[Act]] = {
    Timer.ON_SCENE: frozenset({Act.FIRST_ACTION, Act.PROGRESS, Act.FEED_BACK, Act.CLOSE}),
    Timer.FEEDBACK: frozenset({Act.FEED_BACK, Act.CLOSE}),
    Timer.CLOSE: frozenset({Act.CLOSE}),
}


def deadlines(order: Order, limits: Limits, now: datetime) -> tuple[Deadline, ...]:
    """Of the unit that has the order now; each unit's time begins when the order is given to it."""
    if order.state is OrderState.WITHDRAWN:
        return ()
    return tuple(_deadline(order, limits, now, timer) for timer in Timer if _applies(order, limits, timer))


def due_steps(order: Order, limits: Limits, now: datetime) -> Iterator[OrderStep]:
    """The warnings and slips that are due and not in the history yet, in their order."""
    if not order.open:
        return
    for each in deadlines(order, limits, now):
        if each.state is TimerState.RUNNING and now >= each.warn_at:
            yield _step(Act.WARN, now, each, "0")
        if each.state is TimerState.OVERDUE:
            reached = 1 + int((now - each.due_at) / limits.level_after)
            for level in range(each.level + 1, min(reached, len(LADDER)) + 1):
                yield _step(Act.SUPERVISE, now, each, str(level), measure=LADDER[level - 1])


def _step(act: Act, now: datetime, deadline: Deadline, level: str, **more: str) -> OrderStep:
    detail = {"timer": deadline.timer.value, "due": deadline.due_at.isoformat(), "level": level, **more}
    return OrderStep(now, act, "system", detail)


def _applies(order: Order, limits: Limits, timer: Timer) -> bool:
    """城区范围外的应尽快赶赴现场处置: outside the city there is no number to hold anybody to."""
    if timer is not Timer.ON_SCENE:
        return True
    return order.kind is OrderKind.UNIT and (order.urban is True or order.unit in limits.trades)


def _deadline(order: Order, limits: Limits, now: datetime, timer: Timer) -> Deadline:
    steps = order.since_assigned()
    given = [step.at for step in order.history if step.act is Act.ASSIGN]
    start = given[-1] if given else order.created_at
    met = next((step.at for step in steps if step.act in _MET_BY[timer]), None)
    promised = order.due_at if timer is Timer.CLOSE and any(step.act is Act.EXTEND for step in steps) else None
    due = promised or _due(order, limits, timer, start)
    paused, since_pause = _paused(steps, met or now)
    due += paused
    warn = due - (due - start) * limits.warn_share
    mine = [step for step in steps if step.detail.get("due") == due.isoformat() and step.detail.get("timer") == timer]
    warned = any(step.act is Act.WARN for step in mine)
    level = sum(step.act is Act.SUPERVISE for step in mine)
    if met is not None:
        state = TimerState.MET if met <= due else TimerState.MET_LATE
    elif since_pause:
        state = TimerState.PAUSED
    elif now > due:
        state = TimerState.OVERDUE
    else:
        state = TimerState.WARNED if warned else TimerState.RUNNING
    return Deadline(timer, start, warn, due, state, met, level)


def _due(order: Order, limits: Limits, timer: Timer, start: datetime) -> datetime:
    if timer is Timer.ON_SCENE:
        return start + limits.trades.get(order.unit, limits.on_scene)
    if timer is Timer.FEEDBACK:
        return start + limits.feedback
    if limits.calendar is Calendar.CLOCK:
        return start + timedelta(days=limits.close_days)
    return _working_days_later(start, limits)


def _working_days_later(start: datetime, limits: Limits) -> datetime:
    """The same time of the day, so many worked days later; the first day does not count."""
    local, left = start.astimezone(limits.zone), limits.close_days
    while left:
        local += timedelta(days=1)
        left -= limits.worked(local.date())
    return local.astimezone(start.tzinfo)


def _paused(steps: tuple[OrderStep, ...], until: datetime) -> tuple[timedelta, bool]:
    """How long the clock stood still before ``until``, and whether it does then."""
    total, since = timedelta(0), None
    for step in steps:
        if step.act is Act.PAUSE and since is None:
            since = step.at
        if step.act is Act.RESUME and since is not None:
            total, since = total + (step.at - since), None
    return total + (until - since if since is not None else timedelta(0)), since is not None
