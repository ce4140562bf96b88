"""One call over HTTP, with its way through menus and its recordings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.calldetail_store import CallDetails
from records.database import engine_for
from telephony.nuisance import NuisanceRules, Often
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, CALLER, Hall, open_hall
from tests.support.memory import MemoryCallerCounts
from tests.support.recorded_hall import recorded
from tests.unit.api.conftest import Accounts

pytestmark = pytest.mark.asyncio

PASSED = {
    "line": "12345",
    "flow": "city",
    "version": "a1",
    "began": datetime(2026, 11, 21, 8, tzinfo=UTC).isoformat(),
    "path": [{"step": "topic", "at": 2.0, "key": "1"}],
    "language": "zh",
    "ending": "line.110",
    "why": "key",
}


async def test_given_a_call_with_a_menu_and_a_recording_then_both_are_shown_without_the_callers_number(
    hall: Hall,
) -> None:
    await hall.with_call()
    kept = await recorded(hall)
    body = {**PASSED, "numbers": {"caller": "13800001111"}}
    await hall.services.ledger.append("menu", CALL, body, actor="ivr")

    answer = await hall.http.get(f"/v1/calls/{CALL}", headers=hall.as_person("shen"))
    call = answer.json()

    assert call["menus"] == [{**PASSED, "began": "2026-11-21T08:00:00.000Z"}]
    assert call["recordings"] == [{"id": kept.id, "state": "whole", "seconds": 6.0, "sha256": kept.sha256}]
    assert "13800001111" not in answer.text and call["region"] is None


async def test_given_a_call_with_neither_then_it_says_so(hall: Hall) -> None:
    await hall.with_call()

    call = (await hall.http.get(f"/v1/calls/{CALL}", headers=hall.as_person("ban"))).json()

    assert (call["menus"], call["recordings"], call["orders"]) == ([], [], [])
    assert (call["original_caller"], call["region"]) == ("13800001111", "北京市 · Beijing")


async def test_given_the_database_is_away_then_a_live_call_is_shown_and_what_is_unknown_is_null(
    accounts: Accounts, tmp_path: Path
) -> None:
    away: AsyncEngine = engine_for("sqlite:////no/such/folder/records.db")
    async with open_hall(*accounts, tmp_path, details=CallDetails(away)) as hall:
        await hall.with_call()
        answer = await hall.http.get(f"/v1/calls/{CALL}", headers=hall.as_person("ban"))
    await away.dispose()

    assert answer.status_code == 200
    call = answer.json()
    assert (call["state"], call["menus"], call["recordings"], call["orders"]) == ("talking", None, None, None)


async def test_given_a_caller_who_called_often_then_the_call_shows_what_was_counted(hall: Hall) -> None:
    board = hall.services.switchboard
    board.counts = MemoryCallerCounts()
    board.nuisance_rules = lambda: NuisanceRules(repeat=Often(1, timedelta(hours=1)))
    await hall.with_call()
    url, who = f"/v1/calls/{CALL}", hall.as_person("ban")
    await board.counted(CALL, CALLER, NOW)
    assert (await hall.http.get(url, headers=who)).json()["standing"] == {
        "traits": [], "calls": 1, "silent_calls": None,
    }  # fmt: skip
    for earlier in ("n-7.0", "n-8.0"):
        await board.counted(earlier, CALLER, NOW)
    await board.counted(CALL, CALLER, NOW)
    assert (await hall.http.get(url, headers=who)).json()["standing"]["traits"] == ["repeat"]
    assert (await hall.http.get("/v1/calls/n-8.0", headers=who)).status_code == 404
