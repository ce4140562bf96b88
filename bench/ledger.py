"""The ledger: entries appended a second, rows verified a second, on SQLite as one machine has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from uuid6 import uuid7

from bench.report import Figure
from records.audit import Audit
from records.chain import Chain, Signer
from records.database import engine_for, migrate
from records.ledger import Ledger
from records.ledger_export import export_ledger
from records.notes import Note
from records.store import SqlRecordStore
from records.verify_ledger import verify_file
from telephony.handoff import Handoff, Mode, Outcome, Resolution, State, Step

_HANDOFFS = 2_000
_NOTES = 10_000
_BATCH = 100


def _handoff(number: int) -> Handoff:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    steps = tuple(Step(at, event, {"channel": f"PJSIP/1101-{number}"}) for event in ("started", "rings", "answers"))
    plain = Handoff(str(uuid7()), f"n1-{number}.1", Mode.TRANSFER, "110", at, "n1", original_caller="13800001111")
    ended = replace(plain, state=State.ENDED, outcome=Outcome.ANSWERED, resolution=Resolution.TARGET, ended_at=at)
    return replace(ended, timeline=steps, from_line="12345", from_seat="2101")


async def _measured(folder: Path, tell: Callable[[str], None]) -> list[Figure]:
    engine = engine_for(f"sqlite:///{folder}/bench.db")
    await migrate(engine)
    signer = Signer("5e" * 32)
    ledger = Ledger(engine, Chain("n1", signer, "sm3"), folder / "head.json")
    plain, kept = SqlRecordStore(engine), SqlRecordStore(engine, ledger)
    without = await _saved(plain, tell)
    with_ledger = await _saved(kept, tell)
    began = time.perf_counter()
    for start in range(0, _NOTES, _BATCH):
        tell(f"notes {start}")
        at = datetime.now(UTC)
        await kept.save_all([Note(at, "sign-in", f"u{n}", "u", {"event": "in"}) for n in range(start, start + _BATCH)])
    notes = _NOTES / (time.perf_counter() - began)
    began = time.perf_counter()
    audit = Audit(engine, node="n1", signer=signer, tell=lambda done, total: tell(f"verified {done} of {total}"))
    async for fault in audit.faults():
        if fault.name != "record-inserted":  # those saved without a ledger, for the floor
            raise RuntimeError(str(fault))
        break
    verified = audit.rows / (time.perf_counter() - began)
    file = folder / "ledger.jsonl"
    await export_ledger(engine, ledger.chain, file, by="bench")
    began = time.perf_counter()
    report = await asyncio.to_thread(verify_file, file, [signer.public_key])
    if not report.unbroken:
        raise RuntimeError(str(report.faults[0]))
    offline = report.rows / (time.perf_counter() - began)
    await engine.dispose()
    return [
        Figure("handoffs saved with their ledger entries", with_ledger, "handoffs/s", "higher", floor=without),
        Figure("ledger entries appended", notes, "entries/s", "higher"),
        Figure("ledger verified with its records", verified, "rows/s", "higher"),
        Figure("ledger verified from an export", offline, "rows/s", "higher"),
    ]


async def _saved(store: SqlRecordStore, tell: Callable[[str], None]) -> float:
    handoffs = [_handoff(number) for number in range(_HANDOFFS)]
    began = time.perf_counter()
    for start in range(0, _HANDOFFS, _BATCH):
        tell(f"handoffs {start}")
        await store.save_all(handoffs[start : start + _BATCH])
    return _HANDOFFS / (time.perf_counter() - began)


def figures(tell: Callable[[str], None]) -> list[Figure]:
    with TemporaryDirectory(prefix="hotline-bench-") as folder:
        return asyncio.run(_measured(Path(folder), tell))
