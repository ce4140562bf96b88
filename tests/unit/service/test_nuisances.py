"""Repeat and silent callers: counted as they come, told to the seat that answers, and never kept from a human."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from api.menus import CallersKnown
from ivr.flow import History
from ivr.server import Reception
from ivr.shelf import Stock
from telephony import events
from telephony.nuisance import NuisanceRules, Often, Trait
from tests.support.fake_asterisk import NOW, talking_call
from tests.support.flows import EVERYTHING, LENGTHS, flow_of
from tests.support.memory import MemoryCallerCounts
from tests.unit.service.conftest import Exchange

pytestmark = pytest.mark.asyncio

NUMBER = "13900002222"
RULES = NuisanceRules(Often(2, timedelta(hours=1)), Often(1, timedelta(hours=1)))


@pytest_asyncio.fixture
async def hall() -> AsyncIterator[Exchange]:
    async with Exchange().running() as exchange:
        exchange.board.counts = MemoryCallerCounts()
        exchange.board.nuisance_rules = lambda: RULES
        yield exchange


async def calls(hall: Exchange, call_id: str, *, talks: float = 60.0, number: str = NUMBER) -> None:
    """A caller comes, seat 2101 answers, and after so many seconds it is over."""
    *arriving, answered, seat_in, caller_in = talking_call(call_id, caller=number)
    await hall.hear(*arriving)
    await settled(hall)
    await hall.hear(answered, seat_in, caller_in)
    over = NOW + timedelta(seconds=talks)
    await hall.hear(
        events.ChannelGone(over, f"{call_id}-s", call_id, f"PJSIP/2101-{call_id}", 16, None),
        events.ChannelGone(over, call_id, call_id, f"PJSIP/pstn-{call_id}", 16, None),
    )
    await settled(hall)


async def settled(hall: Exchange) -> None:
    async with asyncio.timeout(20):
        while hall.board._counting:
            await asyncio.sleep(0)


async def test_given_a_caller_who_calls_again_and_again_then_the_seat_that_answers_is_told_with_the_evidence(
    hall: Exchange,
) -> None:
    for at in range(3):
        await calls(hall, f"n-{at}.0")
    await hall.published("caller", 1)
    (told,) = hall.notices("caller")
    assert told == {
        "call_id": "n-2.0", "seat": "2101", "line": "12345", "traits": ["repeat"], "calls": 3, "silent_calls": 0,
    }  # fmt: skip
    assert NUMBER not in str(told)
    known = hall.board.standing_of("n-2.0")
    assert known is not None and known.traits == {Trait.REPEAT}


async def test_given_calls_that_are_over_at_once_then_the_next_is_a_silent_callers(hall: Exchange) -> None:
    for at in range(2):
        await calls(hall, f"n-{at}.0", talks=3.0)
    await calls(hall, "n-7.0", talks=60.0)
    last = hall.board.standing_of("n-7.0")
    assert last is not None
    assert (last.silent_calls, Trait.SILENT in last.traits) == (2, True)


async def test_given_a_call_that_is_answered_before_it_is_counted_then_the_seat_is_told_all_the_same(
    hall: Exchange,
) -> None:
    for at in range(2):
        await calls(hall, f"n-{at}.0")
    await hall.hear(*talking_call("n-5.0", caller=NUMBER))
    await settled(hall)
    await hall.published("caller", 1)
    assert {notice["call_id"] for notice in hall.notices("caller")} == {"n-5.0"}


@pytest.mark.parametrize("number", ["", "anonymous"])
async def test_given_no_number_then_nothing_is_known(hall: Exchange, number: str) -> None:
    await calls(hall, "n-1.0", number=number, talks=1.0)
    assert hall.board.standing_of("n-1.0") is None


async def test_given_redis_away_or_no_rules_then_the_caller_goes_on_as_any_other(hall: Exchange) -> None:
    counts = hall.board.counts
    assert isinstance(counts, MemoryCallerCounts)
    counts.away = True
    await calls(hall, "n-1.0", talks=1.0)
    assert hall.board.standing_of("n-1.0") is None
    counts.away = False
    hall.board.nuisance_rules = NuisanceRules
    assert await hall.board.counted("n-2.0", NUMBER, NOW) is None
    await calls(hall, "n-3.0", talks=1.0)
    hall.board.counts = None
    assert await hall.board.counted("n-2.0", NUMBER, NOW) is None
    assert hall.notices("caller") == []


async def test_given_a_redis_that_hangs_then_nobody_waits_for_it(hall: Exchange) -> None:
    class Hangs(MemoryCallerCounts):
        async def count(self, *_: object, **__: object) -> int:
            await asyncio.Event().wait()
            raise AssertionError

    hall.board.counts = Hangs()
    assert await hall.board.counted("n-1.0", NUMBER, NOW) is None


async def test_given_one_rule_alone_then_the_other_is_not_counted(hall: Exchange) -> None:
    hall.board.nuisance_rules = lambda: NuisanceRules(repeat=Often(1, timedelta(hours=1)))
    found = await hall.board.counted("n-1.0", NUMBER, NOW)
    assert found is not None and (found.calls, found.silent_calls) == (1, None)
    await calls(hall, "n-1.0", talks=1.0)
    again = await hall.board.counted("n-1.0", "+86" + NUMBER, NOW)
    assert again is not None and again.calls == 1, "the same call, and the same number written otherwise"


async def test_given_a_citizen_whom_we_ring_then_that_is_no_call_of_theirs(hall: Exchange) -> None:
    arrived = events.CallArrived(NOW, "n-1.0", "n-1.0", "Local/x;1", NUMBER, "", "allowed", "12345", "12345", "pstn")
    await hall.hear(arrived, events.SeatAnswered(NOW, "n-1.0-s", "n-1.0", "PJSIP/2101-1", "2101", "12345"))
    await hall.hear(events.ChannelGone(NOW, "n-1.0", "n-1.0", "Local/x;1", 16, None))
    await settled(hall)
    first = await hall.board.counted("n-2.0", NUMBER, NOW)
    assert first is not None and (first.calls, first.silent_calls) == (1, 0)


async def test_given_a_flow_when_the_caller_is_known_then_it_may_decide_by_that(hall: Exchange) -> None:
    stock = Stock({"all.yaml": flow_of(EVERYTHING)}, LENGTHS)
    reception = Reception(lambda: stock, lambda: frozenset({"12345"}), CallersKnown(hall.board))

    async def history(call_id: str, number: str) -> object:
        call = {"arg_1": "12345", "arg_2": "12345", "callerid": number, "uniqueid": call_id}
        engine = await reception.engine(call)
        assert engine is not None
        return engine.facts.history

    found = [await history(f"n-{at}.0", NUMBER) for at in range(3)]
    assert found == [frozenset(), frozenset(), frozenset({History.REPEAT})]
    assert await history("n-9.0", "unknown") is None
