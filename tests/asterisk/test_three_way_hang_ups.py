"""Each party hangs up in each state of a three-way call."""

import asyncio

import httpx
import pytest

from demo.stage import Conversation, Stage
from softphones import IncomingCall
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    Record,
    ended,
    first_seat_has_the_caller,
    first_seat_is_rung_again,
    hear_each_other,
    parties_are,
    quietest,
    rung,
    settled,
    three_way,
)
from tests.support.sip_peer import Peer

FLOOR_DBFS = -50.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ringing_third(stage: Stage) -> tuple[Conversation, Record, IncomingCall]:
    """Caller and seat have talked for a second, and go on while 110 rings."""
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await asyncio.sleep(1.1)
    record = await stage.hand_over(talk.call_id, "110", mode="conference")
    return talk, record, await rung(stage, "1101")


async def test_given_the_third_is_dialled_and_silent_when_the_caller_hangs_up_then_abandoned_and_it_stops(
    stage: Stage, far: Peer
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123", mode="conference")
    target = await far.incoming()
    target.say(100)

    await talk.citizen.hangup()

    assert await target.ended() == "CANCEL"
    await talk.seat.ended()
    await ended(stage, asked["id"], outcome="abandoned", resolution="caller_hung_up")


async def test_given_the_third_rings_when_the_seat_hangs_up_and_the_third_answers_then_it_has_the_caller(
    stage: Stage,
) -> None:
    talk, asked, target = await ringing_third(stage)

    await talk.seat.hangup()
    await asyncio.sleep(0.5)
    assert await quietest(talk.citizen, 1.5) > FLOOR_DBFS
    await target.answer()

    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered")
    await talk.citizen.hangup()
    await target.ended()
    await ended(stage, asked["id"], outcome="answered", resolution="target")


@pytest.mark.parametrize("status", [486, 603])
async def test_given_the_third_rings_when_the_seat_hangs_up_and_the_third_refuses_then_the_seat_is_rung_again(
    stage: Stage, status: int
) -> None:
    talk, asked, target = await ringing_third(stage)
    await talk.seat.hangup()

    await target.reject(status)

    await first_seat_is_rung_again(stage, talk)
    record = await ended(stage, asked["id"], resolution="first_seat", sip_code=status)
    assert record["outcome"] == {486: "busy", 603: "rejected"}[status]


async def test_given_the_third_answers_as_the_caller_hangs_up_then_nobody_is_left_alone(stage: Stage) -> None:
    """Where the caller had come to the room, seat and third are in it, and may talk."""
    talk, asked, target = await ringing_third(stage)

    await asyncio.gather(talk.citizen.hangup(), target.answer(), return_exceptions=True)

    async def ended_or_two_of_them() -> bool:
        reply = await stage.api.get(f"/v1/conferences/{asked['id']}")
        if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False  # it has ended, and its database is slow for the moment
        participants = reply.raise_for_status().json()["participants"]
        joined = {party["id"] for party in participants if party["state"] == "joined"}
        return target.is_over or joined == {"seat", "target"}

    await stage.until(ended_or_two_of_them)
    if not target.is_over:
        await hear_each_other((talk.seat, SEAT_TONE), (target, TARGET_TONE))
        await talk.seat.hangup()
    await target.ended()
    await talk.seat.ended()
    record = await ended(stage, asked["id"])
    assert record["outcome"] in ("answered", "abandoned")
    await stage.quiet()


async def test_given_the_third_answers_as_the_seat_hangs_up_then_it_has_the_caller(stage: Stage) -> None:
    talk, asked, target = await ringing_third(stage)

    await asyncio.gather(talk.seat.hangup(), target.answer(), return_exceptions=True)

    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered")


async def test_given_the_third_answers_and_hangs_up_at_once_then_the_first_seat_has_the_caller(stage: Stage) -> None:
    talk, asked, target = await ringing_third(stage)

    await target.answer()
    await target.answered()
    await target.hangup()

    await first_seat_has_the_caller(stage, talk, asked["id"])
    await settled(stage, asked["id"], outcome="answered")
    await talk.citizen.hangup()  # they talk on in the room where the third was gone only after they had come to it
    await ended(stage, asked["id"], outcome="answered", resolution="first_seat")


async def test_given_three_parties_when_all_hang_up_at_once_then_all_is_over_with_one_outcome(stage: Stage) -> None:
    talk, asked, target = await three_way(stage)

    await asyncio.gather(talk.citizen.hangup(), talk.seat.hangup(), target.hangup())

    await ended(stage, asked["id"], outcome="answered")
    await stage.quiet()


async def test_given_the_target_is_held_when_the_caller_leaves_then_the_seat_can_fetch_it_back(stage: Stage) -> None:
    talk, asked, target = await three_way(stage)
    party = f"/v1/conferences/{asked['id']}/participants/target"
    await stage.api.post(f"{party}/hold")
    await parties_are(stage, asked["id"], target="held")

    await talk.citizen.hangup()
    await parties_are(stage, asked["id"], caller="left")
    await stage.api.post(f"{party}/unhold")

    await hear_each_other((talk.seat, SEAT_TONE), (target, TARGET_TONE))


async def test_given_the_third_rings_when_the_seat_presses_a_feature_code_then_only_that_handoff_goes_on(
    stage: Stage, far: Peer
) -> None:
    """The key hands the caller over: the three-way call is off, and its third stops ringing."""
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123", mode="conference")
    third = await far.incoming()
    third.say(180)
    await stage.seat("1101")

    await talk.seat.dtmf("*1")

    target = await rung(stage, "1101")
    assert await third.ended() == "CANCEL"
    await ended(stage, asked["id"])
    await target.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, target.headers["X-Handoff-Id"], outcome="answered", via="key")
