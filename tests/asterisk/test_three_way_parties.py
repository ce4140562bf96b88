"""Each party of a three-way call by itself: mute, hold, remove, and a fourth."""

import asyncio
from typing import Any

import pytest

from demo.stage import Stage
from softphones.phones import WAIT_S
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    FOURTH_TONE,
    SEAT_TONE,
    TARGET_TONE,
    Voice,
    ended,
    hear_each_other,
    parties_are,
    settled,
    three_way,
    uninterrupted,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOOR_DBFS = -50.0


async def control(stage: Stage, room: str, party: str, action: str) -> dict[str, Any]:
    reply = await stage.api.post(f"/v1/conferences/{room}/participants/{party}/{action}")
    assert reply.status_code == 202, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


async def hears_no_more(call: Voice, tone: float) -> None:
    """What is on its way still arrives."""
    async with asyncio.timeout(WAIT_S):
        while await call.hears(tone, within=0.7):
            await asyncio.sleep(0.1)


async def hears_something(stage: Stage, call: Voice) -> None:
    async def loud() -> bool:
        return await call.level() > FLOOR_DBFS

    await stage.until(loud)


async def test_given_a_room_when_the_target_is_muted_then_it_hears_and_is_not_heard_until_unmuted(stage: Stage) -> None:
    talk, record, target = await three_way(stage)
    everybody = ((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))
    await hear_each_other(*everybody)

    assert (await control(stage, record["id"], "target", "mute"))["muted"] is True

    await hears_no_more(talk.citizen, TARGET_TONE)
    await hears_no_more(talk.seat, TARGET_TONE)
    assert await target.hears(CITIZEN_TONE)
    assert (await control(stage, record["id"], "target", "unmute"))["muted"] is False
    await hear_each_other(*everybody)


async def test_given_a_room_when_the_caller_is_held_then_the_caller_hears_music_and_the_others_talk_on(
    stage: Stage,
) -> None:
    talk, record, target = await three_way(stage)
    everybody = ((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))
    await hear_each_other(*everybody)

    async with uninterrupted((talk.seat, SEAT_TONE), (target, TARGET_TONE)):
        assert (await control(stage, record["id"], "caller", "hold"))["state"] == "held"
        await hears_no_more(talk.citizen, SEAT_TONE)
        await hears_no_more(talk.seat, CITIZEN_TONE)
        await hears_something(stage, talk.citizen)
        assert (await control(stage, record["id"], "caller", "unhold"))["state"] == "joined"

    await hear_each_other(*everybody)


@pytest.mark.parametrize("party", ["seat", "target"])
async def test_given_a_room_when_another_is_held_then_the_caller_talks_on_and_it_comes_back(
    stage: Stage, party: str
) -> None:
    talk, record, target = await three_way(stage)
    calls = {"seat": (talk.seat, SEAT_TONE), "target": (target, TARGET_TONE)}
    held, _ = calls.pop(party)
    (stays,) = calls.values()

    async with uninterrupted((talk.citizen, CITIZEN_TONE), stays):
        await control(stage, record["id"], party, "hold")
        await hears_no_more(held, CITIZEN_TONE)
        await hears_something(stage, held)
        await control(stage, record["id"], party, "unhold")

    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))


async def test_given_a_held_caller_when_the_caller_hangs_up_then_the_others_talk_on(stage: Stage) -> None:
    talk, record, target = await three_way(stage)
    await control(stage, record["id"], "caller", "hold")

    await talk.citizen.hangup()

    await parties_are(stage, record["id"], caller="left", seat="joined", target="joined")
    await hear_each_other((talk.seat, SEAT_TONE), (target, TARGET_TONE))
    await talk.seat.hangup()
    await target.ended()
    await ended(stage, record["id"], outcome="answered")


async def test_given_a_held_caller_when_the_others_leave_then_the_caller_is_not_left_waiting_for_nobody(
    stage: Stage,
) -> None:
    talk, record, target = await three_way(stage)
    await stage.seat("2102")
    await control(stage, record["id"], "caller", "hold")

    await target.hangup()
    await parties_are(stage, record["id"], target="left")
    await talk.seat.hangup()

    colleague = await (await stage.seat("2101")).incoming()
    await colleague.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (colleague, SEAT_TONE))


async def test_given_a_room_when_the_target_is_removed_then_caller_and_seat_talk_on(stage: Stage) -> None:
    talk, record, target = await three_way(stage)

    await control(stage, record["id"], "target", "remove")

    await target.ended()
    await parties_are(stage, record["id"], target="left", caller="joined", seat="joined")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


@pytest.mark.shows(7, 17, 63)
async def test_given_a_room_when_a_fourth_is_added_over_the_trunk_then_all_four_hear_each_other(stage: Stage) -> None:
    outside = await stage.outside()
    talk, record, target = await three_way(stage)

    reply = await stage.api.post(f"/v1/conferences/{record['id']}/participants", json={"target": "120"})

    assert (reply.status_code, reply.json()["id"]) == (202, "p4")
    fourth = await outside.incoming()
    assert fourth.from_number == CITIZEN
    assert fourth.headers["X-Handoff-Id"] == record["id"]
    await fourth.answer()
    await parties_are(stage, record["id"], p4="joined")
    await hear_each_other(
        (talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE), (fourth, FOURTH_TONE)
    )
    await target.hangup()
    await talk.seat.hangup()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (fourth, FOURTH_TONE))
    await fourth.hangup()
    await talk.citizen.ended()
    await ended(stage, record["id"], outcome="answered")


async def test_given_a_room_when_a_fourth_does_not_answer_then_nobody_is_disturbed(stage: Stage) -> None:
    outside = await stage.outside()
    talk, record, target = await three_way(stage)

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE)):
        await stage.api.post(f"/v1/conferences/{record['id']}/participants", json={"target": "122"})
        fourth = await outside.incoming()
        parties = await parties_are(stage, record["id"], p4="left")
        await fourth.ended()

    assert parties["p4"]["outcome"] == "NOANSWER"
    await settled(stage, record["id"], state="answered", outcome="answered")


async def test_given_a_ringing_fourth_when_it_is_removed_then_it_stops_ringing(stage: Stage) -> None:
    outside = await stage.outside()
    _, record, _ = await three_way(stage)
    await stage.api.post(f"/v1/conferences/{record['id']}/participants", json={"target": "120"})
    fourth = await outside.incoming()

    await control(stage, record["id"], "p4", "remove")

    await fourth.ended()
    await parties_are(stage, record["id"], p4="left", caller="joined", seat="joined", target="joined")
