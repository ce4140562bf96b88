"""A million made-up handoffs: exported in each format by a process of its own, and found by number and day."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from sqlalchemy import func, select

from bench.report import Figure, percentile, show
from bench.synthetic.load import load
from bench.synthetic.stories import stories
from records import tables
from records.database import engine_for, migrate
from records.export.run import to_file
from records.export.spec import Format, Kind, Spec
from records.store import SqlRecordStore
from telephony.ports import HandoffFilter

HANDOFFS = 1_000_000
_FILE = Path(".local/bench/synthetic.db")
_BEGAN, _DAYS = datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")), 365
_LOOKUPS = 200
_ROWS_GOALS = {Format.CSV: 150_000.0}
_MEMORY_GOAL_MB = 300.0
_LOOKUP_GOAL_MS = 100.0
COMMAND = "python -m bench.export"


class Measured(NamedTuple):
    rows: int
    seconds: float
    peak_mb: float


def figures(tell: Callable[[str], None], file: Path = _FILE) -> list[Figure]:
    """The database is made when it is not there: some minutes, once."""
    url = f"sqlite:///{file.absolute()}"
    asyncio.run(_made(url, file, tell))
    found: list[Figure] = []
    for format in Format:
        tell(f"export as {format}")
        one = _exported(url, format, file.with_name(f"export.{format}"))
        rate, goal = one.rows / one.seconds, _ROWS_GOALS.get(format)
        found.append(
            Figure(f"export as {format}, {one.rows:,} handoffs", rate, "rows/s", "higher", None, goal, COMMAND)
        )
        peak = f"export as {format}, peak memory"
        found.append(Figure(peak, one.peak_mb, "MB", "lower", None, _MEMORY_GOAL_MB, COMMAND))
    tell("handoffs by number and day")
    took = asyncio.run(_looked_up(url))
    name = f"handoffs by number and day among {HANDOFFS:,}"
    found.append(Figure(f"{name}, p50", percentile(took, 0.5), "ms", "lower", None, _LOOKUP_GOAL_MS, COMMAND))
    found.append(Figure(f"{name}, p99", percentile(took, 0.99), "ms", "lower", None, _LOOKUP_GOAL_MS, COMMAND))
    return found


async def _made(url: str, file: Path, tell: Callable[[str], None]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = engine_for(url)
    await migrate(engine)
    async with engine.connect() as connection:
        there = (await connection.execute(select(func.count()).select_from(tables.handoffs))).scalar_one()
    await engine.dispose()
    if there >= HANDOFFS:
        return
    if there:
        raise SystemExit(f"{file} 不完整，请删除后重试 · is not whole: delete it and try again")
    made = 0

    def more(handoffs: int) -> None:
        nonlocal made
        made += handoffs
        tell(f"making handoffs, once: {made:,} of {HANDOFFS:,}")

    await load(url, stories(HANDOFFS, 1, _BEGAN, _DAYS), more)


def _exported(url: str, format: Format, target: Path) -> Measured:
    """From the first byte of the process to its last, as its parent sees it."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "bench.export", url, format, str(target)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the export as {format} failed")
    target.unlink()
    return Measured(orjson.loads(said)["rows"], took, usage.ru_maxrss / 1024)


async def _looked_up(url: str) -> list[float]:
    """Milliseconds to the records, by callers and days that are there, as an auditor asks."""
    engine = engine_for(url)
    store, pick = SqlRecordStore(engine), random.Random(2)
    took: list[float] = []
    h = tables.handoffs.c
    for _ in range(_LOOKUPS):
        at = _BEGAN + timedelta(days=pick.uniform(0, _DAYS - 2))
        async with engine.connect() as connection:
            query = select(h.original_caller, h.created_at).where(h.created_at > at, h.original_caller.is_not(None))
            row = (await connection.execute(query.order_by(h.created_at).limit(1))).one()
        day = row.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
        where = HandoffFilter(since=day, until=day + timedelta(days=1), caller=row.original_caller)
        began = time.perf_counter()
        page = await store.handoffs(where, limit=50, cursor=None)
        took.append((time.perf_counter() - began) * 1000)
        if not page.items:
            raise RuntimeError("a handoff that is there was not found")
    await engine.dispose()
    return took


def _export_one(url: str, format: str, target: str) -> None:
    ever = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    done = to_file(Spec(Kind.HANDOFFS, Format(format), *ever), url, Path(target), overwrite=True)
    sys.stdout.buffer.write(orjson.dumps({"rows": done.rows}))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _export_one(*sys.argv[1:])
    else:
        with Console(stderr=True).status("handoffs") as status:
            measured = figures(status.update)
        show(measured)
