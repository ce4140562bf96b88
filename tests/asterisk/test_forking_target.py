"""A line whose seats all ring: each does something else."""

import asyncio

import pytest

from demo.stage import Conversation, Stage
from softphones import CallGone, IncomingCall
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    TARGET_TONE,
    Record,
    back_with_the_first_seat,
    ended,
    hear_each_other,
    rung,
    seat_is,
    settled,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def handed_to_two(stage: Stage) -> tuple[Conversation, Record, IncomingCall, IncomingCall]:
    """12345 has asked for 110, where two phones ring."""
    await stage.seat("1101")
    await stage.seat("1102")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    return talk, asked, await rung(stage, "1101"), await rung(stage, "1102")


@pytest.mark.parametrize("status", [486, 500, 603])
async def test_given_two_seats_when_one_refuses_then_the_other_rings_on_and_can_answer(
    stage: Stage, status: int
) -> None:
    talk, asked, first, second = await handed_to_two(stage)

    await first.reject(status)

    await asyncio.sleep(0.3)
    assert not second.is_over
    await settled(stage, asked["id"], state="ringing", outcome=None)
    await second.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (second, TARGET_TONE))
    record = await settled(stage, asked["id"], outcome="answered", target_seat="1102", sip_code=None)
    shows_the_caller(second, record)


async def test_given_two_seats_when_both_refuse_differently_then_one_outcome_and_no_single_sip_answer(
    stage: Stage,
) -> None:
    talk, asked, first, second = await handed_to_two(stage)

    await asyncio.gather(first.reject(603), second.reject(486))

    record = await ended(stage, asked["id"], resolution="first_seat", sip_code=None)
    assert record["outcome"] in ("busy", "rejected")
    await back_with_the_first_seat(talk)


async def test_given_two_seats_when_one_phone_goes_as_it_rings_then_the_other_can_answer(stage: Stage) -> None:
    talk, asked, first, second = await handed_to_two(stage)

    await stage.seat_goes("1101")
    await first.hangup()

    await second.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (second, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", target_seat="1102")


async def test_given_two_seats_when_both_answer_at_the_same_instant_then_one_has_the_caller_and_the_other_is_free(
    stage: Stage,
) -> None:
    talk, asked, first, second = await handed_to_two(stage)

    await asyncio.gather(first.answer(), second.answer(), return_exceptions=True)

    record = await settled(stage, asked["id"], outcome="answered", resolution="target")
    ringing = {"1101": first, "1102": second}
    winner = ringing.pop(record["target_seat"])
    loser_seat, loser = ringing.popitem()
    await loser.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (winner, TARGET_TONE))
    shows_the_caller(winner, record)
    await stage.until(lambda: seat_is(stage, loser_seat, "idle"))
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["seat"], call["state"]) == (record["target_seat"], "talking")


async def test_given_two_seats_when_the_caller_hangs_up_as_one_answers_then_nobody_is_left_and_one_outcome(
    stage: Stage,
) -> None:
    talk, asked, first, second = await handed_to_two(stage)

    await asyncio.gather(talk.citizen.hangup(), first.answer(), return_exceptions=True)

    record = await ended(stage, asked["id"])
    assert (record["outcome"], record["resolution"]) in (("abandoned", "caller_hung_up"), ("answered", "target"))
    for phone in (first, second, talk.seat):
        await phone.ended()


async def test_given_all_seats_of_the_target_when_the_caller_is_cancelled_back_then_all_stop_ringing(
    stage: Stage,
) -> None:
    talk, asked, first, second = await handed_to_two(stage)

    assert (await stage.api.delete(f"/v1/handoffs/{asked['id']}")).status_code == 202

    for phone in (first, second):
        assert (await phone.ended()).by == "peer"
        with pytest.raises(CallGone):
            await phone.answer()
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)
