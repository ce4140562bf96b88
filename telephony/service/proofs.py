"""The daily count of number proofs: on demand, and in the log after each midnight."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import stamina
import structlog

from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Handoff
from telephony.ports import Clock, HandoffFilter, RecordStore
from telephony.proof import CHINA, ProofOfDay, bounds, proof_of

log = structlog.get_logger()

_PAGE = 500
_AFTER_MIDNIGHT = timedelta(minutes=5)
_RETRY = {"wait_initial": 1.0, "wait_max": 60.0, "wait_jitter": 1.0}  # seconds


class Proofs:
    def __init__(self, store: RecordStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def today(self) -> date:
        return self._clock.now().astimezone(CHINA).date()

    async def of(self, day: date) -> ProofOfDay:
        """Of all nodes. Raises RecordStoreUnavailable."""
        since, until = bounds(day)
        where = HandoffFilter(since=since, until=until)
        found: list[Handoff] = []
        cursor: str | None = None
        while True:
            page = await self._store.handoffs(where, limit=_PAGE, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return await asyncio.to_thread(proof_of, day, found)

    async def run(self) -> None:
        """Until cancelled: one line in the log for each day, soon after it is over."""
        while True:
            day = self.today()
            over = bounds(day)[1] + _AFTER_MIDNIGHT
            await asyncio.sleep((over - self._clock.now()).total_seconds())
            async for attempt in stamina.retry_context(
                on=RecordStoreUnavailable, attempts=None, timeout=None, **_RETRY
            ):
                with attempt:
                    self._tell(await self.of(day))

    def _tell(self, proof: ProofOfDay) -> None:
        tell = log.error if proof.mismatched else log.info
        tell(
            "number_proof.day",
            day=proof.day.isoformat(),
            handoffs=proof.handoffs,
            reached=proof.reached,
            equal=proof.equal,
            mismatched=len(proof.mismatched),
            withheld=proof.withheld,
            not_observed=sum(proof.not_observed.values()),
        )
