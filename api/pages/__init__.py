"""网页 · the pages: the console, recordings and reports. Files of this folder; what they show comes from the API."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.pages.words import words
from api.seat_phones import socket_for
from api.services import Serving
from records.reports import texts
from records.reports.layout.page import style_hash

_HERE = Path(__file__).parent
_TYPES = {".js", ".css", ".svg"}
_PAGES = (
    {"name": "console", "zh": "坐席台", "en": "Console"},
    {"name": "wall", "zh": "大屏", "en": "Wallboard"},
    {"name": "reports", "zh": "报表", "en": "Reports"},
    {"name": "playback", "zh": "录音", "en": "Recordings"},
)

router = APIRouter(include_in_schema=False)


@router.get("/")
async def first() -> RedirectResponse:
    return RedirectResponse("/console")


@router.get("/console")
async def console(request: Request, services: Serving) -> HTMLResponse:
    """The phone in it speaks with Asterisk itself, which is the one other address that its policy allows."""
    also = "img-src 'self'; style-src 'self'; media-src 'self' blob:"
    socket = socket_for(request, services.settings)
    in_words = orjson.dumps(words()).decode()
    return _page("console", services, also, asks=f"'self' {socket}", title="坐席台 · Console", words=in_words)


@router.get("/wall")
async def wall(services: Serving) -> HTMLResponse:
    """For supervisors, and for the screen on the hall's wall."""
    in_words = orjson.dumps(words()).decode()
    return _page("wall", services, "img-src 'self'; style-src 'self'", title="大屏 · Wallboard", words=in_words)


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


def _page(name: str, services: Serving, also: str, *, asks: str = "'self'", **about: Any) -> HTMLResponse:
    """``also``: what its policy allows beside scripts of ours and requests to ``asks``."""
    zone = services.settings.time_zone
    text = _templates().get_template(f"{name}.html.j2").render(name=name, pages=_PAGES, zone=zone, **about)
    policy = (
        f"default-src 'none'; script-src 'self'; connect-src {asks}; {also}; "
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
