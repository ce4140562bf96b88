"""One call over HTTP, with its way through menus and its recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.calldetail_store import CallDetails
from records.database import engine_for
from tests.support.hall import CALL, Hall, open_hall
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

    assert (call["menus"], call["recordings"]) == ([], [])
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
    assert (answer.json()["state"], answer.json()["menus"], answer.json()["recordings"]) == ("talking", None, None)
