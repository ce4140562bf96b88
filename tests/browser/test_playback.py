"""The playback page in a real Chromium: sign in, find, listen, marks, hold; no other host is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from records.database import engine_for
from telephony.handoff import Step
from tests.support.browser import browsing, serving
from tests.support.hall import CALL, PASSWORD, make_accounts, open_hall
from tests.support.ledgers import bodies, rows_of
from tests.support.recorded_hall import BEGAN, recorded
from tests.support.records import a_handoff

pytestmark = pytest.mark.asyncio


async def test_given_a_recording_when_an_auditor_listens_then_sound_waveform_and_marks_are_there_and_the_ledger_knows(
    tmp_path: Path,
) -> None:
    accounts = tmp_path / "accounts.db"
    keys: Mapping[str, str] = await make_accounts(accounts)
    (tmp_path / "hall").mkdir()
    async with open_hall(accounts, keys, tmp_path / "hall") as hall:
        kept = await recorded(hall)
        timeline = (Step(BEGAN + timedelta(seconds=2), "started"), Step(BEGAN + timedelta(seconds=4), "answers"))
        handoff = replace(a_handoff(id="h-1", target="110"), call_id=CALL, timeline=timeline, target_seat="1101")
        await hall.store.save_handoff(handoff)
        async with serving(hall) as base, browsing(base) as (page, asked, complaints):
            await page.goto("/playback")
            await page.fill("input[name=user]", "shen")
            await page.fill("input[name=password]", "wrong")
            await page.click("#sign-in button")
            await expect(page.locator("#problem")).to_contain_text("用户名或密码不正确")
            complaints.clear()  # the browser itself complains of the 401
            await page.fill("input[name=password]", PASSWORD)
            await page.click("#sign-in button")
            await expect(page.locator("#found tr")).to_have_count(1)
            await expect(page.locator("#problem")).to_be_hidden()

            await page.click("#found button")
            await expect(page.locator("body")).to_have_attribute("data-ready", "yes")
            await expect(page.locator("#marks li")).to_have_count(2)
            await expect(page.locator("#marks li").first).to_have_text("0:02 转接 110 handed over to 110")
            await expect(page.locator("#hash")).to_have_text(str(kept.sha256))
            drawn = await page.evaluate(
                "document.querySelector('#waveform > div').shadowRoot.querySelectorAll('canvas').length"
            )
            assert drawn >= 2, "a waveform for each side"

            await page.locator("#marks button").last.click()
            await expect(page.locator("#time")).to_have_text("0:04 / 0:06")
            await page.click("#play")
            await expect(page.locator("#time")).to_have_text("0:05 / 0:06")

            await page.fill("#hold input", "案件 2026-17")
            await page.click("#hold button")
            await expect(page.locator("#held")).to_contain_text("案件 2026-17")

            assert complaints == [], "nothing that the page's own policy forbids"
            assert {
                address for address in asked if not address.startswith(base) and address.startswith("http")
            } == set()
            assert [address for address in asked if "token" in address or "ticket" in address] == []
        engine = engine_for(f"sqlite:///{tmp_path}/hall/accounts.db")
        entries = bodies(await rows_of(engine), "recording")
        await engine.dispose()
        assert [entry["event"] for entry in entries] == ["finished", "played", "held"]
