"""Reports as they go over the wire: of a period, of shown numbers, of what differs from Asterisk's own record."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api import examples
from api.schemas import Given, Instant, example
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


class NumberProofOut(Given):
    model_config = example(examples.NUMBER_PROOF)

    day: date
    since: Instant
    until: Instant
    handoffs: int = Field(description="All that were asked for in that day.")
    reached: int = Field(description="Those whose target rang or answered.")
    equal: int = Field(description="The number in the target's INVITE was the one that arrived.")
    mismatched: int = Field(description="It was another one, or none although one had arrived.")
    mismatched_ids: list[str]
    withheld: int = Field(description="No number had arrived, and none was shown.")
    not_observed: dict[str, int] = Field(
        description="By reason: not-listening (the link was down) or not-told (Asterisk named no number)."
    )


class DifferenceOut(Given):
    handoff_id: str
    call_id: str
    field: str
    ours: str
    asterisk: str
    why: str | None = Field(description="What explains it; null: nothing does.")
    why_in_words: str | None


class ReconciliationOut(Given):
    model_config = example(examples.RECONCILIATION)

    node: str
    at: Instant | None = Field(description="Of the last comparison; null before the first.")
    since: Instant | None = Field(description="It looked at what ended from here …")
    until: Instant | None = Field(description="… up to but without this.")
    compared: int
    unexplained: int
    differences: list[DifferenceOut]
