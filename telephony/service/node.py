"""What every use case of a node shares: its parts, who asks, and reading."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telephony.call import Call
from telephony.conference import Conference
from telephony.errors import (
    CallEnded,
    CallNotFound,
    ConferenceNotFound,
    HandoffNotFound,
    HandoffSettled,
    NotYourCall,
    UnknownTarget,
)
from telephony.handoff import Handoff
from telephony.lines import Directory
from telephony.ports import CallControl, CallFilter, Clock, HandoffFilter, LiveState, Page, RecordSink, RecordStore
from telephony.recordings import Recording, RecordingBook
from telephony.tracker import Tracker
from telephony.watch import Watch


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. A seat acts on its own call only; ``any_call``: supervisors, administrators, programs."""

    name: str
    seat: str | None = None
    any_call: bool = False


async def _kept_nowhere(recording: Recording) -> None:
    pass


class Node:
    """``new_id`` makes handoff ids: lower-case letters, digits and hyphens, at least two.

    ``recording_changed`` is told of each change of a live call's recording and never waits; ``keep_note`` returns when
    one is on disk.
    """

    def __init__(
        self,
        *,
        node: str,
        directory: Directory,
        control: CallControl,
        store: RecordStore,
        sink: RecordSink,
        live: LiveState,
        clock: Clock,
        new_id: Callable[[], str],
        tracker: Tracker | None = None,
    ) -> None:
        self.node = node
        self.directory = directory
        self.tracker = tracker or Tracker(node)
        self.watch = Watch(self.tracker, control, store, sink, live)
        self.recorded = RecordingBook(node)
        self.recording_changed: Callable[[Recording], None] = lambda recording: None
        self.keep_note: Callable[[Recording], Awaitable[None]] = _kept_nowhere
        self._told: set[asyncio.Task[None]] = set()
        self._control = control
        self._store = store
        self._sink = sink
        self._live = live
        self._clock = clock
        self._new_id = new_id

    @property
    def link_up(self) -> bool:
        return self.watch.link_up

    def live_calls(self) -> tuple[Call, ...]:
        return tuple(self.tracker.book.calls.values())

    async def call(self, call_id: str) -> Call:
        """Raises CallNotFound."""
        call = self.tracker.book.calls.get(call_id) or await self._store.call(call_id)
        if call is None:
            raise CallNotFound(f"no call {call_id}")
        return call

    async def calls(self, where: CallFilter, *, limit: int, cursor: str | None) -> Page[Call]:
        return await self._store.calls(where, limit=limit, cursor=cursor)

    async def handoff(self, handoff_id: str) -> Handoff:
        """Raises HandoffNotFound."""
        handoff = self.watch.find(handoff_id) or await self._store.handoff(handoff_id)
        if handoff is None:
            raise HandoffNotFound(f"no handoff {handoff_id}")
        return handoff

    async def handoffs(self, where: HandoffFilter, *, limit: int, cursor: str | None) -> Page[Handoff]:
        return await self._store.handoffs(where, limit=limit, cursor=cursor)

    async def conference(self, conference_id: str) -> Conference:
        """Raises ConferenceNotFound."""
        live = self.tracker.rooms.conferences.get(conference_id)
        conference = live or await self._store.conference(conference_id) or self.watch.over.get(conference_id)
        if conference is None:
            raise ConferenceNotFound(f"no conference {conference_id}")
        return conference

    def _live_call(self, call_id: str, actor: Actor) -> Call:
        call = self.tracker.book.calls.get(call_id)
        if call is None:
            raise CallNotFound(f"no live call {call_id}")
        if not call.live or call.caller_has_left:
            raise CallEnded("the caller has hung up")
        if not actor.any_call and (actor.seat is None or call.seat != actor.seat):
            raise NotYourCall("a seat can only act on its own call")
        return call

    async def _live_handoff(self, handoff_id: str, actor: Actor) -> Handoff:
        handoff = await self.handoff(handoff_id)
        if not actor.any_call and (actor.seat is None or actor.seat not in (handoff.from_seat, handoff.target_seat)):
            raise NotYourCall("a seat can only act on its own handoff")
        if not handoff.live:
            raise HandoffSettled("the handoff has ended")
        return handoff

    def _ring_seconds(self, target_id: str) -> int:
        target = self.directory.target(target_id)
        if target is None:
            raise UnknownTarget(f"no line and no linked number {target_id!r} is configured")
        return target.ring_seconds
