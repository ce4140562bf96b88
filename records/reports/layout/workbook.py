"""A report as xlsx: a sheet a table, native charts, each figure a link to its rows."""

from __future__ import annotations

import io

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from records.reports import texts
from records.reports.layout import words
from records.reports.model import Cell, Report, Section, Unit

_FORMATS = {Unit.COUNT: "#,##0", Unit.SHARE: "0.0%", Unit.MS: '0.0" s"', Unit.SEATS: "#,##0"}
_LONGEST_NAME = 31
_LONGEST_LINK = 2079
_HEAD = 3


def workbook(report: Report, *, root: str = "") -> bytes:
    """``root``: the address of the API, whose page shows the rows; without one there are no links."""
    into = io.BytesIO()
    # text is text: nothing that looks like a formula, an address or a number becomes one
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with Workbook(into, options) as book:
        book.set_properties({"title": words.title(report).zh, "created": report.made_at.replace(tzinfo=None)})
        styles = {unit: book.add_format({"num_format": code}) for unit, code in _FORMATS.items()}
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        _front(book, report, bold)
        for section in report.sections:
            if section.rows:
                _sheet(book, report, section, styles, bold, root)
    return into.getvalue()


def _front(book: Workbook, report: Report, bold: Format) -> None:
    sheet = book.add_worksheet("说明 about")
    sheet.set_column(0, 0, 90)
    sheet.write_string(0, 0, str(words.title(report)), bold)
    for line, fact in enumerate(words.facts(report), 1):
        sheet.write_string(line, 0, fact)


def _sheet(
    book: Workbook, report: Report, section: Section, styles: dict[Unit, Format], bold: Format, root: str
) -> None:
    sheet = book.add_worksheet(section.title.zh[:_LONGEST_NAME])
    width = len(section.columns)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 2 * width, 14)
    sheet.write_string(0, 0, str(section.title), bold)
    sheet.write_string(1, 0, str(section.note or ""))
    sheet.write_string(_HEAD - 1, 0, str(texts.ITEM), bold)
    compared = any(cell.before is not None for row in section.rows for cell in row.cells)
    for place, (_, title) in enumerate(section.columns, 1):
        sheet.write_string(_HEAD - 1, place, str(title), bold)
        if compared:
            sheet.write_string(_HEAD - 1, width + place, f"{texts.BEFORE.zh} {title.zh} · {texts.BEFORE.en}", bold)
    for line, row in enumerate(section.rows, _HEAD):
        sheet.write_string(line, 0, str(row.title))
        for place, cell in enumerate(row.cells, 1):
            _value(sheet, line, place, cell, cell.value, styles)
            _link(sheet, line, place, cell, report, root)
            if compared:
                _value(sheet, line, width + place, cell, cell.before, styles)
    sheet.freeze_panes(_HEAD, 1)
    _chart(book, sheet, section)


def _value(
    sheet: Worksheet, line: int, place: int, cell: Cell, value: float | None, styles: dict[Unit, Format]
) -> None:
    if value is not None:
        sheet.write_number(line, place, value / 1000 if cell.unit is Unit.MS else value, styles[cell.unit])


def _link(sheet: Worksheet, line: int, place: int, cell: Cell, report: Report, root: str) -> None:
    """As a remark: a link would take the number's place."""
    address = f"{root}{cell.rows.page(report.period)}"
    if root and len(address) <= _LONGEST_LINK:
        sheet.write_comment(line, place, address, {"x_scale": 3})


def _chart(book: Workbook, sheet: Worksheet, section: Section) -> None:
    if section.chart is None:
        return
    last = _HEAD + len(section.rows) - 1
    chart = book.add_chart({"type": "line" if section.chart.lines else "column"})
    for place, (name, title) in enumerate(section.columns, 1):
        if name in section.chart.columns:
            chart.add_series(
                {
                    "name": title.zh,
                    "categories": [sheet.get_name(), _HEAD, 0, last, 0],
                    "values": [sheet.get_name(), _HEAD, place, last, place],
                }
            )
    chart.set_title({"name": section.chart.title.zh})
    chart.set_size({"width": 900, "height": 340})
    sheet.insert_chart(last + 2, 0, chart)
