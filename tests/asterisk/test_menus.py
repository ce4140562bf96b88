"""The menus on real calls: every key, no key, wrong keys; the service killed, stopped, away. Always a human."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.stage import Stage
from demo.stage import stage as open_stage
from softphones import Call, IncomingCall
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, TARGET_TONE, hear_each_other, shows_the_caller

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOW = """\
line: 12345
name: short
danger: {key: "*", target: 110}
start: menu
steps:
  menu:
    do: menu
    say: [ivr-welcome-12345, beep]
    again: [beep]
    seconds: 1
    keys: {1: police, 2: desk, 3: number, 4: nobody}
  police: {do: transfer, target: 110}
  nobody: {do: transfer, target: 122}
  desk: {do: route, desk: police}
  number: {do: collect, say: [beep], into: code, digits: 2, seconds: 4, next: say}
  say: {do: say, what: digits, value: code, next: desk}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    flows = tmp_path_factory.mktemp("flows")
    (flows / "12345.yaml").write_text(FLOW, encoding="utf-8")
    changes = {"menus": {"lines": ["12345"], "flows": str(flows)}}
    async with open_stage(tmp_path_factory.mktemp("menus"), changes=changes, apart=True) as ours:
        yield ours
        assert await ours.reconcile() == []


@pytest_asyncio.fixture(loop_scope="session")
async def menus(hall: Stage) -> AsyncIterator[Stage]:
    for seat in ("1101", "2101", "2191"):
        await hall.seat(seat)
    yield hall
    await hall.clear()


async def call_in(stage: Stage, line: str = "12345") -> Call:
    call = await (await stage.citizen(CITIZEN)).dial(line)
    await call.answered()
    return call


async def talks(stage: Stage, call: Call, seat: str, within: float = 15.0) -> IncomingCall:
    """The seat is rung, with the caller's own number, and both hear each other."""
    incoming = await (await stage.seat(seat)).incoming(within)
    assert incoming.from_number == CITIZEN
    await incoming.answer()
    await hear_each_other((call, CITIZEN_TONE), (incoming, SEAT_TONE))
    return incoming


async def handoff_of(stage: Stage, target: str) -> dict[str, object]:
    newest: list[dict[str, object]] = []

    async def there() -> bool:
        newest[:] = (await stage.api.get("/v1/handoffs")).json()["items"][:1]
        return bool(newest) and newest[0]["target"] == target and newest[0]["outcome"] is not None

    await stage.until(there)
    return newest[0]


async def test_given_the_menu_when_1_is_pressed_then_110_has_the_caller_and_the_record_says_ivr(menus: Stage) -> None:
    call = await call_in(menus)
    await call.dtmf("1")
    police = await talks(menus, call, "1101")
    record = await handoff_of(menus, "110")
    assert (record["mode"], record["outcome"], record["from_line"]) == ("ivr", "answered", "12345")
    shows_the_caller(police, record)


@pytest.mark.parametrize("keys", ["2", "82", "345"])
@pytest.mark.shows(61)
async def test_given_the_menu_when_a_desk_is_chosen_then_only_its_seat_rings(menus: Stage, keys: str) -> None:
    call = await call_in(menus)
    for key in keys:
        await call.dtmf(key)
        await asyncio.sleep(0.6)  # a human's fingers
    await talks(menus, call, "2191")
    with pytest.raises(TimeoutError):
        await (await menus.seat("2101")).incoming(0.5)


@pytest.mark.parametrize("keys", ["", "0", "99", "30"])
@pytest.mark.shows(8)
async def test_given_the_menu_when_no_key_or_wrong_ones_or_0_then_a_human_of_the_line(menus: Stage, keys: str) -> None:
    call = await call_in(menus)
    for key in keys:
        await call.dtmf(key)
        await asyncio.sleep(0.6)
    await talks(menus, call, "2101")


async def test_given_danger_when_its_key_is_pressed_then_110_at_once_and_12345_joins(
    menus: Stage,
) -> None:
    call = await call_in(menus)
    await call.dtmf("*")
    police = await talks(menus, call, "1101")
    ours = await (await menus.seat("2101")).incoming(15.0)
    await ours.answer()
    await hear_each_other((call, CITIZEN_TONE), (police, SEAT_TONE), (ours, TARGET_TONE))
    assert (await handoff_of(menus, "12345"))["mode"] == "conference"


async def test_given_a_key_for_a_line_where_nobody_answers_then_a_human_of_the_first_line(menus: Stage) -> None:
    call = await call_in(menus)
    await call.dtmf("4")
    outside = await menus.outside()
    await (await outside.incoming(15.0)).reject(486)
    await talks(menus, call, "2101")
    record = await handoff_of(menus, "122")
    assert (record["mode"], record["outcome"]) == ("ivr", "busy")


async def test_given_a_caller_who_hangs_up_in_mid_prompt_when_the_next_comes_then_nothing_is_left_of_it(
    menus: Stage,
) -> None:
    call = await call_in(menus)
    await asyncio.sleep(0.5)
    await call.hangup()
    call = await call_in(menus)
    await call.dtmf("0")
    await talks(menus, call, "2101")


@pytest.mark.shows(8)
async def test_given_menus_when_the_service_is_killed_in_mid_prompt_then_a_human(menus: Stage) -> None:
    assert menus.parts is not None
    call = await call_in(menus)
    await asyncio.sleep(0.5)
    await menus.parts.service.kill()
    try:
        await talks(menus, call, "2101")
        await call.hangup()
        away = await call_in(menus)  # and for who calls while it is away
        await talks(menus, away, "2101")
        await away.hangup()
    finally:
        await menus.parts.service.start()
        await menus.ready()


async def test_given_menus_when_the_service_stands_still_then_a_human_a_second_later(menus: Stage) -> None:
    assert menus.parts is not None
    phone = await menus.seat("2101")
    menus.parts.service.freeze()
    try:
        call = await call_in(menus)
        began = asyncio.get_running_loop().time()
        incoming = await phone.incoming(15.0)
        waited = asyncio.get_running_loop().time() - began
        await incoming.answer()
        await hear_each_other((call, CITIZEN_TONE), (incoming, SEAT_TONE))
    finally:
        menus.parts.service.thaw()
    assert waited < 10.0
    await menus.ready()
