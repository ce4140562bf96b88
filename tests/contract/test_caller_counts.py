"""The contract of CallerCounts, the same on the fake and on a real Redis; and what only a real one can do: go away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from records.counts import RedisCallerCounts
from records.live import redis_client
from telephony.errors import LiveStateUnavailable
from telephony.ports import CallerCounts
from tests.support.memory import MemoryCallerCounts
from tests.support.records import NOON
from tests.support.servers import running_valkey

pytestmark = pytest.mark.asyncio

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(params=["memory", "redis"])
async def counts(request: pytest.FixtureRequest) -> AsyncIterator[CallerCounts]:
    if request.param == "memory":
        yield MemoryCallerCounts()
        return
    async with running_valkey() as server:
        client = redis_client(server.url)
        yield RedisCallerCounts(client)
        await client.aclose()


async def test_given_calls_then_each_counts_once_however_often_it_is_told(counts: CallerCounts) -> None:
    assert await counts.count("repeat", "138", NOON, HOUR, add="c-1") == 1
    assert await counts.count("repeat", "138", NOON + timedelta(seconds=1), HOUR, add="c-1") == 1
    assert await counts.count("repeat", "138", NOON + timedelta(minutes=1), HOUR, add="c-2") == 2


async def test_given_it_is_only_asked_then_nothing_is_counted(counts: CallerCounts) -> None:
    assert await counts.count("silent", "138", NOON, HOUR, add=None) == 0
    await counts.count("silent", "138", NOON, HOUR, add="c-1")
    assert await counts.count("silent", "138", NOON, HOUR, add=None) == 1


async def test_given_another_caller_or_another_matter_then_they_are_counted_apart(counts: CallerCounts) -> None:
    await counts.count("repeat", "138", NOON, HOUR, add="c-1")
    assert await counts.count("repeat", "139", NOON, HOUR, add="c-2") == 1
    assert await counts.count("silent", "138", NOON, HOUR, add="c-1") == 1


async def test_given_what_is_older_than_the_window_then_it_counts_no_more(counts: CallerCounts) -> None:
    for minute in (0, 30, 50):
        await counts.count("repeat", "138", NOON + timedelta(minutes=minute), HOUR, add=f"c-{minute}")
    assert await counts.count("repeat", "138", NOON + timedelta(minutes=60), HOUR, add="c-60") == 3
    assert await counts.count("repeat", "138", NOON + timedelta(minutes=200), HOUR, add=None) == 0


async def test_given_redis_away_then_it_says_so() -> None:
    async with running_valkey() as server:
        client = redis_client(server.url)
        there = RedisCallerCounts(client)
        assert await there.count("repeat", "138", NOON, HOUR, add="c-1") == 1
    with pytest.raises(LiveStateUnavailable):
        await there.count("repeat", "138", NOON, HOUR, add="c-2")
    await client.aclose()
