"""Makes the detail of each call soon after it has ended, and of those that nobody heard of. No call waits for it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from records.calldetail import CallDetail, belongs, detail_of
from records.calldetail_store import CallDetails
from records.menus import MenuPassage
from telephony.asterisk.cel import rows
from telephony.call import Call
from telephony.conference import Conference
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Handoff
from telephony.ports import Clock
from telephony.recovery import ended_calls, recovered_calls
from telephony.service.apart import Run

log = structlog.get_logger(__name__)

_SETTLED = timedelta(seconds=15)
"""After its end: by then Asterisk has written all of a call down, and our record is in the database."""
_AROUND = timedelta(minutes=1)
_FIRST_LOOK = timedelta(hours=24)
_LONGEST_CALL = timedelta(hours=6)
_AT_ONCE = 50
_EVERY_SECONDS = 60.0
_RETRY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class OnRecord:
    """A call that has ended, with what is on record of it."""

    call: Call
    handoffs: tuple[Handoff, ...]
    conferences: tuple[Conference, ...]
    menus: tuple[MenuPassage, ...]


class CallDetailJob:
    """``written``: whether all records are in the database, within that many seconds. ``live``: whether it goes on."""

    def __init__(
        self,
        node: str,
        details: CallDetails,
        cel: Path,
        clock: Clock,
        run: Run,
        put: Callable[[Call], None],
        written: Callable[[float], Awaitable[bool]],
        live: Callable[[str], bool],
    ) -> None:
        self._node, self._details, self._cel, self._clock, self._run = node, details, cel, clock, run
        self._put, self._written, self._live = put, written, live
        self._looked_until: datetime | None = None

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this look only."""
        while True:
            wait = _EVERY_SECONDS
            try:
                await self.look()
            except RecordStoreUnavailable as error:
                log.warning("call_detail.waits", detail=error.message)
                wait = _RETRY_SECONDS
            except Exception:
                log.exception("call_detail.failed")
            await asyncio.sleep(wait)

    async def look(self) -> int:
        """Once; how many details were made. Raises RecordStoreUnavailable, OSError."""
        until = self._clock.now() - _SETTLED
        await self._put_on_record(until)
        made = 0
        while calls := await self._details.wanted(self._node, until, _AT_ONCE):
            on_record = await self._on_record(calls)
            await self._details.save(await self._run(details_of, self._cel, on_record))
            made += len(calls)
        if made:
            log.info("call_detail.done", calls=made)
        return made

    async def _put_on_record(self, until: datetime) -> None:
        """Calls that came and went while the service was away."""
        since = self._looked_until - _AROUND if self._looked_until else until - _FIRST_LOOK
        if not await self._written(_RETRY_SECONDS):
            raise RecordStoreUnavailable("records are still waiting to be written")
        over = {id for id in await self._run(ended_in, self._cel, since, until) if not self._live(id)}
        missing = over - await self._details.known(over)
        if missing:
            for call in await self._run(unheard_calls, self._cel, self._node, since, missing):
                log.warning("call.recovered", call_id=call.id)
                self._put(call)
            await self._written(_RETRY_SECONDS)
        self._looked_until = until

    async def _on_record(self, calls: Sequence[Call]) -> list[OnRecord]:
        ids = [call.id for call in calls]
        handoffs, rooms = await self._details.of_calls(ids)
        menus = await self._details.menus(ids)
        of_call: dict[str, list[Handoff]] = defaultdict(list)
        conferences: dict[str, list[Conference]] = defaultdict(list)
        for handoff in handoffs:
            of_call[handoff.call_id].append(handoff)
        for room in rooms:
            conferences[room.call_id].append(room)
        return [
            OnRecord(call, tuple(of_call[call.id]), tuple(conferences[call.id]), tuple(menus.get(call.id, ())))
            for call in calls
        ]


# --- on Asterisk's record, which is long: in a process of its own ----------------------------------------------------


def details_of(cel: Path, on_record: Sequence[OnRecord]) -> list[CallDetail]:
    """Raises OSError."""
    ended = [each.call.ended_at for each in on_record if each.call.ended_at is not None]
    since, until = min(each.call.arrived_at for each in on_record) - _AROUND, max(ended) + _AROUND
    written = [row for row in rows(cel, since) if row.at <= until]
    details = []
    for each in on_record:
        ids = [handoff.id for handoff in each.handoffs]
        of_call = [row for row in written if belongs(row, each.call, ids)]
        details.append(detail_of(each.call, each.handoffs, each.conferences, each.menus, of_call))
    return details


def ended_in(cel: Path, since: datetime, until: datetime) -> set[str]:
    """Raises OSError."""
    return ended_calls(rows(cel, since - _LONGEST_CALL), since, until)


def unheard_calls(cel: Path, node: str, since: datetime, wanted: set[str]) -> list[Call]:
    """Raises OSError."""
    return recovered_calls(node, rows(cel, since - _LONGEST_CALL), wanted)
