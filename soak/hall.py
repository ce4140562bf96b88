"""All phones of the soak, and the way of each INVITE to the story of the caller whose number it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from demo.stage import TRUNK_IP, Stage
from soak.play import Play, seal
from soak.sheet import Ring, Sheet
from soak.site import OUTSIDE_NUMBER, Desk
from softphones import IncomingCall, Phone, PhoneHost

_HOSTS = 2
_FOREVER = 1e6
_AT_ONCE = 8


class Hall:
    """Made by ``open``. ``citizens``: one phone for each desk that calls in, with another number each time."""

    def __init__(self, desks: int) -> None:
        self.desks = [Desk(index) for index in range(desks)]
        self.citizens: list[Phone] = []
        self.strays: list[Ring] = []
        self._plays: dict[str, Play] = {}
        self._sheets: dict[str, Sheet] = {}
        self._playing: dict[str, Play] = {}
        self._late: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, stage: Stage, desks: int) -> AsyncIterator[Self]:
        hall = cls(desks)
        async with AsyncExitStack() as stack:
            seats = [await stack.enter_async_context(PhoneHost(ip="127.0.0.1")) for _ in range(_HOSTS)]
            trunk = await stack.enter_async_context(PhoneHost(ip=TRUNK_IP))
            outside = await stage.outside()
            phones = {OUTSIDE_NUMBER: outside}
            few = asyncio.Semaphore(_AT_ONCE)

            async def register(seat: str, host: PhoneHost) -> None:
                async with few:
                    password = stage.secrets["seats"][seat]
                    phones[seat] = await host.phone(seat, password=password, registrar=stage.sip)

            async with asyncio.TaskGroup() as group:
                for desk in hall.desks:
                    for seat in desk.seats:
                        group.create_task(register(seat, seats[desk.index % _HOSTS]))
            for desk in hall.desks:
                hall.citizens.append(await trunk.phone(f"trunk-{desk.index}", domain=stage.sip))
            async with asyncio.TaskGroup() as group:
                listening = [group.create_task(hall._listen(name, phone)) for name, phone in phones.items()]
                try:
                    yield hall
                finally:
                    for task in listening:
                        task.cancel()

    def knows(self, number: str) -> bool:
        """Whether somebody has called with it."""
        return number in self._sheets

    def begins(self, play: Play) -> None:
        self._plays[play.sheet.caller] = play
        self._sheets[play.sheet.caller] = play.sheet
        self._playing.update(dict.fromkeys(play.desk.seats, play))

    def ends(self, play: Play) -> None:
        del self._plays[play.sheet.caller]
        for seat in play.desk.seats:
            del self._playing[seat]

    async def _listen(self, station: str, phone: Phone) -> None:
        while True:
            self._bring(station, await phone.incoming(_FOREVER))

    def _bring(self, station: str, call: IncomingCall) -> None:
        identity = call.asserted_identity
        asserted = identity.number if identity else None
        ring = Ring(station, call.received_at, call.from_number, asserted, call.headers.get("X-Handoff-Id"))
        sheet = self._caller_shown(station, asserted, call.from_number)
        play = self._plays.get(sheet.caller) if sheet else self._playing.get(station)
        if play is not None:
            play.bring(ring, call)
            return
        if sheet is not None:
            sheet.rings.append(ring)
            sheet.notes.append((ring.at, f"{station} rings after all was over"))
        else:
            self.strays.append(ring)
        task = asyncio.create_task(self._turn_away(ring, call))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _caller_shown(self, station: str, *numbers: str | None) -> Sheet | None:
        """Whose call it is by the number; None where that caller has no business at this phone."""
        found = next((self._sheets[number] for number in numbers if number in self._sheets), None)
        if found is None or station == OUTSIDE_NUMBER or station in self.desks[found.desk].seats:
            return found
        return None

    async def _turn_away(self, ring: Ring, call: IncomingCall) -> None:
        if not call.is_over:
            await call.hangup()
        await seal(ring, call)
