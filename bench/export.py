"""Made-up handoffs: exported in each format by a process of its own, and found by number and day."""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, NamedTuple

import orjson
import typer
from rich.console import Console
from sqlalchemy import select

from bench.report import Figure, percentile, show
from bench.synthetic.kept import BEGAN, FEW, Kept, kept
from records import tables
from records.database import engine_for
from records.export.spec import Format
from records.store import SqlRecordStore
from telephony.ports import HandoffFilter

_LOOKUPS = 200
_ROUNDS, _LONG_ENOUGH_SECONDS = 5, 10.0
_ROWS_GOALS = {Format.CSV: 150_000.0}
_MEMORY_GOAL_MB = 300.0
_LOOKUP_GOAL_MS = 100.0

Tell = Callable[[str], None]


class Measured(NamedTuple):
    """The median rate and the highest peak of some exports of the same rows."""

    rows_per_second: float
    peak_mb: float


def figures(tell: Tell, handoffs: int = FEW, formats: Sequence[Format] = tuple(Format)) -> list[Figure]:
    database = asyncio.run(kept(handoffs, tell))
    command = f"python -m bench.export --handoffs {handoffs}"
    found: list[Figure] = []
    for format in formats:
        measured, goal = _exported(database, format, tell), _ROWS_GOALS.get(format)
        name = f"export as {format}, {handoffs:,} handoffs"
        found.append(Figure(name, measured.rows_per_second, "rows/s", "higher", None, goal, command))
        found.append(Figure(f"{name}, peak memory", measured.peak_mb, "MB", "lower", None, _MEMORY_GOAL_MB, command))
    tell("handoffs by number and day")
    took = asyncio.run(_looked_up(database))
    name = f"handoffs by number and day among {handoffs:,}"
    found.append(Figure(f"{name}, p50", percentile(took, 0.5), "ms", "lower", None, _LOOKUP_GOAL_MS, command))
    found.append(Figure(f"{name}, p99", percentile(took, 0.99), "ms", "lower", None, _LOOKUP_GOAL_MS, command))
    return found


def _exported(database: Kept, format: Format, tell: Tell) -> Measured:
    """Some times over, unless once takes long enough."""
    target = database.file.with_name(f"export.{format}")
    seconds: list[float] = []
    peaks: list[float] = []
    while len(seconds) < _ROUNDS and sum(seconds) < _LONG_ENOUGH_SECONDS:
        tell(f"export as {format}, round {len(seconds) + 1}")
        command = (sys.executable, "-m", "bench.one_export", database.url, format, str(target))
        said = orjson.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        target.unlink()
        if said["rows"] != database.handoffs:
            raise RuntimeError(f"{said['rows']} rows as {format}")
        seconds.append(said["seconds"])
        peaks.append(said["peak_mb"])
    return Measured(database.handoffs / statistics.median(seconds), max(peaks))


async def _looked_up(database: Kept) -> list[float]:
    """Milliseconds to the records, by callers and days that are there, as an auditor asks."""
    engine = engine_for(database.url)
    store, pick = SqlRecordStore(engine), random.Random(2)
    took: list[float] = []
    h = tables.handoffs.c
    for _ in range(_LOOKUPS):
        at = BEGAN + timedelta(days=pick.uniform(0, database.days - 2))
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


def main(
    handoffs: Annotated[int, typer.Option(min=10_000, help="转接次数 · how many handoffs")] = FEW,
    format: Annotated[list[Format] | None, typer.Option(help="只测这些格式 · of these formats only")] = None,
) -> None:
    """导出速度与内存，按号码与日期查找 · exports and lookups; the database is made once and kept in .local/bench."""
    with Console(stderr=True).status("handoffs") as status:
        measured = figures(status.update, handoffs, format or tuple(Format))
    show(measured)


if __name__ == "__main__":
    typer.run(main)
