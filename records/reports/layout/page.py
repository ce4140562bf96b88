"""A report as one HTML file: nothing is fetched, nothing runs, and it prints."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from records.reports import texts
from records.reports.layout import charts, words
from records.reports.model import Report, Section

_FOLDER = Path(__file__).parent


@cache
def style() -> str:
    return (_FOLDER / "page.css").read_text(encoding="utf-8")


def styled() -> Markup:
    return Markup(style())


@cache
def style_hash() -> str:
    """As a Content-Security-Policy names the style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()}"


def policy() -> str:
    """What a browser may do with the page (Content-Security-Policy): show our one style and the pictures inside."""
    return f"default-src 'none'; style-src '{style_hash()}'; img-src data:; base-uri 'none'; form-action 'none'"


def page(report: Report, *, root: str = "") -> str:
    """``root``: the address of the API, whose page shows the rows, where the file is not served by it."""
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            report=report, root=root, title=words.title(report), texts=texts, words=words, policy=policy(),
            style=styled(), picture=_picture,
        )
    )  # fmt: skip


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _picture(section: Section) -> str | None:
    drawn = charts.svg(section)
    return None if drawn is None else f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
