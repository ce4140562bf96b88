"""The report page as it leaves the service: what it may do, and that it has a word for everything."""

from __future__ import annotations

import html
import re

import orjson
import pytest

from api.pages.words import words
from records.reports.layout.page import style_hash
from telephony.handoff import Mode, Outcome, Resolution, State, Trigger
from telephony.proof import Unseen
from tests.support.hall import Hall


@pytest.mark.asyncio
async def test_the_page_runs_our_scripts_alone_and_shows_the_reports_own_style(hall: Hall) -> None:
    page = await hall.http.get("/reports")
    policy = page.headers["content-security-policy"]

    assert "default-src 'none'; script-src 'self'; connect-src 'self'" in policy
    assert f"style-src 'self' '{style_hash()}'" in policy
    assert "unsafe" not in policy and "http" not in policy and "nonce" not in policy
    assert re.findall(r"<script(?![^>]* src=)", page.text) == re.findall(r" on[a-z]+=| style=", page.text) == []
    assert "//" not in page.text
    for found in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
        assert (await hall.http.get(found)).status_code == 200, found


@pytest.mark.asyncio
async def test_the_page_has_a_word_in_both_languages_for_whatever_a_record_may_say(hall: Hall) -> None:
    sent = re.search(r'<meta name="words" content="([^"]*)">', (await hall.http.get("/reports")).text)
    assert sent
    told = orjson.loads(html.unescape(sent[1]))

    assert told == words()
    for field, kind in {
        "mode": Mode,
        "outcome": Outcome,
        "resolution": Resolution,
        "state": State,
        "unseen": Unseen,
    }.items():
        assert set(told[field]) == set(map(str, kind)), field
    assert set(told["call_state"]) == {"waiting", "talking", "ended"}
    assert set(told["step"]) == {*map(str, Trigger), "corrected", "decided"}
    assert all(re.fullmatch(r"[^·]+ · [^·]+", text) for each in told.values() for text in each.values())
