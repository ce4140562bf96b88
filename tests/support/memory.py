"""Fakes that keep everything in memory and hold to the ports' contracts (tests/contract runs the same suite on them).

``away = True`` makes either one behave as when its server cannot be reached.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from records.notes import Note
from records.paging import cursor_after, position
from telephony.call import Call
from telephony.callback import CallBack
from telephony.conference import Conference
from telephony.errors import IdempotencyKeyReused, LiveStateUnavailable, RecordStoreUnavailable
from telephony.handoff import Handoff
from telephony.ports import CallBackFilter, CallFilter, HandoffFilter, Notice, Page, Presence
from tests.support.matching import calls_that_match, matching_call_backs, matching_handoffs

_R = TypeVar("_R", Handoff, Call, CallBack)


class MemoryRecordStore:
    def __init__(self) -> None:
        self.away = False
        self._handoffs: dict[str, Handoff] = {}
        self._calls: dict[str, Call] = {}
        self._conferences: dict[str, Conference] = {}
        self._call_backs: dict[str, CallBack] = {}
        self._keys: dict[tuple[str, str], tuple[str, str]] = {}
        self.notes: dict[str, Note] = {}

    async def claim(self, principal: str, key: str, fingerprint: str, handoff: Handoff) -> Handoff | None:
        await self._reach()
        known = self._keys.get((principal, key))
        if known is None:
            self._keys[principal, key] = (fingerprint, handoff.id)
            self._handoffs[handoff.id] = handoff
            return None
        if known[0] != fingerprint:
            raise IdempotencyKeyReused("this Idempotency-Key was used for another request")
        return self._handoffs[known[1]]

    async def claimed(self, principal: str, key: str, fingerprint: str) -> Handoff | None:
        await self._reach()
        known = self._keys.get((principal, key))
        if known is not None and known[0] != fingerprint:
            raise IdempotencyKeyReused("this Idempotency-Key was used for another request")
        return self._handoffs[known[1]] if known else None

    async def save_handoff(self, handoff: Handoff) -> None:
        await self.save_all((handoff,))

    async def save_call(self, call: Call) -> None:
        await self.save_all((call,))

    async def save_conference(self, conference: Conference) -> None:
        await self.save_all((conference,))

    async def save_all(self, records: Sequence[Handoff | Call | Conference | CallBack | Note]) -> None:
        await self._reach()
        for record in records:
            match record:
                case Handoff():
                    self._handoffs[record.id] = _newer(self._handoffs.get(record.id), record)
                case Call():
                    self._calls[record.id] = _newer(self._calls.get(record.id), record)
                case Conference():
                    self._conferences[record.id] = record
                case CallBack():
                    self._call_backs[record.id] = record
                case Note():
                    self.notes[record.id] = record

    async def handoff(self, handoff_id: str) -> Handoff | None:
        await self._reach()
        return self._handoffs.get(handoff_id)

    async def conference(self, conference_id: str) -> Conference | None:
        await self._reach()
        return self._conferences.get(conference_id)

    async def call(self, call_id: str) -> Call | None:
        await self._reach()
        return self._calls.get(call_id)

    async def live_handoffs(self, node: str) -> Sequence[Handoff]:
        await self._reach()
        calls = {call.id for call in self._calls.values() if call.node == node and call.live}
        mine = [h for h in self._handoffs.values() if h.node == node and (h.live or h.call_id in calls)]
        return sorted(mine, key=lambda handoff: (handoff.created_at, handoff.id))

    async def ended_handoffs(self, node: str, since: datetime, until: datetime) -> Sequence[Handoff]:
        await self._reach()
        mine = [h for h in self._handoffs.values() if h.node == node and h.ended_at and since <= h.ended_at < until]
        return sorted(mine, key=lambda handoff: (handoff.ended_at or until, handoff.id))

    async def live_calls(self, node: str) -> Sequence[Call]:
        await self._reach()
        mine = [call for call in self._calls.values() if call.node == node and call.live]
        return sorted(mine, key=lambda call: (call.arrived_at, call.id))

    async def live_conferences(self, node: str) -> Sequence[Conference]:
        await self._reach()
        here = {handoff.id for handoff in self._handoffs.values() if handoff.node == node}
        rooms = [room for room in self._conferences.values() if room.id in here]
        live = [room for room in rooms if not (room.parties and room.over)]
        return sorted(live, key=lambda room: (room.started_at, room.id))

    async def call_back(self, order_id: str) -> CallBack | None:
        await self._reach()
        return self._call_backs.get(order_id)

    async def open_call_backs(self, node: str) -> Sequence[CallBack]:
        await self._reach()
        mine = [order for order in self._call_backs.values() if order.node == node and order.live]
        return sorted(mine, key=lambda order: (order.since, order.id))

    async def newest_call_back(self, node: str) -> datetime | None:
        await self._reach()
        return max((order.created_at for order in self._call_backs.values() if order.node == node), default=None)

    async def call_backs(self, where: CallBackFilter, *, limit: int, cursor: str | None) -> Page[CallBack]:
        await self._reach()
        found = matching_call_backs(self._call_backs.values(), where)
        return _page(found, lambda order: (order.created_at, order.id), limit, cursor)

    async def handoffs(self, where: HandoffFilter, *, limit: int, cursor: str | None) -> Page[Handoff]:
        await self._reach()
        found = matching_handoffs(self._handoffs.values(), where)
        return _page(found, lambda handoff: (handoff.created_at, handoff.id), limit, cursor)

    async def calls(self, where: CallFilter, *, limit: int, cursor: str | None) -> Page[Call]:
        await self._reach()
        found = calls_that_match(self._calls.values(), where)
        return _page(found, lambda call: (call.arrived_at, call.id), limit, cursor)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise RecordStoreUnavailable("the database is away")


def _newer(old: _R | None, new: _R) -> _R:
    return old if old is not None and not old.live and new.live else new


def _page(found: list[_R], place: Callable[[_R], tuple[datetime, str]], limit: int, cursor: str | None) -> Page[_R]:
    before = position(cursor) if cursor is not None else None
    rows = sorted((row for row in found if before is None or place(row) < before), key=place, reverse=True)
    more = len(rows) > limit
    return Page(tuple(rows[:limit]), cursor_after(*place(rows[limit - 1])) if more else None)


class MemoryCallerCounts:
    def __init__(self) -> None:
        self.away = False
        self._calls: dict[tuple[str, str], dict[str, datetime]] = {}

    async def count(self, what: str, caller: str, at: datetime, within: timedelta, *, add: str | None) -> int:
        await asyncio.sleep(0)
        if self.away:
            raise LiveStateUnavailable("Redis is away")
        calls = self._calls.setdefault((what, caller), {})
        if add is not None:
            calls.setdefault(add, at)
        self._calls[what, caller] = {id: came for id, came in calls.items() if came > at - within}
        return len(self._calls[what, caller])


class MemoryLiveState:
    """``keep``: how many notices stay for readers that come back."""

    def __init__(self, keep: int = 1000) -> None:
        self.away = False
        self._keep = keep
        self._published = 0
        self._presence: dict[str, Presence] = {}
        self._notices: list[Notice] = []
        self._changed = asyncio.Condition()

    async def presence(self) -> Mapping[str, Presence]:
        await self._reach()
        return dict(self._presence)

    async def set_presence(self, presence: Presence) -> None:
        await self._reach()
        self._presence[presence.seat] = presence

    async def publish(self, kind: str, data: Mapping[str, Any]) -> str:
        await self._reach()
        self._published += 1
        notice = Notice(f"{self._published}-0", kind, dict(data))
        self._notices = [*self._notices, notice][-self._keep :]
        async with self._changed:
            self._changed.notify_all()
        return notice.id

    async def notices(self, after: str | None) -> AsyncIterator[Notice]:
        await self._reach()
        seen = self._published if after is None else _number(after)
        if seen is None or not self._published - len(self._notices) <= seen <= self._published:
            seen = self._published
            yield Notice(f"{seen}-0", "gap", {})
        while True:
            async with self._changed:
                while self._published <= seen:
                    await self._changed.wait()
            for notice in [notice for notice in self._notices if (_number(notice.id) or 0) > seen]:
                yield notice
                seen = _number(notice.id) or seen

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise LiveStateUnavailable("Redis is away")


def _number(notice_id: str) -> int | None:
    found = re.fullmatch(r"([0-9]+)-0", notice_id)
    return int(found[1]) if found else None
