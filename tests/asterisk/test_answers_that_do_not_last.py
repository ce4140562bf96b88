"""A phone that answers and is gone again at once: the caller goes on to the next human, and the record says both."""

import asyncio

import pytest

from demo.stage import Conversation, Stage
from softphones import Call, IncomingCall
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    ended,
    events,
    first_seat_has_the_caller,
    handed_to_110,
    hear_each_other,
    rung,
)
from tests.support.sip_peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def answers_and_hangs_up(phone: IncomingCall) -> None:
    """Within 100 ms on a quiet machine."""
    await phone.answer()
    await phone.answered()
    await phone.hangup()


async def hears_music_or_words(call: Call) -> None:
    await asyncio.sleep(0.3)
    assert await call.level() > -50


async def test_given_a_target_that_answers_and_hangs_up_at_once_then_the_first_seat_has_the_caller(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)

    await answers_and_hangs_up(target)

    await first_seat_has_the_caller(stage, talk, asked["id"])
    record = await ended(stage, asked["id"], outcome="answered", resolution="first_seat", target_seat="1101")
    assert events(record) == ["started", "rings", "answers", "rung", "parted"]

    async def with_the_first_seat() -> bool:
        call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
        return (call["line"], call["seat"], call["state"]) == ("12345", "2101", "talking")

    await stage.until(with_the_first_seat)
    again = await stage.hand_over(talk.call_id, "110")
    assert (await rung(stage, "1101")).headers["X-Handoff-Id"] == again["id"]


async def test_given_a_trunk_that_answers_without_sound_at_all_then_the_first_seat_has_the_caller(
    stage: Stage, far: Peer
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123")
    target = await far.incoming()

    target.answer(b"")

    assert await target.ended() == "BYE"
    await first_seat_has_the_caller(stage, talk, asked["id"])
    await ended(stage, asked["id"], outcome="answered", resolution="first_seat")


async def test_given_a_target_that_hangs_up_at_once_when_the_caller_does_too_then_caller_hung_up(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage, release="now")
    await talk.seat.ended()
    await answers_and_hangs_up(target)
    again = await rung(stage, "2101")

    await talk.citizen.hangup()

    assert (await again.ended()).by == "peer"
    await ended(stage, asked["id"], outcome="answered", resolution="caller_hung_up")


async def test_given_a_first_seat_that_answers_its_second_ring_and_hangs_up_at_once_then_its_colleague_is_rung(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage, release="now")
    await talk.seat.ended()
    await answers_and_hangs_up(target)
    again = await rung(stage, "2101")
    colleague = await stage.seat("2102")

    await answers_and_hangs_up(again)

    taken = await colleague.incoming()
    await hears_music_or_words(talk.citizen)
    await taken.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (taken, SEAT_TONE))
    await ended(stage, asked["id"], outcome="answered")


async def test_given_a_caller_in_the_ladders_queue_when_a_seat_answers_and_hangs_up_at_once_then_it_rings_again(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)
    colleague = await stage.seat("2102")
    await talk.seat.hangup()
    await stage.seat_goes("2101")
    await target.reject(486)

    await answers_and_hangs_up(await colleague.incoming())

    taken = await colleague.incoming()
    await taken.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (taken, SEAT_TONE))
    await ended(stage, asked["id"], outcome="busy", resolution="queue")


async def test_given_a_seat_that_answers_a_new_call_and_hangs_up_at_once_then_the_citizen_is_still_served(
    stage: Stage,
) -> None:
    phone = await stage.seat("2101")
    call = await (await stage.citizen(CITIZEN)).dial("12345")

    await answers_and_hangs_up(await phone.incoming())

    again = await phone.incoming()
    assert not call.is_over
    await again.answer()
    talk = Conversation(stage, call, again, await stage.call_of_seat("2101"))
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
