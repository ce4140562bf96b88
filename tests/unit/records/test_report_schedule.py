"""Reports make themselves: soon after each period, once, and after a restart what was missed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from records.database import engine_for, migrate
from records.reports.model import Format, Report
from records.reports.periods import Kind
from records.reports.reports import Reports
from records.reports.schedule import SETTLES, Schedule
from records.reports.staffing import Goals
from telephony.lines import Directory
from tests.support import traffic

pytestmark = pytest.mark.asyncio

MIDNIGHT = datetime(2026, 3, 31, 16, tzinfo=UTC)  # the end of the first quarter in China


class SetClock:
    time = MIDNIGHT

    def now(self) -> datetime:
        return self.time


class Kept:
    def __init__(self, reports: Reports, clock: SetClock, folder: Path) -> None:
        self.reports, self.clock, self.folder = reports, clock, folder
        self.laid_out: list[str] = []

    def schedule(self, *kinds: Kind, formats: Sequence[Format] = (Format.JSON, Format.PAGE)) -> Schedule:
        async def lay_out(report: Report, format: Format) -> bytes:
            self.laid_out.append(f"{report.period.name} {format}")
            return report.period.name.encode()

        return Schedule(self.reports, self.folder, kinds, formats, lay_out)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))


@pytest_asyncio.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    engine = engine_for(f"sqlite:///{tmp_path / 'records.db'}")
    await migrate(engine)
    await traffic.put(engine, calls=traffic.calls(1, 9, MIDNIGHT - timedelta(days=3), MIDNIGHT))
    clock = SetClock()
    reports = Reports(engine, clock, "Asia/Shanghai", Goals(), lambda: Directory((), (), ()))
    yield Kept(reports, clock, tmp_path / "reports")
    await engine.dispose()


async def test_given_the_end_of_a_period_then_its_reports_are_made_when_it_has_settled(kept: Kept) -> None:
    schedule = kept.schedule(Kind.MONTH, Kind.QUARTER)
    assert await schedule.look() == []

    kept.clock.time = MIDNIGHT + SETTLES
    await schedule.look()

    assert kept.files == ["month-2026-03.html", "month-2026-03.json", "quarter-2026-Q1.html", "quarter-2026-Q1.json"]


async def test_given_what_is_there_then_it_is_made_once_also_after_a_restart(kept: Kept) -> None:
    kept.clock.time = MIDNIGHT + SETTLES
    await kept.schedule(Kind.MONTH).look()
    (kept.folder / "month-2026-03.html").unlink()
    made = await kept.schedule(Kind.MONTH).look()

    assert [path.name for path in made] == ["month-2026-03.html"]
    assert await kept.schedule(Kind.MONTH).look() == []
    assert kept.laid_out == ["2026-03 json", "2026-03 page", "2026-03 page"]


async def test_given_days_without_the_service_then_they_are_caught_up_with_from_the_first_record_on(kept: Kept) -> None:
    kept.clock.time = MIDNIGHT + timedelta(days=1) + SETTLES
    await kept.schedule(Kind.DAY, formats=[Format.JSON]).look()

    assert kept.files[-1] == "day-2026-04-01.json"
    assert 4 <= len(kept.files) <= 5  # the records begin about three days before the quarter's end
    assert [name.split()[0] for name in kept.laid_out] == sorted(name.split()[0] for name in kept.laid_out)


async def test_given_nothing_on_record_then_nothing_is_made(tmp_path: Path) -> None:
    engine = engine_for(f"sqlite:///{tmp_path / 'empty.db'}")
    await migrate(engine)
    reports = Reports(engine, SetClock(), "Asia/Shanghai", Goals(), lambda: Directory((), (), ()))
    empty = Kept(reports, SetClock(), tmp_path / "reports")

    assert await empty.schedule(*Kind).look() == []
    assert not empty.folder.exists()
    await engine.dispose()


async def test_given_no_kinds_then_nothing_is_made(kept: Kept) -> None:
    kept.clock.time = MIDNIGHT + timedelta(days=40)
    assert await kept.schedule().look() == []
