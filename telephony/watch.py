"""The one consumer of Asterisk's events: feeds the tracker, keeps what changed, wakes who waits for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import aclosing

import structlog

from telephony import commands
from telephony.changes import Changes
from telephony.conference import Conference
from telephony.errors import AmiActionFailed, AmiEffectUnknown, AmiNotSent, RecordStoreUnavailable
from telephony.events import Event, LinkLost, LinkRestored
from telephony.handoff import Handoff, Mode, Outcome
from telephony.ports import CallControl, LiveState, RecordSink, RecordStore
from telephony.publisher import Publisher
from telephony.resync import missed
from telephony.tracker import Tracker

log = structlog.get_logger()

_SETTLE_SECONDS = 3.0
_ENDED_KEPT = 1000
_TAKE_UP_SECONDS = 5.0


class Watch:
    """What one node knows, kept current.

    ``ended`` and ``over`` hold the last handoffs and conferences that ended, whose record may still be on its way;
    ``on_ended`` is told of each handoff, ``on_link_up`` each time that all is known again, ``on_fact`` of each fact
    after the tracker has had it.
    """

    def __init__(
        self, tracker: Tracker, control: CallControl, store: RecordStore, sink: RecordSink, live: LiveState
    ) -> None:
        self.on_ended: Callable[[Handoff], None] = lambda handoff: None
        self.on_link_up: Callable[[], None] = lambda: None
        self.on_fact: Callable[[Event], None] = lambda fact: None
        self.tracker = tracker
        self.link_up = False
        self.ended: OrderedDict[str, Handoff] = OrderedDict()
        self.over: OrderedDict[str, Conference] = OrderedDict()
        self.publisher = Publisher(live)
        self._control = control
        self._store = store
        self._sink = sink
        self._changed = asyncio.Condition()
        self._reactions: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. A fault with one event is loud and costs that event only."""
        taken_up = await self._take_up()
        async with asyncio.TaskGroup() as tasks:
            if not taken_up:
                tasks.create_task(self._take_up_later(), name="take-up")
            tasks.create_task(self.publisher.run(), name="publisher")
            tasks.create_task(self._consume(), name="asterisk-events")

    async def _take_up(self) -> bool:
        """What was live before a restart has to be known before the first snapshot says what became of it."""
        node = self.tracker.node
        try:
            calls = await self._store.live_calls(node)
            handoffs = await self._store.live_handoffs(node)
            conferences = await self._store.live_conferences(node)
        except RecordStoreUnavailable as error:
            # calls go on: what is live is found again in Asterisk, only its earlier history is missing
            log.error("restart.records_unavailable", detail=error.message)
            return False
        known = self.tracker.book.calls.keys() | self.tracker.handoffs.keys() | self.tracker.rooms.conferences.keys()
        self.tracker.adopt(
            (call for call in calls if call.id not in known),
            (handoff for handoff in handoffs if handoff.id not in known and handoff.id not in self.ended),
            (conference for conference in conferences if conference.id not in known),
        )
        unsettled = sum(handoff.live for handoff in handoffs)
        log.info("restart.taken_up", calls=len(calls), handoffs=unsettled, conferences=len(conferences))
        return True

    async def _take_up_later(self) -> None:
        """The database is back: its unsettled records are compared with what is there now."""
        while not await self._take_up():  # noqa: ASYNC110 - a database has no event to wait for
            await asyncio.sleep(_TAKE_UP_SECONDS)
        await self._control.resync()

    async def _consume(self) -> None:
        async with aclosing(self._control.events()) as facts:
            async for fact in facts:
                try:
                    self._take(fact)
                except Exception:
                    log.exception("event.failed", kind=type(fact).__name__)
                async with self._changed:
                    self._changed.notify_all()

    def _take(self, fact: Event) -> None:
        if isinstance(fact, LinkRestored):
            for each in missed(self.tracker, fact):
                try:
                    self.keep(self.tracker.apply(each))
                    self.on_fact(each)
                except Exception:
                    log.exception("event.failed", kind=type(each).__name__)
            self._set_link(True)
            self.on_fact(fact)
            return
        if isinstance(fact, LinkLost):
            self._set_link(False)
        self.keep(self.tracker.apply(fact))
        self.on_fact(fact)

    def _set_link(self, up: bool) -> None:
        if self.link_up != up:
            self.link_up = up
            self.publisher.link(self.tracker.node, up)
            if up:
                self.on_link_up()

    def keep(self, changes: Changes) -> None:
        """Hand on what changed; never waits."""
        for call in changes.calls.values():
            self._sink.put_call(call)
        for conference in changes.conferences.values():
            self._sink.put_conference(conference)
            if conference.over:
                self._note_over(conference)
        for handoff in changes.handoffs.values():
            self._sink.put_handoff(handoff)
            if not handoff.live:
                self._note_ended(handoff)
        self.publisher.changes(changes)

    def amend(self, handoff: Handoff) -> None:
        """Hand on a record of which only what Asterisk does not know has changed; never waits.

        That it has ended, and what follows from that, is no news then.
        """
        if handoff.live:
            self.keep(self.tracker.update(handoff))
            return
        self._sink.put_handoff(handoff)
        self._remember(handoff)
        self.publisher.changes(Changes(handoffs={handoff.id: handoff}))

    def _note_over(self, conference: Conference) -> None:
        self.over[conference.id] = conference
        while len(self.over) > _ENDED_KEPT:
            self.over.popitem(last=False)

    def _note_ended(self, handoff: Handoff) -> None:
        if handoff.id not in self.ended:
            self.on_ended(handoff)
        self._remember(handoff)
        if _rings_on(handoff):
            reaction = asyncio.create_task(self._stop_ringing(handoff))
            self._reactions.add(reaction)
            reaction.add_done_callback(self._reactions.discard)

    def _remember(self, handoff: Handoff) -> None:
        self.ended[handoff.id] = handoff
        while len(self.ended) > _ENDED_KEPT:
            self.ended.popitem(last=False)

    async def _stop_ringing(self, handoff: Handoff) -> None:
        """Its target need not ring for a caller who has gone."""
        try:
            await self._control.execute(commands.CancelConference(handoff.id, None))
        except (AmiNotSent, AmiActionFailed, AmiEffectUnknown) as error:
            log.info("conference.target_gone_already", handoff_id=handoff.id, reason=error.slug)

    def find(self, handoff_id: str) -> Handoff | None:
        """A live handoff, or one of the last that ended."""
        return self.tracker.handoffs.get(handoff_id) or self.ended.get(handoff_id)

    async def until(self, reached: Callable[[], bool]) -> bool:
        """Whether it was reached within a few seconds; looked at anew after each event."""
        try:
            async with asyncio.timeout(_SETTLE_SECONDS), self._changed:
                await self._changed.wait_for(reached)
        except TimeoutError:
            return False
        return True


def _rings_on(handoff: Handoff) -> bool:
    """A three-way call that nobody has stopped: its caller has hung up, or was handed on by a phone."""
    handed_on = any("next" in step.detail for step in handoff.timeline)
    gone = handoff.outcome is Outcome.ABANDONED or (handoff.outcome is Outcome.CANCELLED and handed_on)
    return handoff.mode is Mode.CONFERENCE and gone
