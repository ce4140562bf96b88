"""Too many callers, or nobody there, on real calls: promised call-backs are kept; surge; danger; 110's own channels."""

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
from softphones import Call, CallFailed, IncomingCall, PhoneHost
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess
from tests.asterisk.conftest import FAR_NUMBER, SHORT_LINE
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, TARGET_TONE, ended, hear_each_other, rung, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE, SEAT, COLLEAGUE = "12328", "3281", "3282"
SECOND, SMALL_IP = "13900002222", "127.0.0.5"
SMALL_TRUNK = {
    "id": "small",
    "match": [SMALL_IP],
    "contact": f"sip:{SMALL_IP}:5080",
    "channels": 3,
    "reserved": {"110": 1},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Promises are kept by themselves, at any hour; whoever comes while another waits is one too many."""
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    police, line = content["lines"]
    line |= {"call_back_key": "3", "surge": {"waiting_over": 0}, "danger": {"target": "110"}}
    other = {**SHORT_LINE, "surge": {"waiting_over": 0, "announce": False, "offer": False, "overflow": "12345"}}
    changes = {
        "lines": [police, line, other],
        "seats": [*content["seats"], {"id": SEAT, "name": "坐席"}, {"id": COLLEAGUE, "name": "坐席"}],
        "trunks": [SMALL_TRUNK],
        "linked_numbers": [*content["linked_numbers"], {**FAR_NUMBER, "trunk": "small"}],
        "call_backs": {"retry_minutes": [0.01], "since": "00:00", "until": "00:00"},
    }
    async with open_stage(tmp_path_factory.mktemp("too-many"), changes=changes, apart=True) as ours:
        yield ours
        assert await ours.reconcile() == []
        assert await ours.broken() == []


@pytest_asyncio.fixture(loop_scope="session")
async def stage(hall: Stage) -> AsyncIterator[Stage]:
    yield hall
    await hall.clear()


async def promised(stage: Stage) -> None:
    """Nobody is left at the line, and the caller is told of a call-back. The seat's phone is off afterwards."""
    talk = await stage.talk(CITIZEN, LINE, SEAT)
    await stage.seat_goes(SEAT)
    asked = await stage.hand_over(talk.call_id, "110", release="now")
    await talk.seat.ended()
    await ended(stage, asked["id"], outcome="unreachable", resolution="callback_order")
    await talk.citizen.hangup()


async def order_when(stage: Stage, **wanted: Any) -> dict[str, Any]:
    """The newest order, as soon as these fields have these values."""
    newest: list[dict[str, Any]] = []

    async def reached() -> bool:
        newest[:] = (await stage.api.get("/v1/call-backs")).json()["items"][:1]
        return bool(newest) and all(newest[0][name] == value for name, value in wanted.items())

    await stage.until(reached, 40.0)
    return newest[0]


async def called_back(stage: Stage) -> IncomingCall:
    """The citizen's phone rings, and shows the line's number."""
    incoming = await (await stage.citizen(CITIZEN)).incoming(40.0)
    assert incoming.from_number == LINE
    return incoming


async def test_given_a_promise_when_a_seat_is_there_then_the_citizen_is_called_and_both_talk(stage: Stage) -> None:
    await promised(stage)
    order = await order_when(stage, state="waiting")
    assert (order["line"], order["reason"], order["original_caller"]) == (LINE, "ladder", CITIZEN)
    await stage.seat("1101")
    await stage.seat(SEAT)

    citizen = await called_back(stage)
    await citizen.answer()
    seat = await rung(stage, SEAT)
    assert seat.from_number == CITIZEN
    await seat.answer()

    await hear_each_other((citizen, CITIZEN_TONE), (seat, SEAT_TONE))
    order = await order_when(stage, state="served", served_seat=SEAT, tries=0)
    call = (await stage.api.get(f"/v1/calls/{order['served_call_id']}")).json()
    assert (call["original_caller"], call["first_line"], call["seat"]) == (CITIZEN, LINE, SEAT)

    # and from here on it is a call like any other
    asked = await stage.hand_over(order["served_call_id"], "110")
    police = await rung(stage, "1101")
    assert police.from_number == CITIZEN
    await police.answer()
    await hear_each_other((citizen, CITIZEN_TONE), (police, TARGET_TONE))
    await settled(stage, asked["id"], state="answered", outcome="answered")
    await citizen.hangup()
    await ended(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_a_citizen_who_does_not_take_it_then_it_is_tried_again_and_a_seat_can_take_it(stage: Stage) -> None:
    await promised(stage)
    await stage.seat(SEAT)
    for _ in range(3):
        await (await called_back(stage)).reject(486)
    order = await order_when(stage, state="unreached", tries=3)
    words = [step["detail"].get("status") for step in order["timeline"] if step["event"] == "fails"]
    assert words == ["BUSY", "BUSY", "BUSY"]

    who = {"user": "operator", "password": stage.secrets["people"]["operator"]}
    token = (await stage.api.post(f"/v1/seats/{SEAT}/sign-in", json=who)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    taken = await stage.api.post(f"/v1/call-backs/{order['id']}/take", headers=headers)
    assert taken.status_code == 202, taken.text
    citizen = await called_back(stage)
    await citizen.answer()
    seat = await rung(stage, SEAT)
    await seat.answer()
    await hear_each_other((citizen, CITIZEN_TONE), (seat, SEAT_TONE))
    await order_when(stage, id=order["id"], state="served", served_seat=SEAT)


async def test_given_the_service_dead_when_a_call_back_is_promised_then_it_is_kept_when_it_is_back(
    stage: Stage,
) -> None:
    assert stage.parts is not None
    phone = await stage.seat(SEAT)
    talk_in = await (await stage.citizen(CITIZEN)).dial(LINE)
    seat = await phone.incoming()
    await seat.answer()
    await talk_in.answered()
    await stage.parts.service.kill()
    await stage.seat_goes(SEAT)
    await seat.refer("110")  # nobody is there
    await talk_in.ended(40.0)
    await stage.parts.service.start()
    await stage.ready()
    await stage.seat(SEAT)

    citizen = await called_back(stage)
    await citizen.answer()
    again = await rung(stage, SEAT)
    await again.answer()
    await hear_each_other((citizen, CITIZEN_TONE), (again, SEAT_TONE))
    await order_when(stage, state="served", dialled=1)


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


async def order_of(stage: Stage, number: str) -> dict[str, Any]:
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

    order = await order_of(stage, SECOND)

    assert (order["state"], order["reason"], order["line"]) == ("waiting", "queue", "12345")
    call = (await stage.api.get(f"/v1/calls/{order['call_id']}")).json()
    since, arrived = (datetime.fromisoformat(each) for each in (order["since"], call["arrived_at"]))
    assert timedelta() <= arrived - since < timedelta(seconds=2), "in whole seconds"
    assert (await second.ended()).by == "peer"
    assert not first.is_over
    await cancelled(stage, order)


async def cancelled(stage: Stage, order: dict[str, Any]) -> None:
    """Nobody is dialled for it any more."""
    reply = await stage.api.post(f"/v1/call-backs/{order['id']}/cancel", json={"reason": "already settled"})
    assert (reply.status_code, reply.json()["state"]) == (200, "cancelled"), reply.text


async def test_given_a_caller_in_the_queue_when_the_key_is_pressed_then_a_call_back_is_promised(stage: Stage) -> None:
    call = await waits(stage, "12345", "13700003333")
    await call.dtmf("3")
    order = await order_of(stage, "13700003333")
    assert order["state"] == "waiting"
    await call.ended()
    await cancelled(stage, order)


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
    await waits(stage, LINE)
    await stage.seat("2101")
    second = await (await stage.citizen(SECOND)).dial(LINE)
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
