"""A report as data: tables of figures, each with the rows that it was counted from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias
from urllib.parse import urlencode

from records.reports.periods import Period

Where: TypeAlias = Mapping[str, str | int | bool]
"""Conditions by the names that the lists' query parameters have."""


class Text(NamedTuple):
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} · {self.en}" if self.en else self.zh


class Unit(StrEnum):
    COUNT = "count"
    SHARE = "share"
    """From 0 to 1."""
    MS = "ms"
    SEATS = "seats"


class Format(StrEnum):
    JSON = "json"
    PAGE = "page"
    XLSX = "xlsx"
    PDF = "pdf"


class ListOf(StrEnum):
    CALLS = "calls"
    HANDOFFS = "handoffs"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a figure was counted from: so many items of a list."""

    of: ListOf
    where: Where
    count: int

    def link(self, period: Period) -> str:
        """The list as an address of the API, below its root."""
        span = {"since": _utc(period.since), "until": _utc(period.until)}
        return f"/v1/{self.of}?{urlencode(span | {name: _plain(value) for name, value in self.where.items()})}"

    def page(self, period: Period) -> str:
        """The same for people: an address of the page for reports, below the API's root."""
        wanted = {"view": "report", "kind": period.kind.value, "day": period.first, "rows": self.link(period)}
        return f"/reports?{urlencode(wanted)}"


@dataclass(frozen=True, slots=True)
class Cell:
    """``value`` is None where there is nothing to measure; ``before``: the same in the period before.

    A share is ``rows`` of ``whole``, a time or a number of seats was measured on ``rows`` (and ``whole``).
    ``goal``: what it should be at least.
    """

    value: float | None
    unit: Unit
    rows: Rows
    before: float | None = None
    whole: Rows | None = None
    goal: float | None = None

    @property
    def missed(self) -> bool:
        return self.goal is not None and self.value is not None and self.value < self.goal


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    title: Text
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns of the table beside one another; ``lines``: as lines over the rows, else as bars."""

    title: Text
    columns: tuple[str, ...]
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: Text
    columns: tuple[tuple[str, Text], ...]
    rows: tuple[Row, ...]
    note: Text | None = None
    chart: Chart | None = None

    def charted(self) -> list[tuple[Text, list[float]]]:
        """Of each charted column: its title and the value of each row, 0 where there is none."""
        assert self.chart is not None
        places = [i for i, (name, _) in enumerate(self.columns) if name in self.chart.columns]
        return [(self.columns[i][1], [row.cells[i].value or 0 for row in self.rows]) for i in places]


@dataclass(frozen=True, slots=True)
class Report:
    """``running``: the period is not over; ``begun`` is False when it lies in the future."""

    period: Period
    made_at: datetime
    sections: tuple[Section, ...] = field(default=())

    @property
    def running(self) -> bool:
        return self.made_at < self.period.until

    @property
    def begun(self) -> bool:
        return self.made_at >= self.period.since

    @property
    def empty(self) -> bool:
        return not any(rows.count for rows in self.counted())

    def cells(self) -> Iterator[Cell]:
        return (cell for section in self.sections for row in section.rows for cell in row.cells)

    def counted(self) -> Iterator[Rows]:
        """Everything that was counted, for whoever wants to count again."""
        return (rows for cell in self.cells() for rows in (cell.rows, cell.whole) if rows is not None)


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
