"""Waiting in a line's queue, and seats that are out of it."""

import pytest

from demo.stage import Stage
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, ended, hear_each_other, quietest, rung, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_all_seats_talk_when_another_calls_then_it_waits_with_music_and_is_served_next(
    stage: Stage,
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    second = await stage.citizen("13900002222")
    call = await second.dial("12345")
    await call.answered()

    assert await quietest(call, 2.0) > -50
    lines = {line["id"]: line for line in (await stage.api.get("/v1/lines")).json()}
    assert (lines["12345"]["waiting"], lines["12345"]["talking"], lines["12345"]["seats_free"]) == (1, 1, 0)
    await talk.seat.hangup()

    served = await rung(stage, "2101")
    assert served.from_number == "13900002222"
    await served.answer()
    await hear_each_other((call, CITIZEN_TONE), (served, SEAT_TONE))


async def test_given_a_caller_who_waits_when_the_caller_hangs_up_then_no_phone_rings(stage: Stage) -> None:
    citizen = await stage.citizen(CITIZEN)
    call = await citizen.dial("12345")
    await call.answered()

    await call.hangup()

    await stage.quiet()
    phone = await stage.seat("2101")
    with pytest.raises(TimeoutError):
        await phone.incoming(1.5)


async def test_given_a_paused_seat_when_a_citizen_calls_then_only_its_colleague_rings(stage: Stage) -> None:
    paused, colleague = await stage.seat("2101"), await stage.seat("2102")
    await stage.api.post("/v1/seats/2101/pause", json={"reason": "用餐"})
    try:
        call = await (await stage.citizen(CITIZEN)).dial("12345")

        incoming = await colleague.incoming()

        await incoming.answer()
        await call.answered()
        with pytest.raises(TimeoutError):
            await paused.incoming(0.5)
    finally:
        await stage.api.post("/v1/seats/2101/pause", json={"resume": True})


async def test_given_a_paused_seat_when_its_line_is_handed_a_call_then_it_is_not_rung(stage: Stage) -> None:
    paused = await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    state = await stage.api.post("/v1/seats/1101/pause", json={"reason": "用餐"})
    assert (state.status_code, state.json()["state"], state.json()["paused_reason"]) == (200, "paused", "用餐")
    try:
        asked = await stage.hand_over(talk.call_id, "110")
        await ended(stage, asked["id"], outcome="unreachable", resolution="first_seat")
        with pytest.raises(TimeoutError):
            await paused.incoming(0.5)
    finally:
        await stage.api.post("/v1/seats/1101/pause", json={"resume": True})

    asked = await stage.hand_over(talk.call_id, "110")
    await (await paused.incoming()).answer()
    await settled(stage, asked["id"], outcome="answered")


async def test_given_a_signed_out_seat_when_a_citizen_calls_then_it_rings_only_after_sign_in(stage: Stage) -> None:
    phone = await stage.seat("2101")
    who = {"user": "operator", "password": stage.secrets["people"]["operator"]}
    reply = await stage.api.post("/v1/seats/2101/sign-out")
    assert (reply.status_code, reply.json()["state"]) == (200, "signed_out")
    call = await (await stage.citizen(CITIZEN)).dial("12345")
    await call.answered()
    with pytest.raises(TimeoutError):
        await phone.incoming(1.5)

    assert (await stage.api.post("/v1/seats/2101/sign-in", json=who)).status_code == 200

    incoming = await phone.incoming()
    await incoming.answer()
    await hear_each_other((call, CITIZEN_TONE), (incoming, SEAT_TONE))


async def test_given_the_line_rings_in_parallel_when_one_seat_answers_then_the_others_stop(stage: Stage) -> None:
    first, second = await stage.seat("2101"), await stage.seat("2102")
    call = await (await stage.citizen(CITIZEN)).dial("12345")
    rings_first, rings_second = await first.incoming(), await second.incoming()

    await rings_second.answer()

    await rings_first.ended()
    await hear_each_other((call, CITIZEN_TONE), (rings_second, SEAT_TONE))
    assert await stage.call_of_seat("2102")
