"""A report as JSON."""

from __future__ import annotations

from typing import Any

from records.reports.layout import words
from records.reports.model import Cell, Report, Row, Rows, Section, Text


def plain(report: Report) -> dict[str, Any]:
    """Times as datetimes; what each figure is of stands beside it as an address below the API's root."""
    period = report.period
    return {
        "kind": period.kind.value,
        "name": period.name,
        "title": _text(words.title(report)),
        "zone": period.zone,
        "first": period.first,
        "last": period.last,
        "since": period.since,
        "until": period.until,
        "made_at": report.made_at,
        "begun": report.begun,
        "running": report.running,
        "empty": report.empty,
        "sections": [_section(section, report) for section in report.sections],
    }


def _section(section: Section, report: Report) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": _text(section.title),
        "note": _text(section.note) if section.note else None,
        "columns": [{"id": name, "title": _text(title)} for name, title in section.columns],
        "rows": [_row(row, report) for row in section.rows],
    }


def _row(row: Row, report: Report) -> dict[str, Any]:
    return {"id": row.id, "title": _text(row.title), "cells": [_cell(cell, report) for cell in row.cells]}


def _cell(cell: Cell, report: Report) -> dict[str, Any]:
    return {
        "value": cell.value,
        "unit": cell.unit.value,
        "before": cell.before,
        "goal": cell.goal,
        "rows": _rows(cell.rows, report),
        "whole": _rows(cell.whole, report) if cell.whole else None,
    }


def _rows(rows: Rows, report: Report) -> dict[str, Any]:
    return {"count": rows.count, "list": rows.link(report.period)}


def _text(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
