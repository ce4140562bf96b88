"""Three-way calls, told from Asterisk's events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from telephony import events
from telephony.conference import CALLER, SEAT, TARGET, Conference, Participant, PartyState
from telephony.handoff import Decision, Handoff, Mode, Outcome, Resolution, State
from telephony.rooms import Rooms, channel_id
from tests.support.fake_asterisk import NOW
from tests.support.story import CALL, NUMBER, SEAT_PHONE, TRUNK, Story, left_behind, leg, phone, steps_of

THIRD = "h1-target"


def dialling() -> Story:
    return Story().talking().asks(mode=Mode.CONFERENCE).dials_third()


def leaves(story: Story, *parties: str) -> Story:
    for party in parties:
        {"caller": story.caller_hangs_up, "seat": story.seat_hangs_up, "target": story.third_gone}[party]()
    return story


def test_given_a_target_that_rings_then_nobody_is_disturbed() -> None:
    story = dialling().stands(State.RINGING)

    assert story.party_states() == {"caller": "joining", "seat": "joining", "target": "ringing"}
    assert (story.call.state, story.call.seat) == ("talking", "2101")


@pytest.mark.parametrize(
    ("status", "sip", "outcome"),
    [
        ("NOANSWER", None, Outcome.NO_ANSWER),
        ("BUSY", 486, Outcome.BUSY),
        ("BUSY", 603, Outcome.REJECTED),
        ("CHANUNAVAIL", None, Outcome.UNREACHABLE),
    ],
)
def test_given_a_target_that_does_not_answer_then_the_call_goes_on_with_the_first_seat(
    status: str, sip: int | None, outcome: Outcome
) -> None:
    story = dialling().phone_ends("1101", None, sip).party("result", status=status)

    story.ended(outcome, Resolution.FIRST_SEAT)
    assert (story.call.state, story.call.seat) == ("talking", "2101")
    assert story.conference.over and story.conference.party(TARGET).outcome == status  # type: ignore[union-attr]
    assert story.tracker.rooms.conferences == {}
    assert story.tracker.live_handoff(CALL) is None
    story.third_gone().caller_hangs_up().seat_hangs_up()
    assert left_behind(story.tracker) == {}


def test_given_ringing_when_the_seat_cancels_then_cancelled_although_asterisk_reports_no_result() -> None:
    story = dialling().hangs_up(THIRD).ended(Outcome.CANCELLED, Resolution.FIRST_SEAT)

    assert story.tracker.rooms.conferences == {}
    story.hangs_up(f"{THIRD}-dial").phone_ends("1101", None, 487)
    story.ended(Outcome.CANCELLED, Resolution.FIRST_SEAT)
    assert (story.call.state, story.call.seat) == ("talking", "2101")


@pytest.mark.parametrize(
    ("steps", "resolution"), [(["ring-seat"], Resolution.FIRST_SEAT), (["ring-seat", "queue"], Resolution.QUEUE)]
)
def test_given_ringing_when_the_seat_hangs_up_and_the_target_refuses_then_the_ladder_follows(
    steps: list[str], resolution: Resolution
) -> None:
    story = dialling().seat_hangs_up().phone_ends("1101", 17, 486).party("result", status="BUSY")
    story.stands(State.RINGING)

    for step in steps:
        story.step(step, status="BUSY")
    story.bridged(CALL).ended(Outcome.BUSY, resolution)


def test_given_a_target_that_is_gone_before_anybody_could_come_to_it_then_the_call_can_be_handed_over_again() -> None:
    story = dialling().party("answered", uniqueid=leg("1101"), shown=f"sip:{NUMBER}@h", seat="1101").third_gone()

    story.ended(Outcome.ANSWERED, Resolution.FIRST_SEAT)
    assert story.tracker.rooms.conferences == {}
    assert story.tracker.live_handoff(CALL) is None


def test_given_ringing_when_the_caller_hangs_up_then_abandoned() -> None:
    story = dialling().caller_hangs_up().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)

    story.seat_hangs_up().third_gone().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    assert left_behind(story.tracker) == {}


def test_given_an_answered_transfer_when_its_target_opens_a_conference_then_the_transfer_has_ended() -> None:
    story = Story().answered_transfer().asks("12345", id="h2", mode=Mode.CONFERENCE)

    assert story.handoffs["h1"].state is State.ENDED
    assert story.conference.party(SEAT).channel == phone("1101")  # type: ignore[union-attr]


def test_given_a_target_that_answers_then_all_three_are_in_the_room() -> None:
    story = Story().three_way().stands(State.ANSWERED, Outcome.ANSWERED)

    assert story.party_states() == {"caller": "joined", "seat": "joined", "target": "joined"}
    assert [party.channel for party in story.conference.present] == [
        TRUNK,
        SEAT_PHONE,
        "Local/110@conference-dial-target;1",
    ]
    assert (story.handoff.caller_seen_by_target, story.handoff.number_mismatch) == (NUMBER, False)
    assert (story.handoff.target_channel, story.handoff.target_seat) == (phone("1101"), "1101")
    assert story.tracker.live_handoff(CALL) == story.handoff


def test_given_the_answer_was_not_told_when_the_target_joins_then_answered() -> None:
    story = dialling().joins(THIRD, "Local/110@x;1").stands(State.ANSWERED, Outcome.ANSWERED)

    assert story.joins(THIRD, "Local/110@x;1").party_states()["target"] == "joined"


def test_given_the_target_joins_before_its_answer_is_told_then_its_number_is_on_record_all_the_same() -> None:
    story = Story().talking().asks(mode=Mode.CONFERENCE).joins(THIRD, "Local/110@x;1")
    assert story.handoff.caller_seen_by_target is None

    for _ in range(2):
        story.party("answered", uniqueid=leg("1101"), shown=f"<sip:{NUMBER}@127.0.0.1>", seat="1101")

    assert (story.handoff.caller_seen_by_target, story.handoff.target_seat) == (NUMBER, "1101")
    assert steps_of(story.handoff).count("shown") == 1


@pytest.mark.parametrize(
    ("order", "resolution"),
    [
        (("target", "caller", "seat"), Resolution.FIRST_SEAT),
        (("target", "seat", "caller"), Resolution.FIRST_SEAT),
        (("seat", "caller", "target"), Resolution.TARGET),
        (("seat", "target", "caller"), Resolution.TARGET),
        (("caller", "target", "seat"), Resolution.FIRST_SEAT),
        (("caller", "seat", "target"), Resolution.FIRST_SEAT),
    ],
)
def test_given_three_in_a_room_when_they_leave_then_the_caller_ended_with_who_stayed(
    order: tuple[str, ...], resolution: Resolution
) -> None:
    story = leaves(Story().three_way(), *order[:2])
    assert story.handoff.live and not story.conference.over

    leaves(story, order[2]).ended(Outcome.ANSWERED, resolution)
    assert story.conference.over and story.call.state == "ended"
    assert left_behind(story.tracker) == {}


def test_given_no_decision_when_the_room_is_over_then_the_first_receiver_keeps_the_matter() -> None:
    decision = leaves(Story().three_way(), "seat", "caller", "target").handoff.decision

    assert decision is not None
    assert (decision.accepted_by, decision.reason, decision.automatic) == ("12345", "首接负责", True)
    assert decision.decided_by is None


@pytest.mark.parametrize(("accepted_by", "resolution"), [("110", Resolution.TARGET), ("12345", Resolution.FIRST_SEAT)])
def test_given_a_decision_then_it_says_where_the_caller_ended(accepted_by: str, resolution: Resolution) -> None:
    story = Story().three_way()
    decision = Decision(accepted_by, "属公安职责", "wang", story.now)
    story.take(story.tracker.update(replace(story.handoff, decision=decision)))

    leaves(story, "target", "caller", "seat").ended(Outcome.ANSWERED, resolution)
    assert story.handoff.decision == decision


def test_given_a_room_when_a_party_is_muted_then_only_while_it_stays_in_the_room() -> None:
    story = Story().three_way()

    def muted() -> bool:
        return story.conference.party(CALLER).muted  # type: ignore[union-attr]

    story.tell(events.PartyMuted(story.now, "h1", CALL, True))
    assert muted()
    assert not story.tracker.apply(events.PartyMuted(story.now, "h1", CALL, True))
    story.tell(events.PartyMuted(story.now, "h1", CALL, False))
    assert not muted()
    story.tell(events.PartyMuted(story.now, "h1", CALL, True)).party("held", "", uniqueid=CALL)
    story.joins(CALL, TRUNK)
    assert not muted()


def test_given_a_held_party_when_it_is_taken_back_then_joined_again() -> None:
    story = Story().three_way().party("held", "", uniqueid=CALL)
    assert story.party_states()["caller"] == "held"
    assert len(story.conference.present) == 3

    assert story.joins(CALL, TRUNK).party_states()["caller"] == "joined"


def test_given_a_room_when_a_held_caller_hangs_up_then_the_others_talk_on() -> None:
    story = Story().three_way().party("held", "", uniqueid=CALL).caller_hangs_up()

    assert story.party_states() == {"caller": "left", "seat": "joined", "target": "joined"}
    story.stands(State.ANSWERED, Outcome.ANSWERED)


def with_a_fourth() -> Story:
    story = Story().three_way()
    fourth = Participant("p4", channel_id("h1", "p4"), "", target="120")
    return story.take(story.tracker.add_party(story.conference.put(fourth))).dials_third("1199", "p4", "120")


def test_given_a_room_when_a_fourth_party_answers_then_it_joins_and_may_leave() -> None:
    story = with_a_fourth().party("answered", "p4", uniqueid=leg("1199"))
    assert story.party_states()["p4"] == "joining"

    story.joins("h1-p4", "Local/120@x;1")
    assert len(story.conference.present) == 4
    assert story.handoff.target_seat == "1101"
    assert story.third_gone("1199", "p4").party_states()["p4"] == "left"
    story.stands(State.ANSWERED, Outcome.ANSWERED)


def test_given_a_fourth_party_that_does_not_answer_then_the_room_goes_on() -> None:
    story = with_a_fourth().party("result", "p4", status="BUSY").stands(State.ANSWERED, Outcome.ANSWERED)

    assert story.party_states() == {"caller": "joined", "seat": "joined", "target": "joined", "p4": "left"}
    assert story.conference.party("p4").outcome == "BUSY"  # type: ignore[union-attr]


def test_given_a_fourth_party_that_never_came_to_be_when_the_call_ends_then_its_room_ends_too() -> None:
    story = Story().three_way()
    never = Participant("p4", channel_id("h1", "p4"), "", target="120")
    story.take(story.tracker.add_party(story.conference.put(never)))

    leaves(story, "seat", "caller", "target").ended(Outcome.ANSWERED, Resolution.TARGET)
    assert story.party_states()["p4"] == "left"
    assert left_behind(story.tracker) == {}


def test_given_the_target_of_a_room_that_talked_when_its_dialling_is_reported_over_then_nothing_changes() -> None:
    story = Story().three_way()

    story.party("result", status="ANSWER").stands(State.ANSWERED, Outcome.ANSWERED)
    assert story.party_states()["target"] == "joined"


# ------------------------------------------------------------ the caller is left alone in the room


def left_alone() -> Story:
    story = Story().three_way().party("held", "", uniqueid=CALL)
    return leaves(story, "target", "seat")


def test_given_a_held_caller_whom_everybody_left_when_a_seat_answers_then_first_seat() -> None:
    story = left_alone().step("ring-seat").stands(State.ANSWERED, Outcome.ANSWERED)

    story.bridged(CALL).ended(Outcome.ANSWERED, Resolution.FIRST_SEAT)
    assert story.handoff.decision is not None
    assert story.tracker.rooms.conferences == {}
    assert story.tracker.live_handoff(CALL) is None, "the seat may hand the caller over again"


def test_given_a_caller_left_alone_when_the_queue_serves_then_queue() -> None:
    left_alone().step("ring-seat").step("queue").bridged(CALL).ended(Outcome.ANSWERED, Resolution.QUEUE)


def test_given_a_caller_left_alone_when_nobody_comes_then_a_call_back_is_ordered() -> None:
    story = left_alone().step("queue").step("call-back").ended(Outcome.ANSWERED, Resolution.CALLBACK_ORDER)

    story.caller_hangs_up()
    assert left_behind(story.tracker) == {}


def test_given_a_caller_left_alone_when_the_caller_hangs_up_on_the_ladder_then_caller_hung_up() -> None:
    story = left_alone().step("queue").caller_hangs_up()

    story.ended(Outcome.ANSWERED, Resolution.CALLER_HUNG_UP)
    assert left_behind(story.tracker) == {}


# ------------------------------------------------------------ the book of rooms by itself


def test_a_rooms_resolution_without_all_three_is_the_first_seat() -> None:
    handoff = Handoff("h1", CALL, Mode.CONFERENCE, "110", NOW, "n")
    left = Participant(SEAT, "s", "", state=PartyState.LEFT, left_at=NOW)
    late = Participant(TARGET, "t", "", state=PartyState.LEFT, left_at=NOW + timedelta(seconds=1))

    assert Rooms().resolution(handoff, Conference("h1", CALL, NOW, (left, late))) is Resolution.FIRST_SEAT


@pytest.mark.parametrize("changes", [{"outcome": None}, {"from_line": None}])
def test_a_room_that_never_was_or_came_from_nowhere_gets_no_automatic_decision(changes: dict[str, None]) -> None:
    asked = Handoff("h1", CALL, Mode.CONFERENCE, "110", NOW, "n", outcome=Outcome.ANSWERED, from_line="12345")
    without = replace(asked, **changes)  # type: ignore[arg-type]  # both fields may be None

    assert Rooms().close(without, NOW) is without


def test_a_channel_of_nobody_in_a_room_changes_no_room() -> None:
    story = Story().three_way()
    rooms = story.tracker.rooms

    assert rooms.gone(events.ChannelGone(NOW, "nobody", "", "", None, None)) is None
    assert rooms.join(events.ConferenceJoined(NOW, "h1", "nobody", "")) is None
    assert rooms.mute(events.PartyMuted(NOW, "h1", "nobody", True)) is None
    assert rooms.report(events.ConferenceReported(NOW, "held", "h1", "", "nobody")) is None
    assert rooms.report(events.ConferenceReported(NOW, "no such step", "h1", TARGET, "")) is None
    assert rooms.call_id("nobody") is None


def test_given_a_call_without_a_known_seat_leg_then_its_room_can_still_be_opened_and_ended() -> None:
    call = Story().talking().call
    story = Story()
    story.tracker.adopt([replace(call, legs={CALL: call.legs[CALL]})], [], [])
    room = story.asks(mode=Mode.CONFERENCE).conference

    assert room.party(SEAT) == Participant(SEAT, "", SEAT_PHONE, state=PartyState.JOINING)
    story.caller_hangs_up().ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    assert left_behind(story.tracker) == {}


def test_given_a_conference_whose_room_is_not_known_when_its_caller_finds_a_human_then_it_ends_all_the_same() -> None:
    story = Story()
    told = Story().three_way()
    story.id = "h1"
    story.tracker.adopt([told.call], [told.handoff], [])

    story.step("queue").bridged(CALL).ended(Outcome.ANSWERED, Resolution.QUEUE)


@pytest.mark.parametrize(
    ("told", "outcome"), [(dialling, Outcome.CANCELLED), (lambda: Story().three_way(), Outcome.ANSWERED)]
)
def test_given_a_conference_when_the_phone_hands_the_caller_on_then_its_room_is_over(
    told: Callable[[], Story], outcome: Outcome
) -> None:
    story = told().step("start", id="k1", via="refer", target="120")

    assert (story.handoffs["h1"].outcome, story.handoffs["h1"].resolution) == (outcome, Resolution.FIRST_SEAT)
    assert story.conferences["h1"].over and story.tracker.rooms.conferences == {}
    story.stands(State.REDIRECTED)


def test_given_a_held_target_when_it_is_told_by_name_then_held() -> None:
    assert Story().three_way().party("held", TARGET, uniqueid=THIRD).party_states()["target"] == "held"
