"""Figures and headings as text. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from records.reports import texts
from records.reports.model import Cell, Report, Text, Unit

NOTHING = "–"


def shown(value: float | None, unit: Unit) -> str:
    if value is None:
        return NOTHING
    match unit:
        case Unit.SHARE:
            return f"{value * 100:.1f}%"
        case Unit.MS:
            return f"{value / 1000:.1f} s"
        case _:
            return f"{value:,.0f}"


def change(cell: Cell) -> str:
    """Since the period before: by how many percent, percentage points or seconds; "" where nothing can be said."""
    if cell.value is None or cell.before is None:
        return ""
    more = cell.value - cell.before
    match cell.unit:
        case Unit.SHARE:
            return f"{more * 100:+.1f} pp"
        case Unit.MS:
            return f"{more / 1000:+.1f} s"
        case _:
            return f"{more / cell.before * 100:+.1f}%" if cell.before else f"{more:+,.0f}"


def title(report: Report) -> Text:
    kind = texts.KINDS[report.period.kind]
    return Text(f"{texts.TITLE.zh}{kind.zh} {report.period.title}", f"{texts.TITLE.en}, {kind.en} {report.period.name}")


def facts(report: Report) -> list[str]:
    """What is to be known before the first figure."""
    period = report.period
    told = [
        f"{texts.SPAN}: {period.first} – {period.last} ({period.zone})",
        f"{texts.MADE_AT}: {local(report.made_at, period.zone)}",
    ]
    if not report.begun:
        told.append(str(texts.NOT_BEGUN))
    elif report.running:
        told.append(str(texts.RUNNING))
    if report.empty:
        told.append(str(texts.EMPTY))
    return told


def local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
