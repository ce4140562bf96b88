"""What is broken while people talk: one thing after the other, at random moments, each mended again."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from demo.parts import Parts
from demo.stage import Stage
from soak.console import Service
from soak.sheet import Fault

_PAUSE = (3.0, 9.0)
_LONGEST_FREEZE = 10.0


@dataclass(frozen=True, slots=True)
class Around:
    parts: Parts
    service: Service
    rng: random.Random


Harm = Callable[[Around], Awaitable[None]]


async def _killed(around: Around) -> None:
    await around.parts.service.kill()
    await asyncio.sleep(around.rng.uniform(0.2, 3.0))
    await around.parts.service.start()


async def _frozen(around: Around) -> None:
    around.parts.service.freeze()
    try:
        await asyncio.sleep(1.0 + (_LONGEST_FREEZE - 1.0) * around.rng.random() ** 3)
    finally:
        around.parts.service.thaw()


async def _redis_killed(around: Around) -> None:
    await around.parts.redis.kill()
    await asyncio.sleep(around.rng.uniform(0.5, 4.0))
    await around.parts.redis.start()


async def _link_cut(around: Around) -> None:
    around.parts.link.cut()


async def _link_stalled(around: Around) -> None:
    lanes = around.rng.choice([(True, True), (True, False), (False, True)])
    around.parts.link.stall(to_asterisk=lanes[0], to_service=lanes[1])
    try:
        await asyncio.sleep(around.rng.uniform(0.5, 8.0))
    finally:
        late = around.rng.random() < 0.7
        around.parts.link.resume(deliver=late)
        if not late:  # TCP loses nothing in the middle of a connection: what never arrives ends it
            around.parts.link.cut()


async def _link_refused(around: Around) -> None:
    await around.parts.link.refuse()
    around.parts.link.cut()
    try:
        await asyncio.sleep(around.rng.uniform(0.5, 5.0))
    finally:
        await around.parts.link.accept()


async def _answers_lost(around: Around) -> None:
    """Our own clicks are given up before they are answered, and repeated."""
    around.service.hurry = True
    try:
        await asyncio.sleep(around.rng.uniform(1.0, 4.0))
    finally:
        around.service.hurry = False


FAULTS: dict[str, tuple[int, Harm]] = {
    "service killed": (4, _killed),
    "service frozen": (4, _frozen),
    "redis killed": (2, _redis_killed),
    "ami cut": (3, _link_cut),
    "ami stalled": (3, _link_stalled),
    "ami refused": (2, _link_refused),
    "answers lost": (3, _answers_lost),
}


class Faults:
    """``done``: what was broken, and from when until the service was ready again."""

    def __init__(self, stage: Stage, service: Service, seed: str) -> None:
        assert stage.parts is not None
        self._stage = stage
        self._around = Around(stage.parts, service, random.Random(f"{seed}-faults"))
        self.done: list[Fault] = []
        self.now = ""

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(fault.name for fault in self.done))

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; nothing stays broken."""
        rng = self._around.rng
        names = list(FAULTS)
        while not await _set_within(stop, rng.uniform(*_PAUSE)):
            name = rng.choices(names, [FAULTS[each][0] for each in names])[0]
            self.now, began = name, time.monotonic()
            await FAULTS[name][1](self._around)
            await self._stage.ready()
            self.done.append(Fault(name, began, time.monotonic()))
            self.now = ""


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
