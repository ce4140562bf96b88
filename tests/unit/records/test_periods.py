"""The calendar of reports: every day is in one period of each kind, and they follow one another without a gap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.reports.periods import FIRST_DAY, Kind, Period, newest_closed
from telephony.errors import NoSuchPeriod

days = st.dates(FIRST_DAY + timedelta(days=800), date(2198, 12, 31))
zones = st.sampled_from(
    ["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"]
)


@given(st.sampled_from(Kind), days, zones)
def test_each_day_is_in_its_period_and_the_one_before_ends_where_it_begins(kind: Kind, day: date, zone: str) -> None:
    period = Period.containing(kind, day, zone)

    assert period.first <= day <= period.last
    assert Period.containing(kind, period.first, zone) == period == Period.containing(kind, period.last, zone)
    assert period.before.last == period.first - timedelta(days=1)
    assert period.before.until == period.since < period.until
    assert period.days == (period.last - period.first).days + 1
    assert (period.before.name < period.name) and period.title != period.before.title


@pytest.mark.parametrize(
    ("kind", "day", "first", "last", "name", "title"),
    [
        (Kind.DAY, "2026-03-09", "2026-03-09", "2026-03-09", "2026-03-09", "2026年3月9日"),
        (Kind.WEEK, "2026-01-01", "2025-12-29", "2026-01-04", "2026-W01", "2026年第1周"),
        (Kind.HALF_MONTH, "2026-02-15", "2026-02-01", "2026-02-15", "2026-02-a", "2026年2月上半月"),
        (Kind.HALF_MONTH, "2028-02-16", "2028-02-16", "2028-02-29", "2028-02-b", "2028年2月下半月"),
        (Kind.MONTH, "2026-12-31", "2026-12-01", "2026-12-31", "2026-12", "2026年12月"),
        (Kind.QUARTER, "2026-11-30", "2026-10-01", "2026-12-31", "2026-Q4", "2026年第4季度"),
        (Kind.YEAR, "2028-02-29", "2028-01-01", "2028-12-31", "2028", "2028年"),
    ],
)
def test_periods_by_hand(kind: Kind, day: str, first: str, last: str, name: str, title: str) -> None:
    period = Period.containing(kind, date.fromisoformat(day), "Asia/Shanghai")
    assert (period.first, period.last) == (date.fromisoformat(first), date.fromisoformat(last))
    assert (period.name, period.title) == (name, title)


def test_days_begin_at_the_midnight_of_the_zone_however_long_they_are() -> None:
    assert Period.containing(Kind.DAY, date(2026, 3, 9), "Asia/Shanghai").since == datetime(2026, 3, 8, 16, tzinfo=UTC)
    short = Period.containing(Kind.DAY, date(2026, 3, 29), "Europe/Berlin")
    assert short.until - short.since == timedelta(hours=23)
    # at midnight the clocks go to one: the day begins there
    skipped = Period.containing(Kind.DAY, date(2018, 11, 4), "America/Sao_Paulo")
    assert skipped.since == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_the_newest_closed_one_ended_before_now() -> None:
    just_after = datetime(2026, 1, 15, 16, 0, tzinfo=UTC)  # the 16th has begun in China
    assert newest_closed(Kind.HALF_MONTH, just_after, "Asia/Shanghai").name == "2026-01-a"
    assert newest_closed(Kind.HALF_MONTH, just_after - timedelta(seconds=1), "Asia/Shanghai").name == "2025-12-b"


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1970, 6, 1), date(9999, 12, 31)])
def test_a_day_beyond_the_calendar_is_refused(day: date) -> None:
    with pytest.raises(NoSuchPeriod):
        Period.containing(Kind.YEAR, day, "Asia/Shanghai")
