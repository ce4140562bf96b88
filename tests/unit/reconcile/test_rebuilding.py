"""Handoffs made of Asterisk's own record alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telephony.handoff import Mode, Outcome, Resolution
from telephony.reconcile import Rebuilt, rebuild
from tests.support.own_record import ANSWERED, CALLER, CHANNELS, NUMBER, OTHER, PHONE, ROOM, SEAT, SHOWN, H, OwnRecord

Tell = Callable[[OwnRecord], object]
ABANDONED, BUSY, CANCELLED = Outcome.ABANDONED, Outcome.BUSY, Outcome.CANCELLED
FIRST_SEAT, HUNG_UP, QUEUE = Resolution.FIRST_SEAT, Resolution.CALLER_HUNG_UP, Resolution.QUEUE
Q = "the queue's"
ANOTHER = "start h-2 120  {C} 2101    12345 key"


def of(tell: Tell, handoff_id: str = H) -> Rebuilt:
    story = OwnRecord()
    tell(story)
    return rebuild(story.rows)[handoff_id]


def said(found: Rebuilt) -> tuple[Outcome | None, Resolution | None, bool]:
    return found.outcome, found.resolution, found.ended is not None


def test_an_answered_transfer_is_told_whole() -> None:
    found = of(lambda r: r.answered().ends(PHONE).ends(CALLER))

    assert (found.call_id, found.mode, found.target, found.from_line) == (CALLER, Mode.TRANSFER, "110", "12345")
    assert (found.original_caller, found.shown) == (NUMBER, NUMBER)
    assert (found.target_channel, found.met) == (CHANNELS[PHONE], (CHANNELS[PHONE],))
    assert said(found) == (Outcome.ANSWERED, Resolution.TARGET, True)
    assert (found.outcomes, found.contradiction, found.whole, found.lost) == (1, None, True, False)
    assert not found.left_at_once


@pytest.mark.parametrize(
    ("tell", "means"),
    [
        (lambda r: r.answered(), (Outcome.ANSWERED, Resolution.TARGET, False)),
        (lambda r: r.rings(), (None, None, False)),
        (lambda r: r.rings().ends(PHONE).ends(CALLER), (ABANDONED, HUNG_UP, True)),
        (lambda r: r.rings().handoff(ANOTHER), (CANCELLED, FIRST_SEAT, True)),
        (lambda r: r.refused(), (BUSY, None, False)),
        (lambda r: r.refused().handoff("back {H} 110"), (BUSY, None, False)),
        (lambda r: r.refused().back(), (BUSY, FIRST_SEAT, True)),
        (lambda r: r.refused().handoff("back {H} 110").ends(CALLER), (BUSY, HUNG_UP, True)),
        (lambda r: r.refused().handoff("queue {H} 110").handoff(ANOTHER), (BUSY, QUEUE, True)),
        (lambda r: r.refused().handoff("queue {H} 110").ends(CALLER), (BUSY, HUNG_UP, True)),
        (
            lambda r: r.refused().handoff("ring-seat {H} 110").handoff("queue {H} 110").bridged(SEAT, CALLER, bridge=Q),
            (BUSY, QUEUE, True),
        ),
        (lambda r: r.refused().back().handoff("queue {H} 110"), (BUSY, FIRST_SEAT, True)),
        (
            lambda r: r.refused().handoff("queue {H} 110").handoff("call-back {H} 110").ends(CALLER),
            (BUSY, Resolution.CALLBACK_ORDER, True),
        ),
        (lambda r: r.answered().ends(PHONE).back(), (Outcome.ANSWERED, FIRST_SEAT, True)),
        (lambda r: r.answered().handoff(ANOTHER), (Outcome.ANSWERED, Resolution.TARGET, True)),
        (
            lambda r: r.answered().handoff("result {H} 110 FENCED {C} 2101"),
            (Outcome.ANSWERED, Resolution.TARGET, False),
        ),
        (lambda r: r.refused("CANCELLED", "", 16).back(), (CANCELLED, FIRST_SEAT, True)),
    ],
)  # fmt: skip
def test_how_a_transfer_ended_is_read_from_what_the_channels_did(
    tell: Tell, means: tuple[Outcome | None, Resolution | None, bool]
) -> None:
    assert said(of(tell)) == means


@pytest.mark.parametrize(
    ("status", "sip", "cause", "means"),
    [
        ("CHANUNAVAIL", "603", 21, Outcome.REJECTED),
        ("NOANSWER", "480", 19, Outcome.NO_ANSWER),
        ("NOANSWER", "", 0, Outcome.NO_ANSWER),
        ("CHANUNAVAIL", "487", 127, Outcome.NO_ANSWER),
        ("CONGESTION", "503", 34, Outcome.UNREACHABLE),
        ("LOOP", "", 16, Outcome.REJECTED),
        ("TAKEN", "", 16, Outcome.FAILED),
    ],
)
def test_a_refusal_is_read_from_how_the_phone_ended(status: str, sip: str, cause: int, means: Outcome) -> None:
    assert of(lambda r: r.refused(status, sip, cause)).outcome is means


def test_phones_that_ended_differently_say_nothing_the_dialplan_does() -> None:
    def tell(record: OwnRecord) -> None:
        record.rings().begins(OTHER).row("APP_START", CALLER).ends(PHONE, 17).ends(OTHER, 0)
        record.handoff("result {H} 110 NOANSWER {C} 2101")

    assert of(tell).outcome is Outcome.NO_ANSWER


def test_where_the_call_came_from_is_the_line_that_took_it_last() -> None:
    def tell(record: OwnRecord) -> None:
        record.answered().parted(CALLER).handoff("start h-2 120  {C} 1101    110 key")

    found = of(tell, "h-2")
    assert (found.from_line, found.contradiction) == ("110", None)


def test_a_line_that_let_the_caller_go_at_once_never_had_the_call() -> None:
    def tell(record: OwnRecord) -> None:
        record.answered().ends(PHONE).back().parted(CALLER).handoff("start h-2 120  {C} 2101    12345 key")

    assert of(tell, "h-2").from_line == "12345"


def test_without_its_arrival_a_call_comes_from_where_the_dialplan_says() -> None:
    found = of(lambda r: r.begins(CALLER).handoff("start {H} 110  {C} 2101    12345 api"))
    assert found.from_line == "12345"


@pytest.mark.parametrize(
    ("tell", "means"),
    [
        (
            lambda r: r.talking().handoff("start {H} 110  {C} 2101    119 api"),
            ("from line 119", "the call had come to line 12345"),
        ),
        (
            lambda r: r.starts().handoff(ANSWERED, PHONE),
            (f"answered by {PHONE}", "no such channel was answered"),
        ),
        (
            lambda r: r.starts().handoff(ANSWERED.replace("{P}", "nobody")),
            ("answered by nobody", "no such channel was answered"),
        ),
        (
            lambda r: r.rings().bridged(PHONE, CALLER, bridge="b1"),
            ("the target did not answer", f"it talked with the caller: {CHANNELS[PHONE]}"),
        ),
    ],
)
def test_where_steps_and_channels_say_different_things_both_are_told(tell: Tell, means: tuple[str, str]) -> None:
    assert of(tell).contradiction == means


@pytest.mark.parametrize(
    "tell",
    [
        lambda r: r.rings().answers(PHONE).at_once().handoff(ANSWERED, PHONE).ends(PHONE),
        lambda r: r.rings().answers(PHONE).at_once().handoff(ANSWERED, PHONE).ends(CALLER),
        lambda r: r.rings().answers(PHONE).at_once().handoff(ANSWERED, PHONE).handoff("back {H} 110"),
    ],
)
def test_who_hangs_up_as_it_is_answered_meets_nobody(tell: Tell) -> None:
    found = of(tell)
    assert (found.left_at_once, found.outcome, found.met) == (True, Outcome.ANSWERED, ())


def test_a_phone_that_answered_has_answered_also_where_the_dialplan_had_no_time_to_say_so() -> None:
    found = of(lambda r: r.rings().answers(PHONE).ends(PHONE).handoff("ring-seat {H} 110 ANSWER").ends(CALLER))
    assert said(found) == (Outcome.ANSWERED, HUNG_UP, True)
    assert (found.target_channel, found.rivals, found.outcomes) == (CHANNELS[PHONE], frozenset(), 1)

    at_once = of(lambda r: r.rings().answers(PHONE).at_once().ends(CALLER))
    assert (at_once.outcome, at_once.rivals) == (Outcome.ANSWERED, {ABANDONED})

    taken_back = of(lambda r: r.rings().answers(PHONE).handoff("result {H} 110 CANCELLED {C} 2101").ends(PHONE))
    assert (taken_back.outcome, taken_back.rivals) == (CANCELLED, {Outcome.ANSWERED})


def test_two_decisions_are_counted_and_a_cancel_after_the_answer_is_none() -> None:
    twice = of(lambda r: r.refused().handoff(ANSWERED, PHONE))
    once = of(lambda r: r.answered().handoff("result {H} 110 CANCELLED {C} 2101"))
    assert (twice.outcomes, once.outcomes) == (2, 1)


def test_when_asterisk_dies_its_calls_are_lost_and_it_is_not_known_how() -> None:
    def tell(record: OwnRecord) -> None:
        record.rings().row("CHAN_START", "n1-1795309999.0")

    found = of(tell)
    assert (found.lost, found.whole, found.outcome, found.ended) == (True, True, None, None)


@pytest.mark.parametrize(
    "tell",
    [
        lambda r: r.handoff("start {H} 110  {C} 2101").ends(CALLER),  # nothing of its beginning
        lambda r: r.starts().row("BRIDGE_EXIT", SEAT, extra={"bridge_id": "b0"}),  # left what it never entered
        lambda r: r.talking().row("CHAN_END", SEAT).handoff("start {H} 110  {C} 2101"),  # ended in a bridge
        lambda r: r.talking().row("CHAN_END", SEAT).handoff("start {H} 110  {C} 2101").row("CHAN_START", "n1-1.0"),
        lambda r: r.handoff("start {H} 110  {C} 2101"),
    ],
)
def test_missing_rows_are_noticed(tell: Tell) -> None:
    assert not of(tell).whole


def test_rows_that_name_no_handoff_begin_none() -> None:
    story = OwnRecord().talking().handoff("gone").handoff("gone {H} 110").conference("answered {R} p4 120 ANSWER {P}")
    assert rebuild(story.rows) == {}


def test_who_comes_twice_into_a_bridge_was_met_when_first() -> None:
    def tell(record: OwnRecord) -> None:
        record.answered().parted(PHONE).bridged(PHONE, bridge="b1").row("HANGUP", PHONE)

    assert of(tell).met == (CHANNELS[PHONE],)


# -------------------------------------------------------------- three-way calls


def test_a_three_way_call_is_told_whole() -> None:
    found = of(lambda r: r.three_way(), ROOM)

    assert (found.call_id, found.mode, found.target, found.from_line) == (CALLER, Mode.CONFERENCE, "110", "12345")
    assert (found.original_caller, found.shown, found.outcome, found.outcomes) == (NUMBER, NUMBER, Outcome.ANSWERED, 1)
    assert found.target_channel == CHANNELS[PHONE]
    assert CHANNELS[PHONE] in found.met
    assert CHANNELS[SEAT] in found.met
    assert found.ended is None


@pytest.mark.parametrize(
    ("tell", "means"),
    [
        (lambda r: r.dials_third(), (None, None, False)),
        (lambda r: r.three_way().ends(SEAT).ends(CALLER).third_ends(), (Outcome.ANSWERED, Resolution.TARGET, True)),
        (lambda r: r.three_way().third_ends().ends(SEAT).ends(CALLER), (Outcome.ANSWERED, FIRST_SEAT, True)),
        (lambda r: r.three_way().ends(SEAT).handoff(ANOTHER), (Outcome.ANSWERED, Resolution.TARGET, True)),
        (lambda r: r.three_way().handoff(ANOTHER), (Outcome.ANSWERED, FIRST_SEAT, True)),
        (lambda r: r.dials_third().ends(CALLER).third_ends(), (ABANDONED, HUNG_UP, True)),
        (lambda r: r.dials_third().third_ends(), (CANCELLED, FIRST_SEAT, True)),
        (
            lambda r: r.dials_third().ends(PHONE, 17).conference("result {R} target 110 BUSY x   17  12345 {C}"),
            (BUSY, FIRST_SEAT, True),
        ),
        (
            lambda r: r.talking().conference("result {R} target 110 CHANUNAVAIL x     12345 {C}"),
            (Outcome.UNREACHABLE, FIRST_SEAT, True),
        ),
        (
            lambda r: r.conference("result {R} target 110 CANCEL x     12345 "),
            (ABANDONED, HUNG_UP, True),
        ),
        (
            lambda r: r.three_way().ends(SEAT).third_ends().parted(CALLER).handoff("queue c-1 110").ends(CALLER),
            (Outcome.ANSWERED, HUNG_UP, True),
        ),
        (
            lambda r: r.three_way().third_ends().parted(CALLER).handoff("back c-1 110").bridged(SEAT, CALLER, bridge=Q),
            (Outcome.ANSWERED, FIRST_SEAT, True),
        ),
        (
            lambda r: r.three_way().ends(SEAT).third_ends().handoff("queue c-1 110").handoff("call-back c-1 110"),
            (Outcome.ANSWERED, Resolution.CALLBACK_ORDER, True),
        ),
    ],
)  # fmt: skip
def test_how_a_three_way_call_ended_is_read_from_what_the_channels_did(
    tell: Tell, means: tuple[Outcome | None, Resolution | None, bool]
) -> None:
    assert said(of(tell, ROOM)) == means


def test_the_key_may_be_pressed_before_the_first_seat_is_joined_to_the_caller() -> None:
    def tell(record: OwnRecord) -> None:
        record.picked_up().third_rings().joined().third_answers().ends(SEAT).ends(CALLER).third_ends()

    assert said(of(tell, ROOM)) == (Outcome.ANSWERED, Resolution.TARGET, True)


def test_what_happens_in_the_same_moment_is_told_as_such() -> None:
    def tell(record: OwnRecord) -> None:
        record.dials_third().at_once().ends(CALLER).conference("answered {R} target 110 ANSWER {P} 1101   " + SHOWN)

    found = of(tell, ROOM)
    assert (found.outcome, found.rivals) == (ABANDONED, {Outcome.ANSWERED})


def test_a_three_way_call_that_dies_with_asterisk_is_lost() -> None:
    found = of(lambda r: r.dials_third().row("CHAN_START", "n1-1795309999.0"), ROOM)
    assert (found.lost, found.outcome) == (True, None)


def test_a_fourth_party_keeps_the_room_going() -> None:
    def tell(record: OwnRecord) -> None:
        record.three_way().begins(f"{ROOM}-p4", f"{ROOM}-p4")
        record.row("ConferenceStep", f"{ROOM}-p4", extra={"extra": f"dialling {ROOM} p4 120  x     12345 {CALLER}"})
        record.ends(SEAT).ends(CALLER).third_ends()

    assert of(tell, ROOM).ended is None
