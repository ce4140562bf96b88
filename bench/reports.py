"""``python -m bench.reports``: how long the report of a month of 100,000 made-up handoffs takes, in each form."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from bench.synthetic.load import load
from bench.synthetic.stories import stories
from records.database import engine_for, migrate
from records.reports.formats import laid_out
from records.reports.model import Format
from records.reports.periods import Kind, Period
from records.reports.reports import Reports
from records.reports.staffing import Goals
from telephony.lines import Directory

HANDOFFS, DAYS, ZONE = 100_000, 31, "Asia/Shanghai"
_FIRST = datetime(2026, 1, 1, tzinfo=ZoneInfo(ZONE))


class _Later:
    def now(self) -> datetime:
        return datetime(2027, 1, 1, tzinfo=UTC)


async def _measured(folder: Path) -> dict[str, float]:
    """Seconds."""
    url = f"sqlite:///{folder / 'bench.db'}"
    engine = engine_for(url)
    await migrate(engine)
    await load(url, stories(HANDOFFS, 1, _FIRST, DAYS), lambda _: None)
    reports = Reports(engine, _Later(), ZONE, Goals(), lambda: Directory((), (), ()))
    period = Period.containing(Kind.MONTH, date(2026, 1, 1), ZONE)
    took: dict[str, float] = {}
    for name in ("counted", "again, remembered"):
        began = time.perf_counter()
        report = await reports.of(period)
        took[name] = time.perf_counter() - began
    await engine.dispose()
    for format in Format:
        began = time.perf_counter()
        laid_out(report, format)
        took[f"as {format}"] = time.perf_counter() - began
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status("filling a database"):
        took = asyncio.run(_measured(Path(folder)))
    table = Table("report of a month", "seconds", title=f"{HANDOFFS:,} handoffs")
    for name, seconds in took.items():
        table.add_row(name, f"{seconds:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
