"""Each condition of the lists finds on both databases what plain Python finds: reports count with the same ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from records.database import engine_for, migrate
from records.store import SqlRecordStore
from telephony.errors import FilterWantsASpan
from telephony.handoff import Mode, Outcome, Resolution
from telephony.ports import NONE, CallFilter, HandoffFilter, Hour, RecordStore
from telephony.proof import Finding
from tests.support import traffic
from tests.support.matching import calls_that_match, handoff_matches

pytestmark = pytest.mark.asyncio

SINCE = datetime(2026, 3, 27, 12, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=4)
HANDOFFS = traffic.handoffs(1, 400, SINCE, UNTIL)
CALLS = traffic.calls(2, 400, SINCE, UNTIL)


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RecordStore]:
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/records.db")
        await migrate(engine)
    else:
        engine = engine_for(await request.getfixturevalue("postgres").new_migrated_database())
    store = SqlRecordStore(engine)
    await traffic.put(engine, HANDOFFS, CALLS)
    yield store
    await engine.dispose()


OF_HANDOFFS: list[dict[str, Any]] = [
    *({"from_line": line} for line in (*traffic.LINES, NONE)),
    {"target": "120"},
    *({"mode": mode} for mode in Mode),
    *({"outcome": outcome} for outcome in (*Outcome, NONE)),
    *({"resolution": resolution} for resolution in (*Resolution, NONE)),
    *({"number_proof": found} for found in Finding),
    *({"accepted_by": line} for line in ("110", NONE)),
    *({name: wanted} for name in ("automatic", "returned", "answered") for wanted in (True, False)),
    *({"answered_within_ms": ms} for ms in (0, 15_000)),
    *({"hour": Hour(hour, zone)} for hour in (0, 2, 23) for zone in ("Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata")),
    {"from_line": "110", "target": "12345", "outcome": "answered", "hour": Hour(9, "Europe/Berlin")},
]
OF_CALLS: list[dict[str, Any]] = [
    *({"first_line": line} for line in (*traffic.LINES, NONE)),
    *({"answered": wanted} for wanted in (True, False)),
    *({"answered_within_ms": ms} for ms in (0, 15_000)),
    *({"same_caller_as": call.id} for call in CALLS[:12]),
    {"same_caller_as": "nobody"},
    *({"calls_of_caller": often} for often in (1, 20, 40)),
    *({"hour": Hour(hour, "Europe/Berlin")} for hour in range(0, 24, 5)),
    {"hour": Hour(2, "America/St_Johns")},
]


async def test_each_condition_of_handoffs_finds_what_python_finds(store: RecordStore) -> None:
    for condition in OF_HANDOFFS:
        where = HandoffFilter(since=SINCE, until=UNTIL, **condition)
        page = await store.handoffs(where, limit=1000, cursor=None)
        wanted = {each.id for each in HANDOFFS if handoff_matches(each, where)}
        assert {each.id for each in page.items} == wanted, condition


async def test_each_condition_of_calls_finds_what_python_finds(store: RecordStore) -> None:
    for condition in OF_CALLS:
        where = CallFilter(since=SINCE, until=UNTIL, **condition)
        page = await store.calls(where, limit=1000, cursor=None)
        assert {each.id for each in page.items} == {call.id for call in calls_that_match(CALLS, where)}, condition


@pytest.mark.parametrize("often", [None, 20, 30])
async def test_given_one_per_caller_then_each_caller_with_a_number_is_there_once(
    store: RecordStore, often: int | None
) -> None:
    where = CallFilter(since=SINCE, until=UNTIL, one_per_caller=True, calls_of_caller=often)
    page = await store.calls(where, limit=1000, cursor=None)
    assert len(page.items) == len(calls_that_match(CALLS, where))


async def test_given_no_span_where_one_is_wanted_then_it_is_refused(store: RecordStore) -> None:
    hour = Hour(3, "Asia/Shanghai")
    with pytest.raises(FilterWantsASpan):
        await store.handoffs(HandoffFilter(hour=hour), limit=1, cursor=None)
    with pytest.raises(FilterWantsASpan):
        await store.calls(CallFilter(since=SINCE, calls_of_caller=2), limit=1, cursor=None)
    with pytest.raises(FilterWantsASpan):
        await store.calls(CallFilter(since=SINCE, until=SINCE + timedelta(days=3000), hour=hour), limit=1, cursor=None)
