"""What consoles are told: small notices in order, without caller numbers; who may see more reads the record."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from telephony.changes import Changes
from telephony.errors import LiveStateUnavailable
from telephony.handoff import Handoff
from telephony.ports import LiveState

log = structlog.get_logger()

_KEPT = 10_000
_RETRY_SECONDS = 1.0


class Publisher:
    """Never delays the one who tells: notices wait in memory, the newest 10,000 of them while Redis is away.

    ``on_mismatch`` is told of each handoff whose target saw another number than the caller's, once and at once;
    ``on_handoff`` of every change of one. Both must not wait.
    """

    def __init__(self, live: LiveState) -> None:
        self.on_mismatch: Callable[[Handoff], None] = lambda handoff: None
        self.on_handoff: Callable[[Handoff], None] = lambda handoff: None
        self._live = live
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=_KEPT)
        self._more = asyncio.Event()
        self._mismatched: OrderedDict[str, None] = OrderedDict()

    def tell(self, kind: str, **data: Any) -> None:
        self._waiting.append((kind, data))
        self._more.set()

    def link(self, node: str, up: bool) -> None:
        self.tell("link", node=node, up=up)

    def changes(self, changes: Changes) -> None:
        for call in changes.calls.values():
            self.tell("call", id=call.id, state=call.state, line=call.line, seat=call.seat, first_line=call.first_line)
        for conference in changes.conferences.values():
            parties = [{"id": p.id, "state": p.state.value, "muted": p.muted} for p in conference.parties]
            self.tell("conference", id=conference.id, call_id=conference.call_id, parties=parties)
        for handoff in changes.handoffs.values():
            self.on_handoff(handoff)
            self.tell(
                "handoff",
                id=handoff.id,
                call_id=handoff.call_id,
                mode=handoff.mode.value,
                state=handoff.state.value,
                outcome=handoff.outcome.value if handoff.outcome else None,
                resolution=handoff.resolution.value if handoff.resolution else None,
                from_line=handoff.from_line,
                from_seat=handoff.from_seat,
                target=handoff.target,
                number_mismatch=handoff.number_mismatch,
            )
            if handoff.number_mismatch and handoff.id not in self._mismatched:
                self._alarm(handoff)
        for seat in changes.seats:
            self.tell("seat", id=seat)

    def _alarm(self, handoff: Handoff) -> None:
        self._mismatched[handoff.id] = None
        while len(self._mismatched) > _KEPT:
            self._mismatched.popitem(last=False)
        log.error("handoff.number_mismatch", handoff_id=handoff.id, call_id=handoff.call_id)
        self.tell("alarm", alarm="number_mismatch", handoff_id=handoff.id, call_id=handoff.call_id)
        self.on_mismatch(handoff)

    async def run(self) -> None:
        """Until cancelled. In order; a notice leaves the queue when it is in the stream."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                await self._publish(*self._waiting.popleft())

    async def _publish(self, kind: str, data: Mapping[str, Any]) -> None:
        try:
            await self._live.publish(kind, data)
        except LiveStateUnavailable as error:
            log.warning("notices.waiting", depth=len(self._waiting) + 1, detail=error.message)
            await asyncio.sleep(_RETRY_SECONDS)
            if len(self._waiting) < _KEPT:
                self._waiting.appendleft((kind, data))
        except Exception:
            log.exception("notice.failed", kind=kind)  # costs this notice, never the one who tells
