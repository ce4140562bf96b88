"""The periods that reports are made of, on the operator's calendar and clocks. Pure.

Half a month because the leading group meets so often (洛阳市110城市应急联动服务工作实施意见:
领导小组每半月召开一次小组会议); month, quarter and year because that is when work is told of
(巴彦淖尔市关于做好12345政务服务便民热线与110报警服务台高效对接联动的通知: 月度通报工作运行情况，季度研判会商难点问题，
年度进行全面总结).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from telephony.errors import NoSuchPeriod

FIRST_DAY, LAST_DAY = date(1971, 1, 1), date(2198, 12, 31)
_DAY = timedelta(days=1)
_SECOND_HALF = 16


class Kind(StrEnum):
    DAY = "day"
    WEEK = "week"
    """From Monday (ISO 8601)."""
    HALF_MONTH = "half-month"
    """The 1st to the 15th, and the 16th to the end."""
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days: ``first`` and ``last`` are both in it. ``zone``: an IANA time zone, at whose midnights days begin."""

    kind: Kind
    first: date
    last: date
    zone: str

    @classmethod
    def containing(cls, kind: Kind, day: date, zone: str) -> Period:
        """Raises NoSuchPeriod."""
        if not FIRST_DAY <= day <= LAST_DAY:
            raise NoSuchPeriod(f"reports are made of days from {FIRST_DAY} to {LAST_DAY}")
        first, after = _bounds(kind, day)
        return cls(kind, first, after - _DAY, zone)

    @property
    def since(self) -> datetime:
        """In UTC, as ``until``: the span is half-open, and as long as the clocks say."""
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        return _midnight(self.last + _DAY, self.zone)

    @property
    def before(self) -> Period:
        """Raises NoSuchPeriod at the beginning of time."""
        return Period.containing(self.kind, self.first - _DAY, self.zone)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def name(self) -> str:
        """Short and fit for a file's name; in order of time for each kind."""
        year, week, _ = self.first.isocalendar()
        return {
            Kind.DAY: f"{self.first}",
            Kind.WEEK: f"{year}-W{week:02}",
            Kind.HALF_MONTH: f"{self.first:%Y-%m}-{'a' if self.first.day == 1 else 'b'}",
            Kind.MONTH: f"{self.first:%Y-%m}",
            Kind.QUARTER: f"{self.first.year}-Q{self._quarter}",
            Kind.YEAR: f"{self.first.year}",
        }[self.kind]

    @property
    def title(self) -> str:
        """In Chinese."""
        first = self.first
        year, week, _ = first.isocalendar()
        half = "上半月" if first.day == 1 else "下半月"
        return {
            Kind.DAY: f"{first.year}年{first.month}月{first.day}日",
            Kind.WEEK: f"{year}年第{week}周",
            Kind.HALF_MONTH: f"{first.year}年{first.month}月{half}",
            Kind.MONTH: f"{first.year}年{first.month}月",
            Kind.QUARTER: f"{first.year}年第{self._quarter}季度",
            Kind.YEAR: f"{first.year}年",
        }[self.kind]

    @property
    def _quarter(self) -> int:
        return (self.first.month + 2) // 3


def newest_closed(kind: Kind, now: datetime, zone: str) -> Period:
    """The last period that is over. Raises NoSuchPeriod."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return Period.containing(kind, today, zone).before


def _midnight(day: date, zone: str) -> datetime:
    """Where the clocks skip midnight, the moment at which they do."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _bounds(kind: Kind, day: date) -> tuple[date, date]:
    """The first day, and the first one after."""
    match kind:
        case Kind.DAY:
            return day, day + _DAY
        case Kind.WEEK:
            first = day - _DAY * day.weekday()
            return first, first + 7 * _DAY
        case Kind.HALF_MONTH:
            middle = day.replace(day=_SECOND_HALF)
            return (middle, _month_after(day, 1)) if day >= middle else (day.replace(day=1), middle)
        case Kind.MONTH:
            return day.replace(day=1), _month_after(day, 1)
        case Kind.QUARTER:
            first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
            return first, _month_after(first, 3)
    return day.replace(month=1, day=1), date(day.year + 1, 1, 1)


def _month_after(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)
