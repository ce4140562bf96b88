"""Reports on both databases: each figure equals its list, and an independent count of the same records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from records import tables
from records.database import engine_for, migrate
from records.filters import call_conditions, handoff_conditions
from records.reports.model import Cell, Report, Section
from records.reports.periods import Kind
from records.reports.reports import Reports
from records.reports.staffing import Goals, hours_passed
from telephony.handoff import Outcome, Resolution, State, durations_ms
from telephony.ports import CallFilter, HandoffFilter, Hour
from tests.support import traffic
from tests.support.hall import DIRECTORY
from tests.support.matching import RETURNED, answer_ms_of, caller_of, calls_that_match, handoff_matches

pytestmark = pytest.mark.asyncio

MARCH = datetime(2026, 2, 28, 16, tzinfo=UTC)
HANDOFFS = [
    replace(each, id=f"{each.id}-{i}")
    for i, span in enumerate(((MARCH, timedelta(days=31)), (MARCH - timedelta(days=28), timedelta(days=28))))
    for each in traffic.handoffs(i, 250, span[0], span[0] + span[1])
]
CALLS = [
    replace(each, id=f"{each.id}-{i}")
    for i, span in enumerate(((MARCH, timedelta(days=31)), (MARCH - timedelta(days=28), timedelta(days=28))))
    for each in traffic.calls(9 + i, 250, span[0], span[0] + span[1])
]


class SetClock:
    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/records.db")
        await migrate(engine)
    else:
        engine = engine_for(await request.getfixturevalue("postgres").new_migrated_database())
    yield engine
    await engine.dispose()


def reports(engine: AsyncEngine, *, zone: str = "Asia/Shanghai", now: datetime | None = None) -> Reports:
    clock = SetClock(now or datetime(2026, 6, 1, tzinfo=UTC))
    return Reports(engine, clock, zone, Goals(calls_of_caller=4), lambda: DIRECTORY)


async def filled(engine: AsyncEngine) -> None:
    await traffic.put(engine, HANDOFFS, CALLS)


def section(report: Report, name: str) -> Section:
    return next(each for each in report.sections if each.id == name)


def overview(report: Report) -> dict[str, Cell]:
    return {row.id: row.cells[0] for row in section(report, "overview").rows}


def as_filter(link: str, zone: str) -> HandoffFilter | CallFilter:
    """What the API makes of the link."""
    given: dict[str, object] = dict(parse_qsl(urlsplit(link).query))
    if "hour" in given:
        given["hour"] = Hour(int(str(given["hour"])), zone)
    kind = HandoffFilter if urlsplit(link).path == "/v1/handoffs" else CallFilter
    return TypeAdapter(kind).validate_python(given)  # type: ignore[return-value]  # one of the two


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin"])
async def test_each_figure_is_the_length_of_its_list(engine: AsyncEngine, zone: str) -> None:
    """In March, when the clocks of Berlin change."""
    await filled(engine)
    service = reports(engine, zone=zone)
    report = await service.of(service.period(Kind.MONTH, date(2026, 3, 9)))

    links = {rows.link(report.period): rows.count for rows in report.counted()}
    assert len(links) > 200
    async with engine.connect() as connection:
        for link, count in links.items():
            where = as_filter(link, zone)
            if isinstance(where, HandoffFilter):
                query = select(func.count()).select_from(tables.handoffs).where(*handoff_conditions(where))
                plain = sum(handoff_matches(each, where) for each in HANDOFFS)
            else:
                query = select(func.count()).select_from(tables.calls).where(*call_conditions(where))
                plain = len(calls_that_match(CALLS, where))
            assert (await connection.execute(query)).scalar_one() == count == plain, link


async def test_each_figure_is_what_a_count_by_hand_finds(engine: AsyncEngine) -> None:
    await filled(engine)
    service = reports(engine)
    report = await service.of(service.period(Kind.MONTH, date(2026, 3, 31)))
    until = MARCH + timedelta(days=31)
    calls = [call for call in CALLS if MARCH <= call.arrived_at < until]
    handoffs = [each for each in HANDOFFS if MARCH <= each.created_at < until]
    took = [ms for call in calls if (ms := answer_ms_of(call)) is not None]
    answers = [ms for each in handoffs if (ms := durations_ms(each).get("to_answer")) is not None]
    diverted = [h for h in handoffs if h.outcome is Outcome.ANSWERED and h.resolution is Resolution.TARGET]

    found = {name: cell.value for name, cell in overview(report).items()}
    assert found == {
        "calls": len(calls),
        "answered": len(took),
        "unanswered": len(calls) - len(took),
        "answer_rate": len(took) / len(calls),
        "in_time": sum(ms <= 15_000 for ms in took),
        "in_time_rate": sum(ms <= 15_000 for ms in took) / len(calls),
        **{f"call_p{share}": rank(took, share) for share in (50, 90, 99)},
        "handoffs": len(handoffs),
        "diverted": len(diverted),
        "diversion_rate": len(diverted) / len(handoffs),
        "handoffs_in_time": sum(ms <= 15_000 for ms in answers),
        "handoffs_in_time_rate": sum(ms <= 15_000 for ms in answers) / len(handoffs),
        "returned": sum(each.resolution in RETURNED for each in handoffs),
        "hung_up": sum(each.resolution is Resolution.CALLER_HUNG_UP for each in handoffs),
        **{f"handoff_p{share}": rank(answers, share) for share in (50, 90, 99)},
        "mismatched": sum(each.number_mismatch for each in handoffs),
    }
    often = Counter(caller for call in calls if (caller := caller_of(call)))
    repeat = {caller: n for caller, n in often.items() if n >= 4}
    told = {row.id: row.cells[0].value for row in section(report, "callers").rows}
    assert (told["callers"], told["calls"]) == (len(repeat), sum(repeat.values()))
    assert told["caller-1"] == max(repeat.values())
    hours = Counter((call.arrived_at + timedelta(hours=8)).replace(minute=0, second=0, microsecond=0) for call in calls)
    busiest = [row.cells[0].value for row in section(report, "busiest").rows]
    assert busiest == sorted(hours.values(), reverse=True)[:5]


def rank(times: list[int], share: int) -> int:
    return sorted(times)[math.ceil(len(times) * share / 100) - 1]


async def test_the_period_before_is_told_beside(engine: AsyncEngine) -> None:
    await filled(engine)
    service = reports(engine)
    march = await service.of(service.period(Kind.MONTH, date(2026, 3, 1)))
    february = await service.of(service.period(Kind.MONTH, date(2026, 2, 1)))

    before = {name: cell.value for name, cell in overview(february).items()}
    assert {name: cell.before for name, cell in overview(march).items()} == before


async def test_sums_agree_wherever_they_are_told(engine: AsyncEngine) -> None:
    await filled(engine)
    service = reports(engine)
    report = await service.of(service.period(Kind.QUARTER, date(2026, 2, 10)))
    calls, handoffs = overview(report)["calls"].value, overview(report)["handoffs"].value

    assert (calls, handoffs) != (0, 0)
    for name in ("outcomes", "directions", "modes", "number-proofs", "hours"):
        column = [key for key, _ in section(report, name).columns].index("handoffs")
        assert sum(row.cells[column].value or 0 for row in section(report, name).rows) == handoffs, name
    for name in ("lines", "hours"):
        assert sum(row.cells[0].value or 0 for row in section(report, name).rows) == calls, name


async def test_given_a_line_that_is_configured_no_longer_then_it_is_told_and_marked(engine: AsyncEngine) -> None:
    await filled(engine)
    service = reports(engine)
    report = await service.of(service.period(Kind.MONTH, date(2026, 3, 1)))

    titles = {row.id: str(row.title) for row in section(report, "lines").rows}
    assert titles["110"] == "110 公安报警"
    assert "已不在配置中" in titles["closed-line"]


@pytest.mark.parametrize(("day", "begun"), [(date(2026, 1, 5), True), (date(2026, 9, 1), False)])
async def test_given_nothing_in_the_period_then_all_is_nought_and_no_rate_is_told(
    engine: AsyncEngine, day: date, begun: bool
) -> None:
    service = reports(engine)
    for kind in Kind:
        report = await service.of(service.period(kind, day))
        assert (report.empty, report.begun) == (True, begun or report.period.first <= date(2026, 6, 1))
        rates = [cell for cell in report.cells() if cell.unit in ("share", "ms")]
        assert all(cell.value is None for cell in rates)


async def test_given_the_end_of_a_year_then_each_half_is_in_its_own(engine: AsyncEngine) -> None:
    midnight = datetime(2025, 12, 31, 16, tzinfo=UTC)  # in China
    before, after = traffic.calls(1, 1, midnight, midnight + timedelta(days=1))[0], midnight
    last = replace(before, id="last", arrived_at=midnight - timedelta(microseconds=1), answered_at=None)
    first = replace(before, id="first", arrived_at=after, answered_at=None)
    await traffic.put(engine, calls=(last, first))
    service = reports(engine)

    for kind, old, new in ((Kind.YEAR, 1, 1), (Kind.WEEK, 2, 2), (Kind.DAY, 1, 1), (Kind.HALF_MONTH, 1, 1)):
        found = [await service.of(service.period(kind, day)) for day in (date(2025, 12, 31), date(2026, 1, 1))]
        assert [overview(report)["calls"].value for report in found] == [old, new], kind


async def test_given_a_closed_period_then_it_is_counted_once_unless_a_record_comes_late(engine: AsyncEngine) -> None:
    ended = [replace(each, state=State.ENDED) for each in HANDOFFS if each.ended_at]
    await traffic.put(engine, ended, [call for call in CALLS if call.ended_at])
    service = reports(engine)
    period = service.period(Kind.MONTH, date(2026, 3, 1))
    first = await service.of(period)
    remembered = service.remembered(period)

    assert remembered is not None
    assert (await service.of(period)).sections == first.sections
    assert service.remembered(period) is remembered

    await traffic.put(engine, calls=[replace(CALLS[0], id="late", arrived_at=MARCH, ended_at=MARCH)])
    again = await service.of(period)
    assert (overview(again)["calls"].value or 0) == (overview(first)["calls"].value or 0) + 1


async def test_given_a_running_period_then_nothing_is_remembered(engine: AsyncEngine) -> None:
    await filled(engine)
    service = reports(engine, now=MARCH + timedelta(days=9))
    report = await service.of(service.period(Kind.MONTH))

    assert report.running
    assert service.remembered(report.period) is None


async def test_seats_are_planned_from_the_hours_that_have_passed(engine: AsyncEngine) -> None:
    line = traffic.calls(3, 1, MARCH, MARCH + timedelta(hours=1))[0]
    at_nine = MARCH + timedelta(hours=9)
    calls = [
        replace(
            line,
            id=f"c-{day}-{n}",
            first_line="110",
            arrived_at=at_nine + timedelta(days=day, seconds=n),
            answered_at=at_nine + timedelta(days=day, seconds=n + 2),
            ended_at=at_nine + timedelta(days=day, seconds=n + 152),
        )
        for day in range(2)
        for n in range(60)
    ]
    await traffic.put(engine, calls=calls)
    service = reports(engine, now=MARCH + timedelta(days=2))
    report = await service.of(service.period(Kind.MONTH))

    table = section(report, "staffing")
    column = [name for name, _ in table.columns].index("110")
    seats = {row.id: row.cells[column].value for row in table.rows}
    # 60 calls an hour of 150 s and 30 s of wrapping up: 3 erlangs; for 95 % within 15 s that wants 7 seats
    assert seats["09"] == 7
    assert seats["10"] == 0
    assert hours_passed(report.period, report.made_at)[9] == 2
