"""The caller never hears silence while being handed over, and is told; the seat that waits hears music."""

import asyncio
import time
from pathlib import Path

import pytest

from demo.stage import Stage
from tests.support.hearing import PROMPTS, likeness, samples
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, ended, hear_each_other, quietest, rung

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANNOUNCEMENT = PROMPTS / "handoff-announce.wav"
FLOOR_DBFS = -50.0


async def test_given_a_handoff_when_the_target_rings_then_caller_and_seat_never_hear_silence(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")
    await asyncio.sleep(0.3)

    caller, seat = await asyncio.gather(quietest(talk.citizen, 3.0), quietest(talk.seat, 3.0))

    assert caller > FLOOR_DBFS
    assert seat > FLOOR_DBFS
    await target.reject(486)
    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


@pytest.mark.shows(43)
async def test_given_two_handoffs_of_a_call_then_the_caller_is_told_each_time_not_to_hang_up(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    for time_of_it in ("first", "second"):
        await talk.citizen.record(str(tmp_path / f"{time_of_it}.wav"))
        asked = await stage.hand_over(talk.call_id, "110")
        target = await rung(stage, "1101")
        await asyncio.sleep(3.0)
        await target.reject(486)
        await ended(stage, asked["id"], outcome="busy")
    await talk.citizen.hangup()
    await talk.citizen.ended()

    announcement = samples(ANNOUNCEMENT)

    assert likeness(samples(tmp_path / "first.wav"), announcement) > 0.6
    assert likeness(samples(tmp_path / "second.wav"), announcement) > 0.6


async def test_given_the_first_seat_is_gone_when_the_next_one_rings_then_the_caller_is_told_meanwhile(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    colleague = await stage.seat("2102")
    await stage.hand_over(talk.call_id, "110", release="now")
    target = await rung(stage, "1101")
    await talk.seat.ended()
    await stage.seat_goes("2101")
    await talk.citizen.record(str(tmp_path / "heard.wav"))
    refused_at = time.monotonic()

    await target.reject(486)

    ringing = await colleague.incoming()
    announcement = samples(PROMPTS / "handoff-queue.wav")
    spoken_seconds = len(announcement) / 8000
    assert ringing.received_at - refused_at < spoken_seconds, "the seat rings before the announcement is over"
    await asyncio.sleep(spoken_seconds)
    await ringing.answer()
    await talk.citizen.hangup()
    await talk.citizen.ended()
    assert likeness(samples(tmp_path / "heard.wav"), announcement) > 0.6


async def test_given_release_now_when_the_target_is_busy_then_the_caller_hears_no_silence_while_the_seat_is_rung_again(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await stage.hand_over(talk.call_id, "110", release="now")
    await (await rung(stage, "1101")).reject(486)
    again = await rung(stage, "2101")

    assert await quietest(talk.citizen, 2.0) > FLOOR_DBFS

    await again.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (again, SEAT_TONE))
