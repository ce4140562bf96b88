"""What a day is: worked, a weekend, a holiday, or a weekend that is worked to make up for one (调休)."""

from __future__ import annotations

from datetime import date

import chinese_calendar

from ivr.flow import DayKind

_SATURDAY = 5


def day_kind(day: date) -> DayKind:
    """As the State Council announced it; UNKNOWN in a year whose announcement the library does not have yet."""
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return DayKind.UNKNOWN
    if off:
        return DayKind.HOLIDAY if name else DayKind.WEEKEND
    return DayKind.MAKE_UP if day.weekday() >= _SATURDAY else DayKind.WORKDAY


def known_until(day: date) -> date | None:
    """The last day of the last year, from ``day``'s on, whose holidays are known; None when not even its own are."""
    year = day.year
    while day_kind(date(year, 1, 1)) is not DayKind.UNKNOWN:
        year += 1
    return date(year - 1, 12, 31) if year > day.year else None
