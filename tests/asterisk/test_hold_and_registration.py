"""A transfer of a call that is on hold, and phones that lose their registration at every point of one."""

import pytest

from demo.stage import Stage
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    TARGET_TONE,
    back_with_the_first_seat,
    ended,
    events,
    handed_to_110,
    hear_each_other,
    rung,
    settled,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_the_seat_holds_the_caller_when_the_target_answers_then_caller_and_target_talk(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await talk.seat.hold()

    asked = await stage.hand_over(talk.call_id, "110")

    target = await rung(stage, "1101")
    await target.answer()
    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    record = await settled(stage, asked["id"], outcome="answered", resolution="target")
    shows_the_caller(target, record)


async def test_given_the_seat_holds_the_caller_when_the_target_is_busy_then_the_seat_resumes_the_talk(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await talk.seat.hold()
    asked = await stage.hand_over(talk.call_id, "110")
    await (await rung(stage, "1101")).reject(486)
    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")

    await talk.seat.resume()

    await back_with_the_first_seat(talk)


async def test_given_a_waiting_seat_when_it_holds_and_the_target_is_busy_then_the_seat_resumes_the_talk(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)
    await talk.seat.hold()

    await target.reject(486)

    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    await talk.seat.resume()
    await back_with_the_first_seat(talk)


async def test_given_the_seats_phone_is_not_registered_any_more_when_the_target_is_busy_then_the_talk_goes_on(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await stage.seat_goes("2101")

    asked = await stage.hand_over(talk.call_id, "110")

    await (await rung(stage, "1101")).reject(486)
    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    await back_with_the_first_seat(talk)


async def test_given_a_waiting_seat_when_its_phone_loses_its_registration_then_it_has_the_caller_back(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)

    await stage.seat_goes("2101")

    await target.reject(486)
    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    assert events(record) == ["started", "rings", "fails", "rung", "served"]
    await back_with_the_first_seat(talk)


async def test_given_a_ringing_target_when_its_phone_unregisters_then_it_can_still_answer(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)

    await stage.seat_goes("1101")

    assert not target.is_over
    await target.answer()
    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")
