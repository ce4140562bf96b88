"""What each happening writes into the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony.handoff import (
    Handoff,
    Mode,
    Outcome,
    Resolution,
    State,
    Step,
    Trigger,
    advance,
    durations_ms,
    outcome_of,
)
from tests.support.fake_asterisk import NOW
from tests.support.story import happening

ASKED = Handoff("h1", "c1", Mode.TRANSFER, "110", NOW, "n", original_caller="13800001111")
RINGING = replace(ASKED, state=State.RINGING)
BUSY = replace(RINGING, returning=Outcome.BUSY, hangup_cause=17, sip_code=486)


@pytest.mark.parametrize(
    ("status", "sip", "cause", "outcome"),
    [
        ("BUSY", None, None, "busy"),
        ("BUSY", 486, 17, "busy"),
        ("BUSY", 600, 17, "busy"),
        ("CONGESTION", 486, 34, "busy"),
        ("BUSY", 603, 21, "rejected"),
        ("BUSY", 603, 17, "rejected"),
        ("CONGESTION", 403, 21, "rejected"),
        ("CHANUNAVAIL", 433, 21, "rejected"),
        ("CONGESTION", 607, None, "rejected"),
        ("CONGESTION", None, 21, "rejected"),
        ("CONGESTION", 500, 21, "unreachable"),
        ("NOANSWER", None, None, "no_answer"),
        ("NOANSWER", 487, 16, "no_answer"),
        ("CHANUNAVAIL", 480, 20, "no_answer"),
        ("CONGESTION", 408, 18, "no_answer"),
        ("CHANUNAVAIL", None, None, "unreachable"),
        ("CHANUNAVAIL", 404, 1, "unreachable"),
        ("CONGESTION", 503, 38, "unreachable"),
        ("INVALIDARGS", None, None, "failed"),
        ("CANCEL", None, None, "abandoned"),
        ("CANCEL", 603, 21, "abandoned"),
        ("CANCELLED", 486, 17, "cancelled"),
        ("LOOP", 486, 17, "rejected"),
        ("LOST", None, None, "failed"),
        ("", None, None, "failed"),
    ],
)
def test_outcome_of_an_unanswered_target(status: str, sip: int | None, cause: int | None, outcome: str) -> None:
    assert outcome_of(status, sip, cause).value == outcome


@pytest.mark.parametrize(
    ("original", "seen", "mismatch"),
    [
        ("13800001111", "13800001111", False),
        ("13800001111", "+8613800001111", False),
        ("13800001111", "2101", True),
        ("13800001111", "", True),
        (None, "", False),
        (None, "13800001111", True),
    ],
)
def test_given_what_the_target_was_shown_then_a_difference_is_on_record(
    original: str | None, seen: str, mismatch: bool
) -> None:
    rings = happening(Trigger.RINGS, seen=seen, target_channel="PJSIP/1101-1", target_seat="1101")
    ringing = advance(replace(ASKED, original_caller=original), rings)

    assert (ringing.caller_seen_by_target, ringing.number_mismatch) == (seen, mismatch)
    assert (ringing.target_channel, ringing.target_seat) == ("PJSIP/1101-1", "1101")


def test_given_nothing_was_observed_then_nothing_is_copied_and_nothing_alarms() -> None:
    answered = advance(ASKED, happening(Trigger.ANSWERS))

    assert (answered.caller_seen_by_target, answered.number_mismatch) == (None, False)


def test_given_a_number_seen_while_it_rang_when_the_answer_brings_none_then_it_stays() -> None:
    ringing = advance(ASKED, happening(Trigger.RINGS, seen="13800001111", target_channel="PJSIP/1101-1"))
    answered = advance(ringing, happening(Trigger.ANSWERS, target_seat="1101"))

    assert answered.caller_seen_by_target == "13800001111"
    assert (answered.target_channel, answered.target_seat) == ("PJSIP/1101-1", "1101")


def test_given_a_failed_target_when_it_answers_after_all_then_nothing_of_the_failure_is_left() -> None:
    answered = advance(replace(BUSY, rung=Resolution.QUEUE), happening(Trigger.ANSWERS))

    assert (answered.outcome, answered.resolution) == (Outcome.ANSWERED, Resolution.TARGET)
    assert (answered.returning, answered.rung, answered.hangup_cause, answered.sip_code) == (None, None, None, None)


def test_given_a_conference_when_it_is_answered_then_where_the_caller_ends_is_open() -> None:
    answered = advance(replace(RINGING, mode=Mode.CONFERENCE), happening(Trigger.ANSWERS))

    assert (answered.outcome, answered.resolution) == (Outcome.ANSWERED, None)


def test_when_the_target_fails_then_the_outcome_waits_for_where_the_caller_ends() -> None:
    failed = advance(RINGING, happening(Trigger.FAILS, outcome=Outcome.BUSY, cause=17, sip_code=486))

    assert (failed.state, failed.outcome, failed.returning) == (State.RINGING, None, Outcome.BUSY)
    assert (failed.hangup_cause, failed.sip_code) == (17, 486)
    assert advance(RINGING, happening(Trigger.FAILS)).returning is Outcome.FAILED


@pytest.mark.parametrize(
    ("rung", "said", "resolution"),
    [
        (None, None, Resolution.FIRST_SEAT),
        (Resolution.QUEUE, None, Resolution.QUEUE),
        (Resolution.QUEUE, Resolution.FIRST_SEAT, Resolution.FIRST_SEAT),
    ],
)
def test_when_a_returned_caller_is_served_then_the_rung_is_the_resolution(
    rung: Resolution | None, said: Resolution | None, resolution: Resolution
) -> None:
    served = advance(replace(BUSY, rung=rung), happening(Trigger.SERVED, rung=said))

    assert (served.outcome, served.resolution, served.hangup_cause) == (Outcome.BUSY, resolution, 17)


@pytest.mark.parametrize(
    ("before", "trigger", "values", "outcome", "resolution"),
    [
        (RINGING, Trigger.SERVED, {"outcome": Outcome.CANCELLED}, "cancelled", "first_seat"),
        (RINGING, Trigger.SERVED, {}, "failed", "first_seat"),
        (BUSY, Trigger.CALL_BACK, {}, "busy", "callback_order"),
        (RINGING, Trigger.CALL_BACK, {}, "failed", "callback_order"),
        (RINGING, Trigger.CALLER_GONE, {"cause": 16}, "abandoned", "caller_hung_up"),
        (BUSY, Trigger.CALLER_GONE, {"cause": 16}, "busy", "caller_hung_up"),
        (ASKED, Trigger.NOT_STARTED, {"outcome": Outcome.FAILED}, "failed", "first_seat"),
        (ASKED, Trigger.NOT_STARTED, {"rung": Resolution.QUEUE}, "failed", "queue"),
        (replace(ASKED, returning=Outcome.BUSY), Trigger.NOT_STARTED, {}, "busy", "first_seat"),
    ],
)
def test_ways_to_end_unanswered(
    before: Handoff, trigger: Trigger, values: dict[str, object], outcome: str, resolution: str
) -> None:
    ended = advance(before, happening(trigger, **values))

    assert (ended.outcome, ended.resolution) == (Outcome(outcome), Resolution(resolution))


def test_given_a_busy_target_when_the_caller_hangs_up_then_the_cause_stays_that_of_the_target() -> None:
    assert advance(BUSY, happening(Trigger.CALLER_GONE, cause=16)).hangup_cause == 17
    assert advance(RINGING, happening(Trigger.CALLER_GONE, cause=16)).hangup_cause == 16


ANSWERED = replace(RINGING, state=State.ANSWERED, outcome=Outcome.ANSWERED, resolution=Resolution.TARGET)
LEFT_ALONE = replace(ANSWERED, rung=Resolution.FIRST_SEAT, resolution=None)
IN_A_ROOM = replace(ANSWERED, mode=Mode.CONFERENCE, resolution=None)


def test_given_an_answered_target_that_leaves_at_once_then_the_caller_is_not_said_to_be_with_it() -> None:
    after = advance(ANSWERED, happening(Trigger.RUNG, rung=Resolution.FIRST_SEAT))

    assert (after.outcome, after.resolution, after.rung) == (Outcome.ANSWERED, None, Resolution.FIRST_SEAT)


@pytest.mark.parametrize(
    ("before", "trigger", "values", "resolution"),
    [
        (ANSWERED, Trigger.PARTED, {}, "target"),
        (ANSWERED, Trigger.CALLER_GONE, {}, "target"),
        (LEFT_ALONE, Trigger.PARTED, {"rung": Resolution.QUEUE}, "queue"),
        (LEFT_ALONE, Trigger.CALLER_GONE, {}, "caller_hung_up"),
        (LEFT_ALONE, Trigger.CALL_BACK, {}, "callback_order"),
        (IN_A_ROOM, Trigger.PARTED, {}, "target"),
        (IN_A_ROOM, Trigger.PARTED, {"rung": Resolution.FIRST_SEAT}, "first_seat"),
        (IN_A_ROOM, Trigger.CALLER_GONE, {}, "caller_hung_up"),
        (IN_A_ROOM, Trigger.CALL_BACK, {}, "callback_order"),
    ],
)
def test_ways_to_end_answered(before: Handoff, trigger: Trigger, values: dict[str, object], resolution: str) -> None:
    ended = advance(before, happening(trigger, **values))

    assert (ended.outcome, ended.resolution) == (Outcome.ANSWERED, Resolution(resolution))


def at(seconds: float, event: str) -> Step:
    return Step(NOW + timedelta(seconds=seconds), event)


def test_durations_are_those_of_the_stages_that_were_reached() -> None:
    told = (at(0.1, "started"), at(0.25, "rings"), at(3, "answers"), at(9, "answers"), at(10, "parted"))
    ended = replace(ANSWERED, timeline=told, ended_at=NOW + timedelta(seconds=10))

    assert durations_ms(ASKED) == {}
    assert durations_ms(ended) == {"to_ringing": 250, "to_answer": 3000, "talking": 7000, "total": 10000}
    assert durations_ms(replace(ended, timeline=told[:2])) == {"to_ringing": 250, "total": 10000}


def test_given_clocks_that_disagree_then_no_stage_lasts_less_than_nothing() -> None:
    assert durations_ms(replace(RINGING, timeline=(at(-2, "rings"),))) == {"to_ringing": 0}
