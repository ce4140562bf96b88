"""Calls that phones pass on by themselves: to and fro by feature codes, and attended, by REFER with Replaces."""

import pytest

from demo.stage import Conversation, Stage
from softphones import IncomingCall
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    ended,
    hear_each_other,
    rung,
    settled,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_two_lines_that_pass_a_caller_to_and_fro_then_it_ends_with_a_human_after_five_and_on_record(
    stage: Stage,
) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    holder, ways = talk.seat, [("*2", "2101"), ("*1", "1101")] * 3
    for code, seat in ways[:5]:
        await holder.dtmf(code)
        following = await rung(stage, seat)
        await following.answer()
        await holder.ended()
        record = await settled(stage, following.headers["X-Handoff-Id"], outcome="answered", via="key")
        shows_the_caller(following, record)
        holder = following

    await holder.dtmf("*1")

    async def all_told() -> bool:
        return len((await stage.api.get("/v1/handoffs", params={"call_id": talk.call_id})).json()["items"]) == 6

    await stage.until(all_told)
    records = (await stage.api.get("/v1/handoffs", params={"call_id": talk.call_id})).json()["items"]
    last = max(records, key=lambda record: record["created_at"])
    await ended(stage, last["id"], outcome="rejected", resolution="first_seat", from_seat="2101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (holder, SEAT_TONE))


async def test_given_a_call_back_to_the_line_it_came_from_when_that_is_busy_then_the_ladder_is_that_of_the_last_line(
    stage: Stage,
) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    await talk.seat.dtmf("*2")
    middle = await rung(stage, "2101")
    await middle.answer()
    await talk.seat.ended()
    await settled(stage, middle.headers["X-Handoff-Id"], outcome="answered")
    await middle.dtmf("*1")
    back = await rung(stage, "1101")

    await back.reject(486)

    await ended(stage, back.headers["X-Handoff-Id"], outcome="busy", resolution="first_seat", from_line="12345")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (middle, SEAT_TONE))


async def joined_by_the_phone(stage: Stage) -> tuple[Conversation, IncomingCall]:
    """The first seat holds the caller, calls its colleague, and has its phone join the two."""
    talk = await stage.talk(CITIZEN, "12345", "2101")
    colleague = await stage.seat("2102")
    await talk.seat.hold()
    consultation = await talk.seat.phone.dial("2102")
    asked = await colleague.incoming()
    assert asked.from_number == "2101", "a seat that calls shows its own number"
    await asked.answer()
    await consultation.answered()
    await talk.seat.refer_attended(consultation)
    assert (await talk.seat.ended()).by == "transfer"
    await hear_each_other((talk.citizen, CITIZEN_TONE), (asked, TARGET_TONE))
    return talk, asked


async def test_given_a_seat_that_consults_another_when_its_phone_joins_caller_and_colleague_then_they_talk(
    stage: Stage,
) -> None:
    """REFER with Replaces hands nothing from one line to another: it is no handoff on record, but the call goes on as
    one, under the caller's own number, and is over when they hang up."""
    talk, asked = await joined_by_the_phone(stage)

    assert (await stage.api.get("/v1/handoffs", params={"call_id": talk.call_id})).json()["items"] == []
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["original_caller"], call["line"], call["ended_at"]) == (CITIZEN, "12345", None)
    await talk.citizen.hangup()
    await asked.ended()
    await stage.quiet()


async def test_given_a_call_joined_by_a_phone_when_the_colleague_presses_a_feature_code_then_they_talk_on(
    stage: Stage,
) -> None:
    """Asterisk does not tell the colleague's channel whose caller it has got: the key is without effect."""
    await stage.seat("1101")
    talk, asked = await joined_by_the_phone(stage)

    await asked.dtmf("*1")

    with pytest.raises(TimeoutError):
        await (await stage.seat("1101")).incoming(1.0)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (asked, SEAT_TONE))
