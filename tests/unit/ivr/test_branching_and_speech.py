"""What a flow decides by, and how numbers, dates and times are put together from prompts."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import speech
from ivr.branching import Facts, choose
from ivr.calendar import day_kind, known_until
from ivr.flow import ByDay, ByHistory, ByLanguage, ByLoad, ByTime, DayKind, History, exits, said
from ivr.timing import fixed_prompts, worst_seconds
from tests.support.flows import EVERYTHING, LENGTHS, flow_of

MONDAY = datetime(2026, 11, 23, 12, 0)


def by_time(*cases: dict[str, object]) -> ByTime:
    return ByTime.model_validate({"do": "branch", "by": "time", "cases": cases, "otherwise": "closed"})


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        (datetime(2026, 11, 23, 8, 0), "open"),
        (datetime(2026, 11, 23, 11, 59, 59), "open"),
        (datetime(2026, 11, 23, 12, 0), "closed"),
        (datetime(2026, 11, 28, 9, 0), "closed"),  # a Saturday
        (datetime(2026, 11, 27, 22, 30), "night"),  # Friday night …
        (datetime(2026, 11, 28, 5, 59), "night"),  # … ends on Saturday morning
        (datetime(2026, 11, 27, 5, 59), "closed"),  # the night of Thursday
        (datetime(2026, 11, 28, 22, 30), "closed"),
    ],
)
def test_given_hours_when_a_call_comes_then_the_case_that_holds_is_taken(now: datetime, goes: str) -> None:
    week = ["mon", "tue", "wed", "thu", "fri"]
    branch = by_time(
        {"from": "08:00", "to": "12:00", "days": week, "next": "open"},
        {"from": "22:00", "to": "06:00", "days": ["fri"], "next": "night"},
    )
    assert choose(branch, Facts(now), "zh") == goes


def test_given_hours_from_midnight_to_midnight_when_a_call_comes_then_they_are_the_whole_day() -> None:
    whole = by_time({"from": "00:00", "to": "00:00", "next": "open"})
    assert {choose(whole, Facts(datetime(2026, 11, 23, hour)), "zh") for hour in range(24)} == {"open"}


def test_given_a_day_when_branching_by_it_then_a_make_up_day_is_its_own_kind_and_an_unknown_one_is_safe() -> None:
    cases = {"holiday": "off", "weekend": "off", "make_up": "worked"}
    branch = ByDay.model_validate({"do": "branch", "by": "day", "cases": cases, "otherwise": "safe"})
    assert choose(branch, Facts(MONDAY, DayKind.HOLIDAY), "zh") == "off"
    assert choose(branch, Facts(MONDAY, DayKind.MAKE_UP), "zh") == "worked"
    assert choose(branch, Facts(MONDAY, DayKind.UNKNOWN), "zh") == "safe"


def test_given_load_when_either_limit_is_passed_then_the_case_holds_and_what_is_unknown_passes_none() -> None:
    cases = [{"waiting_over": 10, "next": "many"}, {"wait_over": 60, "next": "long"}]
    branch = ByLoad.model_validate({"do": "branch", "by": "load", "cases": cases})
    assert choose(branch, Facts(MONDAY, waiting=11, wait_seconds=61.0), "zh") == "many"
    assert choose(branch, Facts(MONDAY, waiting=10, wait_seconds=60.5), "zh") == "long"
    assert choose(branch, Facts(MONDAY, waiting=10, wait_seconds=60.0), "zh") == "human"
    assert choose(branch, Facts(MONDAY), "zh") == "human"


def test_given_history_or_language_when_branching_then_the_first_that_is_known_is_taken() -> None:
    branch = ByHistory.model_validate({"do": "branch", "by": "history", "cases": {"silent": "a", "repeat": "b"}})
    assert choose(branch, Facts(MONDAY, history=frozenset(History)), "zh") == "a"
    assert choose(branch, Facts(MONDAY, history=frozenset({History.REPEAT})), "zh") == "b"
    assert choose(branch, Facts(MONDAY), "zh") == "human"
    language = ByLanguage.model_validate({"do": "branch", "by": "language", "cases": {"en": "a"}})
    assert (choose(language, Facts(MONDAY), "en"), choose(language, Facts(MONDAY), "zh")) == ("a", "human")


# --- the calendar ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 2, 14), DayKind.MAKE_UP),  # a Saturday that is worked before the Spring Festival
        (date(2026, 2, 17), DayKind.HOLIDAY),
        (date(2026, 10, 1), DayKind.HOLIDAY),
        (date(2026, 11, 22), DayKind.WEEKEND),
        (date(2026, 11, 23), DayKind.WORKDAY),
        (date(2101, 1, 1), DayKind.UNKNOWN),  # not announced, whichever edition of the library is installed
    ],
)
def test_given_a_day_when_asked_then_it_is_as_the_state_council_announced(day: date, kind: DayKind) -> None:
    assert day_kind(day) is kind


def test_given_the_calendar_when_asked_how_far_it_reaches_then_to_the_end_of_its_last_year() -> None:
    end = known_until(date(2026, 6, 1))
    assert end is not None and (end.month, end.day) == (12, 31) and end.year >= 2026
    assert known_until(date(2101, 1, 1)) is None


# --- numbers --------------------------------------------------------------------------------------------------------


def words(prompts: tuple[str, ...]) -> str:
    return " ".join(prompt.split("/")[1] for prompt in prompts)


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (0, "0"), (7, "7"), (10, "10"), (12, "10 2"), (20, "20"), (99, "90 9"),
        (100, "1 hundred"), (105, "1 hundred 0 5"), (110, "1 hundred 1 10"), (112, "1 hundred 1 10 2"),
        (1000, "1 thousand"), (1005, "1 thousand 0 5"), (1010, "1 thousand 0 1 10"), (1100, "1 thousand 1 hundred"),
        (10_005, "1 ten-thousand 0 5"), (10_100, "1 ten-thousand 0 1 hundred"), (20_000, "2 ten-thousand"),
        (99_999, "9 ten-thousand 9 thousand 9 hundred 90 9"), (123_456, "1 2 3 4 5 6"), (-3, "3"),
    ],
)  # fmt: skip
def test_given_a_number_when_spoken_then_as_in_mandarin(value: int, spoken: str) -> None:
    assert words(speech.number(value)) == spoken


@settings(deadline=None)
@given(st.integers(0, speech.LARGEST))
def test_given_any_number_when_spoken_then_it_can_be_heard_back(value: int) -> None:
    units = {"hundred": 100, "thousand": 1000, "ten-thousand": 10_000}
    total, last = 0, 0
    for word in words(speech.number(value)).split():
        if word in units:
            total, last = total + last * units[word], 0
        elif word == "10" and last:
            total, last = total + last * 10, 0
        else:
            total, last = total + last, int(word)
    assert total + last == value
    assert set(speech.number(value)) <= set(LENGTHS)


def test_given_a_date_and_a_time_when_spoken_then_as_in_mandarin() -> None:
    assert words(speech.day(date(2026, 11, 2))) == "2 0 2 6 year 10 1 month 2 day"
    assert words(speech.clock(time(8, 0))) == "8 hour"
    assert words(speech.clock(time(12, 5))) == "10 2 hour 0 5 minute"
    assert words(speech.clock(time(23, 45))) == "20 3 hour 40 5 minute"
    assert speech.digits("1a2") == ("digits/1", "digits/2")


# --- how long it takes ----------------------------------------------------------------------------------------------


def test_given_a_step_when_all_goes_wrong_then_so_long_and_no_longer_is_it_kept() -> None:
    flow = flow_of(EVERYTHING)
    beep, wrong = LENGTHS["beep"], LENGTHS["ivr-wrong-key"]
    longest = {name: worst_seconds(flow, step, LENGTHS) for name, step in flow.steps.items()}
    assert longest["welcome"] == beep
    assert longest["menu"] == pytest.approx((beep + 1) + (wrong + beep + 1) + (beep + 1))
    assert longest["order"] == beep + 2
    assert longest["desk"] == longest["hours"] == longest["call-back"] == 0
    for what in ("date", "time"):
        other = flow_of(EVERYTHING.replace(b"what: digits, value: order", f"what: {what}".encode()))
        step = other.steps["digits"]
        assert set(fixed_prompts(step)) <= set(LENGTHS)
        assert worst_seconds(other, step, LENGTHS) > 2


def _worst(what: bytes) -> float:
    flow = flow_of(EVERYTHING.replace(b"what: number, value: code", what).replace(b"digits: 3", b"digits: 5"))
    return worst_seconds(flow, flow.steps["number"], LENGTHS)


WORST_DATE, WORST_TIME = _worst(b"what: date"), _worst(b"what: time")
WORST_NUMBER, WORST_DIGITS = _worst(b"what: number, value: code"), _worst(b"what: digits, value: code")


@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.times(), st.integers(0, 99_999))
def test_given_anything_spoken_when_timed_then_the_worst_case_was_long_enough(day: date, now: time, code: int) -> None:
    def seconds(prompts: tuple[str, ...]) -> float:
        return sum(LENGTHS[prompt] for prompt in prompts)

    assert seconds(speech.day(day)) <= WORST_DATE
    assert seconds(speech.clock(now)) <= WORST_TIME
    assert seconds(speech.number(code)) <= WORST_NUMBER
    assert seconds(speech.digits(f"{code:05}")) <= WORST_DIGITS


def test_given_every_kind_of_step_when_its_ways_are_told_then_each_has_a_word_for_the_drawing() -> None:
    flow = flow_of(EVERYTHING)
    ways = {name: [(way.on, way.to) for way in exits(step)] for name, step in flow.steps.items()}
    assert ways["hours"] == [("fri 22:00–06:00", "order"), ("otherwise", "day")]
    assert ways["speaks"] == [("en", "desk"), ("otherwise", "human")]
    assert ways["desk"] == ways["police"] == ways["goodbye"] == []
    both = ByLoad.model_validate(
        {
            "do": "branch",
            "by": "load",
            "cases": [{"waiting_over": 5, "wait_over": 90, "next": "a"}, {"wait_over": 9, "next": "a"}],
        }
    )
    assert [said(case) for case in both.cases] == ["waiting > 5 / wait > 90 s", "wait > 9 s"]
