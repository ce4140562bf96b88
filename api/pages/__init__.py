"""网页 · the pages: recordings and reports. Files of this folder; what they show comes from the API."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.pages.words import words
from api.services import Serving
from records.reports import texts
from records.reports.layout.page import style_hash

_HERE = Path(__file__).parent
_TYPES = {".js", ".css", ".svg"}
_PAGES = (
    {"name": "reports", "zh": "报表", "en": "Reports"},
    {"name": "playback", "zh": "录音", "en": "Recordings"},
)

router = APIRouter(include_in_schema=False)


@router.get("/playback")
async def playback(services: Serving) -> HTMLResponse:
    """Anybody may have it; what it shows wants a sign-in. Its player writes a style of its own: hence the nonce."""
    nonce = secrets.token_urlsafe(16)
    also = f"media-src 'self'; img-src 'self'; style-src 'self' 'nonce-{nonce}'"
    return _page("playback", services, also, title="录音回放 · Recordings", nonce=nonce)


@router.get("/reports")
async def reports(services: Serving) -> HTMLResponse:
    """It shows reports as they are laid out for ``format=page``, under what those may do: their one style, pictures."""
    also = f"img-src 'self' data:; style-src 'self' '{style_hash()}'"
    in_words = orjson.dumps(words()).decode()
    return _page("reports", services, also, title="报表 · Reports", words=in_words, kinds=texts.KINDS)


def _page(name: str, services: Serving, also: str, **about: Any) -> HTMLResponse:
    """``also``: what its policy allows beside scripts of ours and requests to us."""
    zone = services.settings.time_zone
    text = _templates().get_template(f"{name}.html.j2").render(name=name, pages=_PAGES, zone=zone, **about)
    policy = (
        f"default-src 'none'; script-src 'self'; connect-src 'self'; {also}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(_HERE)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


class Assets(StaticFiles):
    """Scripts, styles and the icon alone; asked for anew each time, answered in one line when they are as before."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if Path(path).suffix in _TYPES else ("", None)


assets = Assets(directory=_HERE)
