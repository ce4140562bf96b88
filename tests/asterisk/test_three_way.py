"""The three-way call on the real Asterisk: who hears whom, who may leave, what is decided."""

import asyncio

import pytest

from demo.stage import Stage
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    ended,
    events,
    hear_each_other,
    parties_are,
    rung,
    settled,
    shows_the_caller,
    three_way,
    uninterrupted,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_a_talk_when_the_third_answers_then_all_three_hear_each_other(stage: Stage) -> None:
    talk, _, target = await three_way(stage)

    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))

    record = await settled(stage, target.headers["X-Handoff-Id"], state="answered", outcome="answered", resolution=None)
    shows_the_caller(target, record)
    assert (record["mode"], record["from_line"], record["from_seat"]) == ("conference", "12345", "2101")
    assert record["target_channel"].startswith("PJSIP/1101-")
    assert events(record) == ["started", "rings", "answers"]


async def test_given_the_third_rings_then_caller_and_seat_talk_on_until_it_answers(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)):
        asked = await stage.hand_over(talk.call_id, "110", mode="conference")
        target = await rung(stage, "1101")
        await settled(stage, asked["id"], state="ringing", target_seat="1101")
        await parties_are(stage, asked["id"], target="ringing")
        await asyncio.sleep(1)

    await target.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))


async def test_given_the_third_is_busy_then_caller_and_seat_are_never_interrupted(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)):
        asked = await stage.hand_over(talk.call_id, "110", mode="conference")
        target = await rung(stage, "1101")
        await target.reject(486)
        record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat", sip_code=486, hangup_cause=17)
        await asyncio.sleep(0.5)

    shows_the_caller(target, record)
    assert record["decision"] is None


async def test_given_the_third_does_not_answer_then_caller_and_seat_are_never_interrupted(stage: Stage) -> None:
    await stage.seat("3281")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)):
        asked = await stage.hand_over(talk.call_id, "12328", mode="conference")
        target = await rung(stage, "3281")
        await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat")
        await target.ended()


async def test_given_nobody_of_the_third_is_there_then_unreachable_and_nothing_is_interrupted(stage: Stage) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)):
        asked = await stage.hand_over(talk.call_id, "110", mode="conference")
        await ended(stage, asked["id"], outcome="unreachable", resolution="first_seat")


async def test_given_the_third_rings_when_cancelled_then_nothing_is_interrupted_and_it_can_be_asked_again(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)):
        asked = await stage.hand_over(talk.call_id, "110", mode="conference")
        target = await rung(stage, "1101")
        assert (await stage.api.delete(f"/v1/handoffs/{asked['id']}")).status_code == 202
        await target.ended()
        await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")

    again = await stage.hand_over(talk.call_id, "110")
    await (await rung(stage, "1101")).answer()
    await talk.seat.ended()
    await settled(stage, again["id"], outcome="answered", resolution="target")


async def test_given_the_third_rings_when_the_caller_hangs_up_then_abandoned_and_it_stops_ringing(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110", mode="conference")
    target = await rung(stage, "1101")

    await talk.citizen.hangup()

    await target.ended()
    await talk.seat.ended()
    await ended(stage, asked["id"], outcome="abandoned", resolution="caller_hung_up")


@pytest.mark.parametrize("first", ["seat", "target", "caller"])
@pytest.mark.shows(2)
async def test_given_three_parties_when_one_leaves_then_the_others_talk_on_and_the_last_is_let_go(
    stage: Stage, first: str
) -> None:
    talk, record, target = await three_way(stage)
    calls = {"caller": talk.citizen, "seat": talk.seat, "target": target}
    tones = {"caller": CITIZEN_TONE, "seat": SEAT_TONE, "target": TARGET_TONE}
    rest = [name for name in calls if name != first]

    await calls[first].hangup()

    await parties_are(stage, record["id"], **{first: "left"})
    await hear_each_other(*((calls[name], tones[name]) for name in rest))
    await settled(stage, record["id"], state="answered", outcome="answered")
    await calls[rest[0]].hangup()
    await calls[rest[1]].ended()
    resolution = "target" if first == "seat" else "first_seat"
    record = await ended(stage, record["id"], outcome="answered", resolution=resolution)
    assert record["decision"]["accepted_by"] == "12345"
    assert record["decision"]["automatic"] is True


@pytest.mark.shows(2)
async def test_given_a_room_when_the_seat_completes_then_caller_and_target_stay(stage: Stage) -> None:
    talk, record, target = await three_way(stage)

    assert (await stage.api.post(f"/v1/handoffs/{record['id']}/complete")).status_code == 202

    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    assert (await stage.api.post(f"/v1/handoffs/{record['id']}/complete")).status_code == 409


async def test_given_the_third_still_rings_when_the_seat_completes_or_decides_then_409(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110", mode="conference")
    await rung(stage, "1101")
    decision = {"accepted_by": "110", "reason": "涉及人身安全"}

    complete = await stage.api.post(f"/v1/handoffs/{asked['id']}/complete")
    decided = await stage.api.post(f"/v1/conferences/{asked['id']}/decision", json=decision)

    assert (complete.status_code, decided.status_code) == (409, 409)
    assert complete.json()["type"] == "urn:hotline:problem:handoff-not-answered"
    assert not talk.seat.is_over


@pytest.mark.shows(46, 72)
async def test_given_a_room_when_it_is_decided_then_the_decision_says_where_the_caller_ended(stage: Stage) -> None:
    talk, record, _ = await three_way(stage)
    path = f"/v1/conferences/{record['id']}/decision"

    reply = await stage.api.post(path, json={"accepted_by": "110", "reason": "涉及人身安全"})

    assert reply.status_code == 200
    decision = reply.json()["decision"]
    assert (decision["accepted_by"], decision["reason"], decision["automatic"]) == ("110", "涉及人身安全", False)
    assert decision["decided_by"] == "admin"
    again = await stage.api.post(path, json={"accepted_by": "12345", "reason": "改派"})
    assert again.status_code == 409
    await talk.citizen.hangup()
    await talk.seat.hangup()
    final = await ended(stage, record["id"], outcome="answered", resolution="target")
    assert final["decision"] == decision


async def test_given_a_room_when_who_did_not_take_part_decides_or_is_named_then_refused(stage: Stage) -> None:
    _, record, _ = await three_way(stage)
    path = f"/v1/conferences/{record['id']}/decision"
    who = {"user": "operator", "password": stage.secrets["people"]["operator"]}
    stranger = (await stage.api.post("/v1/seats/3281/sign-in", json=who)).json()["token"]
    present = (await stage.api.post("/v1/seats/1101/sign-in", json=who)).json()["token"]
    decision = {"accepted_by": "110", "reason": "涉及人身安全"}

    by_stranger = await stage.api.post(path, json=decision, headers={"Authorization": f"Bearer {stranger}"})
    for_stranger = await stage.api.post(path, json={**decision, "accepted_by": "12328"})
    by_target = await stage.api.post(path, json=decision, headers={"Authorization": f"Bearer {present}"})

    assert (by_stranger.status_code, by_stranger.json()["type"]) == (403, "urn:hotline:problem:not-your-call")
    assert for_stranger.status_code in (404, 409, 422)
    assert for_stranger.json()["type"] == "urn:hotline:problem:unknown-acceptor"
    assert (by_target.status_code, by_target.json()["decision"]["decided_by"]) == (200, "operator")
