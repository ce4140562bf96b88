"""A hall on a real port, and a real Chromium that looks at it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from playwright.async_api import Page, async_playwright, expect

from tests.support.hall import Hall

PATIENCE_MS = 30_000
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_AXE = Path(__file__).parent / "axe.min.js"


@asynccontextmanager
async def serving(hall: Hall) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(hall.app, host="127.0.0.1", port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def faults(page: Page) -> list[str]:
    """What axe-core finds in the page as it is now that is serious or worse (WCAG 2.2, levels A and AA)."""
    await page.evaluate(_AXE.read_text(encoding="utf-8"))
    found = await page.evaluate(f"axe.run({{ runOnly: {_RULES} }}).then((found) => found.violations)")
    return [
        f"{each['id']}: {node['target']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


async def picture(page: Page, name: str) -> None:
    """For docs/console.md, where HOTLINE_PICTURES names the folder; else nothing."""
    if folder := os.environ.get("HOTLINE_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


@asynccontextmanager
async def browsing(base: str) -> AsyncIterator[tuple[Page, list[str], list[str]]]:
    """A page; every address that it asks for, and everything that its console complains of."""
    chromium = shutil.which("chromium")
    assert chromium, "scripts/setup.sh --for test installs it"
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        page = await browser.new_page(base_url=base)
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, asked, complaints
        await browser.close()
