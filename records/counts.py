"""How often a caller did something, on Redis: a sorted set for each, of call ids by their times.

A set and no counter, for a call is told more than once: by the menus, by the link, and again after a lost link.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from records.live import reached

_PREFIX = "hotline:caller"


class RedisCallerCounts:
    """``telephony.ports.CallerCounts`` on a Redis from ``records.live.redis_client``, which belongs to the caller."""

    def __init__(self, client: Redis) -> None:
        self._redis = client

    async def count(self, what: str, caller: str, at: datetime, within: timedelta, *, add: str | None) -> int:
        key, now = f"{_PREFIX}:{what}:{caller}", at.timestamp()
        async with reached(), self._redis.pipeline(transaction=True) as pipe:
            if add is not None:
                pipe.zadd(key, {add: now}, nx=True)
            pipe.zremrangebyscore(key, "-inf", now - within.total_seconds())
            pipe.expire(key, math.ceil(within.total_seconds()) + 1)
            pipe.zcard(key)
            found: list[Any] = await pipe.execute()
        return int(found[-1])
