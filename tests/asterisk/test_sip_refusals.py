"""Every way in which a target's phone or a trunk refuses a call (RFC 3261 section 21), and what is made of it."""

import pytest

from demo.stage import Stage
from tests.support.scenario import (
    CITIZEN,
    back_with_the_first_seat,
    ended,
    rung,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOMES = {
    403: "rejected",
    404: "unreachable",
    408: "no_answer",
    480: "no_answer",
    486: "busy",
    487: "no_answer",
    488: "unreachable",
    500: "unreachable",
    503: "unreachable",
    600: "busy",
    603: "rejected",
}


@pytest.mark.parametrize("status", [status for status in OUTCOMES if status != 503])
async def test_given_a_target_over_the_trunk_when_it_refuses_then_the_reason_is_on_record_and_the_caller_is_back(
    stage: Stage, status: int
) -> None:
    outside = await stage.outside()
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "120")
    target = await outside.incoming()

    await target.reject(status)

    record = await ended(stage, asked["id"], outcome=OUTCOMES[status], resolution="first_seat", sip_code=status)
    shows_the_caller(target, record)
    await back_with_the_first_seat(talk)


async def test_given_a_seats_phone_that_refuses_in_every_way_in_turn_then_each_is_on_record_and_the_caller_is_back(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    for status, outcome in OUTCOMES.items():
        asked = await stage.hand_over(talk.call_id, "110")
        target = await rung(stage, "1101")

        await target.reject(status)

        record = await ended(stage, asked["id"], outcome=outcome, resolution="first_seat", sip_code=status)
        shows_the_caller(target, record)
        await back_with_the_first_seat(talk)
