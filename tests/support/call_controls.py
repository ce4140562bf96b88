"""The same people on the phone, around the model of Asterisk and around the real one: for what CallControl promises."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from demo.parts import RELAY_PORT
from demo.relay import Relay
from demo.stage import Stage
from softphones import Call, IncomingCall
from telephony import events
from telephony.ami.client import AmiClient
from telephony.ami.control import AmiControl
from telephony.ami.link import AmiLink
from telephony.ami.snapshot import snapshot
from telephony.fence import Fence
from telephony.lines import Desk, Directory, Line, Seat, Trunk
from telephony.ports import CallControl
from tests.support.model.channels import At, Channel
from tests.support.model.control import Fate, ModelAsterisk
from tests.support.scenario import rung

T = TypeVar("T", bound=events.Event)

CITIZEN = "13800001111"
LINE, SEAT = "12345", "2101"
TARGET, TARGET_SEAT = "110", "1101"
_WITHIN_SECONDS = 15.0
_ACTION_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Talk:
    """The channel names of both, and their Uniqueids."""

    caller: str
    seat: str
    call_id: str
    seat_id: str


class Room(ABC):
    """``facts``: all that ``control`` has told."""

    def __init__(self, control: CallControl) -> None:
        self.control = control
        self.facts: list[events.Event] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        listener = asyncio.create_task(self._listen())
        try:
            await self.first(events.LinkRestored)
            yield
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self) -> None:
        async with aclosing(self.control.events()) as told:
            async for fact in told:
                self.facts.append(fact)

    async def first(self, kind: type[T], after: int = 0, **said: object) -> T:
        """The first fact of this kind with these values from ``facts[after]`` on. Raises AssertionError."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        while True:
            for fact in self.facts[after:]:
                if isinstance(fact, kind) and all(getattr(fact, name) == value for name, value in said.items()):
                    return fact
            assert time.monotonic() < deadline, f"no {kind.__name__} {said} in {self.facts[after:]}"
            await self.time_passes()

    def has(self, kind: type[events.Event], **said: object) -> bool:
        return any(isinstance(f, kind) and all(getattr(f, n) == v for n, v in said.items()) for f in self.facts)

    async def talk(self) -> Talk:
        """The caller and the seat talk."""
        at = len(self.facts)
        await self.citizen_calls()
        arrived = await self.first(events.CallArrived, at)
        seat = await self.first(events.SeatAnswered, at)
        for uniqueid in (arrived.uniqueid, seat.uniqueid):
            await self.first(events.BridgeEntered, at, uniqueid=uniqueid)
        return Talk(arrived.channel, seat.channel, arrived.uniqueid, seat.uniqueid)

    @abstractmethod
    async def time_passes(self) -> None: ...

    @abstractmethod
    async def citizen_calls(self) -> None:
        """``SEAT`` answers."""

    @abstractmethod
    async def citizen_hangs_up(self) -> None: ...

    @abstractmethod
    async def target_answers(self) -> None:
        """Returns before it has been told of."""

    @abstractmethod
    async def target_refuses(self) -> None:
        """486."""

    async def cut(self) -> None:
        """The link breaks, and is made anew."""
        await self.breaks()
        await self.mends()

    @abstractmethod
    async def breaks(self) -> None: ...

    @abstractmethod
    async def mends(self) -> None: ...

    @abstractmethod
    def answers_lost(self) -> AbstractContextManager[None]:
        """Commands arrive, and nobody hears of it."""

    @abstractmethod
    def commands_lost(self) -> AbstractContextManager[None]: ...


class ModelRoom(Room):
    control: ModelAsterisk

    def __init__(self) -> None:
        lines = (
            Line(TARGET, "报警", (TARGET,), (Desk("police", "接警", (TARGET_SEAT,)),)),
            Line(LINE, "便民", (LINE,), (Desk("hall", "大厅", (SEAT,)),)),
        )
        seats = tuple(Seat(each, each, "secret") for each in (TARGET_SEAT, SEAT))
        super().__init__(ModelAsterisk(Directory(lines, seats, (Trunk("pstn", ("127.0.0.1",), "sip:127.0.0.1"),))))
        self._plan = self.control.plan

    def _rung(self) -> Channel:
        return next(each for each in self._plan.channels.values() if each.at is At.RINGING and each.seat == TARGET_SEAT)

    async def time_passes(self) -> None:
        self.control.deliver()
        await asyncio.sleep(0)

    async def citizen_calls(self) -> None:
        self._plan.arrive(CITIZEN, LINE, SEAT)

    async def citizen_hangs_up(self) -> None:
        (caller,) = self._plan.callers()
        self._plan.hang_up(caller)

    async def target_answers(self) -> None:
        self._plan.answer(self._rung())

    async def target_refuses(self) -> None:
        self._plan.refuse(self._rung(), 486)

    async def breaks(self) -> None:
        self.control.cut()

    async def mends(self) -> None:
        self.control.mend()

    @contextmanager
    def answers_lost(self) -> Iterator[None]:
        self.control.fate = Fate.SILENT
        yield

    @contextmanager
    def commands_lost(self) -> Iterator[None]:
        self.control.fate = Fate.LOST
        yield


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


class RealRoom(Room):
    """On an instance whose service is not there; both seats' phones are."""

    def __init__(self, stage: Stage) -> None:
        assert stage.parts
        self._stage, self._relay = stage, stage.parts.link
        self._calls: list[Call] = []
        link = AmiLink(lambda: _client(stage))
        super().__init__(AmiControl(link, _Now(), lambda restored: iter(()), Fence(time.time())))

    async def time_passes(self) -> None:
        await asyncio.sleep(0.02)

    async def citizen_calls(self) -> None:
        citizen = await (await self._stage.citizen(CITIZEN)).dial(LINE)
        self._calls.append(citizen)
        await (await self._rung(SEAT)).answer()
        await citizen.answered()

    async def citizen_hangs_up(self) -> None:
        await self._calls[0].hangup()

    async def target_answers(self) -> None:
        await (await self._rung(TARGET_SEAT)).answer()

    async def target_refuses(self) -> None:
        await (await self._rung(TARGET_SEAT)).reject(486)

    async def _rung(self, seat: str) -> IncomingCall:
        call = await rung(self._stage, seat)
        self._calls.append(call)
        return call

    async def empty(self) -> None:
        """Everybody hangs up; returns when nobody is left and both phones can be rung."""
        for call in self._calls:
            if not call.is_over:
                await call.hangup()
        client = _client(self._stage)
        await client.connect()
        try:
            await self._stage.until(lambda: _is_empty(client))
        finally:
            await client.close()
        self._stage.forget_rings()

    async def breaks(self) -> None:
        await self._relay.refuse()
        self._relay.cut()

    async def mends(self) -> None:
        await self._relay.accept()

    @contextmanager
    def answers_lost(self) -> Iterator[None]:
        with _stalled(self._relay, to_asterisk=False):
            yield

    @contextmanager
    def commands_lost(self) -> Iterator[None]:
        with _stalled(self._relay, to_service=False):
            yield


@contextmanager
def _stalled(relay: Relay, *, to_asterisk: bool = True, to_service: bool = True) -> Iterator[None]:
    relay.stall(to_asterisk=to_asterisk, to_service=to_service)
    try:
        yield
    finally:
        relay.resume(deliver=False)


def _client(stage: Stage) -> AmiClient:
    port, secret = RELAY_PORT + stage.offset, stage.secrets["ami"]
    return AmiClient("127.0.0.1", port, "hotline", secret, action_timeout=_ACTION_SECONDS)


async def _is_empty(client: AmiClient) -> bool:
    found = await snapshot(client, datetime.now(UTC))
    return not found.channels and {found.seats[each] for each in (SEAT, TARGET_SEAT)} == {"NOT_INUSE"}
