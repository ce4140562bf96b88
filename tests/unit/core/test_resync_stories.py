"""A lost link, or a restart: what Asterisk shows afterwards settles every record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from telephony import events
from telephony.events import ChannelSnapshot
from telephony.handoff import Outcome, Resolution, State
from telephony.resync import VARIABLES, missed
from tests.support.story import (
    CALL,
    GAPS,
    NUMBER,
    SEAT_ID,
    SEAT_PHONE,
    TRUNK,
    Gap,
    Story,
    left_behind,
    phone,
    restarted,
    ringing_phone,
    story_caller,
)


def asked() -> Story:
    return Story().talking().asks()


def redirected() -> Story:
    return asked().starts()


def ringing() -> Story:
    return redirected().rings("1101")


def failed() -> Story:
    return ringing().phone_ends("1101", 17, 486).step("result", status="BUSY")


def answered() -> Story:
    return ringing().answers("1101")


UNANSWERED = [asked, redirected, ringing, failed]


Told = Callable[[], Story]


@pytest.mark.parametrize("told", [*UNANSWERED, answered])
def test_given_any_live_handoff_when_the_link_is_lost_then_unknown(told: Told) -> None:
    story = told()
    before = story.handoff
    story.link_lost().stands(State.UNKNOWN, before.outcome, before.resolution)

    again = story.handoff
    assert story.link_lost().handoff == again


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("told", UNANSWERED)
class TestUnansweredTransfer:
    """Whatever had been told before the gap."""

    def test_given_it_still_rings_then_ringing(self, told: Told, gap: Gap) -> None:
        story = gap(told()).link_back(
            story_caller(HANDOFF_STATE="dialling"), Story().seat_channel(), ringing_phone("1101")
        )
        if told is failed:  # rang another one since: the failure told before stands
            assert story.handoff.live
        else:
            story.stands(State.RINGING)
            assert story.handoff.caller_seen_by_target == NUMBER
            assert story.handoff.target_channel == phone("1101")
            story.answers("1101").stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)

    def test_given_the_target_has_answered_then_answered(self, told: Told, gap: Gap) -> None:
        caller = story_caller(
            "b2", HANDOFF_STATE="answered", HOTLINE_LINE="110", SEAT="1102", SEAT_CHANNEL=phone("1102")
        )
        story = gap(told()).link_back(caller, Story().phone_channel("1102", up=True, bridge="b2"))

        story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
        assert (story.handoff.target_channel, story.handoff.target_seat) == (phone("1102"), "1102")
        assert (story.call.seat, story.call.seat_channel, story.call.line) == ("1102", phone("1102"), "110")
        assert story.call.legs[SEAT_ID].ended_at is not None
        assert story.handoff.from_line == "12345" and story.handoff.from_seat == "2101"

    def test_given_the_target_has_answered_and_gone_then_answered(self, told: Told, gap: Gap) -> None:
        caller = story_caller(HANDOFF_STATE="answered", SEAT="1101", SEAT_CHANNEL=phone("1101"))
        story = gap(told()).link_back(caller).stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)

        assert story.handoff.target_channel != TRUNK and story.call.legs[CALL].seat is None

    def test_given_the_caller_talks_with_the_seat_again_then_ended(self, told: Told, gap: Gap) -> None:
        caller = story_caller("b3", HANDOFF_STATE="back", HANDOFF_STATUS="BUSY")

        gap(told()).link_back(caller, Story().seat_channel("b3")).ended(Outcome.BUSY, Resolution.FIRST_SEAT)

    def test_given_the_caller_waits_in_the_queue_then_the_queue_ends_it(self, told: Told, gap: Gap) -> None:
        caller = story_caller(HANDOFF_STATE="queue", HANDOFF_STATUS="BUSY", SEAT="", SEAT_CHANNEL="")
        story = gap(told()).link_back(caller)
        assert story.handoff.live and story.handoff.rung is Resolution.QUEUE

        story.bridged(CALL).ended(Outcome.BUSY, Resolution.QUEUE)

    def test_given_a_call_back_was_ordered_then_ended(self, told: Told, gap: Gap) -> None:
        caller = story_caller(HANDOFF_STATE="call-back", HANDOFF_STATUS="BUSY", SEAT="", SEAT_CHANNEL="")

        gap(told()).link_back(caller).ended(Outcome.BUSY, Resolution.CALLBACK_ORDER)

    def test_given_asterisk_knows_nothing_of_it_then_failed_with_the_first_seat(self, told: Told, gap: Gap) -> None:
        caller = story_caller("b1", HANDOFF_ID="", HANDOFF_TARGET="")
        story = gap(told()).link_back(caller, Story().seat_channel("b1"))

        outcome = Outcome.BUSY if told is failed else Outcome.FAILED
        story.ended(outcome, Resolution.FIRST_SEAT)
        assert story.tracker.live_handoff(CALL) is None

    def test_given_the_call_is_gone_then_ended_and_forgotten(self, told: Told, gap: Gap) -> None:
        story = gap(told()).link_back()

        story.ended(Outcome.BUSY if told is failed else Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
        assert story.call.state == "ended"
        assert left_behind(story.tracker) == {}


@pytest.mark.parametrize("gap", GAPS)
def test_given_the_caller_is_at_the_door_of_the_dialplan_then_it_has_the_last_word(gap: Gap) -> None:
    story = gap(asked())
    caller = replace(story_caller(HANDOFF_ID=""), exten=f"110.{story.id}.wait.7")
    story.link_back(caller, Story().seat_channel())
    assert story.handoff.live

    story.starts().rings("1101").stands(State.RINGING)


@pytest.mark.parametrize("gap", GAPS)
def test_given_its_command_came_too_late_then_failed_and_still_with_the_seat(gap: Gap) -> None:
    story = gap(asked())
    caller = replace(story_caller(HANDOFF_ID=""), exten=f"110.{story.id}.wait.7")
    story.link_back(caller, Story().seat_channel())

    story.tell(events.HandoffLost(story.now, story.id, "too late"))

    story.ended(Outcome.FAILED, Resolution.FIRST_SEAT)


@pytest.mark.parametrize("gap", GAPS)
def test_given_the_caller_is_at_the_door_for_another_handoff_then_the_first_never_began(gap: Gap) -> None:
    story = gap(asked())
    caller = replace(story_caller(HANDOFF_ID=""), exten="110.another.wait.7")

    story.link_back(caller, Story().seat_channel()).ended(Outcome.FAILED, Resolution.FIRST_SEAT)


@pytest.mark.parametrize("gap", GAPS)
def test_given_an_answered_transfer_when_nothing_has_changed_then_answered_again(gap: Gap) -> None:
    caller = story_caller("b2", HANDOFF_STATE="answered", HOTLINE_LINE="110", SEAT="1101", SEAT_CHANNEL=phone("1101"))
    story = gap(Story().answered_transfer())
    story.link_back(caller, Story().phone_channel("1101", up=True, bridge="b2"))

    story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
    assert story.handoff.caller_seen_by_target == NUMBER
    assert story.tracker.live_handoff(CALL) is None


@pytest.mark.parametrize("gap", GAPS)
def test_given_an_answered_transfer_when_all_are_gone_then_ended(gap: Gap) -> None:
    story = gap(Story().answered_transfer()).link_back().ended(Outcome.ANSWERED, Resolution.TARGET)

    assert left_behind(story.tracker) == {}


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize(("state", "resolution"), [("back", Resolution.FIRST_SEAT), ("queue", Resolution.QUEUE)])
def test_given_a_target_that_had_the_caller_for_a_moment_when_the_ladder_is_seen_then_it_is_known_again(
    gap: Gap, state: str, resolution: Resolution
) -> None:
    story = gap(Story().answered_transfer().step("ring-seat"))
    story.link_back(story.caller_channel(HANDOFF_STATE=state, SEAT="", SEAT_CHANNEL=""))

    story.stands(State.ANSWERED, Outcome.ANSWERED).bridged(CALL).ended(Outcome.ANSWERED, resolution)


def test_given_a_click_when_an_earlier_handoff_is_learnt_of_later_then_the_click_is_not_cancelled() -> None:
    story = Story().talking()
    before = story.tick()
    story.asks(id="h1").link_lost()
    earlier = events.HandoffReported(before, "start", "k1", CALL, CALL, via="key", target="120")
    story.take(story.tracker.apply(earlier))
    assert story.handoffs["h1"].outcome is None

    story.starts().stands(State.REDIRECTED)
    assert story.handoffs["k1"].outcome is Outcome.CANCELLED


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("state", ["dialling", "queue", "back"])
def test_given_a_phone_started_another_handoff_unheard_then_both_records_are_right(gap: Gap, state: str) -> None:
    story = gap(Story().answered_transfer())
    story.id = "k1"
    caller = story_caller(
        HANDOFF_ID="k1",
        HANDOFF_VIA="key",
        HANDOFF_TARGET="120",
        HANDOFF_STATE=state,
        HANDOFF_STATUS="" if state == "dialling" else "BUSY",
        HOTLINE_LINE="110",
        SEAT="1101",
        SEAT_CHANNEL=phone("1101"),
    )
    story.link_back(caller, Story().phone_channel("1101", up=True))

    assert story.handoffs["h1"].state is State.ENDED
    assert (story.handoff.via, story.handoff.target, story.handoff.from_line) == ("key", "120", "110")
    assert story.handoff.live
    if state != "dialling":
        story.bridged(CALL).ended(Outcome.BUSY, {"queue": Resolution.QUEUE}.get(state, Resolution.FIRST_SEAT))


def test_given_a_phones_handoff_rang_unheard_then_it_rings_on_record() -> None:
    story = Story().talking().link_lost()
    story.id = "k1"
    target = story.phone_channel("1101", up=False)
    story.link_back(story.caller_channel(HANDOFF_VIA="key", HANDOFF_STATE="dialling"), story.seat_channel(), target)

    story.stands(State.RINGING)


def test_given_a_phones_handoff_was_answered_unheard_then_it_came_from_who_had_the_call_before() -> None:
    story = Story().talking().link_lost()
    story.id = "k1"
    caller = story.caller_channel(
        "b2", HANDOFF_VIA="refer", HANDOFF_STATE="answered", HOTLINE_LINE="110", SEAT="1101",
        SEAT_CHANNEL=phone("1101"), HANDOFF_RELEASE="now",
    )  # fmt: skip
    story.link_back(caller, story.phone_channel("1101", up=True, bridge="b2"))

    story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
    assert (story.handoff.from_line, story.handoff.from_seat) == ("12345", "2101")
    assert story.call.seat == "1101"


def test_given_a_call_nobody_knew_that_was_answered_unheard_then_who_had_it_first_is_not_invented() -> None:
    story = Story()
    story.id = "k1"
    caller = story.caller_channel(
        "b2", HANDOFF_STATE="answered", HOTLINE_LINE="110", SEAT="1101", SEAT_CHANNEL=phone("1101")
    )
    story.link_back(caller, story.phone_channel("1101", up=True, bridge="b2"))

    story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
    assert (story.handoff.from_line, story.handoff.from_seat) == (None, None)


def test_given_a_handoff_that_is_over_when_its_variables_are_still_there_then_no_second_record() -> None:
    story = failed().step("back", status="BUSY").bridged(CALL).ended(Outcome.BUSY, Resolution.FIRST_SEAT)
    caller = story.caller_channel("b1", HANDOFF_STATE="back", HANDOFF_STATUS="BUSY")

    story.link_lost().link_back(caller, story.seat_channel("b1")).ended(Outcome.BUSY, Resolution.FIRST_SEAT)
    assert restarted(story).link_back(caller, story.seat_channel("b1")).tracker.handoffs == {}


def test_given_facts_from_before_the_snapshot_when_they_come_after_it_then_nothing_is_undone() -> None:
    story = ringing().link_lost()
    caller = story.caller_channel("b3", HANDOFF_STATE="back", HANDOFF_STATUS="BUSY")
    story.link_back(caller, story.seat_channel("b3")).ended(Outcome.BUSY, Resolution.FIRST_SEAT)

    story.starts().rings("1101").phone_ends("1101", 17, 486).step("result", status="BUSY").step("back")
    story.bridged(CALL, bridge="b3").ended(Outcome.BUSY, Resolution.FIRST_SEAT)
    assert (story.call.seat, story.call.seat_channel) == ("2101", SEAT_PHONE)


def test_given_a_refusal_that_only_the_snapshot_tells_then_it_is_what_the_phone_said() -> None:
    caller = story_caller("b3", HANDOFF_STATE="back", HANDOFF_STATUS="CHANUNAVAIL", HANDOFF_SIP="603")
    story = ringing().link_lost().link_back(caller, Story().seat_channel("b3"))

    story.ended(Outcome.REJECTED, Resolution.FIRST_SEAT)


# ------------------------------------------------------------ calls


def test_given_a_call_that_came_while_nobody_listened_then_it_is_found() -> None:
    story = Story()
    caller = story.caller_channel("b1", HANDOFF_ID="", HOTLINE_NAME="张三", HOTLINE_PRES="allowed")
    story.link_back(caller, story.seat_channel("b1"))

    assert (story.call.original_caller, story.call.caller_name, story.call.trunk) == (NUMBER, "张三", "pstn-n")
    assert (story.call.line, story.call.seat, story.call.seat_channel) == ("12345", "2101", SEAT_PHONE)
    assert story.call.state == "talking"


def test_given_channels_that_are_no_calls_then_they_are_no_calls() -> None:
    stray = ChannelSnapshot("n-9", "n-9", "PJSIP/1101-9", True, "1101", "", 3)

    assert Story().link_back(stray).calls == {}


def test_given_a_restart_of_asterisk_then_every_call_has_ended() -> None:
    story = Story().three_way().link_lost().link_back()

    assert story.call.state == "ended"
    story.ended(Outcome.ANSWERED, Resolution.FIRST_SEAT)
    assert left_behind(story.tracker) == {}


def test_given_records_without_legs_or_without_their_call_when_nothing_is_there_then_they_end() -> None:
    story = ringing()
    handoff, call = story.handoff, story.call
    without_call, without_legs = Story(), Story()
    for other in (without_call, without_legs):
        other.id = "h1"
    without_call.tracker.adopt([], [handoff], [])
    bare = type(call)(call.id, "n", call.arrived_at, call.caller_channel)
    without_legs.tracker.adopt([bare], [handoff], [])

    without_call.link_back().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    without_legs.link_back().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    assert without_legs.call.state == "ended"
    assert left_behind(without_call.tracker) == left_behind(without_legs.tracker) == {}


def test_given_a_leg_that_left_its_bridge_unheard_then_it_is_in_none() -> None:
    story = Story().talking().link_lost()
    story.link_back(story.caller_channel("", HANDOFF_ID=""), story.seat_channel("b1"))

    assert (story.call.legs[CALL].bridge, story.call.legs[SEAT_ID].bridge) == (None, "b1")


def test_given_phones_and_pauses_changed_unheard_then_they_are_as_the_snapshot_says() -> None:
    story = Story().tell(
        events.SeatPhoneChanged(Story().now, "2101", "INUSE"),
        events.SeatPauseChanged(Story().now, "2101", "12345", True, "lunch"),
        events.SeatPauseChanged(Story().now, "2102", "12345", True, "lunch"),
    )
    snapshot = events.LinkRestored(
        story.tick(),
        (),
        {},
        {"2101": "NOT_INUSE"},
        (
            events.SeatPauseChanged(story.now, "2102", "12345", True, "training"),
            events.SeatPauseChanged(story.now, "2103", "12345", False, ""),
        ),
    )
    for fact in missed(story.tracker, snapshot):
        story.take(story.tracker.apply(fact))

    assert story.tracker.phones == {"2101": "NOT_INUSE"}
    assert story.tracker.pauses == {("2102", "12345"): "training"}


def test_the_snapshot_asks_for_every_variable_that_is_read() -> None:
    assert {"HANDOFF_ID", "HANDOFF_STATE", "HANDOFF_STATUS", "SEAT_CHANNEL", "CONFERENCE"} <= set(VARIABLES)


@pytest.mark.parametrize("gap", GAPS)
def test_given_an_answer_that_the_snapshot_shows_when_it_is_told_after_it_then_its_number_is_on_record(
    gap: Gap,
) -> None:
    caller = story_caller("b2", HANDOFF_STATE="answered", HOTLINE_LINE="110", SEAT="1101", SEAT_CHANNEL=phone("1101"))
    seen = replace(Story().phone_channel("1101", up=True, bridge="b2"), shown="")
    story = gap(asked()).link_back(replace(caller, variables=caller.variables | {"HANDOFF_ID": "h1"}), seen)
    story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
    assert story.handoff.caller_seen_by_target is None

    story.answers("1101")

    assert (story.handoff.caller_seen_by_target, story.handoff.number_mismatch) == (NUMBER, False)
