"""A report as PDF, with vector charts and its font inside."""

from __future__ import annotations

import io
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from records.reports import texts
from records.reports.layout import charts, fonts, words
from records.reports.model import Cell, Report, Section, Text

_MARGIN = 12 * mm
_WIDTH = landscape(A4)[0] - 2 * _MARGIN
_FIRST_COLUMN, _WIDEST_COLUMN = 72 * mm, 42 * mm
_GREY, _RED, _BLUE = colors.HexColor(0x5C6B73), colors.HexColor(0xB23A48), colors.HexColor(0x1F5FA8)

_PLAIN = ParagraphStyle("plain", fontName=fonts.NAME, fontSize=8, leading=10.5, wordWrap="CJK")
_RIGHT = ParagraphStyle("right", _PLAIN, alignment=2)
_HEAD = ParagraphStyle("head", _RIGHT, fontSize=8)
_NOTE = ParagraphStyle("note", _PLAIN, textColor=_GREY, spaceAfter=3)
_H1 = ParagraphStyle("h1", _PLAIN, fontSize=17, leading=23, spaceAfter=4)
_H2 = ParagraphStyle(
    "h2", _PLAIN, fontSize=12, leading=16, spaceBefore=12, spaceAfter=4, textColor=_BLUE, keepWithNext=1
)


def document(report: Report) -> bytes:
    fonts.register()
    into = io.BytesIO()
    title = words.title(report)
    template = SimpleDocTemplate(
        into,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN + 4 * mm,
        title=title.zh,
        lang="zh-CN",
    )
    story: list[Flowable] = [_text(str(title), _H1), *(_text(fact, _NOTE) for fact in words.facts(report))]
    for section in report.sections:
        if section.rows:
            story += _section(section)

    def foot(canvas: Canvas, _: Any) -> None:
        canvas.setFont(fonts.NAME, 7)
        canvas.drawRightString(landscape(A4)[0] - _MARGIN, _MARGIN - 2 * mm, f"{title.zh}　{canvas.getPageNumber()}")

    template.build(story, onFirstPage=foot, onLaterPages=foot)
    return into.getvalue()


def _section(section: Section) -> list[Flowable]:
    parts: list[Flowable] = [_text(str(section.title), _H2)]
    if section.note:
        parts.append(_text(str(section.note), _NOTE))
    parts.append(_table(section))
    drawn = charts.drawing(section)
    return parts if drawn is None else [*parts, Spacer(1, 4), drawn]


def _table(section: Section) -> Table:
    head = [_text(texts.ITEM.zh, _PLAIN), *(_heading(title) for _, title in section.columns)]
    body = [[_text(str(row.title), _PLAIN), *(_text_of(cell) for cell in row.cells)] for row in section.rows]
    column = min(_WIDEST_COLUMN, (_WIDTH - _FIRST_COLUMN) / max(1, len(section.columns)))
    widths = [_FIRST_COLUMN, *[column] * len(section.columns)]
    table = Table([head, *body], colWidths=widths, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor(0xD0D7DE)),
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor(0xF3F6F9)),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return table


def _text_of(cell: Cell) -> Paragraph:
    value = fonts.marked(words.shown(cell.value, cell.unit))
    if cell.missed:
        value = f'<font color="#{_RED.hexval()[2:]}">{value} {texts.MISSED.zh}</font>'
    if cell.before is not None:
        told = f"{texts.BEFORE.zh} {words.shown(cell.before, cell.unit)} {words.change(cell)}"
        value += f'<br/><font size="6.5" color="#{_GREY.hexval()[2:]}">{fonts.marked(told)}</font>'
    return Paragraph(value, _RIGHT)


def _heading(title: Text) -> Paragraph:
    english = f'<br/><font size="6.5" color="#{_GREY.hexval()[2:]}">{fonts.marked(title.en)}</font>' if title.en else ""
    return Paragraph(fonts.marked(title.zh) + english, _HEAD)


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(fonts.marked(text), style)
