"""The charts of a report as drawings, the same for PDF and page."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.graphics import renderSVG
from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.shapes import Drawing, String
from reportlab.lib.colors import Color, HexColor

from records.reports.layout import fonts
from records.reports.model import Section

WIDTH, HEIGHT = 500, 210
_COLOURS: Sequence[Color] = [HexColor(code) for code in (0x1F5FA8, 0xE08A1E, 0x3A9A5B, 0xB23A48, 0x7A5BA8, 0x5C6B73)]
_SIZE = 8
_LONGEST_LABEL = 14


def drawing(section: Section) -> Drawing | None:
    """None where there is nothing to be seen: no chart, no rows, or noughts alone."""
    if section.chart is None or not section.rows:
        return None
    series = section.charted()
    if not any(value for _, values in series for value in values):
        return None
    fonts.register()
    sheet = Drawing(WIDTH, HEIGHT)
    chart = HorizontalLineChart() if section.chart.lines else VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 40, 40, WIDTH - 60, HEIGHT - 85
    chart.data = [tuple(values) for _, values in series]
    chart.categoryAxis.categoryNames = [_short(row.title.zh) for row in section.rows]
    chart.valueAxis.valueMin = 0
    chart.valueAxis.forceZero = 1
    _whole_steps(chart, max(value for _, values in series for value in values))
    labels = (chart.categoryAxis.labels, chart.valueAxis.labels)
    for label in labels:
        label.fontName, label.fontSize = fonts.NAME, _SIZE
    if len(section.rows) > 6:
        chart.categoryAxis.labels.angle, chart.categoryAxis.labels.boxAnchor = 40, "ne"
    for place in range(len(series)):
        colour = _COLOURS[place % len(_COLOURS)]
        if section.chart.lines:
            chart.lines[place].strokeColor, chart.lines[place].strokeWidth = colour, 1.6
        else:
            chart.bars[place].fillColor, chart.bars[place].strokeColor = colour, None
    sheet.add(chart)
    sheet.add(String(4, HEIGHT - 12, str(section.chart.title), fontName=fonts.NAME, fontSize=10))
    sheet.add(_legend([title.zh for title, _ in series]))
    return sheet


def svg(section: Section) -> str | None:
    sheet = drawing(section)
    return None if sheet is None else renderSVG.drawToString(sheet)


def _whole_steps(chart: HorizontalLineChart | VerticalBarChart, highest: float) -> None:
    """Calls and seats come whole; a handful of lines across is enough to read by."""
    step = next(size * 10**power for power in range(12) for size in (1, 2, 5) if highest <= 6 * size * 10**power)
    chart.valueAxis.valueStep = step
    chart.valueAxis.valueMax = -(-highest // step) * step
    chart.valueAxis.labelTextFormat = "%d"


def _legend(names: Sequence[str]) -> Legend:
    legend = Legend()
    legend.x, legend.y, legend.boxAnchor = WIDTH - 12, HEIGHT - 4, "ne"
    legend.fontName, legend.fontSize = fonts.NAME, _SIZE
    legend.dx = legend.dy = 7
    legend.columnMaximum, legend.deltax, legend.alignment = 1, 70, "right"
    legend.colorNamePairs = [(_COLOURS[place % len(_COLOURS)], _short(name)) for place, name in enumerate(names)]
    return legend


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
