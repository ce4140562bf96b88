"""The forms that a report comes in, and the files they are kept in."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from records.reports.layout.plain import plain
from records.reports.model import Format, Report
from records.reports.periods import Period

SUFFIX = {Format.JSON: "json", Format.PAGE: "html", Format.XLSX: "xlsx", Format.PDF: "pdf"}


def laid_out(report: Report, format: Format, root: str = "") -> bytes:
    """The file's content: seconds of computing for a PDF. ``root``: where the API is, for links from outside of it.

    Each library is loaded where it is used: the service hands this to a process of its own.
    """
    match format:
        case Format.JSON:
            return orjson.dumps(plain(report), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z)
        case Format.PAGE:
            from records.reports.layout.page import page

            return page(report, root=root).encode()
        case Format.XLSX:
            from records.reports.layout.workbook import workbook

            return workbook(report, root=root)
        case Format.PDF:
            from records.reports.layout.document import document

            return document(report)


def file_name(period: Period, format: Format) -> str:
    return f"{period.kind.value}-{period.name}.{SUFFIX[format]}"


def keep(path: Path, content: bytes) -> None:
    """Whole or not at all, also when the machine stops meanwhile. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}.part")
    with begun.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    begun.replace(path)
