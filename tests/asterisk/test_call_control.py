"""What ``CallControl`` promises (telephony/ports.py), by the same tests on Asterisk and on its model."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.stage import Stage
from demo.stage import stage as open_stage
from telephony import commands, events
from telephony.conference import TARGET as THIRD
from telephony.errors import AmiActionFailed, AmiEffectUnknown, AmiNotSent
from telephony.handoff import Release
from telephony.rooms import channel_id
from tests.support.call_controls import CITIZEN, SEAT, TARGET, TARGET_SEAT, ModelRoom, RealRoom, Room, Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

RING_SECONDS = 30


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unserved(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Asterisk and two phones; the service has gone once they were there."""
    async with open_stage(tmp_path_factory.mktemp("unserved") / "home", apart=True) as stage:
        assert stage.parts
        for seat in (SEAT, TARGET_SEAT):
            await stage.seat(seat)
        await stage.parts.service.kill()
        yield stage


@pytest_asyncio.fixture(params=["model", "asterisk"], loop_scope="session")
async def room(request: pytest.FixtureRequest, unserved: Stage) -> AsyncIterator[Room]:
    if request.param == "model":
        model = ModelRoom()
        async with model.listening():
            yield model
    else:
        real = RealRoom(unserved)
        async with real.listening():
            yield real
            await real.empty()


@pytest.fixture
def handoff_id() -> str:
    return str(uuid.uuid4())


def transfer(talk: Talk, handoff_id: str, release: Release = Release.ON_ANSWER) -> commands.Transfer:
    return commands.Transfer(handoff_id, talk.caller, TARGET, release)


async def reported(room: Room, step: str, handoff_id: str) -> events.HandoffReported:
    return await room.first(events.HandoffReported, step=step, handoff_id=handoff_id)


async def rings(room: Room, handoff_id: str) -> None:
    """Whoever is rung is shown the caller's number."""
    dialled = await room.first(events.DialStarted, handoff_id=handoff_id, shown=CITIZEN)
    await room.first(events.DialRinging, uniqueid=dialled.uniqueid)


# -------------------------------------------------------------- what is told


async def test_given_nobody_calls_then_the_first_thing_told_is_what_there_is(room: Room) -> None:
    assert isinstance(room.facts[0], events.LinkRestored)
    assert room.facts[0].channels == ()


async def test_given_a_call_when_the_link_is_made_anew_then_it_is_told_of_before_anything_else(room: Room) -> None:
    talk = await room.talk()
    before = len(room.facts)

    await room.cut()
    restored = await room.first(events.LinkRestored, before)

    await room.first(events.LinkLost, before)
    caller = next(each for each in restored.channels if each.channel == talk.caller)
    seat = next(each for each in restored.channels if each.channel == talk.seat)
    said = {name: caller.variables[name] for name in ("HOTLINE_CALLER", "HOTLINE_LINE", "SEAT", "SEAT_CHANNEL")}
    assert said == {"HOTLINE_CALLER": CITIZEN, "HOTLINE_LINE": "12345", "SEAT": SEAT, "SEAT_CHANNEL": talk.seat}
    assert (caller.uniqueid, caller.up, caller.bridge) == (talk.call_id, True, seat.bridge)


# -------------------------------------------------------------- transfers


async def test_given_a_transfer_that_is_answered_then_the_seat_is_let_go(room: Room, handoff_id: str) -> None:
    talk = await room.talk()

    await room.control.execute(transfer(talk, handoff_id))
    start = await reported(room, "start", handoff_id)
    await rings(room, handoff_id)
    await room.target_answers()
    answered = await reported(room, "answered", handoff_id)

    assert (start.uniqueid, start.via, start.target, start.from_line) == (talk.call_id, "api", TARGET, "12345")
    assert (answered.linkedid, answered.seat) == (talk.call_id, TARGET_SEAT)
    assert CITIZEN in answered.shown
    await room.first(events.ChannelGone, uniqueid=talk.seat_id)
    assert not room.has(events.ChannelGone, uniqueid=talk.call_id)


async def test_given_a_transfer_that_is_refused_then_the_caller_is_back_with_the_seat(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()

    await room.control.execute(transfer(talk, handoff_id))
    await rings(room, handoff_id)
    await room.target_refuses()
    result = await reported(room, "result", handoff_id)
    await reported(room, "back", handoff_id)

    assert (result.status, result.sip_code) == ("BUSY", 486)
    after = room.facts.index(result)
    for uniqueid in (talk.call_id, talk.seat_id):
        await room.first(events.BridgeEntered, after, uniqueid=uniqueid)
    assert not room.has(events.ChannelGone, uniqueid=talk.seat_id)


async def test_given_a_transfer_with_release_now_then_the_seat_is_let_go_before_the_answer(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()

    await room.control.execute(transfer(talk, handoff_id, Release.NOW))
    await room.first(events.ChannelGone, uniqueid=talk.seat_id)
    await rings(room, handoff_id)

    assert not room.has(events.HandoffReported, step="answered")
    await room.target_answers()
    await reported(room, "answered", handoff_id)


async def test_given_it_rings_when_the_seat_need_not_wait_then_it_goes_and_the_target_rings_on(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()
    await room.control.execute(transfer(talk, handoff_id))
    await rings(room, handoff_id)

    await room.control.execute(commands.ReleaseSeat(talk.seat))
    await room.first(events.ChannelGone, uniqueid=talk.seat_id)

    await room.target_answers()
    await reported(room, "answered", handoff_id)


async def test_given_it_rings_when_it_is_cancelled_then_the_caller_is_back_with_the_seat(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()
    await room.control.execute(transfer(talk, handoff_id))
    await rings(room, handoff_id)

    await room.control.execute(commands.CancelTransfer(talk.caller, talk.seat))

    assert (await reported(room, "result", handoff_id)).status == "CANCELLED"
    await reported(room, "back", handoff_id)


async def test_given_it_rings_when_the_caller_hangs_up_then_that_is_told(room: Room, handoff_id: str) -> None:
    talk = await room.talk()
    await room.control.execute(transfer(talk, handoff_id))
    await rings(room, handoff_id)

    await room.citizen_hangs_up()

    await reported(room, "gone", handoff_id)
    await room.first(events.ChannelGone, uniqueid=talk.call_id)


async def test_given_the_only_seat_of_the_target_is_paused_then_nobody_is_rung(room: Room, handoff_id: str) -> None:
    talk = await room.talk()
    await room.control.execute(commands.PauseSeat(TARGET_SEAT, paused=True, reason="rest"))
    try:
        await room.control.execute(transfer(talk, handoff_id))
        result = await reported(room, "result", handoff_id)
        await reported(room, "back", handoff_id)
    finally:
        await room.control.execute(commands.PauseSeat(TARGET_SEAT, paused=False, reason=""))

    assert (result.status, result.sip_code) == ("CHANUNAVAIL", None)
    assert not room.has(events.DialStarted, handoff_id=handoff_id)


# -------------------------------------------------------------- three-way calls


async def joined(room: Room, handoff_id: str) -> tuple[Talk, events.ConferenceJoined]:
    """The third's channel in the room, of three that are there."""
    talk = await room.talk()
    await room.control.execute(commands.OpenConference(handoff_id, talk.caller, TARGET, RING_SECONDS))
    await room.first(events.ConferenceReported, step="dialling", handoff_id=handoff_id, party=THIRD, target=TARGET)
    await room.target_answers()
    await room.first(events.ConferenceReported, step="answered", handoff_id=handoff_id, seat=TARGET_SEAT)
    for uniqueid in (talk.call_id, talk.seat_id):
        await room.first(events.ConferenceJoined, room=handoff_id, uniqueid=uniqueid)
    return talk, await room.first(events.ConferenceJoined, room=handoff_id, uniqueid=channel_id(handoff_id, THIRD))


async def test_given_a_three_way_call_then_each_party_can_be_muted_held_and_removed(
    room: Room, handoff_id: str
) -> None:
    talk, third = await joined(room, handoff_id)

    for muted in (True, False):
        await room.control.execute(commands.MuteParty(handoff_id, third.channel, muted))
        await room.first(events.PartyMuted, room=handoff_id, uniqueid=third.uniqueid, muted=muted)
    await room.control.execute(commands.HoldParty(handoff_id, talk.seat, held=True))
    held = await room.first(events.ConferenceReported, step="held", uniqueid=talk.seat_id)
    after = room.facts.index(held)
    await room.control.execute(commands.HoldParty(handoff_id, talk.seat, held=False))
    await room.first(events.ConferenceJoined, after, uniqueid=talk.seat_id)
    await room.control.execute(commands.HangUp(third.channel))
    await room.first(events.ChannelGone, uniqueid=third.uniqueid)

    assert not room.has(events.ChannelGone, uniqueid=talk.call_id)


async def test_given_a_three_way_call_when_a_party_is_hung_up_then_the_others_stay(room: Room, handoff_id: str) -> None:
    talk, third = await joined(room, handoff_id)

    await room.control.execute(commands.HangUp(talk.seat))
    await room.first(events.ChannelGone, uniqueid=talk.seat_id)

    before = len(room.facts)
    await room.cut()
    restored = await room.first(events.LinkRestored, before)
    assert set(restored.rooms[handoff_id]) == {talk.call_id, third.uniqueid}


async def test_given_a_third_that_rings_when_that_is_cancelled_then_the_two_talk_on(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()
    await room.control.execute(commands.OpenConference(handoff_id, talk.caller, TARGET, RING_SECONDS))
    await rings(room, handoff_id)

    await room.control.execute(commands.CancelConference(handoff_id, talk.caller))
    await room.first(events.ChannelGone, uniqueid=channel_id(handoff_id, THIRD))

    assert not any(room.has(events.BridgeLeft, uniqueid=each) for each in (talk.call_id, talk.seat_id))


# -------------------------------------------------------------- what comes of a command

NOBODY = "PJSIP/nobody-00000000"
TO_NOBODY = {
    "transfer": commands.Transfer("h0", NOBODY, TARGET, Release.ON_ANSWER),
    "cancel": commands.CancelTransfer(NOBODY, NOBODY),
    "cancel without a seat": commands.CancelTransfer(NOBODY, None),
    "release the seat": commands.ReleaseSeat(NOBODY),
    "cancel the conference": commands.CancelConference("h0", None),
    "hang up": commands.HangUp(NOBODY),
    "mute": commands.MuteParty("h0", NOBODY, muted=True),
    "hold": commands.HoldParty("h0", NOBODY, held=True),
    "pause the recording": commands.PauseRecording(NOBODY, paused=True),
    "force the recording": commands.ForceRecording(NOBODY),
}


@pytest.mark.parametrize("name", TO_NOBODY)
async def test_given_a_command_to_who_is_not_there_then_it_is_refused(room: Room, name: str) -> None:
    with pytest.raises(AmiActionFailed):
        await room.control.execute(TO_NOBODY[name])


async def test_given_the_answer_is_lost_then_the_effect_is_unknown_until_it_is_asked_for(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()
    before = len(room.facts)
    with room.answers_lost(), pytest.raises(AmiEffectUnknown):
        await room.control.execute(transfer(talk, handoff_id))

    await room.control.resync()
    restored = await room.first(events.LinkRestored, before)

    await room.first(events.LinkLost, before)
    caller = next(each for each in restored.channels if each.channel == talk.caller)
    assert (caller.variables["HANDOFF_ID"], caller.variables["HANDOFF_STATE"]) == (handoff_id, "dialling")


async def test_given_the_command_is_lost_then_the_effect_is_unknown_until_it_is_asked_for(
    room: Room, handoff_id: str
) -> None:
    talk = await room.talk()
    before = len(room.facts)
    with room.commands_lost(), pytest.raises(AmiEffectUnknown):
        await room.control.execute(transfer(talk, handoff_id))

    await room.control.resync()
    restored = await room.first(events.LinkRestored, before)

    caller = next(each for each in restored.channels if each.channel == talk.caller)
    assert "HANDOFF_ID" not in caller.variables


async def test_given_the_link_has_just_broken_then_a_command_is_not_sent(room: Room, handoff_id: str) -> None:
    talk = await room.talk()
    before = len(room.facts)

    await room.breaks()
    await room.first(events.LinkLost, before)
    with pytest.raises(AmiNotSent):
        await room.control.execute(transfer(talk, handoff_id))

    await room.mends()
    restored = await room.first(events.LinkRestored, before)
    assert all("HANDOFF_ID" not in each.variables for each in restored.channels)
