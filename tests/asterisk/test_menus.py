"""The menus on real calls: every key, no key, wrong keys; the service killed, stopped, away. Always a human."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage
from demo.stage import stage as open_stage
from ivr.shelf import SHIPPED
from softphones import Call, IncomingCall
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, TARGET_TONE, hear_each_other, shows_the_caller

pytestmark = pytest.mark.asyncio(loop_scope="session")

AS_SHIPPED = "12346"
"""A number of 12345 whose callers meet the flow that is shipped."""

FLOW = """\
line: 12345
name: short
numbers: [12345]
danger: {key: "*", target: 110}
start: menu
steps:
  menu:
    do: menu
    say: [ivr-welcome-12345, beep]
    again: [beep]
    seconds: 1
    keys: {1: police, 2: desk, 3: number, 4: nobody, 5: call-back, 6: message}
  police: {do: transfer, target: 110}
  nobody: {do: transfer, target: 122}
  call-back: {do: call_back, say: [beep], next: goodbye}
  message: {do: record, say: [beep], seconds: 5, next: goodbye}
  goodbye: {do: hang_up, say: [beep]}
  desk: {do: route, desk: police}
  number: {do: collect, say: [beep], into: code, digits: 2, seconds: 4, next: say}
  say: {do: say, what: digits, value: code, next: desk}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    flows = tmp_path_factory.mktemp("flows")
    (flows / "12345.yaml").write_text(FLOW, encoding="utf-8")
    (flows / "shipped.yaml").write_bytes((SHIPPED / "12345.yaml").read_bytes())
    (flows / "110.yaml").write_bytes((SHIPPED / "optional" / "110.yaml").read_bytes())
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    lines = [{**line, "ring_seconds": 4, "ladder_wait_seconds": 4} for line in content["lines"]]
    lines[1]["numbers"] = ["12345", AS_SHIPPED]
    changes = {
        "lines": lines,
        "menus": {"lines": ["12345", "110"], "flows": str(flows)},
        "nuisance": {"repeat_calls": "50/10 minutes", "silent_calls": "50/10 minutes"},
    }
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


@pytest.mark.parametrize(
    ("number", "keys", "seat"),
    [
        (AS_SHIPPED, "1", "1101"),
        (AS_SHIPPED, "2", "2191"),
        (AS_SHIPPED, "0", "2101"),
        (AS_SHIPPED, "99", "2101"),
        (AS_SHIPPED, "91", "1101"),
        (AS_SHIPPED, "", "2101"),
        (AS_SHIPPED, "*", "1101"),
        ("110", "2", "2101"),
        ("110", "0", "1101"),
        ("110", "99", "1101"),
        ("110", "", "1101"),
    ],
)
async def test_given_the_shipped_flows_when_any_way_is_taken_then_its_human_answers(
    menus: Stage, number: str, keys: str, seat: str
) -> None:
    call = await call_in(menus, number)
    for key in keys:
        await call.dtmf(key)
        await asyncio.sleep(0.6)
    await talks(menus, call, seat, within=30.0)


@pytest.mark.parametrize(("number", "keys"), [(AS_SHIPPED, ""), (AS_SHIPPED, "9"), (AS_SHIPPED, "1"), ("110", "")])
async def test_given_the_shipped_flows_when_the_caller_hangs_up_in_any_step_then_nothing_is_left(
    menus: Stage, number: str, keys: str
) -> None:
    call = await call_in(menus, number)
    for key in keys:
        await call.dtmf(key)
        await asyncio.sleep(0.6)
    await call.hangup()
    await menus.quiet()


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


@pytest.mark.parametrize(("keys", "reason"), [("5", "menu"), ("6#", "message")])
async def test_given_a_call_back_or_a_message_is_chosen_then_it_is_on_record_before_the_caller_is_let_go(
    menus: Stage, keys: str, reason: str
) -> None:
    call = await call_in(menus)
    for key in keys:
        await call.dtmf(key)
        await asyncio.sleep(1.5)  # the message
    await call.ended()
    orders: list[dict[str, object]] = []

    async def there() -> bool:
        orders[:] = (await menus.api.get("/v1/call-backs")).json()["items"][:1]
        return bool(orders) and orders[0]["reason"] == reason

    await menus.until(there)
    assert (orders[0]["line"], orders[0]["original_caller"], orders[0]["state"]) == ("12345", CITIZEN, "waiting")
    recordings = (await menus.api.get(f"/v1/calls/{orders[0]['call_id']}")).json()["recordings"]
    assert bool(recordings) is (reason == "message")


async def test_given_redis_away_then_callers_come_to_a_human_as_ever(menus: Stage) -> None:
    assert menus.parts is not None
    await menus.parts.redis.kill()
    try:
        call = await call_in(menus)
        await call.dtmf("0")
        await talks(menus, call, "2101")
        await call.hangup()
    finally:
        await menus.parts.redis.start()
        await menus.ready()


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
