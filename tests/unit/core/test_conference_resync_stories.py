"""Three-way calls and a lost link, or a restart."""

from __future__ import annotations

import pytest

from telephony.conference import TARGET, Participant
from telephony.events import ChannelSnapshot
from telephony.handoff import Mode, Outcome, Resolution, State
from telephony.rooms import channel_id
from tests.support.story import CALL, GAPS, SEAT_ID, Gap, Story, left_behind, leg, ringing_phone, story_caller

IN_ROOM = {"h1": ("h1-target", SEAT_ID, CALL)}


def dialling() -> Story:
    return Story().talking().asks(mode=Mode.CONFERENCE).dials_third()


def three() -> Story:
    return Story().three_way()


def in_conference(bridge: str = "b1", **variables: str) -> ChannelSnapshot:
    return story_caller(bridge, HANDOFF_STATE="conference", CONFERENCE="h1", **variables)


def third() -> ChannelSnapshot:
    story = Story()
    story.id = "h1"
    return story.third_channel()


@pytest.mark.parametrize("gap", GAPS)
def test_given_a_third_that_still_rings_then_ringing(gap: Gap) -> None:
    story = gap(dialling()).link_back(in_conference(), Story().seat_channel("b1"), third(), ringing_phone("1101"))

    story.stands(State.RINGING)
    assert story.party_states() == {"caller": "joining", "seat": "joining", "target": "ringing"}


@pytest.mark.parametrize("gap", GAPS)
def test_given_a_third_that_joined_unheard_then_answered_and_all_are_in_the_room(gap: Gap) -> None:
    story = gap(dialling()).link_back(in_conference("r"), Story().seat_channel("r"), third(), rooms=IN_ROOM)

    story.stands(State.ANSWERED, Outcome.ANSWERED)
    assert set(story.party_states().values()) == {"joined"}


@pytest.mark.parametrize("gap", GAPS)
def test_given_three_who_talk_on_then_the_phone_that_answered_stays_on_record(gap: Gap) -> None:
    story = three()
    phone = story.handoff.target_channel
    story = gap(story).link_back(in_conference("r"), Story().seat_channel("r"), third(), rooms=IN_ROOM)

    assert story.handoff.target_channel == phone is not None


@pytest.mark.parametrize("gap", GAPS)
def test_given_a_third_that_is_gone_then_failed_and_the_call_goes_on(gap: Gap) -> None:
    story = gap(dialling()).link_back(in_conference(), Story().seat_channel("b1"))

    story.ended(Outcome.FAILED, Resolution.FIRST_SEAT)
    assert story.call.state == "talking" and story.tracker.rooms.conferences == {}


@pytest.mark.parametrize("gap", GAPS)
def test_given_the_caller_of_a_dialling_conference_is_gone_then_abandoned(gap: Gap) -> None:
    story = gap(dialling()).link_back(Story().seat_channel())

    story.ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    story.seat_hangs_up()
    assert left_behind(story.tracker) == {}


@pytest.mark.parametrize("gap", GAPS)
def test_given_a_room_that_has_not_changed_then_answered_again(gap: Gap) -> None:
    story = gap(three()).link_back(in_conference("r"), Story().seat_channel("r"), third(), rooms=IN_ROOM)

    story.stands(State.ANSWERED, Outcome.ANSWERED)
    assert set(story.party_states().values()) == {"joined"}


@pytest.mark.parametrize("gap", GAPS)
def test_given_a_caller_who_is_out_of_the_room_but_of_it_then_held(gap: Gap) -> None:
    rooms = {"h1": ("h1-target", SEAT_ID)}
    story = gap(three()).link_back(in_conference(""), Story().seat_channel("r"), third(), rooms=rooms)

    assert story.party_states() == {"caller": "held", "seat": "joined", "target": "joined"}


@pytest.mark.parametrize("gap", GAPS)
def test_given_one_who_left_the_room_unheard_then_the_others_are_there(gap: Gap) -> None:
    rooms = {"h1": ("h1-target", CALL)}
    story = gap(three()).link_back(in_conference("r"), third(), rooms=rooms)

    assert story.party_states() == {"caller": "joined", "seat": "left", "target": "joined"}
    story.stands(State.ANSWERED, Outcome.ANSWERED)
    story.third_gone().caller_hangs_up().ended(Outcome.ANSWERED, Resolution.TARGET)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize(("state", "resolution"), [("back", Resolution.FIRST_SEAT), ("queue", Resolution.QUEUE)])
def test_given_a_caller_left_alone_and_on_the_ladder_unheard_then_the_rung_ends_it(
    gap: Gap, state: str, resolution: Resolution
) -> None:
    caller = story_caller("", HANDOFF_STATE=state, CONFERENCE="h1", SEAT="", SEAT_CHANNEL="")

    gap(three()).link_back(caller).bridged(CALL).ended(Outcome.ANSWERED, resolution)


def test_given_a_left_party_and_one_not_yet_on_its_way_then_only_what_is_seen_changes() -> None:
    story = three().third_gone()
    fourth = Participant("p4", channel_id("h1", "p4"), "", target="120")
    story.take(story.tracker.add_party(story.conference.put(fourth))).link_lost()
    ringing_fourth = ChannelSnapshot("h1-p4", "h1-p4", "Local/120@x;1", False, "", "", 2)
    rooms = {"h1": (SEAT_ID, CALL)}
    story.link_back(in_conference("r"), story.seat_channel("r"), ringing_fourth, rooms=rooms)

    assert story.party_states() == {"caller": "joined", "seat": "joined", "target": "left", "p4": "dialling"}


def test_given_a_conference_whose_room_is_not_on_record_then_its_handoff_is_settled_all_the_same() -> None:
    told = dialling()
    story = Story()
    story.id = "h1"
    story.tracker.adopt([told.call], [told.handoff], [])

    story.link_back(in_conference(), story.seat_channel("b1")).ended(Outcome.FAILED, Resolution.FIRST_SEAT)
    assert leg("1101") not in story.tracker.targets.legs and story.tracker.rooms.conferences == {}
    assert channel_id("h1", TARGET) == "h1-target"


def test_given_a_process_that_died_before_its_room_was_on_record_then_the_room_is_known_again() -> None:
    told, story = dialling(), Story()
    story.id = "h1"
    story.tracker.adopt([told.call], [told.handoff], [])
    story.link_back(in_conference(), Story().seat_channel("b1"), third(), ringing_phone("1101"))

    assert story.party_states() == {"caller": "joining", "seat": "joining", "target": "ringing"}
    story.hangs_up("h1-target").ended(Outcome.CANCELLED, Resolution.FIRST_SEAT)


def test_given_a_process_that_died_before_a_transfers_end_was_on_record_then_the_room_after_it_ends_it() -> None:
    story = Story().answered_transfer()
    transfer = story.handoff
    story.asks("12345", id="h2", mode=Mode.CONFERENCE)
    after = Story()
    after.id = "h2"
    after.tracker.adopt([story.call], [transfer, story.handoff], [])
    after.dials_third("2101", target="12345")

    assert (after.handoffs["h1"].state, after.handoffs["h1"].resolution) == (State.ENDED, Resolution.TARGET)
    after.stands(State.RINGING)


@pytest.mark.parametrize(("step", "state"), [("dialling", "dialling"), ("result", "left")])
def test_given_a_fourth_that_was_asked_in_unheard_then_it_is_of_the_room_and_its_name_is_taken(
    step: str, state: str
) -> None:
    story = three().link_lost().party(step, "p4", uniqueid="h1-p4-dial", target="120", status="BUSY")

    assert story.party_states()["p4"] == state
    assert story.conference.party("p4").target == "120"  # type: ignore[union-attr]
    assert story.conference.next_party_id() == "p5"
