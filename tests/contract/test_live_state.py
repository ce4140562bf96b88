"""The contract of LiveState, the same on the fake and on a real Redis; and what only a real one can do: die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from api.valkey import ValkeyServer
from records import live
from records.live import RedisLiveState, redis_client
from telephony.errors import LiveStateUnavailable
from telephony.ports import LiveState, Notice, Presence
from tests.support.memory import MemoryLiveState
from tests.support.servers import running_valkey

pytestmark = pytest.mark.asyncio

KEPT = 10


@asynccontextmanager
async def _redis_state(url: str, node: str = "n1") -> AsyncIterator[RedisLiveState]:
    client = redis_client(url)
    state = RedisLiveState(client, node)
    try:
        yield state
    finally:
        await state.close()
        await client.aclose()


@pytest_asyncio.fixture(params=["memory", "redis"])
async def state(request: pytest.FixtureRequest) -> AsyncIterator[LiveState]:
    if request.param == "memory":
        yield MemoryLiveState(keep=KEPT)
        return
    async with running_valkey() as server, _redis_state(server.url) as redis_state:
        yield redis_state


async def _take(notices: AsyncIterator[Notice], count: int) -> list[Notice]:
    async with asyncio.timeout(20):
        return [await anext(notices) for _ in range(count)]


@asynccontextmanager
async def _listening(state: LiveState) -> AsyncIterator[AsyncIterator[Notice]]:
    """A reader that has begun: what is published from now on is for it."""
    async with aclosing(state.notices(None)) as notices:
        first = asyncio.ensure_future(anext(notices))
        while not first.done():
            await state.publish("warm-up", {})
            await asyncio.wait([first], timeout=0.05)
        yield notices


async def _take_kind(notices: AsyncIterator[Notice], kind: str, count: int) -> list[Notice]:
    taken: list[Notice] = []
    async with asyncio.timeout(20):
        while len(taken) < count:
            notice = await anext(notices)
            if notice.kind == kind:
                taken.append(notice)
    return taken


async def test_presence_is_kept_by_seat_and_replaced_whole(state: LiveState) -> None:
    at = datetime(2026, 11, 21, 4, 0, 0, 1000, tzinfo=UTC)
    signed_in = Presence("8001", "张三", at)
    await state.set_presence(Presence("8001", "nobody", paused_reason="lunch"))
    await state.set_presence(signed_in)
    await state.set_presence(Presence("8002"))

    assert await state.presence() == {"8001": signed_in, "8002": Presence("8002")}


async def test_given_a_reader_when_published_then_it_comes_in_order_with_growing_ids(state: LiveState) -> None:
    async with _listening(state) as notices:
        ids = [await state.publish("call", {"n": n, "caller": "张三"}) for n in range(5)]
        taken = await _take_kind(notices, "call", 5)

    assert [notice.id for notice in taken] == ids
    assert [notice.data for notice in taken] == [{"n": n, "caller": "张三"} for n in range(5)]


async def test_given_a_reader_that_comes_back_then_it_goes_on_after_its_last(state: LiveState) -> None:
    ids = [await state.publish("call", {"n": n}) for n in range(5)]

    async with aclosing(state.notices(ids[1])) as notices:
        kept = await _take(notices, 3)
        later = await state.publish("call", {"n": 5})
        live_one = await _take(notices, 1)

    assert [notice.id for notice in (*kept, *live_one)] == [*ids[2:], later]


async def test_given_no_place_then_only_what_comes_from_now_on(state: LiveState) -> None:
    await state.publish("before", {})
    async with _listening(state) as notices:
        await state.publish("after", {})
        seen = [await anext(notices)]
        while seen[-1].kind != "after":
            seen.append(await anext(notices))

    assert "before" not in {notice.kind for notice in seen}


@pytest.mark.parametrize("place", ["999999999999999-0", "1", "", "x-y", "0-", "-1-1", "漢-1"])
async def test_given_a_place_that_never_was_then_the_reader_is_told_to_read_anew(state: LiveState, place: str) -> None:
    last = [await state.publish("call", {}) for _ in range(2)][-1]

    async with aclosing(state.notices(place)) as notices:
        (gap,) = await _take(notices, 1)
        later = await state.publish("call", {})
        (after,) = await _take(notices, 1)

    assert (gap.kind, gap.id) == ("gap", last)
    assert after.id == later


async def test_given_a_place_older_than_what_is_kept_then_the_first_is_a_gap(
    state: LiveState,
) -> None:
    ids = [await state.publish("call", {"n": n}) for n in range(KEPT + 5)]
    if isinstance(state, RedisLiveState):  # the fake was made to keep no more
        await state._redis.xtrim("hotline:events", maxlen=KEPT, approximate=False)

    async with aclosing(state.notices(ids[0])) as notices:
        (gap,) = await _take(notices, 1)
    async with aclosing(state.notices(ids[-2])) as notices:
        (kept,) = await _take(notices, 1)

    assert (gap.kind, gap.id) == ("gap", ids[-1])
    assert kept.id == ids[-1]


async def test_given_nothing_was_ever_published_then_an_old_place_is_a_gap(state: LiveState) -> None:
    async with aclosing(state.notices("5-0")) as notices:
        (gap,) = await _take(notices, 1)

    assert gap.kind == "gap"


# --- Redis alone -----------------------------------------------------------------------------------------------------


async def test_given_two_nodes_when_one_publishes_then_readers_of_both_see_it(valkey: ValkeyServer) -> None:
    nodes = _redis_state(valkey.url, "n1"), _redis_state(valkey.url, "n2")
    async with nodes[0] as one, nodes[1] as two, _listening(one) as at_one, _listening(two) as at_two:
        sent = await one.publish("call", {})
        seen = [(await _take_kind(reader, "call", 1))[0].id for reader in (at_one, at_two)]

    assert seen == [sent, sent]


async def test_given_five_hundred_consoles_then_one_connection_reads_for_all(valkey: ValkeyServer) -> None:
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(_redis_state(valkey.url))
        last = await state.publish("before", {})
        readers = [await stack.enter_async_context(aclosing(state.notices(last))) for _ in range(500)]
        firsts = [asyncio.ensure_future(anext(reader)) for reader in readers]
        await asyncio.sleep(1)
        sent = await state.publish("call", {})
        async with asyncio.timeout(20):
            seen = await asyncio.gather(*firsts)
        async with redis_client(valkey.url) as client:
            connected = int((await client.info("clients"))["connected_clients"])
            blocked = int((await client.info("clients"))["blocked_clients"])

    assert {notice.id for notice in seen} == {sent}
    assert blocked == 1
    assert connected <= live._CONNECTIONS + 2


async def test_given_a_console_that_does_not_read_then_it_gets_a_gap_and_others_all(valkey: ValkeyServer) -> None:
    total = live._MAILBOX_SIZE + 200
    async with _redis_state(valkey.url) as state, _listening(state) as slow, _listening(state) as quick:
        quick_one = asyncio.create_task(_take_kind(quick, "call", total))
        for n in range(total):
            await state.publish("call", {"n": n})
        assert [notice.data["n"] for notice in await quick_one] == list(range(total))
        (gap,) = await _take_kind(slow, "gap", 1)
        (after,) = await _take_kind(slow, "call", 1)
        assert live._place(after.id) > live._place(gap.id)


async def test_given_redis_is_away_then_each_use_says_so_in_time(valkey: ValkeyServer) -> None:
    async with _redis_state(valkey.url) as state:
        valkey.kill()
        await valkey.ended()
        async with asyncio.timeout(20):
            for use in (state.presence(), state.set_presence(Presence("8001")), state.publish("call", {})):
                with pytest.raises(LiveStateUnavailable):
                    await use
            with pytest.raises(LiveStateUnavailable):
                await anext(state.notices(None))


async def test_given_redis_is_killed_when_it_is_back_then_all_is_kept_and_readers_go_on(valkey: ValkeyServer) -> None:
    async with _redis_state(valkey.url) as state, _listening(state) as notices:
        await state.set_presence(Presence("8001", "u-1"))
        before = await state.publish("call", {"n": 1})
        valkey.kill()
        await valkey.ended()
        with pytest.raises(LiveStateUnavailable):
            await state.publish("call", {"n": 2})
        await valkey.start()
        after = await state.publish("call", {"n": 3})

        assert [notice.id for notice in await _take_kind(notices, "call", 2)] == [before, after]
        assert (await state.presence())["8001"] == Presence("8001", "u-1")


async def test_given_redis_lost_what_it_had_then_readers_are_told_to_read_anew(valkey: ValkeyServer) -> None:
    async with _redis_state(valkey.url) as state, _listening(state) as notices:
        await state.publish("call", {"n": 1})
        await _take_kind(notices, "call", 1)
        async with Redis(unix_socket_path=valkey.url.removeprefix("unix://")) as client:
            await client.delete("hotline:events")
        valkey.kill()
        await valkey.ended()
        await valkey.start()

        await _take_kind(notices, "gap", 1)
        sent = await state.publish("call", {"n": 2})
        assert [notice.id for notice in await _take_kind(notices, "call", 1)] == [sent]
