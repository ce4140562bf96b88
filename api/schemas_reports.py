"""The report of a period as it goes over the wire."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas import Given, Instant
from records.reports.model import Unit
from records.reports.periods import Kind


class TextOut(Given):
    zh: str
    en: str


class RowsOut(Given):
    count: int
    list: str = Field(description="Where the rows are: an address of this API with so many items.")


class CellOut(Given):
    """A share is ``rows`` of ``whole``; a time, or seats, were measured on ``rows`` (and ``whole``)."""

    value: float | None = Field(description="Null where there is nothing to measure.")
    unit: Unit = Field(description="share: from 0 to 1; ms: milliseconds.")
    before: float | None = Field(description="The same in the period before, where it is told.")
    goal: float | None
    rows: RowsOut
    whole: RowsOut | None


class ReportRowOut(Given):
    id: str
    title: TextOut
    cells: list[CellOut]


class ColumnOut(Given):
    id: str
    title: TextOut


class SectionOut(Given):
    id: str
    title: TextOut
    note: TextOut | None
    columns: list[ColumnOut]
    rows: list[ReportRowOut]


class ReportOut(Given):
    kind: Kind
    name: str = Field(examples=["2026-11-a"])
    title: TextOut
    zone: str
    first: date
    last: date
    since: Instant
    until: Instant
    made_at: Instant
    begun: bool = Field(description="False for a period that lies in the future.")
    running: bool
    empty: bool
    sections: list[SectionOut]
