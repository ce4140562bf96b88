"""Databases of made-up handoffs that are made once and kept, a file for each size: some minutes for a million."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bench.synthetic.load import load
from bench.synthetic.stories import stories
from records.database import engine_for, migrate

FEW = 100_000
"""For ``make bench``; a month of them, and what an index finds among them, is as among a million."""
ZONE = "Asia/Shanghai"
BEGAN = datetime(2026, 1, 1, tzinfo=ZoneInfo(ZONE))
_A_DAY = 2_740
"""A million in a year, whatever the size."""
_FOLDER = Path(".local/bench")


class Kept(NamedTuple):
    """So many handoffs on so many days from ``BEGAN`` on."""

    file: Path
    handoffs: int
    days: int

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file.absolute()}"


async def kept(handoffs: int, tell: Callable[[str], None]) -> Kept:
    """It is there whole, or made now."""
    found = Kept(_FOLDER / f"synthetic-{handoffs}.db", handoffs, ceil(handoffs / _A_DAY))
    if found.file.exists():
        await _migrated(found)
        return found
    partial = found._replace(file=found.file.with_suffix(".partial"))
    partial.file.parent.mkdir(parents=True, exist_ok=True)
    for left in partial.file.parent.glob(f"{partial.file.name}*"):
        left.unlink()
    await _migrated(partial)
    made = 0

    def more(each: int) -> None:
        nonlocal made
        made += each
        tell(f"making handoffs, once: {made:,} of {handoffs:,}")

    await load(partial.url, stories(handoffs, 1, BEGAN, found.days), more)
    partial.file.rename(found.file)
    return found


async def _migrated(database: Kept) -> None:
    engine = engine_for(database.url)
    await migrate(engine)
    await engine.dispose()
