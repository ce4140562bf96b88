"""Three-way calls: who may do what with whom in the room, and the recorded decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from telephony import commands, events
from telephony.errors import (
    AmiActionFailed,
    AmiNotConnected,
    ConferenceNotFound,
    DecisionMade,
    HandoffNotAnswered,
    HandoffSettled,
    PartyNotFound,
    UnknownAcceptor,
    UnknownTarget,
)
from telephony.handoff import Mode
from telephony.service import PartyAction
from tests.support.fake_asterisk import NOW
from tests.support.story import CALL, SEAT_ID, SEAT_PHONE, TRUNK
from tests.unit.service.conftest import POLICE, WANG, Exchange, when_asked

pytestmark = pytest.mark.asyncio
GONE = AmiActionFailed("Hangup", "No such channel", {})


@pytest.mark.parametrize(
    ("action", "command", "fact"),
    [
        (
            PartyAction.MUTE,
            lambda room: commands.MuteParty(room, TRUNK, True),
            lambda room: events.PartyMuted(NOW, room, CALL, True),
        ),
        (
            PartyAction.HOLD,
            lambda room: commands.HoldParty(room, TRUNK, True),
            lambda room: events.ConferenceReported(NOW, "held", room, "", CALL),
        ),
        (
            PartyAction.REMOVE,
            lambda _: commands.HangUp(TRUNK),
            lambda room: events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None),
        ),
    ],
)
async def test_a_party_is_muted_held_removed(
    exchange: Exchange,
    action: PartyAction,
    command: Callable[[str], commands.Command],
    fact: Callable[[str], events.Event],
) -> None:
    room = (await exchange.three_way()).id
    when_asked(exchange, type(command(room)), fact(room))
    party = await exchange.board.control_party(room, "caller", action, WANG)

    assert exchange.asterisk.commands[-1] == command(room)
    assert party.muted is (action is PartyAction.MUTE)
    assert party.state == {"mute": "joined", "hold": "held", "remove": "left"}[action]
    asked = len(exchange.asterisk.commands)
    assert await exchange.board.control_party(room, "caller", action, WANG) == party
    assert len(exchange.asterisk.commands) == asked, "what is so already is not asked again"


async def test_a_held_party_is_taken_back_and_a_muted_one_heard_again(exchange: Exchange) -> None:
    room = (await exchange.three_way()).id
    await exchange.hear(events.ConferenceReported(NOW, "held", room, "", CALL))
    with pytest.raises(HandoffSettled):
        await exchange.board.control_party(room, "caller", PartyAction.MUTE, WANG)

    when_asked(exchange, commands.HoldParty, events.ConferenceJoined(NOW, room, CALL, TRUNK))
    assert (await exchange.board.control_party(room, "caller", PartyAction.UNHOLD, WANG)).state == "joined"

    await exchange.hear(events.PartyMuted(NOW, room, CALL, True))
    when_asked(exchange, commands.MuteParty, events.PartyMuted(NOW, room, CALL, False))
    assert not (await exchange.board.control_party(room, "caller", PartyAction.UNMUTE, POLICE)).muted


async def test_given_a_party_that_left_then_nothing_can_be_done_with_it(exchange: Exchange) -> None:
    room = (await exchange.three_way()).id
    await exchange.hear(events.ChannelGone(NOW, SEAT_ID, CALL, SEAT_PHONE, 16, None))

    with pytest.raises(HandoffSettled):
        await exchange.board.control_party(room, "seat", PartyAction.MUTE, POLICE)
    with pytest.raises(PartyNotFound):
        await exchange.board.control_party(room, "p9", PartyAction.MUTE, POLICE)
    exchange.asterisk.refuse = GONE
    with pytest.raises(HandoffSettled):
        await exchange.board.control_party(room, "caller", PartyAction.MUTE, POLICE)


@pytest.mark.parametrize("party", ["caller", "seat"])
@pytest.mark.parametrize("action", PartyAction)
async def test_given_the_third_still_rings_then_caller_and_seat_are_left_alone(
    exchange: Exchange, party: str, action: PartyAction
) -> None:
    room = (await exchange.click(mode=Mode.CONFERENCE)).id

    with pytest.raises(HandoffNotAnswered):
        await exchange.board.control_party(room, party, action, WANG)
    assert [type(command) for command in exchange.asterisk.commands] == [commands.OpenConference]


async def test_given_a_caller_left_alone_who_is_on_the_ladder_then_nobody_leads_the_caller_into_an_empty_room(
    exchange: Exchange,
) -> None:
    room = (await exchange.three_way()).id
    await exchange.hear(
        events.ConferenceReported(NOW, "held", room, "", CALL),
        events.ChannelGone(NOW, SEAT_ID, CALL, SEAT_PHONE, 16, None),
        events.ChannelGone(NOW, f"{room}-target", CALL, "Local/110@x;1", 16, None),
        events.HandoffReported(NOW, "ring-seat", room, CALL, CALL, seat="2101"),
    )

    with pytest.raises(HandoffSettled):
        await exchange.board.control_party(room, "caller", PartyAction.UNHOLD, WANG)
    with pytest.raises(HandoffSettled):
        await exchange.board.add_party(room, "120", WANG)
    assert [type(command) for command in exchange.asterisk.commands] == [commands.OpenConference]


async def test_given_a_phone_hands_the_caller_on_while_the_third_is_rung_then_it_need_not_ring_on(
    exchange: Exchange,
) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)
    third = events.ConferenceReported(NOW, "dialling", handoff.id, "target", f"{handoff.id}-target-dial", target="110")
    later = NOW + timedelta(seconds=5)
    await exchange.hear(third, events.HandoffReported(later, "start", "k1", CALL, CALL, via="key", target="120"))
    await asyncio.sleep(0)

    assert exchange.asterisk.commands[-1] == commands.CancelConference(handoff.id, None)


async def test_given_a_transfer_then_it_is_no_conference(exchange: Exchange) -> None:
    handoff = await exchange.ringing()

    with pytest.raises(ConferenceNotFound):
        await exchange.board.control_party(handoff.id, "caller", PartyAction.MUTE, WANG)
    with pytest.raises(ConferenceNotFound):
        await exchange.board.decide(handoff.id, "110", "", WANG)


async def test_a_fourth_party_is_rung_while_the_room_goes_on_and_can_be_stopped(exchange: Exchange) -> None:
    room = (await exchange.three_way()).id
    fourth = await exchange.board.add_party(room, "120", POLICE)

    assert exchange.asterisk.commands[-1:] == [commands.AddParty(room, TRUNK, "p4", "120", 30)]
    when_asked(exchange, commands.HangUp, events.ChannelGone(NOW, fourth.uniqueid, "", "Local/x;1", 16, None))
    assert (await exchange.board.control_party(room, "p4", PartyAction.REMOVE, WANG)).state == "left"
    assert exchange.asterisk.commands[-1] == commands.HangUp(fourth.uniqueid)


async def test_given_no_room_yet_or_no_such_target_then_no_fourth_party(exchange: Exchange) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)
    with pytest.raises(HandoffNotAnswered):
        await exchange.board.add_party(handoff.id, "120", WANG)
    with pytest.raises(HandoffNotAnswered):
        await exchange.board.decide(handoff.id, "110", "", WANG)

    third = f"{handoff.id}-target"
    await exchange.hear(events.ConferenceJoined(NOW, handoff.id, third, "Local/110@x;1"))
    with pytest.raises(UnknownTarget):
        await exchange.board.add_party(handoff.id, "999", WANG)


async def test_given_asterisk_refuses_the_fourth_party_then_it_is_not_waited_for(exchange: Exchange) -> None:
    room = (await exchange.three_way()).id
    exchange.asterisk.refuse = AmiNotConnected("down")

    with pytest.raises(AmiNotConnected):
        await exchange.board.add_party(room, "120", WANG)
    assert (await exchange.board.conference(room)).party("p4").state == "left"  # type: ignore[union-attr]


async def test_given_three_talked_when_they_decide_then_once_and_for_one_of_them(exchange: Exchange) -> None:
    room = (await exchange.three_way()).id
    with pytest.raises(UnknownAcceptor):
        await exchange.board.decide(room, "120", "", WANG)

    decided = await exchange.board.decide(room, "110", "正在发生的违法", POLICE)
    assert decided.decision is not None
    assert (decided.decision.accepted_by, decided.decision.decided_by) == ("110", "zhao")
    assert exchange.store._handoffs[room].decision == decided.decision
    with pytest.raises(DecisionMade):
        await exchange.board.decide(room, "12345", "", WANG)


async def test_given_the_call_has_ended_when_they_decide_then_in_place_of_the_automatic_decision(
    exchange: Exchange,
) -> None:
    room = (await exchange.three_way()).id
    gone = [(CALL, TRUNK), (SEAT_ID, SEAT_PHONE), (f"{room}-target", "Local/110@x;1")]
    await exchange.hear(*(events.ChannelGone(NOW, uniqueid, CALL, channel, 16, None) for uniqueid, channel in gone))
    ended = await exchange.board.handoff(room)
    assert ended.decision is not None and ended.decision.automatic

    decided = await exchange.board.decide(room, "110", "", WANG)
    assert not decided.live and decided.decision is not None and not decided.decision.automatic
    with pytest.raises(HandoffSettled):
        await exchange.board.add_party(room, "120", WANG)


async def test_given_a_caller_who_hangs_up_while_the_third_is_rung_then_it_need_not_ring_on(exchange: Exchange) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)
    await exchange.hear(events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None))
    await asyncio.sleep(0)

    assert exchange.asterisk.commands[-1] == commands.CancelConference(handoff.id, None)


async def test_given_a_mismatch_in_a_conference_when_it_is_decided_after_the_call_then_still_one_alarm(
    exchange: Exchange,
) -> None:
    room = (await exchange.three_way()).id
    mismatched = replace(exchange.board.tracker.handoffs[room], number_mismatch=True)
    exchange.board.watch.keep(exchange.board.tracker.update(mismatched))
    gone = [(CALL, TRUNK), (SEAT_ID, SEAT_PHONE), (f"{room}-target", "Local/110@x;1")]
    await exchange.hear(*(events.ChannelGone(NOW, uniqueid, CALL, channel, 16, None) for uniqueid, channel in gone))
    await exchange.board.decide(room, "110", "", WANG)

    assert len([kind for kind, _ in exchange.board.watch.publisher._waiting if kind == "alarm"]) + len(
        exchange.notices("alarm")
    ) == 1  # fmt: skip


async def test_given_a_third_that_never_answered_then_there_is_nothing_to_decide(exchange: Exchange) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)
    await exchange.hear(events.ConferenceReported(NOW, "result", handoff.id, "target", "", status="BUSY"))

    with pytest.raises(HandoffNotAnswered):
        await exchange.board.decide(handoff.id, "110", "", WANG)
