"""The soak itself: desks that play one story after the other, faults meanwhile, and the look at it all afterwards."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from demo.stage import Stage, StageFailed, stage
from soak import ladder, rooms
from soak.console import Console, Service
from soak.faults import Faults
from soak.hall import Hall
from soak.judge import Loss, judge, stray
from soak.machine import Machine
from soak.play import Broken, Overtaken, Play
from soak.sheet import Fault, Sheet
from soak.site import changes
from soak.stories import STORIES
from softphones import HostDied, PhoneError

_KEYS = 3
_WITHHELD = 0.05
_BETWEEN = 0.15
_STORY_SECONDS = 90.0
_QUIET_WITHIN = 90.0
_WRITTEN_WITHIN = 60.0
_WARM = 0.1
assert ladder and rooms  # their stories are in the table once they are imported


@dataclass(frozen=True, slots=True)
class Plan:
    """Until so many handoffs were asked for, or so many seconds have passed; the seed chooses the stories."""

    seed: str
    handoffs: int | None
    seconds: float | None
    desks: int
    faults: bool = True
    only: str = ""

    def share(self, handoffs: int, seconds: float) -> float:
        """How much of it is done, 0 to 1."""
        shares = [handoffs / self.handoffs] if self.handoffs else []
        shares += [seconds / self.seconds] if self.seconds else []
        return min(1.0, max(shares))


@dataclass(slots=True)
class Outcome:
    """All that was found. ``rss``: KB of each program, after the warm-up and at the end."""

    plan: Plan
    sheets: list[Sheet] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    channels_left: list[str] = field(default_factory=list)
    bridges_left: list[str] = field(default_factory=list)
    asterisk_deaths: int = 0
    rss_start: dict[str, int] = field(default_factory=dict)
    rss_end: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    overtaken: int = 0
    repeated: int = 0

    @property
    def asked(self) -> int:
        return sum(len(sheet.asks) for sheet in self.sheets)


Tell = Callable[[float, str], None]


async def soak(home: Path, plan: Plan, stop: asyncio.Event, tell: Tell) -> Outcome:
    """``stop`` ends it early and in order. ``tell`` is given the share that is done and a line about it."""
    tell(0.0, "启动系统并注册话机 · starting the system and its phones")
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(stage(home, changes=changes(plan.desks), apart=True))
        hall = await stack.enter_async_context(Hall.open(ours, plan.desks))
        keys = [await _api_key(ours, f"soak-{n}") for n in range(1 + _KEYS)]
        service = Service(str(ours.api.base_url), keys[0], random.Random(f"{plan.seed}-service"))
        await stack.enter_async_context(service.client)
        consoles = [Console(service, keys[1 + desk % _KEYS]) for desk in range(plan.desks)]
        return await _Soak(ours, hall, service, consoles, plan, stop, tell).run()


async def _api_key(ours: Stage, name: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "keys", "add", name, "integrator"),
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "HOTLINE_HOME": str(ours.home),
            "HOTLINE_PORT_OFFSET": str(ours.offset),
            "HOTLINE_CONFIG": str(ours.home / "hotline.yaml"),
        },
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise StageFailed(f"no API key for {name}")
    return output.decode().split()[-1]


class _Soak:
    def __init__(
        self,
        ours: Stage,
        hall: Hall,
        service: Service,
        consoles: list[Console],
        plan: Plan,
        stop: asyncio.Event,
        tell: Tell,
    ) -> None:
        self._stage = ours
        self._hall = hall
        self._service = service
        self._consoles = consoles
        self._plan = plan
        self._stop = stop
        self._tell = tell
        self._faults = Faults(ours, service, plan.seed)
        self._machine = Machine(ours)
        self._serial = itertools.count(1)
        self._stories = [story for story in STORIES if plan.only in story.name]
        self._out = Outcome(plan)
        self._began = time.monotonic()

    async def run(self) -> Outcome:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            if self._plan.faults:
                group.create_task(self._faults.run(self._stop))
            for desk in range(self._plan.desks):
                group.create_task(self._work(desk))
        self._out.seconds = time.monotonic() - self._began
        self._tell(1.0, "等待全部结束并核对 · waiting for the last of it, and comparing")
        await self._look()
        return self._out

    async def _watch(self) -> None:
        out = self._out
        while not self._stop.is_set():
            share = self._plan.share(out.asked, time.monotonic() - self._began)
            if share >= _WARM and not out.rss_start and not self._faults.now:
                out.rss_start = self._machine.rss_kb()
            broken = sum(sheet.broken is not None for sheet in out.sheets)
            words = f"{out.asked} 次转接 · handoffs"
            words += f"  [red]{broken} 异常 · broken[/red]" if broken else ""
            self._tell(share, f"{words}  [yellow]{self._faults.now}[/yellow]")
            if share >= 1.0:
                self._stop.set()
            await asyncio.sleep(0.25)

    # -------------------------------------------------------------- traffic

    async def _work(self, desk: int) -> None:
        await asyncio.sleep(desk * 0.1)
        while not self._stop.is_set():
            await self._play(desk)
            await asyncio.sleep(_BETWEEN)

    async def _play(self, desk: int) -> None:
        serial = next(self._serial)
        rng = random.Random(f"{self._plan.seed}-{serial}")
        chosen = rng.choices(self._stories, [story.weight for story in self._stories])[0]
        sheet = Sheet(serial, chosen.name, self._plan.seed, self._number(rng), desk, rng.random() < _WITHHELD)
        sheet.began_at = time.monotonic()
        play = Play(self._hall.desks[desk], self._hall.citizens[desk], self._consoles[desk], sheet, rng)
        self._hall.begins(play)
        try:
            async with asyncio.timeout(_STORY_SECONDS):
                await chosen.act(play)
        except Overtaken:
            self._out.overtaken += 1
            _forget_what_must_be(sheet)
        except HostDied:
            raise
        except (Broken, PhoneError, TimeoutError) as error:
            sheet.broken = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
            _forget_what_must_be(sheet)
        finally:
            await play.finish()
            self._hall.ends(play)
        self._out.sheets.append(sheet)

    def _number(self, rng: random.Random) -> str:
        """As trunks deliver them; nobody else has it."""
        while True:
            mobile = f"1{rng.randint(30, 99)}{rng.randint(0, 10**8 - 1):08}"
            landline = f"0{rng.randint(210, 999)}{rng.randint(2 * 10**6, 10**7 - 1)}"
            number = rng.choice([mobile, mobile, mobile, f"+86{mobile}", f"0086{mobile}", landline])
            if not self._hall.knows(number):
                return number

    # -------------------------------------------------------------- afterwards

    async def _look(self) -> None:
        out = self._out
        await self._stage.ready()
        out.channels_left, out.bridges_left = await self._machine.left(_QUIET_WITHIN)
        out.records = await self._settled_records()
        out.differences = [orjson.dumps(each).decode() for each in await self._stage.reconcile()]
        out.asterisk_deaths = self._machine.asterisk_deaths()
        out.rss_end = self._machine.rss_kb()
        out.rss_start = out.rss_start or out.rss_end
        out.faults = self._faults.done
        out.repeated = self._service.repeated
        out.losses = judge(out.sheets, out.records, out.faults) + [stray(ring) for ring in self._hall.strays]

    async def _settled_records(self) -> list[dict[str, Any]]:
        """All handoffs on record, once all that we know of are there and have ended, else as they are after a while."""
        known = {ask.id for sheet in self._out.sheets for ask in sheet.asks if ask.id}
        until = time.monotonic() + _WRITTEN_WITHIN
        while True:
            records = await self._records()
            ended = {record["id"] for record in records if record["state"] == "ended"}
            if (known <= ended and len(ended) == len(records)) or time.monotonic() >= until:
                return records
            await asyncio.sleep(1.0)

    async def _records(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        where: dict[str, Any] = {"limit": 200}
        while True:
            reply = await self._stage.api.get("/v1/handoffs", params=where)
            reply.raise_for_status()
            page = reply.json()
            records += page["items"]
            if page["next_cursor"] is None:
                return records
            where["cursor"] = page["next_cursor"]


def _forget_what_must_be(sheet: Sheet) -> None:
    """A story that was not told to its end cannot say what its records must be; that they must fit the phones stays."""
    for ask in sheet.asks:
        ask.outcomes = ask.resolutions = frozenset()
        ask.races = True
