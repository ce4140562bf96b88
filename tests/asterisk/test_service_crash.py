"""``kill -9`` of the service in mid-call: the parties talk on, and what happened meanwhile is on record afterwards.

One kill serves many calls, since a service that dies often is started again ever more slowly.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from demo.stage import Conversation, Stage
from softphones import IncomingCall
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    Record,
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


async def written(stage: Stage) -> None:
    """All that is on record is in the database as well."""

    async def nothing_waits() -> bool:
        metrics = (await stage.api.get("/metrics")).text.splitlines()
        return "hotline_record_queue_depth 0.0" in metrics

    await stage.until(nothing_waits)


async def live_call(stage: Stage, call_id: str) -> dict[str, Any]:
    calls = (await stage.api.get("/v1/calls/live")).json()
    return next(call for call in calls if call["id"] == call_id)


@dataclass
class Story:
    """A call that goes on while the service is dead."""

    talk: Conversation
    asked: Record
    target: IncomingCall


async def handed_over(stage: Stage, number: str, seat: str, target: str, target_seat: str, mode: str) -> Story:
    line = "12328" if seat.startswith("32") else "12345"
    talk = await stage.talk(number, line, seat)
    if target_seat:
        await stage.seat(target_seat)
    asked = await stage.hand_over(talk.call_id, target, mode=mode)
    incoming = await rung(stage, target_seat) if target_seat else await (await stage.outside()).incoming()
    await settled(stage, asked["id"], state="ringing")
    return Story(talk, asked, incoming)


@pytest.mark.shows(5)
async def test_given_people_who_talk_when_the_service_is_killed_then_they_talk_on_and_all_is_shown_again(
    stage: Stage,
) -> None:
    room_talk, room, third = await three_way(stage)
    plain = await stage.talk("13800000002", "12345", "2102")
    story = await handed_over(stage, "13800000003", "3281", "110", "1102", "transfer")
    await story.target.answer()
    before = await settled(stage, story.asked["id"], state="answered", outcome="answered")
    await written(stage)
    pid = stage.service_pid()

    async with AsyncExitStack() as listening:
        for parties in (
            ((room_talk.citizen, CITIZEN_TONE), (room_talk.seat, SEAT_TONE), (third, TARGET_TONE)),
            ((plain.citizen, CITIZEN_TONE), (plain.seat, SEAT_TONE)),
            ((story.talk.citizen, CITIZEN_TONE), (story.target, TARGET_TONE)),
        ):
            await listening.enter_async_context(uninterrupted(*parties))
        await stage.kill_service()
        await stage.ready()

    assert stage.service_pid() != pid
    record = await settled(stage, story.asked["id"], state="answered", outcome="answered", resolution="target")
    assert {**record, "timeline": None} == {**before, "timeline": None}
    handed = await live_call(stage, story.talk.call_id)
    assert (handed["state"], handed["line"], handed["seat"]) == ("talking", "110", "1102")
    assert (handed["original_caller"], handed["first_line"]) == ("13800000003", "12328")
    assert await stage.call_of_seat("2102") == plain.call_id
    await parties_are(stage, room["id"], caller="joined", seat="joined", target="joined")
    assert (await stage.api.post(f"/v1/handoffs/{room['id']}/complete")).status_code == 202
    await room_talk.seat.ended()
    await room_talk.citizen.hangup()
    await third.ended()
    room = await ended(stage, room["id"], outcome="answered", resolution="target")
    assert room["decision"]["automatic"] is True
    await story.talk.citizen.hangup()
    await ended(stage, story.asked["id"], outcome="answered", resolution="target")


@dataclass
class Aftermath:
    """What was rung before the service died, and done by the phones while it was dead."""

    stage: Stage
    answered: Story
    refused: Story
    abandoned: Story
    joined: Story
    key_talk: Conversation
    key_target: IncomingCall
    newcomer: IncomingCall


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def aftermath(instance: Stage) -> AsyncIterator[Aftermath]:
    stage = instance
    outside = await stage.outside()
    key_talk = await stage.talk("13800000004", "12345", "2191")
    joined = await handed_over(stage, "13800000003", "2103", "110", "1103", "conference")
    refused = await handed_over(stage, "13800000002", "2102", "110", "1102", "transfer")
    answered = await handed_over(stage, CITIZEN, "2101", "110", "1101", "transfer")
    abandoned = await handed_over(stage, "13800000005", "3281", "120", "", "transfer")
    await written(stage)

    await stage.kill_service()
    await refused.target.reject(486)
    await answered.target.answer()
    await joined.target.answer()
    await abandoned.talk.citizen.hangup()
    await abandoned.target.ended()
    await key_talk.seat.dtmf("*3")
    key_target = await outside.incoming()
    await key_target.answer()
    newcomer_call = await (await stage.citizen("13800000006", "张三")).dial("12328")
    newcomer = await rung(stage, "3281")
    await newcomer.answer()
    await newcomer_call.answered()
    await asyncio.gather(
        hear_each_other((answered.talk.citizen, CITIZEN_TONE), (answered.target, TARGET_TONE)),
        hear_each_other((refused.talk.citizen, CITIZEN_TONE), (refused.talk.seat, SEAT_TONE)),
        hear_each_other(
            (joined.talk.citizen, CITIZEN_TONE), (joined.talk.seat, SEAT_TONE), (joined.target, TARGET_TONE)
        ),
        hear_each_other((key_talk.citizen, CITIZEN_TONE), (key_target, TARGET_TONE)),
    )
    await stage.ready()
    yield Aftermath(stage, answered, refused, abandoned, joined, key_talk, key_target, newcomer)
    await stage.clear()


async def test_given_a_ringing_target_when_it_answers_while_the_service_is_dead_then_answered(
    aftermath: Aftermath,
) -> None:
    stage, story = aftermath.stage, aftermath.answered

    record = await settled(stage, story.asked["id"], state="answered", outcome="answered", resolution="target")

    shows_the_caller(story.target, record)
    assert (record["target_seat"], events(record)[-1]) == ("1101", "answers")
    call = await live_call(stage, story.talk.call_id)
    assert (call["state"], call["line"], call["seat"]) == ("talking", "110", "1101")


async def test_given_a_ringing_target_when_it_refuses_while_the_service_is_dead_then_busy_and_back_with_the_first_seat(
    aftermath: Aftermath,
) -> None:
    stage, story = aftermath.stage, aftermath.refused

    record = await ended(stage, story.asked["id"], outcome="busy", resolution="first_seat", sip_code=486)

    shows_the_caller(story.target, record, "13800000002")
    assert record["hangup_cause"] == 17
    call = await live_call(stage, story.talk.call_id)
    assert (call["state"], call["line"], call["seat"]) == ("talking", "12345", "2102")


async def test_given_a_ringing_target_when_the_caller_hangs_up_while_the_service_is_dead_then_abandoned(
    aftermath: Aftermath,
) -> None:
    stage, story = aftermath.stage, aftermath.abandoned

    await ended(stage, story.asked["id"], outcome="abandoned", resolution="caller_hung_up")


async def test_given_a_third_that_rings_when_it_answers_while_the_service_is_dead_then_the_room_is_known(
    aftermath: Aftermath,
) -> None:
    stage, story = aftermath.stage, aftermath.joined

    await parties_are(stage, story.asked["id"], caller="joined", seat="joined", target="joined")

    record = await settled(stage, story.asked["id"], state="answered", outcome="answered")
    shows_the_caller(story.target, record, "13800000003")


async def test_given_a_feature_code_while_the_service_is_dead_then_the_handoff_is_on_record(
    aftermath: Aftermath,
) -> None:
    stage, handoff_id = aftermath.stage, aftermath.key_target.headers["X-Handoff-Id"]

    record = await settled(stage, handoff_id, state="answered", outcome="answered", resolution="target", via="key")

    assert (record["original_caller"], record["target"], record["from_line"]) == ("13800000004", "120", "12345")
    assert (await live_call(stage, aftermath.key_talk.call_id))["line"] == "120"


async def test_given_a_call_that_came_while_the_service_was_dead_then_it_is_known(aftermath: Aftermath) -> None:
    call = await live_call(aftermath.stage, await aftermath.stage.call_of_seat("3281"))

    assert (call["original_caller"], call["caller_name"], call["dialled"]) == ("13800000006", "张三", "12328")
    assert (call["line"], call["first_line"], call["state"]) == ("12328", "12328", "talking")


async def test_given_a_caller_who_came_back_while_the_service_was_dead_then_the_call_can_be_handed_over_again(
    aftermath: Aftermath,
) -> None:
    stage, story = aftermath.stage, aftermath.refused

    again = await stage.hand_over(story.talk.call_id, "110")

    await (await rung(stage, "1102")).answer()
    await settled(stage, again["id"], outcome="answered", resolution="target", target_seat="1102")
