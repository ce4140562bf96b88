"""The contract of RecordStore, the same on the fake and on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import pytest_asyncio

import records.store
from records.database import engine_for, migrate
from records.store import SqlRecordStore
from telephony.call import Call
from telephony.conference import PartyState
from telephony.errors import BadCursor, IdempotencyKeyReused
from telephony.handoff import Decision, Handoff, Outcome, State, Step
from telephony.ports import CallFilter, HandoffFilter, Page, RecordStore
from tests.support.memory import MemoryRecordStore
from tests.support.records import NOON, a_call, a_conference, a_handoff, ended

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records.store, "_PAGE", 3)


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RecordStore]:
    if request.param == "memory":
        yield MemoryRecordStore()
        return
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/records.db")
        await migrate(engine)
    else:
        engine = engine_for(await request.getfixturevalue("postgres").new_migrated_database())
    yield SqlRecordStore(engine)
    await engine.dispose()


async def test_given_a_full_record_when_saved_then_it_comes_back_whole(store: RecordStore) -> None:
    decision = Decision("12345", "噪音扰民，归 12345", "u-1", NOON)
    step = Step(NOON, "rings", {"channel": "PJSIP/8001-000001", "原话": "“请不要挂电话”"})
    handoff = a_handoff(decision=decision, timeline=(step,), order_ids=("o-1", "o-2"), hangup_cause=16, sip_code=200)

    await store.save_handoff(handoff)

    assert await store.handoff(handoff.id) == handoff
    assert await store.handoff("nobody") is None


async def test_given_times_of_another_zone_then_they_come_back_in_utc_to_the_microsecond(store: RecordStore) -> None:
    beijing = datetime(2026, 11, 21, 12, 0, 0, 123457, tzinfo=timezone(timedelta(hours=8)))
    handoff = a_handoff(created_at=beijing)

    await store.save_handoff(handoff)
    kept = await store.handoff(handoff.id)

    assert kept is not None
    assert kept.created_at == beijing
    assert kept.created_at.utcoffset() is not None


async def test_given_text_no_database_takes_then_the_record_is_kept_all_the_same(store: RecordStore) -> None:
    handoff = a_handoff(reason="a\0b\ud800c", timeline=(Step(NOON, "x", {"name": "\0"}),))

    await store.save_handoff(handoff)

    assert await store.handoff(handoff.id) is not None


async def test_given_a_newer_state_when_saved_then_it_replaces_the_older(store: RecordStore) -> None:
    handoff = a_handoff()
    await store.save_handoff(handoff)
    await store.save_handoff(replace(handoff, state=State.RINGING, target_channel="PJSIP/8001-1"))

    assert await store.handoff(handoff.id) == replace(handoff, state=State.RINGING, target_channel="PJSIP/8001-1")


async def test_given_an_ended_record_when_a_late_one_comes_then_the_end_stands(store: RecordStore) -> None:
    handoff = a_handoff()
    over = ended(handoff)
    await store.save_handoff(over)
    await store.save_handoff(replace(handoff, state=State.RINGING))
    assert await store.handoff(handoff.id) == over

    corrected = replace(over, reason="told later")
    await store.save_handoff(corrected)
    assert await store.handoff(handoff.id) == corrected


async def test_given_an_ended_call_when_a_late_one_comes_then_the_end_stands(store: RecordStore) -> None:
    call = a_call()
    over = replace(call, ended_at=NOON + timedelta(seconds=5))
    await store.save_call(over)
    await store.save_call(call)

    assert await store.call(call.id) == over


async def test_given_a_new_key_then_the_handoff_is_saved_and_found_by_the_same_key(store: RecordStore) -> None:
    handoff, again = a_handoff(), a_handoff()

    assert await store.claim("seat-1", "k", "print", handoff) is None
    assert await store.claim("seat-1", "k", "print", again) == handoff
    assert await store.handoff(handoff.id) == handoff
    assert await store.handoff(again.id) is None
    assert await store.claim("seat-2", "k", "print", again) is None


async def test_given_a_used_key_when_the_handoff_went_on_then_its_newest_state_is_given(store: RecordStore) -> None:
    handoff = a_handoff()
    await store.claim("seat-1", "k", "print", handoff)
    await store.save_handoff(ended(handoff))

    assert await store.claim("seat-1", "k", "print", a_handoff()) == ended(handoff)


async def test_given_a_used_key_when_another_request_comes_then_it_is_refused(store: RecordStore) -> None:
    await store.claim("seat-1", "k", "print", a_handoff())
    other = a_handoff()

    with pytest.raises(IdempotencyKeyReused):
        await store.claim("seat-1", "k", "other print", other)
    assert await store.handoff(other.id) is None


async def test_given_many_claims_of_one_key_at_once_then_one_wins_and_all_see_it(store: RecordStore) -> None:
    handoffs = [a_handoff() for _ in range(12)]
    answers = await asyncio.gather(*(store.claim("seat-1", "k", "print", handoff) for handoff in handoffs))

    winners = [handoff for handoff, answer in zip(handoffs, answers, strict=True) if answer is None]
    assert len(winners) == 1
    assert {answer.id for answer in answers if answer is not None} == {winners[0].id}
    saved = await store.handoffs(HandoffFilter(), limit=50, cursor=None)
    assert saved.items == (winners[0],)


async def test_live_ones_are_those_of_the_node_that_are_not_ended_oldest_first(store: RecordStore) -> None:
    late, early = a_handoff(created_at=NOON + timedelta(seconds=1)), a_handoff(state=State.ANSWERED)
    for handoff in (late, early, ended(a_handoff()), a_handoff(node="n2")):
        await store.save_handoff(handoff)
    calls = [a_call(arrived_at=NOON + timedelta(seconds=1)), a_call()]
    for call in (*calls, a_call(node="n2"), a_call(ended_at=NOON)):
        await store.save_call(call)

    assert list(await store.live_handoffs("n1")) == [early, late]
    assert list(await store.live_calls("n1")) == calls[::-1]


async def test_of_a_live_call_the_handoffs_that_are_over_are_given_too(store: RecordStore) -> None:
    live, over = a_call(), a_call(ended_at=NOON)
    before, of_a_past_call = ended(a_handoff(call_id=live.id)), ended(a_handoff(call_id=over.id))
    elsewhere, now = ended(a_handoff(call_id=live.id, node="n2")), a_handoff(call_id=live.id)
    for call in (live, over):
        await store.save_call(call)
    for handoff in (before, of_a_past_call, elsewhere, now):
        await store.save_handoff(handoff)

    assert sorted(h.id for h in await store.live_handoffs("n1")) == sorted((before.id, now.id))


async def test_those_whose_target_saw_another_number_are_found(store: RecordStore) -> None:
    wrong, right = a_handoff(number_mismatch=True), a_handoff(caller_seen_by_target="13800001111")
    for handoff in (wrong, right):
        await store.save_handoff(handoff)

    async def found(number_mismatch: bool | None) -> set[str]:
        where = HandoffFilter(number_mismatch=number_mismatch)
        return {handoff.id for handoff in (await store.handoffs(where, limit=50, cursor=None)).items}

    assert await found(True) == {wrong.id}
    assert await found(False) == {right.id}
    assert await found(None) == {wrong.id, right.id}


async def test_what_ended_is_found_by_its_end_however_many_there_are(store: RecordStore) -> None:
    several = [ended(a_handoff(created_at=NOON + timedelta(seconds=n // 2))) for n in range(8)]
    for handoff in (*several, a_handoff(), ended(a_handoff(node="n2"))):
        await store.save_handoff(handoff)
    first, last = several[0].ended_at, several[-1].ended_at
    assert first and last

    found = await store.ended_handoffs("n1", first, last)

    assert [handoff.ended_at for handoff in found] == [handoff.ended_at for handoff in several[:6]]
    assert {handoff.id for handoff in found} == {handoff.id for handoff in several[:6]}
    assert await store.ended_handoffs("n1", first, first) == []


async def test_a_conference_is_live_on_the_node_of_its_handoff_until_all_have_left(store: RecordStore) -> None:
    here, there, finished, empty = a_handoff(), a_handoff(node="n2"), a_handoff(), a_handoff()
    room = a_conference(here)
    left = tuple(replace(party, state=PartyState.LEFT, left_at=NOON) for party in room.parties)
    just_begun = a_conference(empty, parties=(), started_at=NOON + timedelta(seconds=1))
    for handoff in (here, there, finished, empty):
        await store.save_handoff(handoff)
    for conference in (room, a_conference(there), a_conference(finished, parties=left), just_begun):
        await store.save_conference(conference)

    assert list(await store.live_conferences("n1")) == [room, just_begun]
    assert await store.conference(finished.id) == a_conference(finished, parties=left)
    assert await store.conference("nobody") is None


async def _all_ids(ask: Callable[[str | None], Awaitable[Page[Handoff]]]) -> list[str]:
    ids, cursor = [], None
    while True:
        page = await ask(cursor)
        ids += [handoff.id for handoff in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


async def test_given_pages_when_rows_are_added_between_then_none_is_lost_or_seen_twice(store: RecordStore) -> None:
    seconds = (0, 0, 0, 1, 1, 2, 3, 3)
    handoffs = [a_handoff(created_at=NOON + timedelta(seconds=second)) for second in seconds]
    for handoff in handoffs:
        await store.save_handoff(handoff)

    async def ask(cursor: str | None) -> Page[Handoff]:
        page = await store.handoffs(HandoffFilter(), limit=3, cursor=cursor)
        await store.save_handoff(a_handoff(created_at=NOON + timedelta(hours=1)))
        return page

    newest_first = sorted(handoffs, key=lambda handoff: (handoff.created_at, handoff.id), reverse=True)
    assert await _all_ids(ask) == [handoff.id for handoff in newest_first]


async def test_given_exactly_one_page_then_there_is_no_next(store: RecordStore) -> None:
    for _ in range(3):
        await store.save_handoff(a_handoff())

    page = await store.handoffs(HandoffFilter(), limit=3, cursor=None)
    assert len(page.items) == 3
    assert page.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "W10", "WzEsMl0", "WyIyMDI2LTExLTIxIiwgMV0", "漢"])
async def test_given_a_cursor_that_is_not_ours_then_bad_cursor(store: RecordStore, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await store.handoffs(HandoffFilter(), limit=3, cursor=cursor)
    with pytest.raises(BadCursor):
        await store.calls(CallFilter(), limit=3, cursor=cursor)


@pytest.mark.parametrize(
    "where",
    [
        HandoffFilter(since=NOON + timedelta(microseconds=1)),
        HandoffFilter(since=NOON + timedelta(seconds=1), until=NOON + timedelta(seconds=1, microseconds=1)),
        HandoffFilter(call_id="wanted"),
        HandoffFilter(line="119"),
        HandoffFilter(line="120"),
        HandoffFilter(seat="8001"),
        HandoffFilter(seat="9001"),
        HandoffFilter(state="answered"),
        HandoffFilter(outcome="answered"),
        HandoffFilter(caller="+8613900002222"),
        HandoffFilter(caller="008613900002222"),
        HandoffFilter(caller="13900002222", line="119", seat="8001", state="answered"),
    ],
)
async def test_handoffs_are_found_by_each_condition(store: RecordStore, where: HandoffFilter) -> None:
    wanted = a_handoff(
        call_id="wanted",
        created_at=NOON + timedelta(seconds=1),
        from_line="119",
        target="120",
        from_seat="8001",
        target_seat="9001",
        state=State.ANSWERED,
        outcome=Outcome.ANSWERED,
    )
    wanted = replace(wanted, original_caller="13900002222")
    await store.save_handoff(wanted)
    await store.save_handoff(a_handoff(from_seat="8002"))

    assert (await store.handoffs(where, limit=10, cursor=None)).items == (wanted,)


async def test_the_end_of_a_time_span_is_not_in_it(store: RecordStore) -> None:
    await store.save_handoff(a_handoff())
    before = await store.handoffs(HandoffFilter(until=NOON), limit=10, cursor=None)
    at_once = await store.handoffs(HandoffFilter(since=NOON.astimezone(UTC)), limit=10, cursor=None)

    assert (len(before.items), len(at_once.items)) == (0, 1)


@pytest.mark.parametrize("caller", ["anonymous", "110", "张三", "+999"])
async def test_a_number_that_is_none_is_found_as_it_was_received(store: RecordStore, caller: str) -> None:
    await store.save_handoff(replace(a_handoff(), original_caller=caller))
    await store.save_handoff(replace(a_handoff(), original_caller=None))

    page = await store.handoffs(HandoffFilter(caller=caller), limit=10, cursor=None)
    assert [handoff.original_caller for handoff in page.items] == [caller]


@pytest.mark.parametrize(
    "where",
    [
        CallFilter(line="119"),
        CallFilter(line="120"),
        CallFilter(caller="+8613900002222", since=NOON),
        CallFilter(since=NOON + timedelta(seconds=1), until=NOON + timedelta(seconds=2)),
    ],
)
async def test_calls_are_found_by_each_condition_newest_first(store: RecordStore, where: CallFilter) -> None:
    def wanted(milliseconds: int) -> Call:
        at = NOON + timedelta(seconds=1, milliseconds=milliseconds)
        return a_call(arrived_at=at, first_line="119", line="120", original_caller="13900002222")

    calls = [wanted(0), wanted(1)]
    for call in (*calls, a_call(first_line="110", line="110")):
        await store.save_call(call)

    first = await store.calls(where, limit=1, cursor=None)
    second = await store.calls(where, limit=1, cursor=first.next_cursor)
    assert (*first.items, *second.items) == (calls[1], calls[0])
    assert second.next_cursor is None
