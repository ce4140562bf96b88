"""A plain table of text as a page or an xlsx: for differences, which have no figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from xlsxwriter import Workbook

from records.reports.layout.page import environment, policy, styled
from records.reports.model import Text


@dataclass(frozen=True, slots=True)
class TextTable:
    title: Text
    facts: Sequence[str]
    columns: Sequence[Text]
    rows: Sequence[Sequence[str]]


def table_page(table: TextTable) -> str:
    return environment().get_template("table.html.j2").render(table=table, policy=policy(), style=styled())


def table_workbook(table: TextTable) -> bytes:
    into = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(into, options) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(table.title.zh[:31])
        sheet.set_column(0, len(table.columns), 24)
        for line, text in enumerate((str(table.title), *table.facts)):
            sheet.write_string(line, 0, text, bold if line == 0 else None)
        head = len(table.facts) + 2
        for place, title in enumerate(table.columns):
            sheet.write_string(head, place, str(title), bold)
        for line, row in enumerate(table.rows, head + 1):
            for place, text in enumerate(row):
                sheet.write_string(line, place, text)
        sheet.freeze_panes(head + 1, 0)
        if table.rows:
            sheet.autofilter(head, 0, head + len(table.rows), len(table.columns) - 1)
    return into.getvalue()
