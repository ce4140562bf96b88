"""Each party hangs up in each state of a transfer: nobody is left behind, no caller is lost, one outcome."""

import asyncio

import pytest

from demo.stage import Conversation, Stage
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
    handed_to_110,
    hear_each_other,
    rung,
    seat_is,
    settled,
)
from tests.support.sip_peer import Leg, Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")


# ---------------------------------------------------------------- redirected, nothing rings yet


async def redirected(stage: Stage, far: Peer) -> tuple[Conversation, Record, Leg]:
    """The target's switch has the INVITE and has only said 100."""
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123")
    target = await far.incoming()
    target.say(100)
    await settled(stage, asked["id"], state="redirected")
    return talk, asked, target


async def test_given_redirected_when_the_caller_hangs_up_then_abandoned_and_the_target_never_rings(
    stage: Stage, far: Peer
) -> None:
    talk, asked, target = await redirected(stage, far)

    await talk.citizen.hangup()

    assert await target.ended() == "CANCEL"
    record = await ended(stage, asked["id"], outcome="abandoned", resolution="caller_hung_up")
    assert events(record) == ["started", "caller_gone"]
    await talk.seat.ended()


async def test_given_redirected_when_the_first_seat_hangs_up_then_the_target_still_gets_the_caller(
    stage: Stage, far: Peer
) -> None:
    talk, asked, target = await redirected(stage, far)

    await talk.seat.hangup()
    await stage.until(lambda: seat_is(stage, "2101", "idle"))
    target.answer()

    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_redirected_when_cancelled_then_the_caller_is_back_and_the_target_never_rings(
    stage: Stage, far: Peer
) -> None:
    talk, asked, target = await redirected(stage, far)

    assert (await stage.api.delete(f"/v1/handoffs/{asked['id']}")).status_code == 202

    assert await target.ended() == "CANCEL"
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)


# ---------------------------------------------------------------- just answered


async def test_given_just_answered_when_the_caller_hangs_up_then_answered_and_nobody_is_left(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)
    await target.answer()
    await target.answered()

    await talk.citizen.hangup()

    await target.ended()
    await talk.seat.ended()
    record = await ended(stage, asked["id"])
    assert (record["outcome"], record["resolution"]) in (("answered", "target"), ("abandoned", "caller_hung_up"))


async def test_given_the_target_answers_as_the_first_seat_hangs_up_then_caller_and_target_talk(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)

    await asyncio.gather(target.answer(), talk.seat.hangup())

    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")


# ---------------------------------------------------------------- back with the first seat


async def back_again(stage: Stage) -> tuple[Conversation, Record]:
    talk, asked, target = await handed_to_110(stage)
    await target.reject(486)
    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    await back_with_the_first_seat(talk)
    return talk, asked


async def test_given_back_with_the_first_seat_when_the_caller_hangs_up_then_the_seat_is_free(stage: Stage) -> None:
    talk, asked = await back_again(stage)

    await talk.citizen.hangup()

    await talk.seat.ended()
    await stage.until(lambda: seat_is(stage, "2101", "idle"))
    assert (await stage.record(asked["id"]))["resolution"] == "first_seat"


async def test_given_back_with_the_first_seat_when_the_seat_hangs_up_then_the_call_is_over(stage: Stage) -> None:
    talk, asked = await back_again(stage)

    await talk.seat.hangup()

    assert (await talk.citizen.ended()).by == "peer"
    await stage.quiet()
    assert (await stage.record(asked["id"]))["resolution"] == "first_seat"


# ---------------------------------------------------------------- the first seat is being rung again


@pytest.mark.parametrize("status", [486, 603])
async def test_given_the_first_seat_is_rung_again_when_it_refuses_then_its_line_is_rung(
    stage: Stage, status: int
) -> None:
    talk, asked, target = await handed_to_110(stage, release="now")
    colleague = await stage.seat("2102")
    await target.reject(486)

    await (await rung(stage, "2101")).reject(status)

    taken = await colleague.incoming()
    await taken.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (taken, SEAT_TONE))
    await ended(stage, asked["id"], outcome="busy", resolution="queue")


async def test_given_the_first_seat_is_rung_again_when_the_caller_hangs_up_as_it_answers_then_nobody_is_left(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage, release="now")
    await target.reject(486)
    again = await rung(stage, "2101")

    await asyncio.gather(talk.citizen.hangup(), again.answer(), return_exceptions=True)

    await again.ended()
    await ended(stage, asked["id"], outcome="busy")
    await stage.quiet()


# ---------------------------------------------------------------- the line's queue and the call-back prompt


async def in_the_ladders_queue(stage: Stage, line: str, seat: str) -> tuple[Conversation, Record]:
    """The line's only seat has gone, and nobody of 110 is there."""
    talk = await stage.talk(CITIZEN, line, seat)
    await stage.seat_goes(seat)
    asked = await stage.hand_over(talk.call_id, "110", release="now")
    await talk.seat.ended()
    return talk, asked


async def test_given_the_ladders_queue_when_the_caller_hangs_up_then_caller_hung_up(stage: Stage) -> None:
    talk, asked = await in_the_ladders_queue(stage, "12345", "2101")

    await talk.citizen.hangup()

    record = await ended(stage, asked["id"], outcome="unreachable", resolution="caller_hung_up")
    assert events(record)[-1] == "caller_gone"


async def test_given_the_call_back_is_being_promised_when_the_caller_hangs_up_then_it_stays_promised(
    stage: Stage,
) -> None:
    talk, asked = await in_the_ladders_queue(stage, "12328", "3281")
    await ended(stage, asked["id"], outcome="unreachable", resolution="callback_order")
    assert not talk.citizen.is_over

    await talk.citizen.hangup()

    await stage.quiet()
    assert (await stage.record(asked["id"]))["resolution"] == "callback_order"


# ---------------------------------------------------------------- a call that is with a linked number


async def test_given_a_call_at_a_linked_number_when_its_next_target_is_busy_then_it_is_back_there(
    stage: Stage, far: Peer
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    first = await stage.hand_over(talk.call_id, "12123")
    linked = await far.incoming()
    linked.answer()
    await talk.seat.ended()
    await settled(stage, first["id"], outcome="answered")

    second = await stage.hand_over(talk.call_id, "110")

    await (await rung(stage, "1101")).reject(486)
    await ended(stage, second["id"], outcome="busy", resolution="first_seat", from_line="12123")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (linked, TARGET_TONE))


async def test_given_a_call_at_a_linked_number_that_leaves_when_the_next_target_is_busy_then_the_first_line_is_rung(
    stage: Stage, far: Peer
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    first = await stage.hand_over(talk.call_id, "12123")
    linked = await far.incoming()
    linked.answer()
    await talk.seat.ended()
    await settled(stage, first["id"], outcome="answered")
    second = await stage.hand_over(talk.call_id, "110", release="now")
    target = await rung(stage, "1101")
    assert await linked.ended() == "BYE"

    await target.reject(486)

    await first_seat_is_rung_again(stage, talk)
    await ended(stage, second["id"], outcome="busy", resolution="queue")
