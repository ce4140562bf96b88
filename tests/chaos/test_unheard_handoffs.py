"""Handoffs that seats' phones began and that were over before the dead service was back: none is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from demo.stage import Stage
from demo.stage import stage as open_stage
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, hear_each_other

pytestmark = pytest.mark.asyncio(loop_scope="session")

KNOWN, NEW = "13800000004", "13800000005"


async def records(stage: Stage, *handoff_ids: str) -> list[dict[str, Any]]:
    """As soon as all of them are there."""

    async def there() -> bool:
        answers = [await stage.api.get(f"/v1/handoffs/{handoff_id}") for handoff_id in handoff_ids]
        return all(answer.status_code == 200 for answer in answers)

    await stage.until(there, 60.0)
    return [await stage.record(handoff_id) for handoff_id in handoff_ids]


async def refused_and_back(stage: Stage) -> str:
    """A call the service knew: the key, a busy target, the first seat again, and the caller hangs up."""
    outside = await stage.outside()
    talk = await stage.talk(KNOWN, "12345", "2101")
    assert stage.parts is not None
    await stage.parts.service.kill()

    await talk.seat.dtmf("*3")
    target = await outside.incoming()
    await target.reject(486)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    await talk.citizen.hangup()
    await talk.seat.ended()
    return target.headers["X-Handoff-Id"]


async def answered_by_refer(stage: Stage) -> str:
    """A call the service never heard of: REFER, an answer, and all is over."""
    seat, police = await stage.seat("2101"), await stage.seat("1101")
    call = await (await stage.citizen(NEW)).dial("12345")
    incoming = await seat.incoming(10.0)
    await incoming.answer()
    await call.answered()
    await hear_each_other((call, CITIZEN_TONE), (incoming, SEAT_TONE))
    await incoming.refer("110")
    target = await police.incoming(10.0)
    await target.answer()
    await hear_each_other((call, CITIZEN_TONE), (target, SEAT_TONE))
    await call.hangup()
    await target.ended()
    return target.headers["X-Handoff-Id"]


async def test_given_handoffs_that_began_and_ended_while_the_service_was_dead_then_they_are_on_record_once(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path / "home", apart=True) as stage:
        assert stage.parts is not None
        await stage.seat("1101")
        refused_id = await refused_and_back(stage)
        answered_id = await answered_by_refer(stage)
        await stage.parts.service.start()
        await stage.ready()

        refused, answered = await records(stage, refused_id, answered_id)

        assert (refused["outcome"], refused["resolution"], refused["via"]) == ("busy", "first_seat", "key")
        assert (refused["original_caller"], refused["from_line"], refused["target"]) == (KNOWN, "12345", "120")
        assert (answered["outcome"], answered["resolution"], answered["via"]) == ("answered", "target", "refer")
        assert (answered["original_caller"], answered["caller_seen_by_target"]) == (NEW, NEW)
        assert (answered["from_seat"], answered["target_seat"], answered["state"]) == ("2101", "1101", "ended")
        for record in (refused, answered):
            assert record["timeline"][0]["detail"]["source"] == "cel"
        call = (await stage.api.get(f"/v1/calls/{answered['call_id']}")).json()
        assert (call["original_caller"], call["state"]) == (NEW, "ended")
        assert await stage.reconcile() == []

        async def its_order_is_named() -> bool:
            return bool((await stage.record(answered_id))["order_ids"])

        await stage.until(its_order_is_named)
        answered = await stage.record(answered_id)
        assert answered["order_ids"] == [f"{answered_id}.110"] and refused["order_ids"] == []

        await stage.parts.service.kill()
        await stage.parts.service.start()
        await stage.ready()
        talk = await stage.talk(CITIZEN, "12345", "2101")
        await talk.end()

        async def looked_again() -> bool:
            return (await stage.api.get("/v1/reports/reconciliation")).json()["at"] is not None

        await stage.until(looked_again, 60.0)
        assert await records(stage, refused_id, answered_id) == [refused, answered]
