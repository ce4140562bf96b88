"""Too many callers, on real calls: the offer, the key while waiting, overflow, danger, and 110's own channels."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage
from demo.stage import stage as open_stage
from softphones import Call, CallFailed, PhoneHost
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess
from tests.asterisk.conftest import FAR_NUMBER, SHORT_LINE
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, TARGET_TONE, ended, hear_each_other, rung

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECOND, SMALL_IP = "13900002222", "127.0.0.5"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    police, line = content["lines"]
    line |= {"call_back_key": "3", "surge": {"waiting_over": 0}, "danger": {"target": "110"}}
    other = {**SHORT_LINE, "surge": {"waiting_over": 0, "announce": False, "offer": False, "overflow": "12345"}}
    changes = {
        "lines": [police, line, other],
        "seats": [*content["seats"], {"id": "3281", "name": "坐席"}, {"id": "3282", "name": "坐席"}],
        "trunks": [
            {
                "id": "small",
                "match": [SMALL_IP],
                "contact": f"sip:{SMALL_IP}:5080",
                "channels": 3,
                "reserved": {"110": 1},
            }
        ],
        "linked_numbers": [*content["linked_numbers"], {**FAR_NUMBER, "trunk": "small"}],
    }
    async with open_stage(tmp_path_factory.mktemp("surge"), changes=changes) as ours:
        yield ours
        assert await ours.reconcile() == []


@pytest_asyncio.fixture(loop_scope="session")
async def stage(hall: Stage) -> AsyncIterator[Stage]:
    yield hall
    await hall.clear()


async def waits(stage: Stage, line: str, number: str = CITIZEN) -> Call:
    """A caller in the queue of a line where nobody is."""
    queued = await in_queue(stage, line)
    call = await (await stage.citizen(number)).dial(line)
    await call.answered()

    async def there() -> bool:
        return await in_queue(stage, line) > queued

    await stage.until(there)
    return call


async def in_queue(stage: Stage, line: str) -> int:
    """As Asterisk has it: what a caller presses before is not heard."""
    layout = Layout.of(stage.home)
    asterisk = AsteriskProcess(find_asterisk(layout.home), layout.asterisk_conf, layout.run, layout.log)
    told = await asterisk.rx(f"queue show {line}", seconds=30)
    found = re.search(rf"{line} has ([0-9]+) calls", told)
    assert found, told
    return int(found[1])


async def order(stage: Stage, number: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = (await stage.api.get(f"/v1/call-backs?caller={number}")).json()["items"]
        return bool(found)

    await stage.until(there)
    return found[0]


async def test_given_a_surge_when_the_offer_is_taken_then_a_call_back_is_promised_and_the_place_kept(
    stage: Stage,
) -> None:
    first = await waits(stage, "12345")
    second = await (await stage.citizen(SECOND)).dial("12345")
    await second.answered()
    await asyncio.sleep(1.0)
    await second.dtmf("3")

    promised = await order(stage, SECOND)

    assert (promised["state"], promised["reason"], promised["line"]) == ("waiting", "queue", "12345")
    call = (await stage.api.get(f"/v1/calls/{promised['call_id']}")).json()
    since, arrived = (datetime.fromisoformat(each) for each in (promised["since"], call["arrived_at"]))
    assert timedelta() <= arrived - since < timedelta(seconds=2), "in whole seconds"
    assert (await second.ended()).by == "peer"
    assert not first.is_over


async def test_given_a_caller_in_the_queue_when_the_key_is_pressed_then_a_call_back_is_promised(stage: Stage) -> None:
    call = await waits(stage, "12345", "13700003333")
    await call.dtmf("3")
    assert (await order(stage, "13700003333"))["state"] == "waiting"
    await call.ended()


async def test_given_a_caller_in_the_queue_when_in_danger_then_110_at_once_recorded_and_the_line_joins(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    call = await waits(stage, "12345")
    await call.dtmf("*")

    police = await rung(stage, "1101")
    assert police.from_number == CITIZEN
    await stage.seat("2101")  # nobody is in its queue any more
    await police.answer()
    ours = await rung(stage, "2101")
    await ours.answer()

    await hear_each_other((call, CITIZEN_TONE), (police, SEAT_TONE), (ours, TARGET_TONE))
    (live,) = (await stage.api.get("/v1/calls/live")).json()

    async def recorded() -> bool:
        return bool((await stage.api.get(f"/v1/calls/{live['id']}")).json()["recordings"])

    await stage.until(recorded)


async def test_given_a_surge_where_another_line_is_free_then_who_stays_goes_there(stage: Stage) -> None:
    await waits(stage, "12328")
    await stage.seat("2101")
    second = await (await stage.citizen(SECOND)).dial("12328")
    incoming = await rung(stage, "2101")
    assert incoming.from_number == SECOND
    await incoming.answer()
    await hear_each_other((second, CITIZEN_TONE), (incoming, SEAT_TONE))


async def test_given_a_full_trunk_then_12345_is_refused_and_110_has_its_channel(stage: Stage) -> None:
    async with PhoneHost(ip=SMALL_IP) as far:
        phones = [await far.phone(f"1360000000{at}", domain=stage.sip) for at in range(5)]
        for phone in phones[:2]:
            await (await phone.dial("12345")).answered()
        refused = await phones[2].dial("12345")
        assert (await refused.ended()).status == 503

        # nor is it spent on a caller who has one already
        await (await rung(stage, "2101")).answer()
        asked = await stage.hand_over(await stage.call_of_seat("2101"), FAR_NUMBER["id"])
        await ended(stage, asked["id"], outcome="unreachable", resolution="first_seat")

        await stage.seat("1101")
        emergency = await phones[3].dial("110")
        police = await rung(stage, "1101")
        await police.answer()
        await hear_each_other((emergency, CITIZEN_TONE), (police, SEAT_TONE))
        with pytest.raises(CallFailed):
            await (await phones[4].dial("12345")).answered()

        async def counted() -> bool:
            metrics = (await stage.api.get("/metrics")).text
            return 'hotline_callers_refused_total{line="12345",trunk="small"} 2.0' in metrics

        await stage.until(counted)
        for call in far.calls:
            if not call.is_over:
                await call.hangup()
        await stage.quiet()
        again = await phones[4].dial("12345")
        await again.answered()
        await again.hangup()
