"""A seat's console in a real Chromium, whose microphone plays a tone of its own."""

from __future__ import annotations

import asyncio
import math
import shutil
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Playwright, expect

from demo.stage import Stage
from tests.support.browser import faults, picture

PATIENCE_MS = 60_000
_RATE = 48_000
_TONE_SECONDS = 10
_LOUDNESS = 8000
_QUIET = 0.01


class Console:
    """``asked``: every address that the page asked for; ``complaints``: what its policy forbade, where it broke."""

    def __init__(self, page: Page, seat: str) -> None:
        self.page = page
        self.seat = seat
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def at(self, selector: str) -> Locator:
        return self.page.locator(selector)

    async def sign_in(self, user: str, password: str) -> None:
        """At the seat, with a phone that is ready."""
        await self.page.goto("/console")
        await self.page.fill("input[name=user]", user)
        await self.page.fill("input[name=password]", password)
        await self.page.click("#sign-in button")
        await self.page.click(f"#seats [data-seat='{self.seat}']")
        await self.ready()

    async def ready(self) -> None:
        await expect(self.at("[data-lamp=phone].good")).to_be_visible(timeout=PATIENCE_MS)

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def do(self, action: str) -> None:
        """By the key that stands on its button, as soon as that can be pressed."""
        button = self.at(f"#{action}")
        await expect(button).to_have_attribute("aria-disabled", "false", timeout=PATIENCE_MS)
        key = await button.get_attribute("aria-keyshortcuts")
        assert key, f"no key is shown for {action}"
        await self.press(key)

    async def call_is(self, state: str | None) -> None:
        if state is None:
            await expect(self.at("#nobody")).to_be_visible(timeout=PATIENCE_MS)
        else:
            await expect(self.at("#call-state")).to_have_attribute("data-state", state, timeout=PATIENCE_MS)

    async def number_is(self, number: str) -> None:
        await expect(self.at("#number")).to_have_text(number, timeout=PATIENCE_MS)

    async def answer(self) -> None:
        await self.call_is("ringing")
        await self.do("answer")
        await self.call_is("talking")

    async def dialog(self) -> str:
        """Which call the phone has: another one each time it is rung."""
        kept = await self.page.evaluate("JSON.parse(sessionStorage.getItem('hotline-dialog') ?? '{}').invite ?? ''")
        return str(kept)

    async def has_talked(self) -> None:
        """On this leg for so long that it was no slip of the hand (extensions.conf)."""
        long_enough = "() => Date.now() - JSON.parse(sessionStorage.getItem('hotline-dialog')).since > 3000"
        await self.page.wait_for_function(long_enough)

    async def handoff_is(self, **fields: str) -> None:
        for name, value in fields.items():
            await expect(self.at("#handoff")).to_have_attribute(f"data-{name}", value, timeout=PATIENCE_MS)

    async def faults(self) -> list[str]:
        return await faults(self.page)

    async def picture(self, name: str) -> None:
        await picture(self.page, name)

    async def hears(self, somebody: bool = True) -> None:
        """Sound comes in from the other side, or none does, as the meter shows it. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while (await self.at("#theirs").evaluate("meter => meter.value") > _QUIET) is not somebody:
                await asyncio.sleep(0.1)


def tone_file(path: Path, frequency: int) -> Path:
    """A whole number of its waves, so that it can be played round and round."""
    samples = (
        int(_LOUDNESS * math.sin(2 * math.pi * frequency * place / _RATE)) for place in range(_RATE * _TONE_SECONDS)
    )
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


@asynccontextmanager
async def chromium(playwright: Playwright, tone: Path | None, *flags: str) -> AsyncIterator[Browser]:
    """With a microphone that plays the file, or that is denied."""
    found = shutil.which("chromium")
    assert found, "scripts/setup.sh --for test installs it"
    expect.set_options(timeout=PATIENCE_MS)
    devices = ["--use-fake-device-for-media-stream"]
    if tone is not None:
        devices += ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={tone}"]
    browser = await playwright.chromium.launch(
        executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage", *devices, *flags]
    )
    try:
        yield browser
    finally:
        await browser.close()


@asynccontextmanager
async def console(browser: Browser, stage: Stage, seat: str, **options: str) -> AsyncIterator[Console]:
    """Signed in at ``seat`` as the operator, with a noise filter that leaves tones alone."""
    context = await browser.new_context(base_url=str(stage.api.base_url), viewport={"width": 1366, "height": 768})
    await context.add_init_script("localStorage.setItem('hotline-devices', JSON.stringify({ filter: false }))")
    page = await context.new_page()
    opened = Console(page, seat)
    await opened.sign_in("operator", stage.secrets["people"]["operator"])
    try:
        yield opened
    finally:
        await context.close()
