"""The wallboard in a real Chromium: the hall as it is, alarms as they come, and what a supervisor may do there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from telephony import events
from tests.support import traffic
from tests.support.browser import browsing, serving
from tests.support.console import Console
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, PASSWORD, make_accounts, open_hall

pytestmark = pytest.mark.asyncio


async def test_given_a_call_and_an_alarm_then_the_wall_shows_them_at_once_and_a_seat_can_be_signed_out(
    tmp_path: Path,
) -> None:
    accounts = tmp_path / "accounts.db"
    keys = await make_accounts(accounts)
    (tmp_path / "hall").mkdir()
    async with (
        open_hall(accounts, keys, tmp_path / "hall") as hall,
        serving(hall) as base,
        browsing(base) as (page, asked, complaints),
    ):
        wall = Console(page, "")
        fang = hall.as_person("fang", seat="2101")
        await hall.http.post("/v1/seats/2101/sign-in", headers=hall.as_person("fang"))
        await hall.hears(events.SeatPhoneChanged(NOW, "2102", "NOT_INUSE"))
        today = traffic.handoffs(5, 60, NOW - timedelta(hours=8), NOW)
        await traffic.put(hall.services.reports.engine, today, traffic.calls(6, 90, NOW - timedelta(hours=8), NOW))
        await page.goto("/wall")
        await page.fill("input[name=user]", "ban")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("#sign-in button")
        await expect(page.locator("#stream.good")).to_be_visible()
        await expect(page.locator("[data-line='12345'] [data-figure=free]")).to_have_text("1")
        await expect(page.locator("#directions tr[data-row='12345>110']")).to_contain_text("110")
        await expect(page.locator("#hours tr[data-row='15'] meter")).to_have_count(1)

        await hall.with_call()
        await hall.hears(events.SeatPhoneChanged(NOW, "2101", "INUSE"))
        await expect(page.locator("[data-line='12345'] [data-figure=talking]")).to_have_text("1")
        await expect(page.locator("[data-seat='2101']")).to_have_attribute("data-state", "talking")
        await hall.http.post(f"/v1/calls/{CALL}/danger", headers=fang)
        await expect(page.locator("[data-alarm=danger]")).to_contain_text("2101")
        assert await wall.faults() == []
        await wall.picture("wall")

        await page.click("[data-seat='2101'] button")
        await expect(page.locator("[data-seat='2101'] td").nth(2)).to_have_text("–")
        await page.click("#sign-out")
        await expect(page.locator("#wall")).to_be_hidden()
        assert complaints == []
        assert {address for address in asked if address.startswith("http") and not address.startswith(base)} == set()
