"""A service that hangs is noticed and replaced; the people on the phone do not hear of it."""

import os
import signal

import pytest

from demo.stage import Stage
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, TARGET_TONE, rung, settled, uninterrupted

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTICED_AND_REPLACED = 90.0


async def test_given_a_handoff_that_rings_when_the_service_hangs_then_it_is_replaced_and_the_answer_is_on_record(
    stage: Stage,
) -> None:
    talk = await stage.talk("13800000002", "12345", "2102")
    handed = await stage.talk(CITIZEN, "12345", "2101")
    await stage.seat("1101")
    asked = await stage.hand_over(handed.call_id, "110")
    target = await rung(stage, "1101")
    await settled(stage, asked["id"], state="ringing")
    hung = stage.service_pid()

    os.kill(hung, signal.SIGSTOP)
    await target.answer()
    async with (
        uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)),
        uninterrupted((handed.citizen, CITIZEN_TONE), (target, TARGET_TONE)),
    ):

        async def replaced() -> bool:
            return stage.service_pid() != hung

        await stage.until(replaced, NOTICED_AND_REPLACED)
        await stage.ready()

    await settled(stage, asked["id"], state="answered", outcome="answered", resolution="target", target_seat="1101")
    assert await stage.call_of_seat("2102") == talk.call_id
