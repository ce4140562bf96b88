"""From a page as the database has it to the columns as they go out: masked, translated, in which zone. Pure."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from records.export import cells
from records.export.columns import SHEETS, Column, Holds
from records.export.spec import Kind, Language, Spec

_PRIVATE = ("original_caller", "caller_seen_by_target")


class Shape:
    """``columns``: those that go out. ``headers``: what each is called there."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.for_people = spec.language is Language.ZH
        self.columns = SHEETS[spec.kind].shown(spec.format)
        self.headers = [column.zh if self.for_people else column.key for column in self.columns]

    def of(self, page: pa.Table) -> pa.Table:
        """By header. Text, int64, bool, timestamp[ms] (without a zone: China), list of text."""
        return pa.table([self._column(column, page) for column in self.columns], names=self.headers)

    def _column(self, column: Column, page: pa.Table) -> pa.ChunkedArray:
        values = page[column.key]
        match column.holds:
            case Holds.TIME:
                return cells.in_china(values) if self.for_people else cells.to_milliseconds(values)
            case Holds.LIST:
                if self._spec.format.for_programs:
                    return cells.words_of(values)
                return cells.listed(values, column.words if self.for_people else None)
            case Holds.WORD if self.for_people and column.words:
                return cells.in_words(values, column.words)
            case Holds.NUMBER | Holds.NAME | Holds.PROSE | Holds.JSON:
                return values if self._spec.clear else self._hidden(column, values, page)
            case _:
                return values

    def _hidden(self, column: Column, values: pa.ChunkedArray, page: pa.Table) -> pa.ChunkedArray:
        if column.holds is Holds.NAME:
            return pa.chunked_array([pa.nulls(len(values), pa.string())])
        if column.holds is not Holds.NUMBER:
            return cells.prose(values, *(page[key] for key in _PRIVATE if key in page.column_names))
        masked = cells.masked(values)
        return pc.if_else(page["outside"], masked, values) if self._spec.kind is Kind.LEGS else masked
