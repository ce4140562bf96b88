"""Many stories that share one outage: each brings a call to its step, lives through it, and looks afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

from demo.parts import Parts
from demo.stage import Conversation, Stage
from softphones import IncomingCall
from tests.support.scenario import Record, rung

_AT_MOST = 180.0
_AT_ONCE = asyncio.Semaphore(4)
"""How many stories set up their calls at a time."""


class Asked(Enum):
    """What becomes of a command that is under way as the harm is done."""

    ARRIVES = "Asterisk carries it out in the outage"
    LATE = "Asterisk carries it out at its end"
    LOST = "it never reaches Asterisk"
    AFTERWARDS = "it is asked for only in the outage, since the service can be reached"


@dataclass(frozen=True)
class Outage:
    """``harm`` and ``repair`` also decide over ``link``, which holds back what goes to Asterisk as the harm is done.

    ``seconds``: how long it lasts at least.
    """

    name: str
    asked: Asked
    harm: Callable[[Parts], Awaitable[None]]
    repair: Callable[[Parts], Awaitable[None]]
    seconds: float = 0.0


class Moment(IntEnum):
    """What a story waits for; the scene goes on when no story is left before it."""

    NEARLY = 0
    ABOUT_TO_BE = 1
    OUTAGE = 2
    OVER = 3


@dataclass(eq=False)
class Act:
    """One story's own caller and phones. ``first`` and ``second`` are lines, ``seat`` and ``target_seat`` theirs."""

    scene: Scene
    name: str
    number: int
    reached: int = -1
    record_id: str = ""

    @property
    def stage(self) -> Stage:
        return self.scene.stage

    @property
    def outage(self) -> Outage:
        return self.scene.outage

    @property
    def parts(self) -> Parts:
        assert self.stage.parts is not None
        return self.stage.parts

    @property
    def caller(self) -> str:
        return f"138{self.number:02d}000001"

    @property
    def first(self) -> str:
        return f"3{self.number:02d}1"

    @property
    def second(self) -> str:
        return f"3{self.number:02d}2"

    @property
    def seat(self) -> str:
        return f"{self.first}1"

    @property
    def colleague(self) -> str:
        return f"{self.first}2"

    @property
    def target_seat(self) -> str:
        return f"{self.second}1"

    async def talk(self) -> Conversation:
        """The caller and the first line's seat talk; the target's phone is there."""
        async with _AT_ONCE:
            await self.stage.seat(self.target_seat)
            return await self.stage.talk(self.caller, self.first, self.seat)

    async def rings(self, talk: Conversation, **how: Any) -> IncomingCall:
        """Handed over; the target's phone rings, and that is on record."""
        self.record_id = (await self.stage.hand_over(talk.call_id, self.second, **how))["id"]
        incoming = await rung(self.stage, self.target_seat)
        await self.stage.handoff_when(self.record_id, state="ringing")
        return incoming

    async def nearly(self) -> None:
        """Only what does not last is still to be brought about: all who need it do it now."""
        await self.scene.wait(self, Moment.NEARLY)

    async def about_to_be(self) -> None:
        """Everything is in place; what happens now happens just before the outage."""
        await self.scene.wait(self, Moment.ABOUT_TO_BE)

    async def outage_begins(self, *at_once: Callable[[], Awaitable[None]]) -> None:
        """Returns in the outage; ``at_once`` is done at the same instant as the harm."""
        self.scene.strikes += at_once
        await self.scene.wait(self, Moment.OUTAGE)

    async def outage_over(self) -> None:
        """The phones have done what they do; returns when all is mended and Asterisk within reach again."""
        await self.scene.wait(self, Moment.OVER)

    async def ended(self, **wanted: Any) -> Record:
        return await self.stood(state="ended", **wanted)

    async def stood(self, **wanted: Any) -> Record:
        """The record with these values, and everything that has to be so of every handoff whatever happened."""
        record = await self.stage.handoff_when(self.record_id, **wanted)
        assert {name: record[name] for name in wanted} == wanted, record
        self.never_repeated(record)
        return record

    async def call_over(self, call_id: str) -> None:
        """Until the call's end is on record."""

        async def over() -> bool:
            reply = await self.stage.api.get(f"/v1/calls/{call_id}")
            return reply.status_code == 200 and reply.json()["ended_at"] is not None

        await self.stage.until(over)

    def never_repeated(self, record: Record) -> None:
        """One command, one INVITE to a phone, the true number on it."""
        if record["via"] == "api":
            command = "Originate" if record["mode"] == "conference" else "Redirect"
            assert self.parts.link.sent(command, f"{self.record_id}") == 1
        rang = self.stage.rang(self.record_id)
        assert len({call.phone for call in rang}) == len(rang), f"a phone was rung {len(rang)} times"
        assert {call.from_number for call in rang} <= {self.caller}
        assert record["original_caller"] == self.caller
        assert record["caller_seen_by_target"] in (None, self.caller)
        assert record["number_mismatch"] is False


Story = Callable[[Act], Awaitable[None]]


class Scene:
    """One outage and its stories. ``run`` returns what came of each: None, or how it failed."""

    def __init__(self, stage: Stage, outage: Outage) -> None:
        self.stage = stage
        self.outage = outage
        self.strikes: list[Callable[[], Awaitable[None]]] = []
        self._acts: set[Act] = set()
        self._moved = asyncio.Condition()
        self._open = {moment: asyncio.Event() for moment in Moment}

    async def run(
        self, stories: Mapping[str, Story], played: Collection[str] | None = None
    ) -> dict[str, BaseException | None]:
        """``played``: the names of those that are; None: all."""
        acts = [Act(self, name, number) for number, name in enumerate(stories) if played is None or name in played]
        self._acts = set(acts)
        tasks = [asyncio.create_task(self._play(stories[act.name], act)) for act in acts]
        try:
            await self._drive()
            await asyncio.wait(tasks, timeout=_AT_MOST)
        finally:
            for task in tasks:
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return {act.name: result for act, result in zip(acts, results, strict=True)}

    async def wait(self, act: Act, moment: Moment) -> None:
        async with self._moved:
            act.reached = moment
            self._moved.notify_all()
        async with asyncio.timeout(_AT_MOST):
            await self._open[moment].wait()

    async def _play(self, story: Story, act: Act) -> None:
        try:
            await story(act)
        finally:
            async with self._moved:
                self._acts.discard(act)
                self._moved.notify_all()

    async def _all_at(self, moment: Moment) -> None:
        try:
            async with asyncio.timeout(_AT_MOST), self._moved:
                await self._moved.wait_for(lambda: all(act.reached >= moment for act in self._acts))
        except TimeoutError:
            late = sorted(act.name for act in self._acts if act.reached < moment)
            raise TimeoutError(f"not ready for {moment.name}: {', '.join(late)}") from None

    async def _drive(self) -> None:
        parts, outage = self.stage.parts, self.outage
        assert parts is not None
        await self._all_at(Moment.NEARLY)
        self._open[Moment.NEARLY].set()
        await self._all_at(Moment.ABOUT_TO_BE)
        if outage.asked is not Asked.AFTERWARDS:
            parts.link.stall(to_service=False)
        self._open[Moment.ABOUT_TO_BE].set()
        await self._all_at(Moment.OUTAGE)
        await asyncio.gather(outage.harm(parts), *(strike() for strike in self.strikes))
        self._open[Moment.OUTAGE].set()
        await asyncio.gather(self._all_at(Moment.OVER), asyncio.sleep(outage.seconds))
        await outage.repair(parts)
        await self.stage.ready()
        self._open[Moment.OVER].set()
