"""What the scenarios on the real Asterisk look at: the record, the target's own INVITE, and what each party hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from demo.stage import Conversation, Stage
from softphones import CallGone, IncomingCall, ReferFailed
from softphones.phones import WAIT_S
from tests.support.sip_peer import Peer, open_peer

CITIZEN = "13800001111"
CITIZEN_TONE, SEAT_TONE, TARGET_TONE, FOURTH_TONE = 440.0, 620.0, 850.0, 1130.0
_LONGEST_GAP = 0.8

Record = dict[str, Any]


class Voice(Protocol):
    """A call's sound, of a real phone or of a raw SIP peer."""

    @property
    def name(self) -> str: ...

    async def play_tone(self, frequency: float) -> None: ...

    async def hears(self, frequency: float, within: float = 3.0) -> bool: ...

    async def level(self) -> float: ...


Party = tuple[Voice, float]


async def rung(stage: Stage, seat: str) -> IncomingCall:
    return await (await stage.seat(seat)).incoming()


async def handed_to_110(stage: Stage, **how: str) -> tuple[Conversation, Record, IncomingCall]:
    """12345 has asked for 110, whose only phone rings."""
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    record = await stage.hand_over(talk.call_id, "110", **how)
    return talk, record, await rung(stage, "1101")


async def back_with_the_first_seat(talk: Conversation) -> None:
    """The very call that the seat has had all along."""
    assert not talk.seat.is_over
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


async def first_seat_is_rung_again(stage: Stage, talk: Conversation) -> IncomingCall:
    """It is shown the caller's number, answers, and has the caller."""
    again = await rung(stage, "2101")
    assert again.from_number == CITIZEN
    assert again.asserted_identity is not None
    assert again.asserted_identity.number == CITIZEN
    await again.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (again, SEAT_TONE))
    return again


async def first_seat_has_the_caller(stage: Stage, talk: Conversation, handoff_id: str) -> None:
    """Rung again where it was released, else in its first call."""

    async def known() -> bool:
        return talk.seat.is_over or await _together_again(stage, handoff_id)

    await stage.until(known)
    try:
        await back_with_the_first_seat(talk)
    except (AssertionError, CallGone):
        if not talk.seat.is_over:
            raise
        await first_seat_is_rung_again(stage, talk)


async def _together_again(stage: Stage, handoff_id: str) -> bool:
    record = await stage.record(handoff_id)
    if record["mode"] == "conference" and not record["resolution"]:
        room = (await stage.api.get(f"/v1/conferences/{handoff_id}")).json()
        return {"caller": "joined", "seat": "joined"}.items() <= {
            party["id"]: party["state"] for party in room["participants"]
        }.items()
    return record["resolution"] == "first_seat"


@asynccontextmanager
async def raw_seat(stage: Stage, seat: str) -> AsyncIterator[Peer]:
    """A seat's phone that does only what the test says, registered and idle."""
    async with open_peer("127.0.0.1") as peer:
        login = seat, stage.secrets["seats"][seat], stage.sip
        await peer.register(*login)
        await stage.until(lambda: seat_is(stage, seat, "idle"))
        try:
            yield peer
        finally:
            await peer.hang_up_all()
            await peer.register(*login, expires=0)


async def passed_on(referring: asyncio.Task[None], seat: IncomingCall) -> None:
    """The seat's call is over, and its phone knows that it was transferred: by a NOTIFY or, before that, by a BYE.

    Asterisk ends the seat's call as it tells of the transfer.
    """
    (failed,) = await asyncio.gather(referring, return_exceptions=True)
    ending = await seat.ended()
    if failed is None:
        assert ending.by == "transfer"
    else:
        assert isinstance(failed, ReferFailed) and "call closed" in str(failed), failed


async def seat_is(stage: Stage, seat: str, *states: str) -> bool:
    seats = (await stage.api.get("/v1/seats")).json()
    return next(each["state"] for each in seats if each["id"] == seat) in states


async def ended(stage: Stage, handoff_id: str, timeout: float = WAIT_S, **wanted: Any) -> Record:
    """The record of a handoff that has ended; fails when one of these fields is another."""
    return await settled(stage, handoff_id, timeout, state="ended", **wanted)


async def settled(stage: Stage, handoff_id: str, timeout: float = WAIT_S, **wanted: Any) -> Record:
    record = await stage.handoff_when(handoff_id, timeout, **wanted)
    assert {name: record[name] for name in wanted} == wanted, record
    return record


def shows_the_caller(incoming: IncomingCall, record: Record, caller: str = CITIZEN) -> None:
    """The target's phone was told who calls, which handoff it is, and from which line; the record says so as well."""
    assert incoming.from_number == caller
    assert incoming.asserted_identity is not None
    assert incoming.asserted_identity.number == caller
    assert incoming.headers.get("X-Handoff-Id") == record["id"]
    assert incoming.headers.get("X-Handoff-From-Line") == record["from_line"]
    assert record["original_caller"] == record["caller_seen_by_target"] == caller
    assert record["number_mismatch"] is False


def events(record: Record) -> list[str]:
    """The timeline's events in order; their times never go back."""
    times = [step["at"] for step in record["timeline"]]
    assert times == sorted(times)
    return [step["event"] for step in record["timeline"]]


async def hear_each_other(*parties: Party, within: float = 10.0) -> None:
    """Each sends its own tone; every other one has to hear it."""
    await asyncio.gather(*(call.play_tone(tone) for call, tone in parties))
    pairs = [(hearer, tone) for hearer, _ in parties for speaker, tone in parties if speaker is not hearer]
    heard = await asyncio.gather(*(hearer.hears(tone, within=within) for hearer, tone in pairs))
    deaf = [
        f"{hearer.name} does not hear {tone:.0f} Hz" for (hearer, tone), ok in zip(pairs, heard, strict=True) if not ok
    ]
    assert not deaf


@asynccontextmanager
async def uninterrupted(*parties: Party) -> AsyncIterator[None]:
    """All the while the parties hear each other's tones, with no gap that a person would take for a lost call."""
    await hear_each_other(*parties)
    pairs = [(hearer, tone) for hearer, _ in parties for speaker, tone in parties if speaker is not hearer]
    done = asyncio.Event()

    async def listen(hearer: Voice, tone: float) -> None:
        while not done.is_set():
            assert await hearer.hears(tone, within=_LONGEST_GAP), f"{hearer.name} lost {tone:.0f} Hz"

    async with asyncio.TaskGroup() as listeners:
        for hearer, tone in pairs:
            listeners.create_task(listen(hearer, tone))
        yield
        done.set()


async def quietest(call: Voice, seconds: float) -> float:
    """The level (dBFS) of the quietest second that the party heard, where a second is as loud as its loudest part."""
    levels = []
    for _ in range(round(seconds * 10)):
        levels.append(await call.level())
        await asyncio.sleep(0.1)
    return min(max(levels[start : start + 10]) for start in range(len(levels) - 9))


async def three_way(stage: Stage) -> tuple[Conversation, Record, IncomingCall]:
    """Citizen, the first seat of 12345 and the police, in one room."""
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    record = await stage.hand_over(talk.call_id, "110", mode="conference")
    target = await rung(stage, "1101")
    await target.answer()
    await parties_are(stage, record["id"], caller="joined", seat="joined", target="joined")
    return talk, await stage.record(record["id"]), target


async def parties_are(stage: Stage, conference_id: str, **wanted: str) -> dict[str, Record]:
    """The conference's parties by id, as soon as their states are these; fails when they do not become so."""
    found: dict[str, Record] = {}

    async def reached() -> bool:
        room = (await stage.api.get(f"/v1/conferences/{conference_id}")).json()
        found.update({party["id"]: party for party in room["participants"]})
        return all(name in found and found[name]["state"] == state for name, state in wanted.items())

    try:
        await stage.until(reached)
    except TimeoutError:
        assert {name: found[name]["state"] for name in wanted if name in found} == wanted
    return found
