"""One-key transfer, told from Asterisk's events: each outcome and each place where the caller may end."""

from __future__ import annotations

import pytest

from telephony import events
from telephony.handoff import Mode, Outcome, Release, Resolution, State, durations_ms
from tests.support.story import CALL, NUMBER, SEAT_ID, Story, left_behind, leg, phone, steps_of

NOBODY = Release.NOW


def dialling() -> Story:
    return Story().talking().asks().starts().rings("1101")


def refused(status: str, cause: int | None, sip: int | None) -> Story:
    """The only phone of the target has refused, and the dialplan says so."""
    return dialling().phone_ends("1101", cause, sip).step("result", status=status)


def back_with_the_seat(story: Story) -> Story:
    return story.step("back", status="BUSY").bridged(SEAT_ID, CALL)


def test_given_a_call_when_a_seat_answers_then_the_call_is_with_that_seat() -> None:
    call = Story().talking().call

    assert (call.state, call.line, call.seat, call.original_caller) == ("talking", "12345", "2101", NUMBER)
    assert call.first_line == "12345" and call.answered_at is not None


def test_given_ringing_when_the_target_answers_then_answered_with_the_target() -> None:
    story = dialling().answers("1101").stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
    record = story.handoff

    assert (record.caller_seen_by_target, record.number_mismatch) == (NUMBER, False)
    assert (record.target_channel, record.target_seat) == (phone("1101"), "1101")
    assert (story.call.line, story.call.seat, story.call.seat_channel) == ("110", "1101", phone("1101"))
    assert steps_of(record) == ["started", "rings", "answers"]
    assert durations_ms(record)["to_ringing"] == 400


def test_given_an_answered_transfer_when_the_first_seat_leaves_then_the_call_stays_with_the_target() -> None:
    story = Story().answered_transfer()

    assert (story.call.seat, story.call.state) == ("1101", "talking")
    story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)


def left_at_once() -> Story:
    """The target answered, hung up in the same breath, and the first seat is rung again."""
    return Story().answered_transfer().phone_ends("1101").step("ring-seat", status="ANSWER", seat="2101")


def test_given_a_target_that_hangs_up_at_once_when_the_first_seat_answers_then_answered_and_with_the_first_seat() -> (
    None
):
    story = left_at_once().stands(State.ANSWERED, Outcome.ANSWERED, None)

    story.bridged(CALL).ended(Outcome.ANSWERED, Resolution.FIRST_SEAT)
    assert steps_of(story.handoff) == ["started", "rings", "answers", "rung", "parted"]


def test_given_a_target_that_hangs_up_at_once_when_nobody_else_answers_then_queue_and_call_back() -> None:
    left_at_once().step("queue").bridged(CALL).ended(Outcome.ANSWERED, Resolution.QUEUE)
    left_at_once().step("queue").step("call-back").ended(Outcome.ANSWERED, Resolution.CALLBACK_ORDER)


def test_given_a_target_that_hangs_up_at_once_when_the_caller_does_too_then_caller_hung_up() -> None:
    left_at_once().caller_hangs_up().ended(Outcome.ANSWERED, Resolution.CALLER_HUNG_UP)


def test_given_an_answered_transfer_when_both_hang_up_then_ended_and_forgotten() -> None:
    story = Story().answered_transfer().caller_hangs_up().phone_ends("1101")

    story.ended(Outcome.ANSWERED, Resolution.TARGET)
    assert story.call.state == "ended"
    assert left_behind(story.tracker) == {}


@pytest.mark.parametrize(
    ("status", "cause", "sip", "outcome"),
    [
        ("BUSY", 17, 486, Outcome.BUSY),
        ("BUSY", 21, 603, Outcome.REJECTED),
        ("CONGESTION", 21, 403, Outcome.REJECTED),
        ("NOANSWER", 16, None, Outcome.NO_ANSWER),
        ("CHANUNAVAIL", 20, 503, Outcome.UNREACHABLE),
    ],
)
def test_given_a_target_that_refuses_when_caller_and_seat_are_bridged_again_then_first_seat(
    status: str, cause: int, sip: int | None, outcome: Outcome
) -> None:
    story = refused(status, cause, sip).stands(State.RINGING)
    back_with_the_seat(story).ended(outcome, Resolution.FIRST_SEAT)

    assert (story.handoff.hangup_cause, story.handoff.sip_code) == (cause, sip)
    assert story.call.seat == "2101"
    assert story.tracker.live_handoff(CALL) is None


def test_given_nobody_to_ring_then_unreachable_without_a_single_phone() -> None:
    story = Story().talking().asks().starts().step("result", status="CHANUNAVAIL")

    back_with_the_seat(story).ended(Outcome.UNREACHABLE, Resolution.FIRST_SEAT)


def test_given_a_desk_where_one_is_busy_and_one_silent_then_no_answer_and_not_busy() -> None:
    story = Story().talking().asks().starts().rings("1101", "1102")
    story.phone_ends("1101", 17, 486).phone_ends("1102", 16, None).step("result", status="NOANSWER")

    back_with_the_seat(story).ended(Outcome.NO_ANSWER, Resolution.FIRST_SEAT)
    assert story.handoff.sip_code is None


def test_given_the_dialplan_tells_the_refusal_before_the_phones_end_is_told_then_the_outcome_is_right() -> None:
    story = Story().talking().asks().starts().rings("1101")
    story.step("result", status="CONGESTION", sip_code=403, cause=21).phone_ends("1101", 21, 403)

    back_with_the_seat(story).ended(Outcome.REJECTED, Resolution.FIRST_SEAT)
    assert (story.handoff.sip_code, story.handoff.hangup_cause) == (403, 21)


def test_given_a_desk_where_one_phone_has_not_ended_yet_then_the_others_answer_is_not_taken_for_all() -> None:
    story = Story().talking().asks().starts().rings("1101", "1102").phone_ends("1101", 21, 603)

    back_with_the_seat(story.step("result", status="NOANSWER")).ended(Outcome.NO_ANSWER, Resolution.FIRST_SEAT)


def test_given_a_desk_when_every_phone_refuses_alike_then_rejected() -> None:
    story = Story().talking().asks().starts().rings("1101", "1102")
    story.phone_ends("1101", 21, 603).phone_ends("1102", 21, 603).step("result", status="BUSY")

    back_with_the_seat(story).ended(Outcome.REJECTED, Resolution.FIRST_SEAT)


def test_given_a_desk_when_the_second_phone_answers_then_the_record_names_that_one() -> None:
    story = Story().talking().asks().starts().rings("1101", "1102").answers("1102").phone_ends("1101", 26)

    story.stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)
    assert (story.handoff.target_channel, story.handoff.target_seat) == (phone("1102"), "1102")


def test_given_ringing_when_the_caller_hangs_up_then_abandoned() -> None:
    story = dialling().caller_hangs_up().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)

    assert story.handoff.hangup_cause == 16
    story.phone_ends("1101").seat_hangs_up()
    assert left_behind(story.tracker) == {}


def test_given_a_handoff_just_asked_for_when_the_caller_hangs_up_then_abandoned() -> None:
    Story().talking().asks().caller_hangs_up().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)


def test_given_ringing_when_the_seat_takes_the_caller_back_then_cancelled() -> None:
    story = dialling().phone_ends("1101", 16, 487).step("result", status="CANCELLED")

    back_with_the_seat(story).ended(Outcome.CANCELLED, Resolution.FIRST_SEAT)


def test_given_a_seat_that_has_gone_when_its_phone_is_rung_and_answers_then_first_seat() -> None:
    story = refused("BUSY", 17, 486).seat_hangs_up().step("ring-seat", status="BUSY")
    again = events.SeatAnswered(story.now, leg("2101"), CALL, phone("2101"), "2101", "12345")
    story.tell(events.ChannelCreated(story.now, leg("2101"), CALL, phone("2101"), "2101"), again)

    story.bridged(leg("2101"), CALL).ended(Outcome.BUSY, Resolution.FIRST_SEAT)
    assert story.call.seat_channel == phone("2101")


def test_given_the_ladder_when_the_seats_phone_is_rung_then_it_is_no_target() -> None:
    story = refused("BUSY", 17, 486).step("ring-seat", status="BUSY").rings("2101")

    assert story.tracker.targets.legs == {}
    assert story.handoff.target_seat == "1101"


def test_given_no_first_seat_when_the_queue_serves_the_caller_then_queue() -> None:
    story = refused("NOANSWER", None, None).step("ring-seat", status="NOANSWER").step("queue", status="NOANSWER")

    assert story.handoff.rung is Resolution.QUEUE
    story.bridged(CALL).ended(Outcome.NO_ANSWER, Resolution.QUEUE)


def test_given_a_queue_where_nobody_comes_then_a_call_back_is_ordered() -> None:
    story = refused("NOANSWER", None, None).step("queue", status="NOANSWER").step("call-back", status="NOANSWER")

    story.ended(Outcome.NO_ANSWER, Resolution.CALLBACK_ORDER)


@pytest.mark.parametrize("rung", ["back", "ring-seat", "queue"])
def test_given_a_caller_on_the_ladder_when_the_caller_hangs_up_then_the_outcome_is_the_targets(rung: str) -> None:
    story = refused("BUSY", 17, 486).step(rung, status="BUSY").caller_hangs_up()

    story.ended(Outcome.BUSY, Resolution.CALLER_HUNG_UP)
    assert story.handoff.hangup_cause == 17


def test_given_the_failure_was_not_told_when_the_caller_is_on_the_ladder_then_the_rung_tells_it() -> None:
    story = dialling().step("back", status="NOANSWER").bridged(CALL)

    story.ended(Outcome.NO_ANSWER, Resolution.FIRST_SEAT)


def test_given_only_the_call_back_was_told_then_it_ends_with_its_status() -> None:
    dialling().step("call-back", status="BUSY").ended(Outcome.BUSY, Resolution.CALLBACK_ORDER)


@pytest.mark.parametrize(("via", "release"), [("key", "on_answer"), ("refer", "now")])
def test_given_no_click_when_the_seats_phone_starts_a_handoff_then_it_has_a_record(via: str, release: str) -> None:
    story = Story().talking().step("start", id="k1", via=via, target="110", from_line="12345", seat="2101",
                                   release=release)  # fmt: skip
    record = story.stands(State.REDIRECTED).handoff

    assert (record.via, record.release, record.mode) == (via, Release(release), Mode.TRANSFER)
    assert (record.from_line, record.from_seat, record.requested_by) == ("12345", "2101", "2101")
    assert record.original_caller == NUMBER
    story.rings("1101").answers("1101").stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)


def test_given_a_phone_that_says_little_then_the_record_says_phone() -> None:
    record = Story().talking().step("start", id="k1", target="110").handoff

    assert (record.via, record.from_line, record.from_seat) == ("phone", None, None)


def test_given_a_call_nobody_knows_when_a_phone_hands_it_over_then_no_record_that_could_never_end() -> None:
    story = Story().step("start", id="k1", target="110")

    assert story.handoffs == {} and left_behind(story.tracker) == {}


def test_given_an_answered_transfer_when_the_target_hands_on_then_the_first_one_ends_and_a_second_begins() -> None:
    story = Story().answered_transfer()
    first = story.handoff
    assert story.tracker.live_handoff(CALL) is None

    story.asks("12345", id="h2").starts(target="12345", from_line="110", seat="1101")

    assert story.handoffs[first.id].state is State.ENDED
    assert story.handoffs[first.id].resolution is Resolution.TARGET
    assert (story.handoff.from_line, story.handoff.from_seat) == ("110", "1101")
    story.rings("2102").answers("2102").stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)


def test_given_ringing_when_the_phone_starts_another_handoff_then_the_first_one_is_cancelled() -> None:
    story = dialling().step("start", id="k1", via="key", target="120")

    assert (story.handoffs["h1"].outcome, story.handoffs["h1"].resolution) == (
        Outcome.CANCELLED,
        Resolution.FIRST_SEAT,
    )
    assert story.tracker.live_handoff(CALL) == story.handoff


def test_given_a_click_on_its_way_when_the_phone_is_first_then_the_click_may_still_win() -> None:
    story = Story().talking().asks(id="h1").step("start", id="k1", via="key", target="120")
    assert story.handoffs["h1"].state is State.REQUESTED

    story.step("start", id="h1", target="110").stands(State.REDIRECTED)
    assert story.handoffs["k1"].outcome is Outcome.CANCELLED


def test_given_a_target_that_is_shown_another_number_then_the_record_says_so() -> None:
    story = dialling().answers("1101", shown="<sip:2101@127.0.0.1>")

    assert (story.handoff.caller_seen_by_target, story.handoff.number_mismatch) == ("2101", True)


def test_given_another_form_of_the_same_number_then_it_is_no_mismatch() -> None:
    assert not dialling().answers("1101", shown="<sip:+8613800001111@h>").handoff.number_mismatch


def test_given_a_withheld_number_when_its_display_is_anonymous_then_the_identity_header_counts() -> None:
    story = dialling().answers("1101", shown="<sip:anonymous@anonymous.invalid>")

    assert (story.handoff.caller_seen_by_target, story.handoff.number_mismatch) == (NUMBER, False)


def test_given_no_number_at_all_then_none_is_invented_and_none_is_missed() -> None:
    story = Story(number="").talking().asks().starts().rings("1101")
    story.answers("1101", shown="<sip:anonymous@anonymous.invalid>")

    assert story.call.original_caller is None
    assert (story.handoff.original_caller, story.handoff.number_mismatch) == (None, False)
    assert not story.handoff.caller_seen_by_target


def test_given_a_linked_number_when_it_answers_then_no_seat_has_the_call() -> None:
    story = Story().talking().asks("120").starts(target="120")
    story.tell(
        events.ChannelCreated(story.now, "n-120", CALL, "PJSIP/pstn-00000009", "120"),
        events.DialStarted(story.now, "n-120", CALL, "PJSIP/pstn-00000009", NUMBER, "h1"),
    ).step("answered", uniqueid="n-120", shown=f"sip:{NUMBER}@h")

    assert (story.call.line, story.call.seat, story.call.seat_channel) == ("120", None, "PJSIP/pstn-00000009")
    assert story.handoff.target_seat is None


def test_given_a_release_at_once_when_the_seat_leaves_then_the_handoff_goes_on() -> None:
    story = Story().talking().asks(release=NOBODY).starts(release="now").seat_hangs_up()

    assert (story.call.seat, story.call.state) == (None, "waiting")
    story.rings("1101").answers("1101").stands(State.ANSWERED, Outcome.ANSWERED, Resolution.TARGET)


def test_given_a_phone_whose_end_is_told_after_the_result_then_the_dialplans_own_answer_counts() -> None:
    said = events.HandoffReported(Story().now, "result", "h1", CALL, CALL, status="CONGESTION", sip_code=403, cause=21)

    back_with_the_seat(dialling().tell(said).phone_ends("1101", 21, 403)).ended(Outcome.REJECTED, Resolution.FIRST_SEAT)


def test_given_a_command_that_asterisk_never_got_when_the_seat_takes_its_phone_then_the_first_failed() -> None:
    story = Story().talking().asks(id="h1").link_lost().step("start", id="k1", via="key", target="120")

    first = story.handoffs["h1"]
    assert (first.state, first.outcome, first.resolution) == (State.ENDED, Outcome.FAILED, Resolution.FIRST_SEAT)
    assert first.timeline[-1].detail == {"next": "k1"}
    story.stands(State.REDIRECTED)
