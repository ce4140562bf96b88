from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest_asyncio

from telephony import commands, events
from telephony.call import Call
from telephony.callback import CallBack
from telephony.conference import Conference
from telephony.handoff import Handoff, Mode, Release
from telephony.lines import Desk, Directory, Line, LinkedNumber, Seat, Trunk
from telephony.service import Actor, HandoffRequest, Switchboard
from tests.support.fake_asterisk import NOW, FakeAsterisk, talking_call
from tests.support.memory import MemoryLiveState, MemoryRecordStore
from tests.support.story import CALL, NUMBER, SEAT_ID, SEAT_PHONE, TRUNK, leg, phone

DIRECTORY = Directory(
    lines=(
        Line("110", "报警", ("110",), (Desk("police", "接警", ("1101", "1102")),), ring_seconds=15),
        Line("12345", "便民", ("12345",), (Desk("hall", "大厅", ("2101", "2102")),)),
    ),
    seats=tuple(Seat(seat, seat, "secret") for seat in ("1101", "1102", "2101", "2102")),
    trunks=(Trunk("pstn", ("127.0.0.1",), "sip:127.0.0.1"),),
    linked_numbers=(LinkedNumber("120", "急救", "pstn", "120"),),
)
WANG = Actor("wang", seat="2101")
LI = Actor("li", seat="2102")
POLICE = Actor("zhao", seat="1101")
CHIEF = Actor("chief", any_call=True)


class Clock:
    def now(self) -> datetime:
        return NOW + timedelta(seconds=1)


class StoreSink:
    """Writes at once what the real one writes behind; holds back while the store is away."""

    def __init__(self, store: MemoryRecordStore) -> None:
        self._store = store
        self.kept: list[Handoff | Call | Conference | CallBack] = []

    def _put(self, record: Handoff | Call | Conference | CallBack) -> None:
        self.kept.append(record)
        if not self._store.away:
            tables = {
                Handoff: self._store._handoffs,
                Call: self._store._calls,
                Conference: self._store._conferences,
                CallBack: self._store._call_backs,
            }
            tables[type(record)][record.id] = record  # type: ignore[index]  # each table holds its own kind

    def put_handoff(self, handoff: Handoff) -> None:
        self._put(handoff)

    async def flush(self, timeout: float) -> bool:
        return not self._store.away

    def put_call(self, call: Call) -> None:
        self._put(call)

    def put_conference(self, conference: Conference) -> None:
        self._put(conference)

    def put_call_back(self, order: CallBack) -> None:
        self._put(order)


@dataclass
class Exchange:
    """A running switchboard between a fake Asterisk and stores in memory."""

    store: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    live: MemoryLiveState = field(default_factory=MemoryLiveState)
    ids: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> None:
        self.asterisk = FakeAsterisk()
        self.sink = StoreSink(self.store)
        self.board = Switchboard(
            node="n",
            directory=DIRECTORY,
            control=self.asterisk,
            store=self.store,
            sink=self.sink,
            live=self.live,
            clock=Clock(),
            new_id=lambda: f"h{next(self.ids)}",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Exchange]:
        task = asyncio.create_task(self.board.run())
        try:
            async with asyncio.timeout(20):
                while not self.board.link_up:
                    await asyncio.sleep(0)
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def hear(self, *facts: events.Event) -> Exchange:
        self.asterisk.say(*facts)
        async with asyncio.timeout(20):
            await self.asterisk.heard()
        return self

    async def talking(self) -> Exchange:
        return await self.hear(*talking_call(CALL, caller=NUMBER))

    async def click(
        self,
        actor: Actor = WANG,
        *,
        target: str = "110",
        mode: Mode = Mode.TRANSFER,
        key: str | None = None,
        release: Release = Release.ON_ANSWER,
        reason: str | None = None,
    ) -> Handoff:
        request = HandoffRequest(CALL, mode, target, release, reason=reason, idempotency_key=key)
        return await self.board.start_handoff(request, actor)

    async def ringing(self) -> Handoff:
        """A transfer that rings 1101."""
        handoff = await self.click()
        await self.hear(
            events.HandoffReported(NOW, "start", handoff.id, CALL, CALL, target="110"),
            events.ChannelCreated(NOW, leg("1101"), CALL, phone("1101"), "1101"),
            events.DialStarted(NOW, leg("1101"), CALL, phone("1101"), NUMBER, handoff.id),
            events.DialRinging(NOW, leg("1101")),
        )
        return handoff

    async def answered(self) -> Handoff:
        handoff = await self.ringing()
        said = events.HandoffReported(NOW, "answered", handoff.id, leg("1101"), CALL, seat="1101")
        await self.hear(said)
        return handoff

    async def three_way(self) -> Handoff:
        handoff = await self.click(mode=Mode.CONFERENCE)
        third = f"{handoff.id}-target"
        await self.hear(
            events.ChannelCreated(NOW, third, third, "Local/110@x;1", ""),
            events.ConferenceReported(NOW, "dialling", handoff.id, "target", third, target="110"),
            events.ConferenceReported(NOW, "answered", handoff.id, "target", leg("1101"), seat="1101"),
            events.ConferenceJoined(NOW, handoff.id, third, "Local/110@x;1"),
            events.ConferenceJoined(NOW, handoff.id, SEAT_ID, SEAT_PHONE),
            events.ConferenceJoined(NOW, handoff.id, CALL, TRUNK),
        )
        return handoff

    async def published(self, kind: str, count: int) -> None:
        """Until so many notices of that kind are on the stream."""
        async with asyncio.timeout(20):
            while len(self.notices(kind)) < count:
                await asyncio.sleep(0)

    def notices(self, kind: str) -> list[dict[str, object]]:
        return [dict(notice.data) for notice in self.live._notices if notice.kind == kind]


def when_asked(exchange: Exchange, kind: type[commands.Command], *facts: events.Event) -> None:
    """What Asterisk says once it was asked that."""
    execute = exchange.asterisk.execute

    async def answering(command: commands.Command) -> None:
        await execute(command)
        if isinstance(command, kind):
            exchange.asterisk.say(*facts)

    exchange.asterisk.execute = answering  # type: ignore[method-assign]


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    """With one call that seat 2101 has."""
    async with Exchange().running() as exchange:
        yield await exchange.talking()
