"""A service that starts again: what it finds in its records, and what it does when they are not there yet."""

from __future__ import annotations

import asyncio

import pytest

from telephony.handoff import State
from tests.support.memory import MemoryLiveState
from tests.unit.service.conftest import Exchange

pytestmark = pytest.mark.asyncio


async def left_behind(exchange: Exchange) -> str:
    """A service that died while its handoff was ringing; returns the handoff's id."""
    async with exchange.running():
        await exchange.talking()
        handoff = await exchange.click()
    exchange.build()
    return handoff.id


async def test_given_a_database_away_at_the_start_when_it_is_back_then_its_records_are_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("telephony.watch._TAKE_UP_SECONDS", 0.01)
    exchange = Exchange()
    handoff_id = await left_behind(exchange)
    exchange.store.away = True
    async with exchange.running():
        assert exchange.board.watch.find(handoff_id) is None
        exchange.store.away = False
        async with asyncio.timeout(20):
            while not exchange.asterisk.resyncs:
                await asyncio.sleep(0.01)
        found = exchange.board.watch.find(handoff_id)
        assert found is not None
        assert found.state is State.UNKNOWN, "until the resync says what became of it"


async def test_given_a_stream_that_fails_in_a_way_nobody_foresaw_then_calls_go_on() -> None:
    class Broken(MemoryLiveState):
        async def publish(self, kind: str, data: object) -> str:  # type: ignore[override]
            raise ZeroDivisionError

    exchange = Exchange(live=Broken())
    async with exchange.running():
        await exchange.talking()
        assert (await exchange.click()).live
        await asyncio.sleep(0)
        assert exchange.board.link_up
