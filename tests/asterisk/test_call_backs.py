"""Call-backs on real calls: promised on the ladder, really dialled, with the number of the line, and kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage
from demo.stage import stage as open_stage
from softphones import IncomingCall
from tests.asterisk.conftest import SHORT_LINE
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, TARGET_TONE, ended, hear_each_other, rung

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE, SEAT, COLLEAGUE = "12328", "3281", "3282"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    changes = {
        "lines": [*content["lines"], SHORT_LINE],
        "seats": [*content["seats"], {"id": SEAT, "name": "坐席"}, {"id": COLLEAGUE, "name": "坐席"}],
        "call_backs": {"retry_minutes": [0.01], "since": "00:00", "until": "00:00"},
    }
    async with open_stage(tmp_path_factory.mktemp("call-backs"), changes=changes, apart=True) as ours:
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
