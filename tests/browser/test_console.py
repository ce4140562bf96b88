"""Two seats in real Chromiums and a citizen's real phone around a real Asterisk: what a call-taker does in a shift."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Browser, async_playwright, expect

from demo.parts import AMI_PORT
from demo.relay import Relay
from demo.stage import WEB_PORTS, Stage
from demo.stage import stage as open_stage
from softphones import Call
from telephony.ami.client import AmiClient
from tests.support.console import Console, chromium, console, tone_file

pytestmark = pytest.mark.asyncio(loop_scope="session")

CITIZEN = "13800001111"
POLICE, HALL = "1101", "2101"
TONES = {POLICE: 850, HALL: 620}
CITIZEN_TONE = 440
HEARD_SECONDS = 10.0
RECORD_KEY = "*9"


@dataclass
class Place:
    """The instance, a browser for each of the two seats, and what stands between browsers and Asterisk."""

    stage: Stage
    browsers: dict[str, Browser]
    relay: Relay


def changes(socket_port: int) -> dict[str, Any]:
    """Time enough to act while it rings; 110 and whoever is handed to it are recorded."""
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    lines = [{**line, "ring_seconds": 60, "ladder_wait_seconds": 60} for line in content["lines"]]
    network = {**content["network"], "bind": "127.0.0.1", "sip_socket": f"ws://127.0.0.1:{socket_port}/ws"}
    return {"lines": lines, "network": network, "recordings": {"code": RECORD_KEY}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("console")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with AsyncExitStack() as stack:
        opening = open_stage(folder / "home", changes=changes(port), browsers=TONES)
        stage = await stack.enter_async_context(opening)
        relay = Relay(port, WEB_PORTS[0] + stage.offset)
        await relay.start()
        stack.push_async_callback(relay.close)
        playwright = await stack.enter_async_context(async_playwright())
        browsers = {
            seat: await stack.enter_async_context(chromium(playwright, tone_file(folder / f"{seat}.wav", tone)))
            for seat, tone in TONES.items()
        }
        yield Place(stage, browsers, relay)
        assert await stage.reconcile() == []


@pytest_asyncio.fixture(loop_scope="session")
async def hall(place: Place) -> AsyncIterator[Console]:
    """The 12345 seat's console; afterwards nobody calls any more."""
    async with console(place.browsers[HALL], place.stage, HALL) as opened:
        yield opened
        await place.stage.hang_up_all()
        assert opened.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def police(place: Place) -> AsyncIterator[Console]:
    async with console(place.browsers[POLICE], place.stage, POLICE) as opened:
        yield opened
        await place.stage.hang_up_all()
        assert opened.complaints == []


async def talking(place: Place, hall: Console) -> Call:
    """A citizen has called 12345, and the seat has answered by its key."""
    citizen = await place.stage.citizen(CITIZEN)
    call = await citizen.dial("12345")
    await hall.number_is(CITIZEN)
    await hall.answer()
    await call.answered()
    await call.play_tone(CITIZEN_TONE)
    await they_hear_each_other(call, hall)
    return call


async def they_hear_each_other(call: Call, seat: Console) -> None:
    assert await call.hears(TONES[seat.seat], within=HEARD_SECONDS)
    await seat.hears()


async def newest_handoff(place: Place, **wanted: Any) -> dict[str, Any]:
    """The record, once it has these values."""
    found: dict[str, Any] = {}

    async def there() -> bool:
        items = (await place.stage.api.get("/v1/handoffs?limit=1")).raise_for_status().json()["items"]
        found.clear()
        found.update(items[0] if items else {})
        return bool(items) and all(found[name] == value for name, value in wanted.items())

    await place.stage.until(there)
    return found


async def test_given_a_call_when_one_key_is_pressed_twice_then_110_sees_the_number_and_has_the_caller(
    place: Place, hall: Console, police: Console
) -> None:
    call = await talking(place, hall)
    assert await hall.faults() == []
    await hall.picture("call")

    await hall.do("transfer")
    await hall.press("F3")
    await expect(hall.at("#transfer em")).to_contain_text("振铃")
    await hall.picture("ringing")
    await police.number_is(CITIZEN)
    await police.picture("incoming")
    await police.answer()

    await hall.call_is(None)
    await hall.handoff_is(outcome="answered")
    await hall.picture("answered")
    await they_hear_each_other(call, police)
    record = await newest_handoff(place, outcome="answered")
    assert (record["original_caller"], record["caller_seen_by_target"]) == (CITIZEN, CITIZEN)
    assert (record["from_seat"], record["target_seat"], record["number_mismatch"]) == (HALL, POLICE, False)
    of_call = (await place.stage.api.get(f"/v1/handoffs?call_id={record['call_id']}")).json()["items"]
    assert len(of_call) == 1, "a double press is one handoff"

    await police.do("return")
    await police.picture("return")
    await police.press("1")
    await hall.answer()
    await police.call_is(None)
    await they_hear_each_other(call, hall)
    back = await newest_handoff(place, target="12345", outcome="answered")
    assert back["reason"].startswith("不属本线职责")
    await call.hangup()
    await hall.call_is(None)


async def test_given_110_is_busy_or_the_key_is_taken_back_then_the_caller_is_with_the_seat_again(
    place: Place, hall: Console, police: Console
) -> None:
    call = await talking(place, hall)

    await hall.do("transfer")
    await police.call_is("ringing")
    await police.do("hang-up")
    await hall.handoff_is(outcome="busy", state="ended")
    await hall.picture("busy")
    await they_hear_each_other(call, hall)

    await hall.do("transfer")
    await police.call_is("ringing")
    await expect(hall.at("#undo")).to_have_attribute("aria-disabled", "false")
    await hall.press("Escape")
    await police.call_is(None)
    await hall.handoff_is(outcome="cancelled", state="ended")
    await they_hear_each_other(call, hall)


async def test_given_a_three_way_call_when_it_is_done_then_the_decision_is_on_record_and_the_seat_is_free(
    place: Place, hall: Console, police: Console
) -> None:
    call = await talking(place, hall)

    await hall.do("three-way")
    await police.answer()
    await expect(hall.at("#room [data-state=joined]")).to_have_count(3)
    assert await call.hears(TONES[HALL], within=HEARD_SECONDS)
    assert await call.hears(TONES[POLICE], within=HEARD_SECONDS)

    await hall.do("complete")
    await expect(hall.at("#wrap")).to_be_visible()
    assert await hall.faults() == []
    await hall.picture("decision")
    await hall.page.fill("#wrap textarea", "噪音扰民")
    await hall.page.reload()
    await expect(hall.at("#wrap textarea")).to_have_value("噪音扰民")
    await hall.call_is("talking")
    await hall.press("2")
    await hall.call_is(None)

    record = await newest_handoff(place, mode="conference", outcome="answered")
    assert (record["decision"]["accepted_by"], record["decision"]["automatic"]) == ("110", False)
    assert record["decision"]["reason"] == "噪音扰民"
    await they_hear_each_other(call, police)


async def test_given_danger_when_the_panic_key_is_pressed_then_110_is_called_in_and_the_call_is_recorded(
    place: Place, hall: Console, police: Console
) -> None:
    call = await talking(place, hall)

    await hall.do("danger")
    recordings = place.stage.home / "spool" / "monitor"
    await place.stage.until(lambda: _any_file(recordings))
    await police.answer()
    await expect(hall.at("#room [data-state=joined]")).to_have_count(3)

    record = await newest_handoff(place, mode="conference", state="answered")
    assert (record["target"], record["reason"]) == (
        "110",
        "危险按钮：来电人处境危险 · panic key: the caller is in danger",
    )
    await hall.do("hang-up")
    await they_hear_each_other(call, police)


async def _any_file(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*.sln24"))


async def test_given_a_call_when_the_page_is_loaded_again_then_both_hear_each_other_again(
    place: Place, hall: Console, police: Console
) -> None:
    citizen = await place.stage.citizen(CITIZEN)
    call = await citizen.dial("12345")
    await hall.call_is("ringing")
    await hall.page.reload()
    await hall.answer()
    await call.answered()
    await call.play_tone(CITIZEN_TONE)

    for _ in range(3):
        await hall.page.reload()
        await hall.call_is("talking")
        await they_hear_each_other(call, hall)
    await hall.number_is(CITIZEN)

    await hall.do("three-way")
    await police.answer()
    await expect(hall.at("#room [data-state=joined]")).to_have_count(3)
    await hall.page.reload()
    await hall.call_is("talking")
    await they_hear_each_other(call, hall)
    await expect(hall.at("#room [data-state=joined]")).to_have_count(3)
    await hall.do("hang-up")
    await they_hear_each_other(call, police)


async def test_given_a_call_when_asterisk_loses_the_seats_leg_then_the_page_takes_the_caller_up_by_itself(
    place: Place, hall: Console, police: Console
) -> None:
    call = await talking(place, hall)
    await lose(place, hall)
    await they_hear_each_other(call, hall)

    await hall.do("transfer")
    await police.call_is("ringing")
    await police.do("hang-up")
    await hall.handoff_is(outcome="busy", state="ended")
    await they_hear_each_other(call, hall)
    await lose(place, hall)
    await they_hear_each_other(call, hall)

    await hall.do("transfer")
    await police.answer()
    await hall.call_is(None)
    await lose(place, police)
    await they_hear_each_other(call, police)
    await police.has_talked()
    await police.do("hang-up")
    await call.ended()


async def lose(place: Place, seat: Console) -> None:
    """What a fault of Asterisk's own does to a leg, until the page has the caller again."""
    client = AmiClient("127.0.0.1", AMI_PORT + place.stage.offset, "hotline", place.stage.secrets["ami"])
    await client.connect()
    try:
        await seat.has_talked()
        before = await seat.dialog()
        await client.action({"Action": "Hangup", "Channel": f"/^PJSIP/{seat.seat}-/"})

        async def rung_again() -> bool:
            return await seat.dialog() not in ("", before)

        await place.stage.until(rung_again)
    finally:
        await client.close()
    await seat.call_is("talking")


async def test_given_a_call_when_the_way_to_asterisk_is_cut_then_the_sound_goes_on_and_the_phone_comes_back(
    place: Place, hall: Console
) -> None:
    call = await talking(place, hall)

    await place.relay.refuse()
    place.relay.cut()
    await expect(hall.at("[data-lamp=phone].bad")).to_be_visible()
    await hall.picture("cut")
    await asyncio.sleep(5)  # what is asked for: a cut of five seconds
    await they_hear_each_other(call, hall)
    await place.relay.accept()
    await hall.ready()

    await hall.do("hold")
    await expect(hall.at("#held")).to_be_visible()
    await hall.do("hold")
    await expect(hall.at("#held")).to_have_count(0)
    await they_hear_each_other(call, hall)
    await call.hangup()
    await hall.call_is(None)


async def test_given_a_second_tab_then_it_says_who_has_the_phone_and_can_take_it(place: Place, hall: Console) -> None:
    second = Console(await hall.page.context.new_page(), HALL)
    await second.page.goto("/console")
    await second.page.fill("input[name=user]", "operator")
    await second.page.fill("input[name=password]", place.stage.secrets["people"]["operator"])
    await second.page.click("#sign-in button")
    await second.page.click(f"#seats [data-seat='{HALL}']")
    await expect(second.at("#elsewhere")).to_contain_text("另一标签页")

    await second.page.click("#elsewhere button")
    await second.ready()
    await expect(hall.at("#elsewhere")).to_be_visible()
    await talking(place, second)


async def test_given_a_new_headset_when_it_is_tested_then_one_hears_oneself(place: Place, hall: Console) -> None:
    await hall.page.click("#settings")
    await expect(hall.at("#devices select")).to_have_count(3)
    assert await hall.faults() == []
    await hall.picture("headset")
    await hall.page.click("#echo")
    await hall.call_is("testing")
    await hall.hears()
    await hall.do("hang-up")
    await hall.call_is(None)


async def test_given_no_microphone_then_the_page_says_so_and_the_seat_is_not_rung(place: Place) -> None:
    async with async_playwright() as playwright, chromium(playwright, None) as browser:
        context = await browser.new_context(base_url=str(place.stage.api.base_url))
        seat = Console(await context.new_page(), HALL)
        await seat.page.goto("/console")
        assert await seat.faults() == []
        await seat.picture("sign-in")
        await seat.page.fill("input[name=user]", "operator")
        await seat.page.fill("input[name=password]", place.stage.secrets["people"]["operator"])
        await seat.page.click("#sign-in button")
        await seat.at("#seats").wait_for()
        assert await seat.faults() == []
        await seat.picture("seats")
        await seat.page.click(f"#seats [data-seat='{HALL}']")
        await expect(seat.at("#problem")).to_contain_text("麦克风")
        await seat.picture("no-microphone")

        async def offline() -> bool:
            seats = (await place.stage.api.get("/v1/seats")).json()
            return any(each["id"] == HALL and each["state"] == "offline" for each in seats)

        await place.stage.until(offline)


async def test_browsers_elsewhere_reach_asterisk_over_tls_with_our_own_authority(place: Place) -> None:
    trusting = ssl.create_default_context(cafile=str(place.stage.home / "tls" / "authority.pem"))
    port = WEB_PORTS[1] + place.stage.offset
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: sip\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"Sec-WebSocket-Protocol: sip" in answer
