"""Time limits of orders, on a clock that the tests move."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ivr.calendar import day_kind
from ivr.flow import DayKind
from linkage.deadlines import LADDER, Calendar, Deadline, Limits, Timer, TimerState, deadlines, due_steps
from linkage.errors import OrderChanged, OrderNotFound
from linkage.orders import Act, Order, OrderKind, OrderStep, advance
from linkage.supervisor import Supervisor
from telephony.errors import RecordStoreUnavailable
from tests.support.orders import NOON, MemoryOrderStore, an_order, step

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PLAIN = Limits()


def done(order: Order, *steps: tuple[timedelta, Act], **detail: str) -> Order:
    """So long after NOON each."""
    for after, act in steps:
        order = advance(order, replace(step(act, **detail), at=NOON + after))
    return order


def timer(order: Order, which: Timer, after: timedelta, limits: Limits = PLAIN) -> Deadline:
    return next(each for each in deadlines(order, limits, NOON + after) if each.timer is which)


# ---------------------------------------------------------------- what is due when


@pytest.mark.shows(52, 53)
def test_feedback_is_due_after_two_hours_and_the_close_after_two_days() -> None:
    assert [(each.timer, each.due_at) for each in deadlines(an_order(), PLAIN, NOON)] == [
        (Timer.FEEDBACK, NOON + 2 * HOUR),
        (Timer.CLOSE, NOON + 2 * DAY),
    ]


def test_an_order_that_was_withdrawn_is_due_nowhere() -> None:
    gone = done(an_order(), (MINUTE, Act.WITHDRAW), reason="误派")

    assert deadlines(gone, PLAIN, NOON + 3 * DAY) == ()
    assert list(due_steps(gone, PLAIN, NOON + 3 * DAY)) == []


@pytest.mark.parametrize(
    ("urban", "unit", "minutes"),
    [(True, "供水公司", 30), (False, "供水公司", None), (None, "供电", 45), (True, "供电", 45)],
)
@pytest.mark.shows(37, 38, 39)
def test_a_unit_is_on_scene_within_thirty_minutes_in_the_city_or_its_trades_own_limit(
    urban: bool | None, unit: str, minutes: int | None
) -> None:
    order = an_order(kind=OrderKind.UNIT, urban=urban, unit=unit)
    limits = Limits(trades={"供电": 45 * MINUTE})
    found = [each.due_at for each in deadlines(order, limits, NOON) if each.timer is Timer.ON_SCENE]

    assert found == ([] if minutes is None else [NOON + minutes * MINUTE])


def worked(day: date) -> bool:
    return day_kind(day) in (DayKind.WORKDAY, DayKind.MAKE_UP)


@pytest.mark.parametrize(
    ("begun", "days", "due"),
    [
        (datetime(2026, 1, 9, 7, 0, tzinfo=UTC), 2, datetime(2026, 1, 13, 7, 0, tzinfo=UTC)),  # Friday to Tuesday
        (datetime(2025, 9, 30, 7, 0, tzinfo=UTC), 2, datetime(2025, 10, 10, 7, 0, tzinfo=UTC)),  # over 国庆 and 中秋
        (datetime(2025, 9, 27, 7, 0, tzinfo=UTC), 1, datetime(2025, 9, 28, 7, 0, tzinfo=UTC)),  # a worked Sunday
        (datetime(2026, 1, 8, 17, 0, tzinfo=UTC), 1, datetime(2026, 1, 11, 17, 0, tzinfo=UTC)),  # Friday, in China
    ],
)
def test_working_days_leave_out_holidays_and_count_make_up_days(begun: datetime, days: int, due: datetime) -> None:
    limits = Limits(calendar=Calendar.WORKING, close_days=days, worked=worked)

    assert deadlines(an_order(created_at=begun), limits, begun)[-1].due_at == due


def test_without_a_calendar_of_holidays_the_week_decides() -> None:
    friday = an_order(created_at=datetime(2026, 1, 9, 7, 0, tzinfo=UTC))

    (close,) = [
        each for each in deadlines(friday, Limits(calendar=Calendar.WORKING), NOON) if each.timer is Timer.CLOSE
    ]
    assert close.due_at == datetime(2026, 1, 13, 7, 0, tzinfo=UTC)


# ---------------------------------------------------------------- what is done about it


@pytest.mark.parametrize(
    ("order", "after", "state"),
    [
        (an_order(), HOUR, TimerState.RUNNING),
        (an_order(), 3 * HOUR, TimerState.OVERDUE),
        (done(an_order(), (MINUTE, Act.ACCEPT), (HOUR, Act.FEED_BACK)), 3 * HOUR, TimerState.MET),
        (done(an_order(), (MINUTE, Act.ACCEPT), (3 * HOUR, Act.FEED_BACK)), 4 * HOUR, TimerState.MET_LATE),
        (done(an_order(), (HOUR, Act.PAUSE)), 9 * HOUR, TimerState.PAUSED),
        (
            done(an_order(), (HOUR, Act.PAUSE), (2 * HOUR, Act.PAUSE), (9 * HOUR, Act.RESUME)),
            9.5 * HOUR,
            TimerState.RUNNING,
        ),
        (done(an_order(), (HOUR, Act.RESUME)), 3 * HOUR, TimerState.OVERDUE),
    ],
)
def test_what_was_done_decides_how_a_timer_stands(order: Order, after: timedelta, state: TimerState) -> None:
    assert timer(order, Timer.FEEDBACK, after).state is state


def test_a_pause_moves_the_date_by_as_long_as_it_lasted() -> None:
    order = done(an_order(), (HOUR, Act.PAUSE), (9 * HOUR, Act.RESUME))

    assert timer(order, Timer.FEEDBACK, 9 * HOUR).due_at == NOON + 10 * HOUR


def test_an_extension_moves_the_close_alone_and_the_next_unit_has_its_own_time() -> None:
    until = (NOON + 5 * DAY).isoformat()
    extended = advance(done(an_order(), (HOUR, Act.ACCEPT)), replace(step(Act.EXTEND, until=until), at=NOON + HOUR))
    given_on = done(extended, (DAY, Act.DISPUTE), (DAY, Act.ASSIGN))

    assert timer(extended, Timer.CLOSE, HOUR).due_at == NOON + 5 * DAY
    assert timer(extended, Timer.FEEDBACK, HOUR).due_at == NOON + 2 * HOUR
    assert timer(given_on, Timer.CLOSE, DAY).due_at == NOON + 3 * DAY


def test_it_warns_once_then_the_slip_comes_then_a_level_a_day_to_the_end_of_the_ladder() -> None:
    def coming(order: Order, after: timedelta) -> list[tuple[str, str, str]]:
        found = due_steps(order, PLAIN, NOON + after)
        return [(each.act, each.detail["timer"], each.detail.get("measure", "")) for each in found]

    order = an_order()
    assert coming(order, HOUR) == []
    assert coming(order, 1.6 * HOUR) == [("warn", "feedback", "")]
    warned = advance(order, next(due_steps(order, PLAIN, NOON + 1.6 * HOUR)))
    assert coming(warned, 1.7 * HOUR) == []
    assert timer(warned, Timer.FEEDBACK, 1.7 * HOUR).state is TimerState.WARNED
    assert coming(warned, 3 * HOUR) == [("supervise", "feedback", "督办单")]
    slip = advance(warned, next(due_steps(warned, PLAIN, NOON + 3 * HOUR)))
    assert coming(slip, 4 * HOUR) == []
    assert coming(slip, 2 * HOUR + DAY + MINUTE) == [("supervise", "feedback", "专题协调会")]
    late = coming(order, 30 * DAY)
    assert [measure for _, which, measure in late if which == "feedback"] == list(LADDER)
    closed = done(order, (HOUR, Act.ACCEPT), (HOUR, Act.CLOSE))
    assert coming(closed, 30 * DAY) == []


# ---------------------------------------------------------------- in a cluster


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


@pytest.mark.asyncio
async def test_two_nodes_write_each_slip_once_and_a_restart_writes_none_again() -> None:
    store, clock, told = MemoryOrderStore(), Clock(), list[tuple[str, Act]]()

    def node() -> Supervisor:
        return Supervisor(store, clock, lambda: PLAIN, lambda order, step: told.append((order.id, step.act)))

    for number in range(3):
        await store.create(an_order(id=f"h-{number}.12345"))
    first, second = node(), node()
    clock.time = NOON + 3 * HOUR
    await asyncio.gather(first.round(), second.round())
    await node().round()

    assert sorted(told) == sorted((f"h-{number}.12345", Act.SUPERVISE) for number in range(3))
    clock.time = NOON + 26.5 * HOUR  # the second day of the feedback's
    await first.round()
    assert len((await store.get("h-0.12345")).history) == 2


class Awkward(MemoryOrderStore):
    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = list(failures)

    async def change(self, id: str, change: object, *, actor: str) -> Order:
        if self.failures:
            raise self.failures.pop()
        return await super().change(id, change, actor=actor)  # type: ignore[arg-type]


@pytest.mark.asyncio
@pytest.mark.parametrize("failure", [OrderChanged("busy"), OrderNotFound("gone")])
async def test_an_order_that_is_busy_or_gone_is_looked_at_the_next_time(failure: Exception) -> None:
    store, clock = Awkward(failure), Clock()
    await store.create(an_order())
    clock.time = NOON + 3 * HOUR
    supervisor = Supervisor(store, clock, lambda: PLAIN)

    await supervisor.round()
    assert (await store.get("h-1.12345")).history == ()
    await supervisor.round()
    assert [each.act for each in (await store.get("h-1.12345")).history] == [Act.SUPERVISE]


@pytest.mark.asyncio
async def test_given_the_database_is_away_then_it_goes_on_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.supervisor._ROUND_SECONDS", 0.001)
    store, clock = Awkward(RecordStoreUnavailable("away")), Clock()
    await store.create(an_order())
    clock.time = NOON + 3 * HOUR
    written = asyncio.Event()
    working = asyncio.create_task(Supervisor(store, clock, lambda: PLAIN, lambda order, step: written.set()).run())

    async with asyncio.timeout(30):
        await written.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert isinstance((await store.get("h-1.12345")).history[0], OrderStep)
