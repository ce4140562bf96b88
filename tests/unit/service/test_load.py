"""Too many callers: supervisors are told, and not once for each of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telephony import events
from telephony.ami.frames import AmiEvent
from telephony.ami.translate import translate
from tests.support.fake_asterisk import NOW
from tests.unit.service.conftest import Exchange

pytestmark = pytest.mark.asyncio


async def test_given_a_full_trunk_then_each_refused_caller_counts_and_the_alarm_is_raised_once_a_minute(
    exchange: Exchange,
) -> None:
    refused: list[tuple[str, str]] = []
    exchange.board.caller_refused = lambda trunk, line: refused.append((trunk, line))
    at = (NOW, NOW + timedelta(seconds=30), NOW + timedelta(seconds=61))
    await exchange.hear(*(events.TrunkFull(moment, "pstn", "12345") for moment in at))
    assert refused == [("pstn", "12345")] * 3
    await exchange.published("alarm", 2)
    assert exchange.notices("alarm") == [{"alarm": "trunk_full", "trunk": "pstn", "line": "12345"}] * 2


async def test_given_a_surge_then_it_is_told_once_a_minute_for_each_line(exchange: Exchange) -> None:
    for line in ("12345", "12345", "12328"):
        await exchange.hear(events.SurgeMet(NOW, line, 12, None))
    await exchange.published("surge", 2)
    assert [notice["line"] for notice in exchange.notices("surge")] == ["12345", "12328"]


async def test_what_the_dialplan_says_of_load_is_understood() -> None:
    stamp = str(NOW.timestamp())

    def heard(name: str, **words: str) -> events.Event | None:
        return translate(AmiEvent("UserEvent", {"UserEvent": name, "Timestamp": stamp, **words}))

    assert heard("TrunkFull", Trunk="pstn", Line="12345") == events.TrunkFull(NOW, "pstn", "12345")
    assert heard("Surge", Line="12345", Waiting="12", Hold="90") == events.SurgeMet(NOW, "12345", 12, 90)
    assert heard("Surge", Line="12345", Waiting="", Hold="") == events.SurgeMet(NOW, "12345", None, None)
