"""Warns before a time limit and writes the supervision slip (督办单) after it, once in the whole cluster.

Each step is put into the order's own history where it is not there yet: of two nodes that find the same thing the
second finds it done. A restart, or a day without a service, only makes it later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from linkage.deadlines import Limits, due_steps
from linkage.errors import OrderChanged, OrderNotFound
from linkage.orders import Act, Order, OrderStep, advance
from linkage.ports import OrderFilter, OrderStore
from telephony.errors import RecordStoreUnavailable
from telephony.ports import Clock

log = structlog.get_logger(__name__)

_ROUND_SECONDS = 30.0
_PAGE = 200


class _Nothing(Exception):
    """Somebody else has done it."""


class Supervisor:
    """``told`` hears of each order that was warned of or got a slip; it must not wait."""

    def __init__(
        self,
        store: OrderStore,
        clock: Clock,
        limits: Callable[[], Limits],
        told: Callable[[Order, OrderStep], None] = lambda order, step: None,
    ) -> None:
        self._store, self._clock, self._limits, self._told = store, clock, limits, told

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this round only."""
        while True:
            try:
                await self.round()
            except RecordStoreUnavailable as error:
                log.warning("deadlines.wait", detail=error.message)
            except Exception:
                log.exception("deadlines.failed")
            await asyncio.sleep(_ROUND_SECONDS)

    async def round(self) -> None:
        """Once over all open orders. Raises RecordStoreUnavailable."""
        cursor: str | None = None
        while True:
            page = await self._store.page(OrderFilter(open=True), limit=_PAGE, cursor=cursor)
            for order in page.items:
                if any(due_steps(order, self._limits(), self._clock.now())):
                    await self._supervise(order)
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _supervise(self, order: Order) -> None:
        now = self._clock.now()
        while True:
            try:
                done = await self._store.change(order.id, lambda found: self._next(found, now), actor="system")
            except (_Nothing, OrderNotFound):
                return
            except OrderChanged:  # whoever is so busy with it will be looked at next time
                return
            step = done.history[-1]
            if step.act is Act.SUPERVISE:
                log.warning("order.overdue", order_id=done.id, unit=done.unit, **step.detail)
            self._told(done, step)

    def _next(self, order: Order, now: datetime) -> Order:
        step = next(due_steps(order, self._limits(), now), None)
        if step is None:
            raise _Nothing
        return advance(order, step)
