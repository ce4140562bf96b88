"""Work that is carried through although nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)
T = TypeVar("T")

_under_way: set[asyncio.Task[Any]] = set()


async def carried_out(work: Coroutine[Any, Any, T]) -> T:
    """Its result. When the request is cancelled or times out the work goes on to its end.

    A handoff that stops between two commands would leave the caller between two seats.
    """
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            task.add_done_callback(_report)
        raise


def _report(task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        log.warning("request.abandoned_work_cancelled")
    elif failure := task.exception():
        log.error("request.abandoned_work_failed", exc_info=failure)
