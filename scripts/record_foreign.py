"""Records how a foreign dialplan's events look: queues, Local channels, transfers by the phone, pick-up, originate.

.venv/bin/python -m scripts.record_foreign [SCENE …]      → tests/contract/transcripts/foreign/*.jsonl
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from scripts.foreign_exchange import OFFLINE, Exchange, exchange, recorded
from softphones import Call, PhoneError
from telephony.errors import AmiActionFailed

FOLDER = Path("tests/contract/transcripts/foreign")
CITIZEN, OTHER = "13800001111", "13900002222"
SETTLE = 0.4

Scene = Callable[[Exchange], Awaitable[None]]
SCENES: dict[str, Scene] = {}


def scene(function: Scene) -> Scene:
    SCENES[function.__name__] = function
    return function


async def redirect(on: Exchange, channel: str, context: str, exten: str, **extra: str) -> None:
    where = {"Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}
    await on.ami.action({"Action": "Redirect", **where, **extra})


async def refer(on: Exchange, seat: Call, target: str) -> None:
    """The phone's blind transfer; what becomes of it is for the events to tell."""
    try:
        await seat.refer(f"sip:{target}@{on.sip}", timeout=4)
    except (PhoneError, TimeoutError):
        return


# -------------------------------------------------------------- plain calls


@scene
async def direct(on: Exchange) -> None:
    await on.talk(CITIZEN, "88003")


@scene
async def direct_withheld(on: Exchange) -> None:
    await on.talk(None, "88003")


@scene
async def direct_given_up(on: Exchange) -> None:
    call = await (await on.citizen(CITIZEN)).dial("88003")
    await on.phones["1001"].incoming()
    await call.hangup()


@scene
async def forked(on: Exchange) -> None:
    await on.talk(CITIZEN, "88006", "1002")


@scene
async def peer_hangs_up_then_dialplan_dials_on(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88008")
    await seat.hangup()
    await on.answer("1002")
    await asyncio.sleep(SETTLE)


@scene
async def offline_then_next(on: Exchange) -> None:
    await on.talk(CITIZEN, "88009")


@scene
async def local_optimised(on: Exchange) -> None:
    await on.talk(CITIZEN, "88004")
    await asyncio.sleep(SETTLE)


@scene
async def pickup(on: Exchange) -> None:
    call = await (await on.citizen(CITIZEN)).dial("88003")
    await on.phones["1001"].incoming()
    picker = await on.phones["1002"].dial("*7")
    await picker.answered()
    await call.answered()
    await asyncio.sleep(SETTLE)


@scene
async def originate(on: Exchange) -> None:
    where = {"Context": "phones", "Exten": "1002", "Priority": "1", "CallerID": "Desk <5555>"}
    await on.ami.action({"Action": "Originate", "Channel": "PJSIP/1001", "Async": "true", **where})
    await on.answer("1001")
    await on.answer("1002")
    await asyncio.sleep(SETTLE)


@scene
async def two_calls_interleaved(on: Exchange) -> None:
    _, first = await on.talk(CITIZEN, "88003", "1001")
    second = await (await on.citizen(OTHER)).dial("88006")
    other = await on.answer("1002")
    await second.answered()
    referring = asyncio.create_task(refer(on, first, "1003"))
    await on.answer("1003")
    await asyncio.sleep(SETTLE)
    await other.hangup()
    await referring


# -------------------------------------------------------------- blind


@scene
async def queue_blind_answered(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88001")
    referring = asyncio.create_task(refer(on, seat, "1002"))
    await on.answer("1002")
    await referring
    await asyncio.sleep(SETTLE)


@scene
async def queue_local_blind_answered(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88002")
    referring = asyncio.create_task(refer(on, seat, "1003"))
    await on.answer("1003")
    await referring
    await asyncio.sleep(SETTLE)


@scene
async def blind_busy(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    referring = asyncio.create_task(refer(on, seat, "1002"))
    await (await on.phones["1002"].incoming()).reject(486)
    await referring


@scene
async def blind_declined(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    referring = asyncio.create_task(refer(on, seat, "1002"))
    await (await on.phones["1002"].incoming()).reject(603)
    await referring


@scene
async def blind_no_answer(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    await refer(on, seat, "1002")


@scene
async def blind_abandoned(on: Exchange) -> None:
    call, seat = await on.talk(CITIZEN, "88003")
    referring = asyncio.create_task(refer(on, seat, "1002"))
    await on.phones["1002"].incoming()
    await call.hangup()
    await referring


@scene
async def blind_by_manager(on: Exchange) -> None:
    await on.talk(CITIZEN, "88003")
    where = {"Channel": await on.channel("1001"), "Context": "phones", "Exten": "1002"}
    await on.ami.action({"Action": "BlindTransfer", **where})
    await on.answer("1002")
    await asyncio.sleep(SETTLE)


@scene
async def blind_by_key(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88007")
    await seat.dtmf("#11002")
    await on.answer("1002")
    await asyncio.sleep(SETTLE)


@scene
async def blind_to_queue(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    referring = asyncio.create_task(refer(on, seat, "7000"))
    await on.phones["1002"].incoming()
    await on.answer("1003")
    await referring
    await asyncio.sleep(SETTLE)


@scene
async def blind_to_nowhere(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    await refer(on, seat, "4444")


@scene
async def blind_offline(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    await refer(on, seat, OFFLINE)


@scene
async def blind_twice(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88003")
    referring = asyncio.create_task(refer(on, seat, "1002"))
    second = await on.answer("1002")
    await referring
    await asyncio.sleep(SETTLE)
    referring = asyncio.create_task(refer(on, second, "1003"))
    await on.answer("1003")
    await referring
    await asyncio.sleep(SETTLE)


@scene
async def blind_picked_up(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88005")
    referring = asyncio.create_task(refer(on, seat, "1003"))
    await on.phones["1003"].incoming()
    await asyncio.sleep(0.2)
    where = {"Context": "picker", "Exten": "s", "Priority": "1"}
    await on.ami.action({"Action": "Originate", "Channel": "PJSIP/1002", "Async": "true", **where})
    await on.answer("1002")
    await referring
    await asyncio.sleep(SETTLE)


# -------------------------------------------------------------- attended


@scene
async def attended(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88001")
    await seat.hold()
    consult = await on.phones["1001"].dial("1002")
    await on.answer("1002")
    await consult.answered()
    await asyncio.sleep(SETTLE)
    await seat.refer_attended(consult, timeout=4)
    await asyncio.sleep(SETTLE)


@scene
async def attended_other_way(on: Exchange) -> None:
    """The phone refers the target to the caller, not the caller to the target."""
    _, seat = await on.talk(CITIZEN, "88003")
    await seat.hold()
    consult = await on.phones["1001"].dial("1002")
    await on.answer("1002")
    await consult.answered()
    await asyncio.sleep(SETTLE)
    await consult.refer_attended(seat, timeout=4)
    await asyncio.sleep(SETTLE)


@scene
async def attended_by_key(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88007")
    await seat.dtmf("*21002")
    await on.answer("1002")
    await asyncio.sleep(1)
    await seat.hangup()
    await asyncio.sleep(SETTLE)


@scene
async def attended_by_key_no_answer(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88007")
    await seat.dtmf("*21002")
    await on.phones["1002"].incoming()
    await asyncio.sleep(3.5)


@scene
async def attended_by_key_seat_leaves_early(on: Exchange) -> None:
    _, seat = await on.talk(CITIZEN, "88007")
    await seat.dtmf("*21002")
    ringing = await on.phones["1002"].incoming()
    await asyncio.sleep(SETTLE)
    await seat.hangup()
    await asyncio.sleep(SETTLE)
    await ringing.answer()
    await asyncio.sleep(SETTLE)


# -------------------------------------------------------------- redirect


@scene
async def redirect_answered(on: Exchange) -> None:
    await on.talk(CITIZEN, "88001")
    await redirect(on, await on.channel("trunk"), "phones", "1002")
    await on.answer("1002")
    await asyncio.sleep(SETTLE)


@scene
async def redirect_no_answer_and_back(on: Exchange) -> None:
    await on.talk(CITIZEN, "88003")
    await redirect(on, await on.channel("trunk"), "return", "1002")
    await on.phones["1002"].incoming()
    await on.answer("1001")
    await asyncio.sleep(SETTLE)


@scene
async def redirect_offline_and_back(on: Exchange) -> None:
    await on.talk(CITIZEN, "88003")
    await redirect(on, await on.channel("trunk"), "return", OFFLINE)
    await on.answer("1001")
    await asyncio.sleep(SETTLE)


@scene
async def redirect_abandoned(on: Exchange) -> None:
    call, _ = await on.talk(CITIZEN, "88005")
    await redirect(on, await on.channel("trunk"), "return", "1002")
    await on.phones["1002"].incoming()
    await call.hangup()


@scene
async def redirect_to_locals(on: Exchange) -> None:
    await on.talk(CITIZEN, "88004")
    await redirect(on, await on.channel("trunk"), "return", "7200")
    await (await on.phones["1002"].incoming()).reject(486)
    await on.answer("1003")
    await asyncio.sleep(SETTLE)


@scene
async def redirect_both_and_back(on: Exchange) -> None:
    """Caller and seat are moved; nobody answers; the caller is bridged with the waiting seat again."""
    await on.talk(CITIZEN, "88003")
    caller, seat = await on.channel("trunk"), await on.channel("1001")
    await on.ami.action({"Action": "Setvar", "Channel": caller, "Variable": "SEAT", "Value": seat})
    await redirect(
        on, caller, "held", "1002", ExtraChannel=seat, ExtraContext="held", ExtraExten="s", ExtraPriority="1"
    )
    await on.phones["1002"].incoming()
    await asyncio.sleep(3)


# -------------------------------------------------------------- three-way


async def into_room(on: Exchange) -> None:
    await on.talk(CITIZEN, "88003")
    caller, seat = await on.channel("trunk"), await on.channel("1001")
    where = {"ExtraContext": "phones", "ExtraExten": "9000", "ExtraPriority": "1"}
    await redirect(on, caller, "phones", "9000", ExtraChannel=seat, **where)
    await asyncio.sleep(SETTLE)
    room = {"Context": "phones", "Exten": "9000", "Priority": "1", "CallerID": CITIZEN, "Timeout": "2000"}
    await on.ami.action({"Action": "Originate", "Channel": "PJSIP/1002", "Async": "true", **room})


@scene
async def conference(on: Exchange) -> None:
    await into_room(on)
    await on.answer("1002")
    await asyncio.sleep(1)


@scene
async def conference_no_answer(on: Exchange) -> None:
    await into_room(on)
    await on.phones["1002"].incoming()
    await asyncio.sleep(3)


async def main(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="foreign-") as home:
        async with exchange(Path(home)) as on:
            for name in names or list(SCENES):
                try:
                    async with asyncio.timeout(40), recorded(on, FOLDER / f"{name}.jsonl"):
                        await SCENES[name](on)
                except (PhoneError, TimeoutError, AmiActionFailed, IndexError) as failure:
                    print(f"{name}: {type(failure).__name__} {failure}")
                else:
                    lines = (FOLDER / f"{name}.jsonl").read_bytes().count(b"\n")
                    print(f"{name}: {lines} events")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
