"""The call-backs that are due are dialled, one command each, first come first served, for as long as the node runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import stamina
import structlog
from anyio import BrokenWorkerProcess

from telephony import commands, events
from telephony.callback import CallBack, CallBackHappening, CallBackState, CallBackTrigger, due, expired
from telephony.errors import AmiActionFailed, AmiEffectUnknown, AmiNotSent, RecordStoreUnavailable
from telephony.ports import Clock, RecordSink, RecordStore
from telephony.service.callbacks import CallBacks

log = structlog.get_logger()

Written = Callable[[datetime | None], Awaitable[Sequence[events.Event]]]
"""What Asterisk wrote down of call-backs since then (None: ever), in order; raises OSError."""

_LOOK_SECONDS: Final = 5.0
_SETTLE_SECONDS: Final = 1.0
"""A seat that has just become free goes to a caller who waits in the queue, before it counts as free here."""
_FLUSH_SECONDS: Final = 1.5
_FLUSHES: Final = 12
_OVERLAP: Final = timedelta(minutes=10)
_READ_AGAIN: Final = timedelta(minutes=1)
_NOBODY_TELLS: Final = timedelta(seconds=150)
"""The dialplan rings for 30 s and tells what came of it; after this it never will."""
_RETRY: Final = {"wait_initial": 0.5, "wait_max": 10.0, "wait_jitter": 0.5}  # seconds


class CallBackJob:
    """``written``: see ``Written``."""

    def __init__(self, board: CallBacks, store: RecordStore, sink: RecordSink, clock: Clock, written: Written) -> None:
        self._board, self._store, self._sink, self._clock = board, store, sink, clock
        self._written = written
        self._link_was_up = False
        self._heard_until: datetime | None = None
        self._read_next: datetime | None = None
        """When to read up on what was not heard; None: all was heard."""

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs one look."""
        await self.take_up()
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("call_backs.look_failed")
            await self._something_happens()

    async def _something_happens(self) -> None:
        changed = self._board.call_backs_changed
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_SETTLE_SECONDS)
        changed.clear()

    async def take_up(self) -> None:
        """The orders on record; what came after them is read at the next look. Waits for the database."""
        async for attempt in stamina.retry_context(on=RecordStoreUnavailable, attempts=None, timeout=None, **_RETRY):
            with attempt:
                await self._written_out()
                orders = await self._store.open_call_backs(self._board.node)
                newest = await self._store.newest_call_back(self._board.node)
        for order in orders:
            self._board.promised.setdefault(order.id, order)
        self._board.orders_known = True
        self._heard_until = min([order.created_at for order in orders], default=newest)
        self._read_next = self._clock.now()
        log.info("call_backs.taken_up", orders=len(orders))

    async def _written_out(self) -> None:
        """What an earlier process has left in the spool is newer than the database. Under load it is never all."""
        for _ in range(_FLUSHES):
            if await self._sink.flush(_LOOK_SECONDS):
                return

    async def look(self) -> None:
        """Once: what was not heard, whom nobody tells of any more, who waits for too long, and who is due."""
        now, rules = self._clock.now(), self._board.call_back_rules()
        up = self._board.link_up
        if up and not self._link_was_up:
            self._read_next = now
        self._link_was_up = up
        if self._read_next is not None and now >= self._read_next:
            await self._read_up(now)
        if not up:
            return
        if self._read_next is None:
            self._heard_until = now
        for order in [order for order in self._board.promised.values() if self._is_lost(order, now)]:
            log.warning("call_back.lost", order_id=order.id, state=order.state.value)
            self._board.call_back_happens(order.id, CallBackHappening(CallBackTrigger.LOST, now))
        for order in expired(self._board.promised, now, rules):
            self._board.call_back_happens(order.id, CallBackHappening(CallBackTrigger.EXPIRED, now))
        for order in due(self._board.promised, await self._board.lines_now(), now, rules):
            await self._dial(order)

    async def _read_up(self, now: datetime) -> None:
        """Of Asterisk's own record, from before the last that was heard. One that is over is not begun again."""
        under_way = [order.timeline[-1].at for order in self._board.promised.values() if order.under_way]
        known = [*under_way, self._heard_until] if self._heard_until is not None else []
        since = min((at for at in known if at is not None), default=None)
        try:
            written = await self._written(since - _OVERLAP if since is not None else None)
        except (OSError, BrokenWorkerProcess) as error:
            log.error("call_backs.record_unreadable", problem=str(error))
            self._read_next = now + _READ_AGAIN
            return
        over: set[str] = set()
        for fact in written:
            if isinstance(fact, events.CallBackPromised) and await self._is_on_record(fact.order_id, over):
                continue
            if getattr(fact, "order_id", "") not in over:
                self._board.hear_of_call_backs(fact)
        self._read_next = None

    async def _is_on_record(self, order_id: str, over: set[str]) -> bool:
        if order_id in self._board.promised:
            return True
        async for attempt in stamina.retry_context(on=RecordStoreUnavailable, attempts=None, timeout=None, **_RETRY):
            with attempt:
                order = await self._store.call_back(order_id)
        if order is not None:
            over.add(order_id)
        return order is not None

    def _is_lost(self, order: CallBack, now: datetime) -> bool:
        if not order.under_way or now - order.timeline[-1].at < _NOBODY_TELLS:
            return False
        talks = order.served_call_id in self._board.tracker.book.calls
        return order.state is CallBackState.DIALLING or not talks

    async def _dial(self, order: CallBack) -> None:
        """On record before Asterisk hears of it: a service that dies here does not dial a second time for nothing."""
        now = self._clock.now()
        seat = order.seat_that_waits(now)
        dialled = self._board.call_back_happens(order.id, CallBackHappening(CallBackTrigger.DIALS, now, seat=seat))
        if dialled is None:
            return
        await self._sink.flush(_FLUSH_SECONDS)  # with the database away it is in the spool by then
        try:
            await self._board.call_citizen(commands.CallBackCitizen(dialled.id, dialled.dialled, seat or ""))
        except (AmiNotSent, AmiActionFailed) as error:
            log.warning("call_back.not_sent", order_id=order.id, reason=error.slug)
            not_sent = CallBackHappening(CallBackTrigger.NOT_SENT, self._clock.now(), dialled.dialled)
            self._board.call_back_happens(order.id, not_sent)
        except AmiEffectUnknown as error:  # never sent again: what comes of it is told, or it counts as lost
            log.warning("call_back.effect_unknown", order_id=order.id, reason=error.slug)
        else:
            log.info("call_back.dialled", order_id=order.id, line=order.line, attempt=dialled.dialled)
