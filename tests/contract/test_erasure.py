"""Forgetting a caller, and what is too old: nothing of them is left, and the chain stays unbroken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import records.audit
import records.chain
import records.verify_ledger
from records.audit import Audit
from records.calldetail import CallDetail, detail_of
from records.calldetail_store import CallDetails
from records.chain import Signer
from records.erasure import Eraser
from records.ledger import Ledger
from records.notes import Note
from records.periods import Periods
from records.store import SqlRecordStore
from records.upkeep import Rules, Upkeep
from records.verify_ledger import Fault
from telephony.call import Call, Leg
from telephony.handoff import Decision, Step
from tests.support.ledgers import KEY, a_ledger, bodies, database, rows_of
from tests.support.records import NOON, a_call, a_handoff, ended

__all__ = ["database"]
pytestmark = pytest.mark.asyncio

CALLER = "13800001111"
NEVER = Periods(None, None, None)


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records.chain, "CHECKPOINT_EVERY", 8)
    monkeypatch.setattr(records.verify_ledger, "CHECKPOINT_EVERY", 8)
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr("records.erasure._BATCH", 3)
    monkeypatch.setattr("records.erasure._PAUSE_SECONDS", 0.0)


async def _faults(engine: AsyncEngine, ledger: Ledger) -> list[Fault]:
    audit = Audit(engine, node="n1", signer=Signer(KEY), head=ledger.kept_head())
    return [fault async for fault in audit.faults()]


async def _everything_but_the_ledger(engine: AsyncEngine) -> str:
    return await _everything(engine, ("handoffs", "calls", "call_details", "leg_details"))


async def _everything(
    engine: AsyncEngine,
    tables: Sequence[str] = ("handoffs", "calls", "ledger", "ledger_salts", "call_details", "leg_details"),
) -> str:
    async with engine.connect() as connection:
        return "".join([str((await connection.execute(text(f"SELECT * FROM {each}"))).all()) for each in tables])


async def test_given_a_caller_is_erased_then_nothing_of_them_is_left_and_the_chain_is_unbroken(
    database: AsyncEngine, tmp_path: Path
) -> None:
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    step = Step(NOON, "rings", {"seen": CALLER})
    decision = Decision("12345", f"回电 {CALLER}", "fang", NOON)
    theirs = [ended(a_handoff(reason="张三", timeline=(step,), decision=decision)) for _ in range(4)]
    other = ended(replace(a_handoff(), original_caller="13900002222"))
    call = a_call(ended_at=NOON, caller_name="张三")
    await store.save_all((*theirs, other, call))
    await ledger.append("number-read", "search", {"numbers": {"caller": CALLER}}, actor="ban")
    await ledger.append("number-read", "search", {"numbers": {"caller": "13900002222"}}, actor="ban")

    found = await Eraser(database, ledger).person("+86 138 0000 1111", actor="shen", reason="本人申请")

    assert (found.handoffs, found.calls, found.notes, found.live) == (4, 1, 1, 0)
    assert (await Eraser(database, ledger).person(CALLER, actor="shen", reason="本人申请")).nothing
    left = await _everything(database)
    assert CALLER not in left
    assert "张三" not in left
    kept = await store.handoff(theirs[0].id)
    assert kept is not None
    assert (kept.outcome, kept.original_caller, kept.reason) == (theirs[0].outcome, None, None)
    assert await store.handoff(other.id) == other
    erasures = [row for row in await rows_of(database) if row.kind == "erasure"]
    assert {row.subject for row in erasures} >= {each.id for each in theirs} | {call.id}
    assert {row.actor for row in erasures} == {"shen"}
    assert await _faults(database, ledger) == []


def _detail(call: Call) -> CallDetail:
    return detail_of(call, (), (), (), ())


async def test_given_a_caller_is_erased_then_their_calls_detail_is_without_them_and_still_as_the_ledger_has_it(
    database: AsyncEngine, tmp_path: Path
) -> None:
    ledger = a_ledger(database, tmp_path)
    phone = Leg("n1-9.9", "PJSIP/trunk-9", "13700003333", NOON)
    call = a_call(ended_at=NOON, caller_name="张三", trunk="trunk").with_leg(phone)
    other = replace(a_call(ended_at=NOON), original_caller="13900002222")
    await SqlRecordStore(database, ledger).save_all((call, other))
    await CallDetails(database, ledger).save([_detail(call), _detail(other)])

    await Eraser(database, ledger).person(CALLER, actor="shen", reason="本人申请")

    left = await _everything(database)
    assert not [gone for gone in ("张三", "13700003333") if gone in left]
    assert left.count("13900002222") == 5, "the other call and its detail, in E.164 too, and a leg of the detail"
    assert await _faults(database, ledger) == []


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE call_details SET original_caller = '13800001112'", "erasure-undone"),
        ("UPDATE call_details SET caller_name = '李四'", "erasure-undone"),
        ("UPDATE leg_details SET number = '13800001112'", "erasure-undone"),
        ("UPDATE call_details SET dialled = '119'", "erasure-undone"),
        ("DELETE FROM call_details", "record-deleted"),
    ],
)
async def test_given_an_erased_callers_detail_when_it_is_changed_then_it_is_named(
    database: AsyncEngine, tmp_path: Path, statement: str, name: str
) -> None:
    ledger, call = a_ledger(database, tmp_path), a_call(ended_at=NOON)
    await SqlRecordStore(database, ledger).save_call(call)
    await CallDetails(database, ledger).save([_detail(call)])
    await Eraser(database, ledger).person(CALLER, actor="shen", reason="x")
    async with database.begin() as connection:
        await connection.execute(text(statement))

    first = (await _faults(database, ledger))[0]
    assert (first.name, first.where) == (name, f"call-detail {call.id}")


async def test_given_a_caller_is_erased_before_the_detail_is_made_then_the_detail_is_made_without_them(
    database: AsyncEngine, tmp_path: Path
) -> None:
    ledger, call = a_ledger(database, tmp_path), a_call(ended_at=NOON, caller_name="张三")
    await SqlRecordStore(database, ledger).save_call(call)
    made = _detail(call)
    await Eraser(database, ledger).person(CALLER, actor="shen", reason="x")

    await CallDetails(database, ledger).save([made])

    left = await _everything(database)
    assert CALLER not in left and "张三" not in left
    assert await _faults(database, ledger) == []


async def test_given_a_call_is_too_old_then_its_detail_goes_with_it(database: AsyncEngine, tmp_path: Path) -> None:
    ledger, call = a_ledger(database, tmp_path), a_call(ended_at=NOON)
    await SqlRecordStore(database, ledger).save_call(call)
    await CallDetails(database, ledger).save([_detail(call)])
    await Eraser(database, ledger).expired(replace(NEVER, records=timedelta(days=1)), NOON + timedelta(days=9))

    assert call.id not in await _everything_but_the_ledger(database)
    assert await _faults(database, ledger) == []
    await CallDetails(database).save([_detail(call)])
    assert (await _faults(database, ledger))[0].name == "erasure-undone"


async def test_given_an_erased_record_when_somebody_puts_the_number_back_then_it_is_named(
    database: AsyncEngine, tmp_path: Path
) -> None:
    ledger = a_ledger(database, tmp_path)
    handoff = ended(a_handoff())
    await SqlRecordStore(database, ledger).save_handoff(handoff)
    await Eraser(database, ledger).person(CALLER, actor="shen", reason="x")
    async with database.begin() as connection:
        await connection.execute(text("UPDATE handoffs SET original_caller = '13800001112'"))

    assert [(fault.name, fault.where) for fault in await _faults(database, ledger)] == [
        ("erasure-undone", f"handoff {handoff.id}")
    ]


async def test_given_an_erased_record_when_it_is_saved_again_then_the_person_stays_erased(
    database: AsyncEngine, tmp_path: Path
) -> None:
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    handoff = ended(a_handoff())
    await store.save_handoff(handoff)
    await Eraser(database, ledger).person(CALLER, actor="shen", reason="x")

    await store.save_handoff(replace(handoff, decision=Decision("110", f"因为 {CALLER}", "fang", NOON)))

    kept = await store.handoff(handoff.id)
    assert kept is not None
    assert kept.original_caller is None
    assert kept.decision is not None
    assert kept.decision.accepted_by == "110"
    assert CALLER not in await _everything(database)
    assert await _faults(database, ledger) == []


async def test_given_a_call_that_goes_on_then_it_is_left_alone(database: AsyncEngine, tmp_path: Path) -> None:
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    handoff = a_handoff()
    await store.save_all((handoff, a_call()))

    found = await Eraser(database, ledger).person(CALLER, actor="shen", reason="x")

    assert (found.live, found.handoffs, found.calls) == (2, 0, 0)
    assert await store.handoff(handoff.id) == handoff


@pytest.mark.parametrize("dry", [True, False])
async def test_given_old_records_then_persons_go_first_and_records_later(
    database: AsyncEngine, tmp_path: Path, dry: bool
) -> None:
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    old, older, new = (ended(a_handoff(created_at=NOON - timedelta(days=days))) for days in (100, 200, 0))
    await store.save_all((old, older, new, a_call(arrived_at=NOON - timedelta(days=200), ended_at=NOON)))
    await store.claim("fang", "k", "print", replace(a_handoff(), id=new.id + "x"))
    periods = Periods(timedelta(days=90), timedelta(days=150), None, timedelta(days=7))

    now = datetime.now(UTC) + timedelta(days=8)
    found = await Eraser(database, ledger, dry=dry).expired(periods, NOON)
    keys = await Eraser(database, ledger, dry=dry).expired(replace(NEVER, idempotency=timedelta(days=7)), now)

    assert (found.handoffs, found.calls, keys.keys) == ((3, 2, 1) if dry else (2, 1, 1))
    after = [await store.handoff(each.id) for each in (old, older, new)]
    if dry:
        assert after == [old, older, new]
        return
    assert after[0] is not None
    assert after[0].original_caller is None
    assert after[1:] == [None, new]
    again = await Eraser(database, ledger).expired(periods, NOON)
    assert again.nothing
    faults = [fault for fault in await _faults(database, ledger) if not fault.where.endswith("x")]
    assert faults == []


async def test_given_an_old_ledger_when_its_beginning_is_erased_then_the_rest_is_unbroken_and_says_so(
    database: AsyncEngine, tmp_path: Path
) -> None:
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    long_ago = datetime.now(UTC) - timedelta(days=400)
    await store.save_all([Note(long_ago, "sign-in", str(n), "fang", {"numbers": {"n": CALLER}}) for n in range(20)])
    await store.save_all([Note(datetime.now(UTC), "sign-in", "new", "fang")])
    periods = Periods(timedelta(days=30), timedelta(days=90), timedelta(days=365))

    dry = await Eraser(database, ledger, dry=True).expired(periods, datetime.now(UTC))
    found = await Eraser(database, ledger).expired(periods, datetime.now(UTC))

    rows = await rows_of(database)
    assert dry.entries == found.entries == rows[0].seq - 1 > 8
    assert rows[0].kind == "checkpoint"
    assert [body["ledger"]["before"] for body in bodies(rows, "erasure") if "ledger" in body] == [rows[0].seq]
    assert await _faults(database, ledger) == []

    async with database.begin() as connection:  # the same, by somebody who says nothing
        await connection.execute(text("DELETE FROM ledger WHERE seq < :seq"), {"seq": rows[8].seq})
    assert (await _faults(database, ledger))[0].name in {"deleted", "checkpoint-missing"}


async def test_given_the_service_runs_then_checkpoints_and_retention_happen_by_themselves(
    database: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.upkeep._FIRST_SWEEP_SECONDS", 0.01)
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    old = ended(a_handoff(created_at=NOON - timedelta(days=200)))
    await store.save_handoff(old)
    swept: list[datetime] = []

    class Clock:
        def now(self) -> datetime:
            return NOON

    rules = Rules(Periods(None, timedelta(days=150), None), timedelta(seconds=0.05), swept.append)
    upkeep = asyncio.create_task(Upkeep(ledger, Eraser(database, ledger), rules, Clock()).run())
    async with asyncio.timeout(30):
        while await store.handoff(old.id) is not None or (await rows_of(database))[-1].kind != "checkpoint":
            await asyncio.sleep(0.05)
    upkeep.cancel()
    await asyncio.gather(upkeep, return_exceptions=True)

    assert swept == [NOON]
    assert await _faults(database, ledger) == []
