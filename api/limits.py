"""What is counted across nodes: attempts, requests, revoked tokens. All of it lives in a ``limits`` storage.

While the shared storage is away a node counts by itself: a hall that cannot reach Redis must still be able to sign in
and hand over. What is revoked meanwhile is revoked on this node only.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from api.errors import TooManyRequests

log = structlog.get_logger(__name__)
T = TypeVar("T")

_PATIENCE = 0.25
_LEAVE_ALONE = 5.0


def shared_storage(redis_url: str) -> Storage:
    """Counters in Redis, from the URL that redis-py takes (``redis://``, ``rediss://``, ``unix://``)."""
    scheme, rest = redis_url.split("://", 1)
    name = "async+redis+unix" if scheme == "unix" else f"async+{scheme}"
    storage = storage_from_string(f"{name}://{rest}", implementation="redispy", wrap_exceptions=True)
    assert isinstance(storage, Storage)
    return storage


class Counters:
    """One storage for all: the shared one, or this process's own for five seconds after that one failed.

    ``patience``: seconds that the shared one has for an answer.
    """

    def __init__(self, shared: Storage, *, patience: float = _PATIENCE) -> None:
        self._shared = shared
        self._patience = patience
        self._local = MemoryStorage()
        self._limiters = {id(s): SlidingWindowCounterRateLimiter(s) for s in (self._shared, self._local)}
        self._avoid_until = 0.0

    async def hit(self, limit: RateLimitItem, *who: str) -> None:
        """Counts one. Raises TooManyRequests beyond the limit."""
        if not await self._ask(lambda storage: self._of(storage).hit(limit, *who)):
            raise await self._refusal(limit, who)

    async def check(self, limit: RateLimitItem, *who: str) -> None:
        """Counts nothing. Raises TooManyRequests when another one would be beyond the limit."""
        if not await self._ask(lambda storage: self._of(storage).test(limit, *who)):
            raise await self._refusal(limit, who)

    async def forgive(self, limit: RateLimitItem, *who: str) -> None:
        await self._ask(lambda storage: self._of(storage).clear(limit, *who))

    async def mark(self, name: str, seconds: int) -> None:
        """Remembers ``name`` that long, here even when the shared storage is away."""
        await self._local.incr(name, seconds)
        await self._ask(lambda storage: storage.incr(name, seconds))

    async def marked(self, name: str) -> bool:
        return await self._local.get(name) > 0 or await self._ask(lambda storage: storage.get(name)) > 0

    def _of(self, storage: Storage) -> SlidingWindowCounterRateLimiter:
        return self._limiters[id(storage)]

    async def _refusal(self, limit: RateLimitItem, who: tuple[str, ...]) -> TooManyRequests:
        window = await self._ask(lambda storage: self._of(storage).get_window_stats(limit, *who))
        return TooManyRequests(max(1, math.ceil(window.reset_time - time.time())))

    async def _ask(self, question: Callable[[Storage], Awaitable[T]]) -> T:
        if time.monotonic() >= self._avoid_until:
            try:
                async with asyncio.timeout(self._patience):
                    return await question(self._shared)
            except (StorageError, TimeoutError) as failure:
                self._avoid_until = time.monotonic() + _LEAVE_ALONE
                log.warning("counters.shared_away", error=str(failure) or "no answer in time")
        return await question(self._local)
