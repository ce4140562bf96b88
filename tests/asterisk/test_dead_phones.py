"""Phones that are dead on the wire, at each point of a call, and those that answer with what nobody can use."""

import pytest

from demo.stage import Stage
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    Record,
    back_with_the_first_seat,
    ended,
    events,
    first_seat_is_rung_again,
    hear_each_other,
    raw_seat,
    settled,
)
from tests.support.sip_peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")


def shows_nothing(record: Record) -> None:
    assert (record["caller_seen_by_target"], record["number_mismatch"]) == (None, False)


async def test_given_a_phone_dead_on_the_wire_when_handed_a_call_then_the_caller_is_back_in_time(stage: Stage) -> None:
    async with raw_seat(stage, "3281") as phone:
        talk = await stage.talk(CITIZEN, "12345", "2101")
        phone.silent = True

        asked = await stage.hand_over(talk.call_id, "12328")

        record = await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat", sip_code=None)
        assert "rings" not in events(record)
        await back_with_the_first_seat(talk)


async def test_given_a_phone_that_only_says_100_when_handed_a_call_then_it_counts_as_not_answered_nor_ringing(
    stage: Stage,
) -> None:
    async with raw_seat(stage, "3281") as phone:
        talk = await stage.talk(CITIZEN, "12345", "2101")
        asked = await stage.hand_over(talk.call_id, "12328")
        target = await phone.incoming()

        target.say(100)

        record = await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat", sip_code=None)
        assert "rings" not in events(record)
        assert await target.ended() == "CANCEL"
        await back_with_the_first_seat(talk)


async def test_given_a_ringing_phone_when_it_dies_then_the_caller_is_back_in_time(stage: Stage) -> None:
    async with raw_seat(stage, "3281") as phone:
        talk = await stage.talk(CITIZEN, "12345", "2101")
        asked = await stage.hand_over(talk.call_id, "12328")
        target = await phone.incoming()
        target.say(180)
        await settled(stage, asked["id"], state="ringing", caller_seen_by_target=CITIZEN)

        phone.silent = True

        await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat", sip_code=None)
        await back_with_the_first_seat(talk)


async def test_given_a_phone_that_dies_as_it_answers_then_answered_and_the_caller_can_be_fetched_back(
    stage: Stage,
) -> None:
    """SIP does not tell that nobody is there: the line does, by handing the caller on."""
    async with raw_seat(stage, "1101") as phone:
        talk = await stage.talk(CITIZEN, "12345", "2101")
        asked = await stage.hand_over(talk.call_id, "110")
        target = await phone.incoming()
        target.answer()
        phone.silent = True
        await talk.seat.ended()
        await settled(stage, asked["id"], outcome="answered", resolution="target")

        second = await stage.hand_over(talk.call_id, "12345")

        await first_seat_is_rung_again(stage, talk)
        await settled(stage, second["id"], outcome="answered", resolution="target")


@pytest.mark.parametrize(
    "description",
    [
        pytest.param(
            b"v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\n"
            b"m=audio 40000 RTP/AVP 98\r\na=rtpmap:98 opus/48000/2\r\n",
            id="no-common-codec",
        ),
        pytest.param(
            b"v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n",
            id="no-media-at-all",
        ),
    ],
)
async def test_given_a_target_that_answers_with_a_description_nobody_can_use_then_the_caller_is_back(
    stage: Stage, far: Peer, description: bytes
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123")
    target = await far.incoming()
    target.say(180)

    target.answer(description)

    record = await ended(stage, asked["id"], resolution="first_seat")
    assert record["outcome"] in ("failed", "unreachable")
    assert await target.ended() == "BYE"
    await back_with_the_first_seat(talk)


async def test_given_a_target_that_sends_no_sound_then_it_is_heard_as_soon_as_it_does(stage: Stage, far: Peer) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123")
    target = await far.incoming()

    target.answer()

    await settled(stage, asked["id"], outcome="answered", resolution="target")
    assert not await talk.citizen.hears(TARGET_TONE, within=0.5)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, SEAT_TONE))
