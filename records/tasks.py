"""Background tasks: how they end."""

from __future__ import annotations

import asyncio

import structlog

log = structlog.get_logger(__name__)

_ASK_AGAIN_SECONDS = 0.1


async def stop(*tasks: asyncio.Task[None]) -> None:
    """Cancel and wait until they have ended.

    Asked more than once: ``asyncio.wait_for`` before Python 3.12 loses a cancellation that comes just when what it
    waits for is done (CPython issue 86296), and the drivers use it.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_ASK_AGAIN_SECONDS)


def report(task: asyncio.Task[None]) -> None:
    """The done-callback of a task that must not end by itself."""
    if not task.cancelled():
        log.critical("task.ended", task=task.get_name(), exc_info=task.exception())
