"""The hands of one story: a caller, the desk's phones, the clicks. All that is done or seen goes onto the sheet."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from soak.console import Console
from soak.sheet import Ask, Ring, Sheet
from soak.site import RING_SECONDS, Desk
from softphones import Call, CallFailed, CallGone, IncomingCall, Phone, PhoneError

T = TypeVar("T")

CALLER_TONE, SEAT_TONE = 440.0, 620.0

_WAIT = 8.0
_RINGS_WITHIN = 6.0
_CLICK_RINGS_WITHIN = 40.0
_ARRIVES_WITHIN = 15.0
_RING_MARGIN = 1.5
"""Seconds by which a busy machine may tell a phone late that it rings."""
_LISTENS = 0.1
_FIRST_WORDS = (0.0, 0.3)
_HEARS_WITHIN = 5.0
_A_WORD = 0.1
"""Who hangs up in the very moment in which a phone answers may be gone before Asterisk has heard that it did."""
_TALK = 1.3
_PARTNER_LEAVES = 0.35


class Broken(Exception):
    """Something that had to come did not."""


class Overtaken(Exception):
    """This machine was too slow for the story: the phone had rung out before we did anything. Nobody's fault."""


@dataclass(slots=True)
class Leg:
    """A call that rings, or rang, at one of our phones."""

    ring: Ring
    call: IncomingCall

    @property
    def in_time(self) -> bool:
        """Whether the target is sure to ring still, by Asterisk's clock."""
        return time.monotonic() - self.ring.at < RING_SECONDS - _RING_MARGIN


class Play:
    """``bring`` is called for each INVITE that shows this play's caller."""

    def __init__(self, desk: Desk, citizen: Phone, console: Console, sheet: Sheet, rng: random.Random) -> None:
        self.desk = desk
        self.sheet = sheet
        self.rng = rng
        self.console = console
        self.seat_stays = False
        """Whoever ends this call, it is not the first seat."""
        self._citizen = citizen
        self._caller: Call | None = None
        self._legs: list[Leg] = []
        self._ringing: dict[str, asyncio.Queue[Leg]] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self._clicks: list[asyncio.Task[bool]] = []

    # -------------------------------------------------------------- seen

    def bring(self, ring: Ring, call: IncomingCall) -> None:
        leg = Leg(ring, call)
        self.sheet.rings.append(ring)
        self._legs.append(leg)
        self.note(f"{ring.station} rings, handoff {ring.handoff_id}")
        self._at(ring.station).put_nowait(leg)

    def _at(self, station: str) -> asyncio.Queue[Leg]:
        return self._ringing.setdefault(station, asyncio.Queue())

    def note(self, words: str) -> None:
        self.sheet.notes.append((time.monotonic(), words))

    # -------------------------------------------------------------- the caller

    @property
    def caller(self) -> Call:
        assert self._caller is not None
        return self._caller

    async def arrive(self, line: str | None = None, station: str | None = None) -> Leg:
        """The caller calls the desk's line and its first seat answers."""
        headers = {"P-Asserted-Identity": f"<sip:{self.sheet.caller}@trunk.example>"}
        if self.sheet.withheld:
            headers["Privacy"] = "id"
        self._caller = await self._citizen.dial(line or self.desk.line, headers)
        leg = await self.rings(station or self.desk.seats[0], within=_ARRIVES_WITHIN)
        await leg.call.answer()
        await self._must(self.caller.answered(_WAIT), "the line took the caller")
        await self._must(leg.call.answered(_WAIT), "the first seat's call is up")
        self.sheet.answered_at = self.caller.answered_at
        await self.connected(leg)
        await asyncio.sleep(self.rng.uniform(*_FIRST_WORDS))
        return leg

    async def caller_hangs_up(self) -> None:
        self.note("caller hangs up")
        await self.caller.hangup()

    def may_end(self, why: str) -> None:
        """From here on Asterisk may end the caller's call: who talked to the caller hangs up, or nobody is left."""
        self.note(why)
        self.sheet.may_end = (time.monotonic(), why)

    # -------------------------------------------------------------- waiting

    async def rings(self, station: str, ask: Ask | None = None, within: float = _RINGS_WITHIN) -> Leg:
        """The next ring there: for ``ask`` one of that handoff, else one that is none. Raises Broken."""
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            try:
                leg = await asyncio.wait_for(self._at(station).get(), left)
            except TimeoutError:
                break
            found = leg.ring.handoff_id
            if ask is not None and ask.id is None and found is not None:
                ask.id = found
            if found == (ask.id if ask else None):
                return leg
            self.note(f"{station}: not the ring that is waited for")
        raise Broken(f"{station} did not ring within {within:g} s")

    async def over(self, call: Call | Leg, what: str) -> None:
        """Raises Broken when it does not end."""
        await self._must((call.call if isinstance(call, Leg) else call).ended(_WAIT), f"{what} ends")

    async def _must(self, work: Awaitable[Any], what: str) -> None:
        try:
            await work
        except TimeoutError:
            raise Broken(f"not within {_WAIT:g} s: {what}") from None
        except PhoneError as error:
            raise Broken(f"not so: {what}: {error}") from None

    # -------------------------------------------------------------- the phones

    async def answer(self, leg: Leg, ask: Ask | None = None) -> None:
        """Raises Overtaken when it had rung out, Broken when the call does not come up although it had not."""
        in_time = leg.in_time
        try:
            await leg.call.answer()
            await leg.call.answered(_WAIT)
        except (CallGone, CallFailed, TimeoutError) as error:
            if in_time:
                raise Broken(f"{leg.ring.station} answered, and its call did not come up: {error}") from None
            raise Overtaken from None
        if ask is not None and not in_time:
            raise Overtaken
        self.note(f"{leg.ring.station} answered")

    def still_rings(self, leg: Leg) -> None:
        """Raises Overtaken when it may have rung out."""
        if not leg.in_time:
            raise Overtaken

    async def refuse(self, leg: Leg, status: int) -> None:
        """Raises Overtaken when it had rung out."""
        self.still_rings(leg)
        self.note(f"{leg.ring.station} refuses with {status}")
        try:
            await leg.call.reject(status)
        except CallGone:
            raise Overtaken from None

    async def connected(self, seat: Leg) -> None:
        """The seat hears the caller: nobody hands over, or takes leave of, whom they are not connected to yet, and who
        hangs up in the very moment of an answer may be gone before Asterisk has heard of it. Raises Broken."""
        try:
            await self.caller.play_tone(CALLER_TONE)
            heard = await seat.call.hears(CALLER_TONE, _WAIT)
        except CallGone:
            raise Broken(f"the talk with {seat.ring.station} was over") from None
        if not heard:
            raise Broken(f"{seat.ring.station} does not hear the caller")

    async def listen(self, one: Leg) -> None:
        """Now and then: the caller and this seat hear each other. Raises Broken."""
        if self.rng.random() > _LISTENS:
            return
        await asyncio.gather(self.caller.play_tone(CALLER_TONE), one.call.play_tone(SEAT_TONE))
        heard = await asyncio.gather(
            self.caller.hears(SEAT_TONE, _HEARS_WITHIN), one.call.hears(CALLER_TONE, _HEARS_WITHIN)
        )
        if not all(heard):
            raise Broken(f"caller and {one.ring.station} do not hear each other: {heard}")

    async def talks(self, partner: Leg) -> None:
        """Long enough to be a talk: who hangs up sooner has not served the caller."""
        answered_at = partner.call.answered_at or time.monotonic()
        await asyncio.sleep(max(0.0, answered_at + _TALK - time.monotonic()))

    async def goodbye(self, partner: Leg) -> None:
        """A talk ends as talks do: one of the two hangs up, and then the other's call is over too."""
        if any(ask.unclear or ask.races for ask in self.sheet.asks):  # the caller may be on the way to somebody yet
            await asyncio.sleep(_A_WORD)
        else:
            await self.connected(partner)
        try:
            await self.listen(partner)
        except CallGone:
            raise Broken(f"the talk with {partner.ring.station} was over") from None
        if self.rng.random() < _PARTNER_LEAVES and not self.seat_stays:
            await self.talks(partner)
            self.may_end(f"{partner.ring.station} says goodbye")
            await partner.call.hangup()
            await self.over(self.caller, "the caller's call after the goodbye")
        else:
            await self.caller_hangs_up()
            await self.over(partner, f"the call of {partner.ring.station} after the caller left")

    # -------------------------------------------------------------- commands

    def asks(self, via: str, target: str, **more: Any) -> Ask:
        ask = Ask(via, target, time.monotonic(), **more)
        self.sheet.asks.append(ask)
        self.note(f"{via}: to {target}")
        return ask

    async def call_id(self, seat: Leg) -> str | None:
        """What the console has to name; None when it does not show this call."""
        self.sheet.call_id = await self.console.call_of(seat.ring.station, self.sheet.caller) or self.sheet.call_id
        if self.sheet.call_id is None:
            self.note("the console does not show the call")
        return self.sheet.call_id

    async def click(self, seat: Leg, target: str, **how: str) -> Ask | None:
        """On the console of the seat; None when nothing can come of it, or nobody knows whether something will."""
        call_id = await self.call_id(seat)
        if call_id is None:
            return None
        ask = self.asks("api", target, key=str(uuid.uuid4()))
        return ask if await self._clicked(ask, call_id, how) else None

    async def _clicked(self, ask: Ask, call_id: str, how: dict[str, str]) -> bool:
        body = {"call_id": call_id, "target": ask.target, "mode": "transfer", **how}
        answer = await self.console.hand_over(body, ask.key)
        self.note(f"console: {answer.status} {answer.body.get('id') or answer.body.get('type')}")
        if answer.done:
            told = str(answer.body["id"])
            if ask.id not in (None, told):
                self.sheet.broken = f"the console was told {told}, and the target's phone {ask.id}"
            ask.id = told
        elif ask.id is None:
            ask.unclear = answer.unclear
            if not ask.unclear:
                self.sheet.asks.remove(ask)
        return answer.done

    async def key(self, seat: Leg, target: str, code: str) -> Ask:
        """By feature code on the seat's phone. After a click of unknown fate the code may find the seat waiting."""
        ask = self.asks("key", target, unclear=any(before.unclear for before in self.sheet.asks))
        try:
            await seat.call.dtmf(code)
        except PhoneError as error:
            raise Broken(f"{seat.ring.station} cannot press {code}: {error}") from None
        return ask

    async def hand_over(self, seat: Leg, station: str, target: str, code: str, **how: str) -> tuple[Ask, Leg]:
        """As a call-taker does it: a click, and where that leads nowhere the key on the phone. The target rings.

        It may ring before the console has its answer.
        """
        call_id = await self.call_id(seat)
        if call_id is not None:
            ask = self.asks("api", target, key=str(uuid.uuid4()))
            clicking = asyncio.create_task(self._clicked(ask, call_id, how))
            self._clicks.append(clicking)
            ring = await self._rings_or_refused(station, ask, clicking)
            if ring is not None:
                return ask, ring
            await self.nothing_rang(seat, ask)
        ask = await self.key(seat, target, code)
        return ask, await self.rings(station, ask)

    async def _rings_or_refused(self, station: str, ask: Ask, clicking: asyncio.Task[bool]) -> Leg | None:
        ringing = self.spawn(self.rings(station, ask, within=_CLICK_RINGS_WITHIN))
        await asyncio.wait({clicking, ringing}, return_when=asyncio.FIRST_COMPLETED)
        if not ringing.done() and await clicking:
            await asyncio.wait({ringing}, timeout=_RINGS_WITHIN)
        if ringing.done() and ringing.exception() is None:
            return ringing.result()
        ringing.cancel()
        return None

    async def nothing_rang(self, seat: Leg, ask: Ask) -> None:
        """Raises Broken when the record says that it was carried out, or the seat cannot use its phone either."""
        if ask.id is None:
            return
        record = await self.console.look(f"/v1/handoffs/{ask.id}")
        self.note(f"nothing rang; record: {record and (record['state'], record['outcome'])}")
        if seat.call.is_over or (record and record["outcome"] not in (None, "failed")):
            raise Broken(f"a click was taken, and nothing rang: {record and record['outcome']}")
        ask.unclear = True

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Ended with the story at the latest."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    # -------------------------------------------------------------- the end

    async def finish(self) -> None:
        """Whatever is up is hung up from here, the caller first; then how each call ended is written down."""
        calls = [*([self._caller] if self._caller else []), *(leg.call for leg in self._legs)]
        for call in calls:
            if not call.is_over:
                await call.hangup()
        await asyncio.gather(*self._clicks)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(call.ended(_WAIT) for call in calls), return_exceptions=True)
        if self._caller is not None:
            self.sheet.ended_at, self.sheet.ended_by, _ = await _end_of(self._caller)
        for leg in self._legs:
            await seal(leg.ring, leg.call)


async def seal(ring: Ring, call: IncomingCall) -> None:
    """Writes down how it went, now that it is over."""
    ring.answered_at = call.answered_at
    ring.ended_at, ring.by, ring.status = await _end_of(call)


async def _end_of(call: Call) -> tuple[float | None, str | None, int | None]:
    try:
        ended = await call.ended(_WAIT)
    except TimeoutError:
        return None, None, None
    return ended.at, ended.by, ended.status
