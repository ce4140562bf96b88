"""What a seat's browser registers with: for who sits there, and the way to Asterisk that its browser can take."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from api.api_settings import ApiSettings
from telephony import commands, events
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, DIRECTORY, PASSWORD, Hall, open_hall
from tests.unit.api.conftest import Accounts
from tests.unit.api.test_problems import is_problem

pytestmark = pytest.mark.asyncio

SEATS = tuple(replace(seat, in_browser=seat.id == "2101") for seat in DIRECTORY.seats)
BROWSERS = replace(DIRECTORY, seats=SEATS, recording_code="*9")


async def test_given_a_seat_in_a_browser_then_who_sits_there_gets_its_account_and_nobody_else(hall: Hall) -> None:
    hall.services.switchboard.directory = BROWSERS

    mine = await hall.http.get("/v1/seats/2101/phone", headers=hall.as_person("fang", seat="2101"))
    assert mine.json() == {
        "seat": "2101",
        "kind": "browser",
        "socket": "wss://hall:8089/ws",
        "uri": "sip:2101@hotline",
        "password": "secret-of-2101",
        "recording_key": "*9",
    }
    assert mine.headers["cache-control"] == "no-store"
    for other in (
        hall.as_person("li", seat="1101"),
        hall.as_person("fang"),
        hall.as_person("ban"),
        hall.as_person("guan"),
    ):
        answer = await hall.http.get("/v1/seats/2101/phone", headers=other)
        is_problem(answer, "not-your-seat")
        assert "secret" not in answer.text


async def test_given_somebody_else_has_signed_in_there_since_then_the_account_is_theirs(hall: Hall) -> None:
    hall.services.switchboard.directory = BROWSERS
    before = hall.as_person("fang", seat="2101")
    await hall.http.post("/v1/seats/2101/sign-in", headers=hall.as_person("li"))

    is_problem(await hall.http.get("/v1/seats/2101/phone", headers=before), "token-rejected")


async def test_given_a_desk_phone_then_there_is_nothing_to_register_with(hall: Hall) -> None:
    answer = await hall.http.get("/v1/seats/2101/phone", headers=hall.as_person("fang", seat="2101"))
    about = answer.json()
    assert (about.pop("seat"), about.pop("kind")) == ("2101", "desk")
    assert set(about) == {"socket", "uri", "password", "recording_key"} and not any(about.values())


@pytest.mark.parametrize(
    ("base", "sip_socket", "socket"),
    [
        ("http://127.0.0.1:8110", None, "ws://127.0.0.1:18088/ws"),
        ("http://localhost:8110", None, "ws://127.0.0.1:18088/ws"),
        ("http://[::1]:8110", None, "ws://127.0.0.1:18088/ws"),
        ("https://127.0.0.1", None, "wss://127.0.0.1:18089/ws"),
        ("http://192.0.2.7:8110", None, "wss://192.0.2.7:18089/ws"),
        ("https://hotline.example.gov.cn", None, "wss://hotline.example.gov.cn:18089/ws"),
        ("https://[2001:db8::1]", None, "wss://[2001:db8::1]:18089/ws"),
        ("https://a.example", "wss://sip.example/ws", "wss://sip.example/ws"),
    ],
)
async def test_given_where_the_page_came_from_then_page_and_account_name_the_same_way_to_asterisk(
    accounts: Accounts, tmp_path: Path, base: str, sip_socket: str | None, socket: str
) -> None:
    settings = ApiSettings(ws_port=18088, wss_port=18089, sip_socket=sip_socket)
    async with open_hall(*accounts, tmp_path, settings=settings) as hall:
        hall.services.switchboard.directory = BROWSERS
        async with httpx.AsyncClient(transport=httpx.ASGITransport(hall.app), base_url=base) as browser:
            page = await browser.get("/console")
            account = await browser.get("/v1/seats/2101/phone", headers=hall.as_person("fang", seat="2101"))
    assert f"connect-src 'self' {socket};" in page.headers["content-security-policy"]
    assert account.json()["socket"] == socket


async def test_given_a_host_that_is_none_then_it_does_not_get_into_the_policy(hall: Hall) -> None:
    page = await hall.http.get("/console", headers={"Host": "a; script-src *"})
    assert "script-src *" not in page.headers["content-security-policy"]


async def test_given_a_sign_in_then_it_says_where_one_may_sit(hall: Hall) -> None:
    async def seats(user: str) -> list[str]:
        answer = await hall.http.post("/v1/sessions", json={"user": user, "password": PASSWORD})
        return list(answer.json()["seats"])

    assert await seats("fang") == ["2101", "2102"]
    assert await seats("shen") == []
    assert await seats("ban") == [seat.id for seat in DIRECTORY.seats]


async def test_given_the_panic_key_then_supervisors_are_alarmed_and_the_caller_will_be_recorded(hall: Hall) -> None:
    await hall.with_call()
    await hall.hears(events.SeatPhoneChanged(NOW, "2101", "INUSE"))

    is_problem(
        await hall.http.post(f"/v1/calls/{CALL}/danger", headers=hall.as_person("li", seat="1101")), "not-your-call"
    )
    answer = await hall.http.post(f"/v1/calls/{CALL}/danger", headers=hall.as_person("fang", seat="2101"))

    assert (answer.status_code, answer.json()["id"]) == (202, CALL)
    assert hall.asterisk.commands == [commands.ForceRecording(f"PJSIP/pstn-{CALL}")]
    async with asyncio.timeout(20), aclosing(hall.live.notices("0-0")) as notices:
        alarm = await anext(notice async for notice in notices if notice.kind == "alarm")
    assert alarm.data == {"alarm": "danger", "call_id": CALL, "line": "12345", "seat": "2101"}
