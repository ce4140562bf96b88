"""An event loop whose clock jumps: waiting takes no time, so that deadlines can be lived through in tests."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _Jumping(selectors.DefaultSelector):
    """Waits for nobody: the clock is set on by as much as was to be waited."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        if not ready and timeout:
            self.loop.seconds += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """``seconds`` have passed since it was made."""

    def __init__(self) -> None:
        selector = _Jumping()
        selector.loop = self
        self.seconds = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.seconds

    def settle(self) -> None:
        """Until everybody waits for something that has yet to happen; the clock stands."""
        self.run_until_complete(_turns())

    def pass_time(self, seconds: float) -> None:
        self.run_until_complete(asyncio.sleep(seconds))


async def _turns() -> None:
    for _ in range(25):
        await asyncio.sleep(0)
