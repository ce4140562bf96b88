"""Long computations in a process of their own: they take neither turns nor memory from the one that handles calls."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from anyio import CapacityLimiter, to_process
from anyio.lowlevel import RunVar

P = ParamSpec("P")
T = TypeVar("T")

_LEAST_URGENT = 19

_turn: RunVar[CapacityLimiter] = RunVar("apart")


class Run(Protocol):
    """Where a long computation is made; ``asyncio.to_thread`` is one."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


async def apart(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns or raises; it and all that goes in and out must be picklable. Killed when cancelled.

    One at a time, in one process that is kept.
    """
    work = partial(function, *args, **kwargs)
    return await to_process.run_sync(partial(_least_urgent, work), cancellable=True, limiter=_one_at_a_time())


def _one_at_a_time() -> CapacityLimiter:
    limiter = _turn.get(None)
    if limiter is None:
        limiter = CapacityLimiter(1)
        _turn.set(limiter)
    return limiter


def _least_urgent(work: Callable[[], T]) -> T:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who began this ends it
    os.setpriority(os.PRIO_PROCESS, 0, _LEAST_URGENT)
    return work()
