"""What keeps records in order by itself: a checkpoint of the ledger every few minutes, and what is too old erased."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from records.erasure import Eraser
from records.ledger import Ledger
from records.periods import Periods
from telephony.errors import RecordStoreUnavailable
from telephony.ports import Clock

log = structlog.get_logger(__name__)

_FIRST_SWEEP_SECONDS = 600.0
_SWEEP_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Rules:
    """``logs`` deletes and cuts log files; it blocks."""

    periods: Periods
    checkpoint_every: timedelta
    logs: Callable[[datetime], None]


class Upkeep:
    """Nothing waits for it. A database that is away is tried again at the next turn."""

    def __init__(self, ledger: Ledger, eraser: Eraser, rules: Rules, clock: Clock) -> None:
        self._ledger, self._eraser, self._rules, self._clock = ledger, eraser, rules, clock

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this turn only."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._checkpoints(), name="ledger-checkpoints")
            tasks.create_task(self._sweeps(), name="retention")

    async def _checkpoints(self) -> None:
        while True:
            await asyncio.sleep(self._rules.checkpoint_every.total_seconds())
            try:
                await self._ledger.checkpoint()
            except RecordStoreUnavailable as error:
                log.warning("ledger.checkpoint_waits", detail=error.message)
            except Exception:
                log.exception("ledger.checkpoint_failed")

    async def _sweeps(self) -> None:
        wait = _FIRST_SWEEP_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = _SWEEP_SECONDS
            try:
                await self.sweep()
            except RecordStoreUnavailable as error:
                log.warning("retention.waits", detail=error.message)
                wait = _FIRST_SWEEP_SECONDS
            except Exception:
                log.exception("retention.failed")

    async def sweep(self) -> None:
        """Once. Raises RecordStoreUnavailable, OSError."""
        now = self._clock.now()
        await asyncio.to_thread(self._rules.logs, now)
        found = await self._eraser.expired(self._rules.periods, now)
        if not found.nothing:
            log.info(
                "retention.erased",
                handoffs=found.handoffs,
                calls=found.calls,
                orders=found.orders,
                notes=found.notes,
                keys=found.keys,
                entries=found.entries,
            )
