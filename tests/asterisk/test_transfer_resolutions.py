"""Where the caller ends when the target did not take the call: every rung of the ladder on the real Asterisk."""

import asyncio

import pytest

from demo.stage import Stage
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    Record,
    ended,
    events,
    first_seat_is_rung_again,
    hear_each_other,
    passed_on,
    rung,
    settled,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def rungs(record: Record) -> list[str]:
    return [step["detail"]["rung"] for step in record["timeline"] if step["event"] == "rung"]


async def test_given_a_waiting_seat_when_the_target_is_busy_then_the_same_call_goes_on_and_nothing_rings(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")

    await (await rung(stage, "1101")).reject(486)

    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    assert rungs(record) == ["back"]
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    with pytest.raises(TimeoutError):
        await (await stage.seat("2101")).incoming(0.5)


async def test_given_release_now_when_the_target_is_busy_then_the_first_seat_is_rung_again(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110", release="now")
    target = await rung(stage, "1101")
    await talk.seat.ended()

    await target.reject(486)

    await first_seat_is_rung_again(stage, talk)
    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat", release="now", sip_code=486)
    shows_the_caller(target, record)
    assert rungs(record) == ["ring-seat"]
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["line"], call["seat"], call["state"]) == ("12345", "2101", "talking")


async def test_given_a_refer_when_the_target_is_busy_then_the_first_seat_is_rung_again(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    referring = asyncio.create_task(talk.seat.refer("110"))
    target = await rung(stage, "1101")
    handoff_id = target.headers["X-Handoff-Id"]

    await target.reject(486)

    await passed_on(referring, talk.seat)
    await first_seat_is_rung_again(stage, talk)
    record = await ended(stage, handoff_id, outcome="busy", resolution="first_seat", via="refer", from_seat="2101")
    shows_the_caller(target, record)


async def test_given_the_waiting_seat_hangs_up_when_the_target_is_busy_then_the_seat_is_rung_again(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")

    await talk.seat.hangup()
    await asyncio.sleep(0.2)
    assert not target.is_over, "the target rings on"
    await target.reject(486)

    await first_seat_is_rung_again(stage, talk)
    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    assert rungs(record) == ["ring-seat"]


async def test_given_the_waiting_seat_hangs_up_when_the_target_answers_then_it_has_the_caller(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")
    await talk.seat.hangup()

    await target.answer()

    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, SEAT_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_the_first_seat_has_gone_when_the_target_is_busy_then_another_seat_of_its_line_answers(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    colleague = await stage.seat("2102")
    asked = await stage.hand_over(talk.call_id, "110", release="now")
    target = await rung(stage, "1101")
    await talk.seat.ended()
    await stage.seat_goes("2101")

    await target.reject(486)

    taken = await colleague.incoming()
    assert taken.from_number == CITIZEN
    await taken.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (taken, SEAT_TONE))
    record = await ended(stage, asked["id"], outcome="busy", resolution="queue")
    assert rungs(record) == ["ring-seat", "queue"]
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["line"], call["seat"]) == ("12345", "2102")


@pytest.mark.shows(60)
async def test_given_nobody_is_left_when_the_target_is_unreachable_then_a_call_back_is_promised(stage: Stage) -> None:
    talk = await stage.talk(CITIZEN, "12328", "3281")
    await stage.seat_goes("3281")

    asked = await stage.hand_over(talk.call_id, "110", release="now")

    await talk.seat.ended()
    record = await settled(stage, asked["id"], state="ended", resolution="callback_order")

    assert record["outcome"] == "unreachable"
    assert rungs(record)[-1:] == ["queue"]
    assert events(record)[-1] == "call_back"
    assert not talk.citizen.is_over

    async def hears_of_it() -> bool:
        return await talk.citizen.level() > -96

    await stage.until(hears_of_it)
    assert (await talk.citizen.ended()).by == "peer"


async def test_given_a_caller_without_a_number_and_nobody_left_then_the_caller_is_kept_until_a_human_answers(
    stage: Stage,
) -> None:
    citizen = await stage.citizen(None)
    phone = await stage.seat("3281")
    call = await citizen.dial("12328")
    first = await phone.incoming()
    await first.answer()
    await call.answered()
    call_id = await stage.call_of_seat("3281")
    await stage.seat_goes("3281")
    asked = await stage.hand_over(call_id, "110", release="now")
    await first.ended()
    await asyncio.sleep(7)
    assert not call.is_over

    colleague = await stage.seat("3282")

    taken = await colleague.incoming()
    await taken.answer()
    await hear_each_other((call, CITIZEN_TONE), (taken, SEAT_TONE))
    await ended(stage, asked["id"], outcome="unreachable", resolution="queue")


async def test_given_the_caller_is_on_the_ladder_when_the_caller_hangs_up_then_caller_hung_up(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110", release="now")
    await (await rung(stage, "1101")).reject(486)
    again = await rung(stage, "2101")

    await talk.citizen.hangup()

    assert (await again.ended()).by == "peer"
    record = await ended(stage, asked["id"], outcome="busy", resolution="caller_hung_up", sip_code=486)
    assert events(record)[-1] == "caller_gone"
