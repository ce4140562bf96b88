"""The ways to hand a caller over: at once, by feature code, by REFER, twice, in a chain."""

import asyncio

import httpx
import pytest

from demo.stage import Stage
from softphones import ReferFailed
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    ended,
    hear_each_other,
    passed_on,
    rung,
    settled,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_release_now_when_handed_over_then_the_seat_is_free_before_the_target_answers(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    asked = await stage.hand_over(talk.call_id, "110", release="now")

    target = await rung(stage, "1101")
    await talk.seat.ended()
    assert target.answered_at is None
    await target.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    record = await settled(stage, asked["id"], outcome="answered", resolution="target", release="now")
    shows_the_caller(target, record)


@pytest.mark.shows(45, 71)
async def test_given_a_feature_code_when_the_target_answers_then_it_is_recorded_as_the_seats(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    await talk.seat.dtmf("*1")

    target = await rung(stage, "1101")
    handoff_id = target.headers["X-Handoff-Id"]
    await settled(stage, handoff_id, state="ringing", via="key", from_seat="2101", requested_by="2101")
    assert not talk.seat.is_over
    await target.answer()
    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    record = await settled(stage, handoff_id, outcome="answered", resolution="target", release="on_answer")
    shows_the_caller(target, record)


async def test_given_a_feature_code_when_the_target_is_busy_then_the_caller_is_back_with_the_seat(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await talk.seat.dtmf("*1")
    target = await rung(stage, "1101")

    await target.reject(486)

    await ended(stage, target.headers["X-Handoff-Id"], outcome="busy", resolution="first_seat", sip_code=486)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


async def test_given_a_feature_code_after_a_failed_transfer_then_it_is_a_handoff_of_its_own(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    first = await stage.hand_over(talk.call_id, "110")
    await (await rung(stage, "1101")).reject(486)
    await ended(stage, first["id"], outcome="busy")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await talk.seat.dtmf("*1")

    target = await rung(stage, "1101")
    assert target.headers["X-Handoff-Id"] != first["id"]
    await target.answer()
    await settled(stage, target.headers["X-Handoff-Id"], outcome="answered", via="key")


async def test_given_a_refer_when_the_target_answers_then_the_seat_is_free_and_it_is_recorded(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    referring = asyncio.create_task(talk.seat.refer("110"))

    target = await rung(stage, "1101")
    await target.answer()
    await passed_on(referring, talk.seat)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    record = await settled(stage, target.headers["X-Handoff-Id"], outcome="answered", resolution="target", via="refer")
    shows_the_caller(target, record)
    assert (record["release"], record["from_seat"], record["requested_by"]) == ("now", "2101", "2101")


@pytest.mark.parametrize("number", ["99999", "2101", "*43"])
async def test_given_a_refer_to_what_is_no_target_then_it_is_refused_and_the_call_goes_on(
    stage: Stage, number: str
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")

    with pytest.raises(ReferFailed):
        await talk.seat.refer(number)

    assert not talk.seat.is_over
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    assert (await stage.api.get("/v1/handoffs", params={"call_id": talk.call_id})).json()["items"] == []


async def test_given_a_live_handoff_when_clicked_again_then_409_and_the_first_goes_on(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")

    with pytest.raises(httpx.HTTPStatusError) as refused:
        await stage.hand_over(talk.call_id, "120")

    assert refused.value.response.status_code == 409
    assert refused.value.response.json()["type"] == "urn:hotline:problem:handoff-in-progress"
    await target.answer()
    await settled(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_two_clicks_at_the_same_moment_then_one_handoff_starts(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    clicks = await asyncio.gather(*(stage.hand_over(talk.call_id, "110") for _ in range(4)), return_exceptions=True)

    started = [click for click in clicks if isinstance(click, dict)]
    refused = [click for click in clicks if isinstance(click, httpx.HTTPStatusError)]
    assert (len(started), [click.response.status_code for click in refused]) == (1, [409] * 3)
    await (await rung(stage, "1101")).answer()
    await settled(stage, started[0]["id"], outcome="answered")


@pytest.mark.shows(45)
async def test_given_the_same_idempotency_key_twice_then_the_same_handoff_is_given_and_one_phone_rings_once(
    stage: Stage,
) -> None:
    phone = await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    body = {"call_id": talk.call_id, "mode": "transfer", "target": "110"}

    replies = [
        await stage.api.post("/v1/handoffs", json=body, headers={"Idempotency-Key": f"press-{talk.call_id}"})
        for _ in range(2)
    ]

    assert [reply.status_code for reply in replies] == [202, 202]
    assert replies[0].json()["id"] == replies[1].json()["id"]
    await (await phone.incoming()).answer()
    with pytest.raises(TimeoutError):
        await phone.incoming(0.5)


async def test_given_two_seats_of_the_target_when_one_answers_then_the_other_stops_ringing(stage: Stage) -> None:
    await stage.seat("1101")
    await stage.seat("1102")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    first, second = await rung(stage, "1101"), await rung(stage, "1102")

    await second.answer()

    await first.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (second, TARGET_TONE))
    record = await settled(stage, asked["id"], outcome="answered", resolution="target", target_seat="1102")
    assert record["target_channel"].startswith("PJSIP/1102-")
    shows_the_caller(second, record)


async def test_given_two_seats_when_one_is_busy_and_the_other_silent_then_no_single_sip_answer_is_claimed(
    stage: Stage,
) -> None:
    await stage.seat("3281")
    await stage.seat("3282")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12328")

    await (await rung(stage, "3281")).reject(486)

    await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat", sip_code=None)


async def test_given_a_transferred_call_when_the_target_hands_it_back_then_the_first_ends_and_the_second_is_answered(
    stage: Stage,
) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    first = await stage.hand_over(talk.call_id, "12345")
    middle = await rung(stage, "2101")
    await middle.answer()
    await talk.seat.ended()
    await settled(stage, first["id"], outcome="answered")

    second = await stage.hand_over(talk.call_id, "110")

    last = await rung(stage, "1101")
    assert not middle.is_over, "the seat that got the call by a handoff waits like any other"
    await settled(stage, first["id"], state="ended", resolution="target")
    await last.answer()
    await middle.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (last, TARGET_TONE))
    record = await settled(stage, second["id"], outcome="answered", from_line="12345", from_seat="2101", target="110")
    shows_the_caller(last, record)


async def test_given_a_transferred_call_when_the_next_target_is_busy_then_it_is_back_with_the_middle_seat(
    stage: Stage,
) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    await stage.hand_over(talk.call_id, "12345")
    middle = await rung(stage, "2101")
    await middle.answer()
    await talk.seat.ended()
    await stage.call_of_seat("2101")
    second = await stage.hand_over(talk.call_id, "110")

    await (await rung(stage, "1101")).reject(486)

    await ended(stage, second["id"], outcome="busy", resolution="first_seat", from_seat="2101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (middle, SEAT_TONE))


async def test_given_a_call_passed_on_five_times_when_passed_on_once_more_then_it_stays_where_it_is(
    stage: Stage,
) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    holder, seats = talk.seat, {"12345": "2101", "110": "1101"}
    for hop in range(5):
        target = ("12345", "110")[hop % 2]
        asked = await stage.hand_over(talk.call_id, target)
        following = await rung(stage, seats[target])
        await following.answer()
        await holder.ended()
        await settled(stage, asked["id"], outcome="answered")
        holder = following

    one_too_many = await stage.hand_over(talk.call_id, "110")

    await ended(stage, one_too_many["id"], outcome="rejected", resolution="first_seat")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (holder, SEAT_TONE))
