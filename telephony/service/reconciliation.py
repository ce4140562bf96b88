"""Our records held against what Asterisk itself wrote down, one handoff at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from telephony.cel import SOURCE, Written
from telephony.changes import Changes
from telephony.errors import RecordStoreUnavailable
from telephony.ports import Clock, HandoffFilter, RecordStore
from telephony.reconcile import Difference, Rebuilt, differences, rebuild
from telephony.recovery import recovered
from telephony.service.apart import Run
from telephony.watch import Watch

log = structlog.get_logger()

_APART = timedelta(minutes=1)
"""How far our time of an end and Asterisk's may be apart."""
_FIRST_LOOK = timedelta(hours=24)
_LONGEST = timedelta(hours=1)
_AGAIN = timedelta(minutes=15)
_ENDED_FOR = timedelta(seconds=30)
_EVERY_SECONDS = 300.0
_RETRY_SECONDS = 15.0
_WRITTEN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of one comparison, of what ended from ``since`` up to but without ``until``.

    ``compared``: the ids of the handoffs.
    """

    at: datetime
    since: datetime
    until: datetime
    compared: frozenset[str]
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        return tuple(difference for difference in self.differences if difference.why is None)


class Reconciler:
    """``read`` gives what Asterisk wrote of the handoffs between two times; ``run`` is where that is done."""

    def __init__(
        self,
        node: str,
        store: RecordStore,
        clock: Clock,
        read: Callable[[datetime, datetime], Written],
        run: Run = asyncio.to_thread,
    ) -> None:
        self._node, self._store, self._clock, self._read, self._run = node, store, clock, read, run

    async def compare(self, since: datetime, until: datetime) -> Reconciliation:
        """Raises RecordStoreUnavailable, OSError."""
        ours = {each.id: each for each in await self._store.ended_handoffs(self._node, since, until)}
        began = min([since, *(handoff.created_at for handoff in ours.values())])
        written, rebuilt = await self._run(_rebuilt, self._read, began - _APART, until + _APART)
        theirs = {each.handoff_id for each in rebuilt.values() if since <= (each.ended or since) < until}
        for handoff_id in theirs - ours.keys():
            found = await self._store.handoff(handoff_id)
            if found is not None:
                ours[handoff_id] = found
        both = {handoff_id: each for handoff_id, each in rebuilt.items() if handoff_id in theirs or handoff_id in ours}
        now = self._clock.now()
        found_differences = await asyncio.to_thread(differences, both, ours, written, now)
        return Reconciliation(now, since, until, frozenset(both.keys() | ours.keys()), tuple(found_differences))

    async def missing(self, since: datetime, until: datetime, known: Callable[[str], bool]) -> Changes:
        """The handoffs that were over by then and are neither ``known`` nor on record, as they must be put on record.

        With their conferences, and with their calls where these have no record either.
        """
        _, rebuilt = await self._run(_rebuilt, self._read, since, until)
        over = [each for each in rebuilt.values() if each.ended and each.ended < until and not known(each.handoff_id)]
        wanted = {each.handoff_id for each in over if await self._store.handoff(each.handoff_id) is None}
        if not wanted:
            return Changes()
        found = await self._run(_recovered, self._read, since, until, self._node, wanted)
        for call_id in list(found.calls):
            if await self._store.call(call_id) is not None:
                del found.calls[call_id]
        return found

    async def last_known(self, before: datetime) -> datetime | None:
        """When the newest handoff on record was made, of those before that time."""
        page = await self._store.handoffs(HandoffFilter(until=before), limit=1, cursor=None)
        return page.items[0].created_at if page.items else None


def _rebuilt(
    read: Callable[[datetime, datetime], Written], since: datetime, until: datetime
) -> tuple[Written, Mapping[str, Rebuilt]]:
    """The rows, which are many, stay behind."""
    written = read(since, until)
    return replace(written, rows=()), rebuild(written.rows)


def _recovered(
    read: Callable[[datetime, datetime], Written], since: datetime, until: datetime, node: str, wanted: set[str]
) -> Changes:
    return recovered(node, read(since, until).rows, wanted)


class ReconciliationJob:
    """Each time the link to Asterisk is back, and every few minutes. Nothing waits for it; it waits for the database.

    ``last`` is what the last comparison found. ``unexplained`` holds all that were found and not yet seen right: by
    handoff and field. ``written`` returns whether all records are in the database, within that many seconds.
    """

    def __init__(
        self, reconciler: Reconciler, watch: Watch, clock: Clock, written: Callable[[float], Awaitable[bool]]
    ) -> None:
        self.node = watch.tracker.node
        self.last: Reconciliation | None = None
        self.unexplained: dict[tuple[str, str], Difference] = {}
        self._reconciler, self._watch, self._clock, self._written = reconciler, watch, clock, written
        self._began = clock.now()
        self._asked = asyncio.Event()
        watch.on_link_up = self._asked.set

    @property
    def state(self) -> tuple[int, datetime | None]:
        """How many are unexplained, and when they were last looked for."""
        return len(self.unexplained), self.last.at if self.last else None

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this look only."""
        wait: float | None = None
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._asked.wait()
            except TimeoutError:
                pass  # nobody asked: it is time
            self._asked.clear()
            wait = _EVERY_SECONDS
            try:
                await self.look()
            except RecordStoreUnavailable as error:
                log.warning("reconciliation.waits", detail=error.message)
                wait = _RETRY_SECONDS
            except Exception:
                log.exception("reconciliation.failed")

    async def look(self) -> None:
        """Once: put on record what is missing, then compare. Raises RecordStoreUnavailable, OSError."""
        now = self._clock.now()
        since = self.last.until - _AGAIN if self.last else await self._before_our_time()
        await self._put_on_record(since, now)
        self._note(await self._reconciler.compare(since, now - _ENDED_FOR))

    async def _before_our_time(self) -> datetime:
        """From what the process before this one has on record last; it compared what was before."""
        known = await self._reconciler.last_known(self._began)
        earliest = self._began - _FIRST_LOOK
        return max(earliest, known - _LONGEST) if known else earliest

    async def _put_on_record(self, since: datetime, until: datetime) -> None:
        """Handoffs that a seat's phone began while nobody listened, and that ended meanwhile."""
        if not await self._written(_WRITTEN_SECONDS):
            raise RecordStoreUnavailable("records are still waiting to be written")
        found = await self._reconciler.missing(since, until, self._known)
        fresh = {id: handoff for id, handoff in found.handoffs.items() if not self._known(id)}  # heard of meanwhile
        of_calls = {handoff.call_id for handoff in fresh.values()}
        self._watch.keep(
            Changes(
                calls={id: call for id, call in found.calls.items() if id in of_calls},
                handoffs=fresh,
                conferences={id: room for id, room in found.conferences.items() if id in fresh},
            )
        )
        for handoff in fresh.values():
            log.warning("handoff.recovered", handoff_id=handoff.id, call_id=handoff.call_id, source=SOURCE)
        if fresh:
            await self._written(_WRITTEN_SECONDS)

    def _known(self, handoff_id: str) -> bool:
        return self._watch.tracker.knows(handoff_id) or self._watch.find(handoff_id) is not None

    def _note(self, found: Reconciliation) -> None:
        before = self.unexplained
        fresh = {(each.handoff_id, each.field): each for each in found.unexplained}
        self.unexplained = {key: each for key, each in before.items() if key[0] not in found.compared} | fresh
        self.last = found
        log.info("reconciliation.done", compared=len(found.compared), unexplained=len(self.unexplained))
        for key in fresh.keys() - before.keys():
            about = {"handoff_id": fresh[key].handoff_id, "call_id": fresh[key].call_id, "field": fresh[key].field}
            log.error("reconciliation.difference", **about)
            self._watch.publisher.tell("alarm", alarm="reconciliation", **about)
