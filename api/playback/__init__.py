"""录音回放 · the page that plays recordings: files of this folder, and no other host is ever asked."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_HERE = Path(__file__).parent
_TYPES = {".js", ".css", ".svg"}

router = APIRouter(include_in_schema=False)


@router.get("/playback")
async def page() -> HTMLResponse:
    """Anybody may have it; what it shows wants a sign-in. Its player writes a style of its own: hence the nonce."""
    nonce = secrets.token_urlsafe(16)
    text = (_HERE / "index.html").read_text(encoding="utf-8").replace("{nonce}", nonce)
    policy = (
        "default-src 'none'; script-src 'self'; connect-src 'self'; media-src 'self'; img-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


class Assets(StaticFiles):
    """Scripts, styles and the icon alone; asked for anew each time, answered in one line when they are as before."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if Path(path).suffix in _TYPES else ("", None)


assets = Assets(directory=_HERE)
