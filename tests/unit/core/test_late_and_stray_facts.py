"""Facts that come twice, late, from nowhere; what a call's legs and a seat's phone tell."""

from __future__ import annotations

import pytest

from telephony import events
from telephony.handoff import Outcome, Resolution
from telephony.tracker import Tracker
from tests.support.fake_asterisk import talking_call
from tests.support.story import CALL, NUMBER, SEAT_ID, TRUNK, Story, left_behind, phone, steps_of


def dialling() -> Story:
    return Story().talking().asks().starts().rings("1101")


def test_given_every_fact_twice_then_the_record_is_the_same() -> None:
    story = Story()
    tell = story.tell
    story.tell = lambda *facts: tell(*(fact for each in facts for fact in (each, each)))  # type: ignore[method-assign]
    story.answered_transfer()

    assert steps_of(story.handoff) == ["started", "rings", "answers"]
    assert (story.call.seat, story.call.seat_channel, story.call.line) == ("1101", phone("1101"), "110")
    story.caller_hangs_up().phone_ends("1101")
    assert left_behind(story.tracker) == {}


def test_given_an_ended_handoff_when_its_start_is_told_again_then_it_stays_ended() -> None:
    story = dialling().step("result", status="BUSY").step("back", status="BUSY").bridged(CALL)
    story.starts().rings("1101").answers("1101").ended(Outcome.BUSY, Resolution.FIRST_SEAT)

    assert story.call.seat == "2101"


@pytest.mark.parametrize(("seats", "channel"), [(("1101",), phone("1101")), (("1101", "1102"), None)])
def test_given_a_target_that_was_gone_before_it_could_say_so_then_answered_and_the_caller_is_with_the_first_seat(
    seats: tuple[str, ...], channel: str | None
) -> None:
    story = Story().talking().asks().starts().dials(*seats)

    story.step("answered", status="ANSWER", seat="2101", target="110")

    assert (story.handoff.outcome, story.handoff.target_channel, story.call.seat) == (Outcome.ANSWERED, channel, "2101")
    story.step("back", status="ANSWER").bridged(CALL, SEAT_ID)
    story.ended(Outcome.ANSWERED, Resolution.FIRST_SEAT)


def test_given_a_seat_that_has_hung_up_when_its_answer_is_told_late_then_the_call_stays_with_the_target() -> None:
    story = Story().answered_transfer().tell(*talking_call(CALL)[-3:])

    assert story.call.seat == "1101"


def test_given_the_answer_told_again_after_the_target_hung_up_then_nobody_has_the_call() -> None:
    story = Story().answered_transfer().phone_ends("1101").answers("1101")

    assert (story.call.seat, story.call.seat_channel) == (None, None)


@pytest.mark.parametrize(
    "fact",
    [
        events.Event(Story().now),
        events.DialEnded(Story().now, "nobody", "BUSY"),
        events.DialRinging(Story().now, "nobody"),
        events.DialStarted(Story().now, "u", CALL, "PJSIP/1101-1", NUMBER, "no-such-handoff"),
        events.DialStarted(Story().now, "u", CALL, "Local/110@x-1;1", NUMBER, "h1"),
        events.ChannelAnswered(Story().now, "nobody"),
        events.ChannelGone(Story().now, "nobody", "nobody", "PJSIP/x-1", 16, None),
        events.BridgeEntered(Story().now, "nobody", "b"),
        events.BridgeLeft(Story().now, "nobody", "b"),
        events.HoldChanged(Story().now, "nobody", True),
        events.SeatAnswered(Story().now, "u", "nobody", "PJSIP/2101-1", "2101", "12345"),
        events.HandoffReported(Story().now, "gone", "h1", CALL, CALL),
        events.HandoffReported(Story().now, "answered", "no-such-handoff", CALL, CALL),
        events.HandoffReported(Story().now, "result", "no-such-handoff", CALL, CALL, status="BUSY"),
        events.ConferenceReported(Story().now, "result", "no-such-room", "target", "u", status="BUSY"),
        events.ConferenceReported(Story().now, "held", "no-such-room", "", "u"),
        events.ConferenceJoined(Story().now, "no-such-room", "u", "c"),
        events.PartyMuted(Story().now, "no-such-room", "u", True),
        events.HandoffLost(Story().now, "no-such-handoff", "?"),
        events.SeatPauseChanged(Story().now, "2101", "12345", False, ""),
    ],
)
def test_given_a_fact_about_nothing_known_then_nothing_changes(fact: events.Event) -> None:
    story = dialling()

    assert not story.tracker.apply(fact)


def test_given_channels_that_never_become_calls_then_they_are_forgotten_in_time() -> None:
    tracker = Tracker("n")
    for number in range(1500):
        tracker.apply(events.ChannelCreated(Story().now, f"u{number}", f"u{number}", f"PJSIP/1101-{number}", ""))
    assert len(tracker.book._strays) == 1000

    for number in range(1500):
        tracker.apply(events.ChannelGone(Story().now, f"u{number}", f"u{number}", "", None, None))
    assert tracker.book._strays == {}


# ------------------------------------------------------------ legs, phones, pauses


def test_legs_follow_bridges_holds_and_hang_ups() -> None:
    story = Story().talking()
    story.tell(events.HoldChanged(story.now, SEAT_ID, True), events.BridgeLeft(story.now, CALL, "b1"))

    assert (story.call.legs[SEAT_ID].held, story.call.legs[CALL].bridge) == (True, None)
    assert story.call.legs[SEAT_ID].seat == "2101"
    assert story.tracker.book.of_seat("2101") == story.call
    assert story.tracker.book.of_seat("2102") is None
    story.seat_hangs_up()
    gone = story.call.legs[SEAT_ID]
    assert gone.ended_at is not None and gone.cause == 16 and gone.bridge is None
    assert story.call.seat is None


def test_a_call_created_before_it_is_named_keeps_the_time_of_its_channel() -> None:
    story = Story().talking()

    assert story.call.legs[CALL].created_at < story.call.arrived_at
    assert story.call.legs[CALL].channel == TRUNK


def test_seats_change_only_when_their_phone_or_pause_does() -> None:
    story = Story()

    def changed(fact: events.Event) -> list[str]:
        return list(story.tracker.apply(fact).seats)

    assert changed(events.SeatPhoneChanged(story.now, "2101", "INUSE")) == ["2101"]
    assert changed(events.SeatPhoneChanged(story.now, "2101", "INUSE")) == []
    assert changed(events.SeatPauseChanged(story.now, "2101", "12345", True, "lunch")) == ["2101"]
    assert changed(events.SeatPauseChanged(story.now, "2101", "12345", True, "lunch")) == []
    assert changed(events.SeatPauseChanged(story.now, "2101", "12345", False, "")) == ["2101"]
    assert story.tracker.pauses == {}


def test_given_a_caller_who_hung_up_before_the_command_then_the_record_is_abandoned_at_once() -> None:
    story = Story().talking().asks(id="h1")
    asked = story.handoff
    other = Story()
    other.id = "h1"

    other.take(other.tracker.open_ended(asked, other.tick())).ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    assert left_behind(other.tracker) == {}
