"""One call-back from the promise to its end, and who is dialled when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from telephony.callback import (
    CallBack,
    CallBackHappening,
    CallBackRules,
    CallBackState,
    CallBackTrigger,
    LineNow,
    advance,
    due,
    expired,
)
from tests.support.records import NOON, a_call_back

RULES = CallBackRules(retry_after=(timedelta(minutes=1), timedelta(minutes=5)))
NOW = NOON + timedelta(minutes=30)
T, S = CallBackTrigger, CallBackState


def happens(order: CallBack, *triggers: CallBackTrigger | tuple[CallBackTrigger, str], **about: Any) -> CallBack:
    """One after the other, each about the newest attempt unless it is about none."""
    for each in triggers:
        trigger, status = each if isinstance(each, tuple) else (each, "")
        attempt = order.dialled if trigger in (T.ANSWERS, T.FAILS, T.GONE, T.NOT_SENT) else None
        order = advance(order, CallBackHappening(trigger, NOW, attempt, status, **about), RULES)
    return order


BUSY, NO_ANSWER, NETWORK = (T.FAILS, "BUSY"), (T.FAILS, "NOANSWER"), (T.FAILS, "CHANUNAVAIL")


@pytest.mark.parametrize(
    ("triggers", "state", "tries"),
    [
        ((), S.WAITING, 0),
        ((T.DIALS,), S.DIALLING, 0),
        ((T.DIALS, T.ANSWERS), S.ANSWERED, 0),
        ((T.DIALS, T.ANSWERS, T.SERVED), S.SERVED, 0),
        ((T.DIALS, T.SERVED), S.SERVED, 0),
        ((T.DIALS, BUSY), S.WAITING, 1),
        ((T.DIALS, NO_ANSWER, T.DIALS, BUSY), S.WAITING, 2),
        ((T.DIALS, BUSY, T.DIALS, BUSY, T.DIALS, BUSY), S.UNREACHED, 3),
        ((T.DIALS, T.ANSWERS, T.GONE), S.WAITING, 1),
        ((T.DIALS, T.LOST), S.WAITING, 1),
        ((T.DIALS, T.ANSWERS, T.LOST), S.WAITING, 1),
        ((T.DIALS, T.NOT_SENT), S.WAITING, 0),
        ((T.DIALS, NETWORK), S.WAITING, 0),
        ((T.DIALS, (T.FAILS, "CONGESTION")), S.WAITING, 0),
        ((T.DIALS, (T.FAILS, "FENCED")), S.WAITING, 0),
        ((T.DIALS, (T.FAILS, "TWICE")), S.WAITING, 0),
        ((T.DIALS, (T.FAILS, "NONUMBER")), S.UNREACHED, 1),
        ((T.CALLED_AGAIN,), S.SERVED, 0),
        ((T.CANCELLED,), S.CANCELLED, 0),
        ((T.EXPIRED,), S.UNREACHED, 0),
        ((T.EXPIRED, T.CALLED_AGAIN), S.SERVED, 0),
        ((T.EXPIRED, T.CANCELLED), S.CANCELLED, 0),
        ((T.EXPIRED, T.TAKEN), S.WAITING, 0),
        ((T.DIALS, T.LOST, T.ANSWERS, T.SERVED), S.SERVED, 1),
        # what the table does not know changes nothing
        ((T.ANSWERS,), S.ANSWERED, 0),
        ((BUSY,), S.WAITING, 0),
        ((T.DIALS, T.DIALS), S.DIALLING, 0),
        ((T.DIALS, T.CANCELLED), S.DIALLING, 0),
        ((T.DIALS, T.TAKEN), S.DIALLING, 0),
        ((T.DIALS, T.ANSWERS, T.SERVED, T.GONE, T.DIALS, T.TAKEN), S.SERVED, 0),
        ((T.CANCELLED, T.DIALS, T.SERVED, T.TAKEN), S.CANCELLED, 0),
    ],
)
def test_each_way_of_an_order(triggers: Any, state: CallBackState, tries: int) -> None:
    order = happens(a_call_back(), *triggers)

    assert (order.state, order.tries) == (state, tries)
    assert order.live is (order.ended_at is None) is (state in (S.WAITING, S.DIALLING, S.ANSWERED))
    assert order.under_way is (state in (S.DIALLING, S.ANSWERED))


def test_every_state_meets_every_trigger_and_what_is_not_known_changes_nothing() -> None:
    for state in S:
        for trigger in T:
            before = replace(a_call_back(), state=state, dialled=1)
            after = advance(before, CallBackHappening(trigger, NOW, 1), RULES)
            assert after is before or after.timeline[-1].event == trigger


def test_each_attempt_waits_longer_and_what_was_told_once_is_not_told_again() -> None:
    once = happens(a_call_back(), T.DIALS, BUSY)
    assert once.not_before == NOW + timedelta(minutes=1)
    assert happens(once, BUSY) is once
    assert advance(once, CallBackHappening(T.ANSWERS, NOW, 7), RULES) is once, "of another attempt"
    assert happens(once, T.DIALS, BUSY).not_before == NOW + timedelta(minutes=5)
    answered = happens(a_call_back(), T.DIALS, T.ANSWERS, T.GONE)
    assert happens(answered, T.ANSWERS) is answered, "Asterisk's record tells it once more"
    assert [step.detail for step in once.timeline] == [{"attempt": "1"}, {"attempt": "1", "status": "BUSY"}]


def test_who_answered_and_who_served_stand_on_the_order() -> None:
    order = happens(a_call_back(), T.DIALS)
    order = happens(order, T.ANSWERS, call_id="n1-2.1")
    assert order.served_call_id == "n1-2.1"
    served = happens(order, T.SERVED, seat="2101")
    assert (served.served_call_id, served.served_seat, served.ended_at) == ("n1-2.1", "2101", NOW)
    assert happens(order, T.GONE).served_call_id is None
    assert happens(a_call_back(), T.CALLED_AGAIN, call_id="n1-3.1").served_call_id == "n1-3.1"


# -------------------------------------------------------------- who is dialled when


def ids(orders: tuple[CallBack, ...]) -> list[str]:
    return [order.id for order in orders]


def waiting(name: str, minute: int = 0, **changes: Any) -> CallBack:
    number = changes.pop("number", f"1380000{sum(map(ord, name)):04}")
    since = NOON + timedelta(minutes=minute)
    return a_call_back(id=name, original_caller=number, since=since, created_at=since, **changes)


def now_due(*orders: CallBack, free: int = 1, calls: tuple[int, ...] = (), **how: Any) -> list[str]:
    line = LineNow(frozenset(str(2101 + at) for at in range(free)), tuple(NOON + timedelta(minutes=at) for at in calls))
    now = how.pop("now", NOW)
    return ids(due({order.id: order for order in orders}, {"12345": line}, now, replace(RULES, **how)))


def test_first_come_first_served_and_no_more_than_there_are_seats() -> None:
    first, second, third = waiting("a", 1), waiting("b", 2), waiting("c", 3)
    assert now_due(third, first, second, free=2) == ["a", "b"]
    assert now_due(first, free=0) == []


def test_callers_who_came_earlier_go_first_and_later_ones_do_not() -> None:
    order = waiting("a", 5)
    assert now_due(order, calls=(1,)) == []
    assert now_due(order, calls=(1,), free=2) == ["a"]
    assert now_due(order, calls=(6, 7)) == ["a"]


def test_one_that_is_under_way_has_its_seat() -> None:
    dialling = happens(waiting("a", 1), T.DIALS)
    answered = happens(waiting("b", 2), T.DIALS, T.ANSWERS)
    assert now_due(dialling, waiting("c", 3)) == []
    assert now_due(dialling, waiting("c", 3), free=2) == ["c"]
    assert now_due(dialling, answered, waiting("c", 3), free=2) == []


def test_a_citizen_who_was_promised_twice_is_dialled_once() -> None:
    first, again = waiting("a", 1, number="13800001111"), waiting("b", 2, number="+8613800001111")
    assert now_due(first, again, free=5) == ["a"]
    assert now_due(happens(first, T.DIALS), again, free=5) == []


def test_too_early_too_late_at_night_erased_or_of_no_line_is_not_dialled() -> None:
    failed = happens(waiting("a"), T.DIALS, BUSY)
    assert now_due(failed) == [] and now_due(failed, now=NOW + timedelta(minutes=2)) == ["a"]
    night = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)  # 23:00 in China
    assert now_due(waiting("a"), now=night) == []
    assert now_due(waiting("a"), now=night, at_any_hour=frozenset({"12345"})) == ["a"]
    assert now_due(waiting("a"), now=night, since=time(22), until=time(6)) == ["a"]
    assert now_due(waiting("a"), since=time(22), until=time(6)) == []
    assert now_due(waiting("a"), now=night, since=time(9), until=time(9)) == ["a"]
    assert now_due(waiting("a", number=None)) == []
    assert now_due(waiting("a", line="12328")) == []
    assert now_due(waiting("a"), automatic=False) == []


def test_what_a_seat_takes_is_its_own_for_a_moment_at_any_hour() -> None:
    first, other = waiting("a", 1), waiting("b", 2)
    taken = happens(other, T.TAKEN, seat="2102")
    assert taken.seat_that_waits(NOW) == "2102"
    assert now_due(first, taken, free=2) == ["b", "a"]
    assert now_due(first, taken, free=1) == ["a"], "2102 is not free"
    assert now_due(taken, free=2, automatic=False) == ["b"]
    later = NOW + timedelta(minutes=3)
    assert taken.seat_that_waits(later) is None
    assert now_due(taken, now=later) == ["b"]
    dialled = happens(taken, T.DIALS, seat="2102")
    assert dialled.wanted_by == "2102"
    assert now_due(dialled, first, free=2) == ["a"]
    assert now_due(dialled, happens(waiting("c", 3), T.TAKEN, seat="2102"), free=2) == []
    assert happens(dialled, BUSY).wanted_by is None


def test_a_promise_that_could_not_be_kept_for_days_is_given_up() -> None:
    orders = {order.id: order for order in (waiting("old"), happens(waiting("dialling"), T.DIALS))}
    assert ids(expired(orders, NOON + timedelta(hours=47), RULES)) == []
    assert ids(expired(orders, NOON + timedelta(hours=49), RULES)) == ["old"]
