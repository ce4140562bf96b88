"""How long the report of a month takes to count, and to lay out in each form; a million handoffs in a year."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.console import Console

from bench.report import Figure, show
from bench.synthetic.kept import BEGAN, FEW, ZONE, Kept, kept
from records.database import engine_for
from records.reports.formats import laid_out
from records.reports.model import Format, Report
from records.reports.periods import Kind, Period
from records.reports.reports import Reports
from records.reports.staffing import Goals
from telephony.lines import Directory

_ROUNDS = 5
_GOAL_SECONDS = 1.0


class _Later:
    def now(self) -> datetime:
        return datetime(2040, 1, 1, tzinfo=UTC)


async def _counted(database: Kept, tell: Callable[[str], None]) -> tuple[Report, list[float]]:
    """The report of the first month, and how long each time it was counted anew."""
    engine = engine_for(database.url)
    period = Period.containing(Kind.MONTH, date(BEGAN.year, BEGAN.month, 1), ZONE)
    took: list[float] = []
    for turn in range(_ROUNDS):
        tell(f"report of a month, round {turn + 1}")
        reports = Reports(engine, _Later(), ZONE, Goals(), lambda: Directory((), (), ()))
        began = time.perf_counter()
        report = await reports.of(period)
        took.append(time.perf_counter() - began)
    await engine.dispose()
    return report, took


def figures(tell: Callable[[str], None], handoffs: int = FEW) -> list[Figure]:
    """Of at least a month's handoffs."""
    report, took = asyncio.run(_counted(asyncio.run(kept(handoffs, tell)), tell))
    counted = next(row.cells[0].rows.count for row in report.sections[0].rows if row.id == "handoffs")
    name, command = f"report of a month of {counted:,} handoffs", f"python -m bench.reports --handoffs {handoffs}"
    found = [Figure(f"{name}, counted", statistics.median(took), "s", "lower", None, _GOAL_SECONDS, command)]
    for format in Format:
        tell(f"report of a month as {format}")
        began = time.perf_counter()
        laid_out(report, format)
        found.append(Figure(f"{name}, as {format}", time.perf_counter() - began, "s", "lower", command=command))
    return found


def main(handoffs: Annotated[int, typer.Option(min=FEW, help="转接次数 · how many handoffs")] = FEW) -> None:
    """一个月的报表需时 · how long a month's report takes; the database is made once and kept in .local/bench."""
    with Console(stderr=True).status("a report") as status:
        measured = figures(status.update, handoffs)
    show(measured)


if __name__ == "__main__":
    typer.run(main)
