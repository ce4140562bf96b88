"""Our records held against what Asterisk itself wrote down, one handoff at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from telephony.cel import Written
from telephony.handoff import Handoff
from telephony.ports import Clock, RecordStore
from telephony.reconcile import Difference, Rebuilt, differences, rebuild

_APART = timedelta(minutes=1)
"""How far our time of an end and Asterisk's may be apart."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of one comparison, of what ended from ``since`` up to but without ``until``."""

    at: datetime
    since: datetime
    until: datetime
    compared: int
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        return tuple(difference for difference in self.differences if difference.why is None)


class Reconciler:
    """``read`` gives what Asterisk wrote of the handoffs between two times; it is run in a thread."""

    def __init__(
        self, node: str, store: RecordStore, clock: Clock, read: Callable[[datetime, datetime], Written]
    ) -> None:
        self._node, self._store, self._clock, self._read = node, store, clock, read

    async def compare(self, since: datetime, until: datetime) -> Reconciliation:
        """Raises RecordStoreUnavailable, OSError."""
        ours = {each.id: each for each in await self._store.ended_handoffs(self._node, since, until)}
        written, rebuilt = await asyncio.to_thread(self._rebuilt, since, until, ours)
        theirs = {each.handoff_id for each in rebuilt.values() if since <= (each.ended or since) < until}
        for handoff_id in theirs - ours.keys():
            found = await self._store.handoff(handoff_id)
            if found is not None:
                ours[handoff_id] = found
        both = {handoff_id: each for handoff_id, each in rebuilt.items() if handoff_id in theirs or handoff_id in ours}
        now = self._clock.now()
        found_differences = await asyncio.to_thread(differences, both, ours, written, now)
        return Reconciliation(now, since, until, len(both.keys() | ours.keys()), tuple(found_differences))

    def _rebuilt(
        self, since: datetime, until: datetime, ours: dict[str, Handoff]
    ) -> tuple[Written, dict[str, Rebuilt]]:
        began = min([since, *(handoff.created_at for handoff in ours.values())])
        written = self._read(began - _APART, until + _APART)
        return written, rebuild(written.rows)
