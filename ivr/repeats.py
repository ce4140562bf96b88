"""Who calls again and again: counted per number in a moving window, in this node's memory. Advice to a flow."""

from __future__ import annotations

from collections.abc import Callable

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ivr.flow import History


class Repeats:
    """``limit``: more calls than this in its window make a repeat caller; None: nobody is one."""

    def __init__(self, limit: Callable[[], RateLimitItem | None]) -> None:
        self._limit = limit
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def called(self, number: str) -> frozenset[History] | None:
        """Counts this call, and says what is known of the caller now. None for a caller without a number."""
        limit = self._limit()
        if not number or limit is None:
            return None
        within = self._window.hit(limit, number)
        return frozenset() if within else frozenset({History.REPEAT})
