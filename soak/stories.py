"""The stories of one transfer. Each is what people do with their phones, and what the record must say after that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from soak.play import Broken, Leg, Play
from soak.sheet import Ask
from soak.site import OFF_CODE, OFF_LINE, OUTSIDE_CODE, OUTSIDE_NUMBER
from softphones import CallGone, PhoneError, ReferFailed

Act = Callable[[Play], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    weight: int
    act: Act


STORIES: list[Story] = []

REFUSALS = {
    486: "busy",
    600: "busy",
    403: "rejected",
    603: "rejected",
    480: "no_answer",
    408: "no_answer",
    404: "unreachable",
    488: "unreachable",
    500: "unreachable",
    503: "unreachable",
}
"""What a phone's SIP answer (RFC 3261 section 21) means for the caller."""


def story(weight: int) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        name = getattr(act, "__name__", "?").replace("_", " ")
        STORIES.append(Story(name, weight, act))
        return act

    return keep


def must(ask: Ask, outcome: str | set[str], resolution: str | set[str]) -> None:
    ask.outcomes = frozenset({outcome} if isinstance(outcome, str) else outcome)
    ask.resolutions = frozenset({resolution} if isinstance(resolution, str) else resolution)


async def to_target(play: Play, seat: Leg, **how: str) -> tuple[Ask, Leg]:
    """By click or by key, as it falls, unless ``how`` is said."""
    target, code, station = play.desk.target, play.desk.target_code, play.desk.seats[2]
    if not how and play.rng.random() < 0.3:
        ask = await play.key(seat, target, code)
        return ask, await play.rings(station, ask)
    return await play.hand_over(seat, station, target, code, **how)


async def answered_by(play: Play, seat: Leg, ask: Ask, ring: Leg) -> None:
    """The target answers, and the first seat is let go."""
    await play.answer(ring, ask)
    must(ask, "answered", "target")
    await play.over(seat, f"the call of {seat.ring.station}, which is free now")


@story(12)
async def answered(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await answered_by(play, seat, ask, ring)
    await play.goodbye(ring)


@story(3)
async def target_hangs_up_as_it_answers(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await play.answer(ring, ask)
    must(ask, "answered", "first_seat")
    await ring.call.hangup()
    await asyncio.sleep(0.5)
    if not seat.call.is_over:  # it was faster than the seat's release
        return await play.goodbye(seat)
    again = await play.rings(seat.ring.station)
    await play.answer(again)
    return await play.goodbye(again)


@story(8)
async def refused(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    status = play.rng.choice(list(REFUSALS))
    await play.refuse(ring, status)
    must(ask, REFUSALS[status], "first_seat")
    await with_the_seat_again(play, seat)


async def with_the_seat_again(play: Play, seat: Leg) -> None:
    if seat.call.is_over:
        raise Broken("the first seat, who waited, has no call any more")
    await play.goodbye(seat)


@story(4)
async def refused_and_asked_again(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await play.refuse(ring, 486)
    must(ask, "busy", "first_seat")
    await play.connected(seat)
    again, ring = await to_target(play, seat)
    await answered_by(play, seat, again, ring)
    await play.goodbye(ring)


@story(5)
async def nobody_answers(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await play.over(ring, "the ringing")
    must(ask, "no_answer", "first_seat")
    await with_the_seat_again(play, seat)


@story(3)
async def nobody_is_there(play: Play) -> None:
    seat = await play.arrive()
    ask = await play.click(seat, OFF_LINE) or await play.key(seat, OFF_LINE, OFF_CODE)
    # nobody hears whether it was tried: over a link that is stalled the caller may hang up before it is
    must(ask, {"unreachable", "abandoned"}, {"first_seat", "caller_hung_up"})
    await asyncio.sleep(0.7)
    await with_the_seat_again(play, seat)


@story(4)
async def taken_back_on_the_console(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat, release="on_answer")
    if ask.via != "api":
        return await taken_back(play, seat, ask, ring)
    answer = await play.console.ask("DELETE", f"/v1/handoffs/{ask.id}")
    play.note(f"cancel: {answer.status}")
    if answer.status is None and not ring.call.is_over:
        return await taken_back(play, seat, ask, ring)
    late = not ring.in_time or answer.unclear or not answer.done
    must(ask, {"cancelled", "no_answer"} if late else "cancelled", "first_seat")
    await play.over(ring, "the ringing")
    return await with_the_seat_again(play, seat)


async def taken_back(play: Play, seat: Leg, ask: Ask, ring: Leg) -> None:
    await asyncio.sleep(0.2)
    play.still_rings(ring)
    await seat.call.dtmf("*0")
    late = time_is_short(ring)
    must(ask, {"cancelled", "no_answer"} if late else "cancelled", "first_seat")
    await play.over(ring, "the ringing")
    await with_the_seat_again(play, seat)


def time_is_short(ring: Leg) -> bool:
    return not ring.in_time or ring.call.is_over


@story(4)
async def taken_back_by_star_0(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await taken_back(play, seat, ask, ring)


@story(4)
async def taken_back_as_the_target_answers(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    play.still_rings(ring)
    ask.races = True
    # an answer that was cut by *0 has the first seat rung again, and the caller may not wait for it
    must(ask, {"answered", "cancelled", "no_answer"}, {"target", "first_seat", "caller_hung_up"})
    await asyncio.sleep(play.rng.uniform(0.0, 0.3))
    pressing = play.spawn(seat.call.dtmf("*0"))
    try:
        await asyncio.sleep(play.rng.uniform(0.0, 0.4))
        await ring.call.answer()
    except PhoneError:
        play.note("the ringing was over")
    await asyncio.gather(pressing, return_exceptions=True)
    await asyncio.sleep(0.7)
    if play.caller.is_over:
        raise Broken("the caller is with nobody")
    await play.goodbye(seat if not seat.call.is_over else ring)


@story(6)
async def caller_hangs_up_while_it_rings(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await asyncio.sleep(play.rng.uniform(0.0, 0.5))
    play.still_rings(ring)
    must(ask, "abandoned", "caller_hung_up")
    await play.caller_hangs_up()
    await play.over(ring, "the ringing")
    await play.over(seat, "the call of the first seat")


@story(3)
async def caller_hangs_up_as_the_target_answers(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    play.still_rings(ring)
    ask.races = True
    must(ask, {"answered", "abandoned"}, {"target", "caller_hung_up"})
    leaving = play.spawn(play.caller_hangs_up())
    try:
        await ring.call.answer()
    except CallGone:
        play.note("the ringing was over")
    await leaving
    await play.over(ring, "the call of the target")
    await play.over(seat, "the call of the first seat")


@story(4)
async def first_seat_leaves_and_the_target_answers(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await asyncio.sleep(0.1)
    play.still_rings(ring)
    await seat.call.hangup()
    await asyncio.sleep(play.rng.uniform(0.1, 0.4))
    await play.answer(ring, ask)
    must(ask, "answered", "target")
    await play.goodbye(ring)


@story(4)
async def first_seat_leaves_and_is_rung_again(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat)
    await asyncio.sleep(0.1)
    play.still_rings(ring)
    await seat.call.hangup()
    await asyncio.sleep(0.2)
    await play.refuse(ring, 486)
    must(ask, "busy", "first_seat")
    again = await play.rings(seat.ring.station)
    await play.answer(again)
    await play.goodbye(again)


@story(5)
async def released_at_once(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await to_target(play, seat, release="now")
    if ask.via == "api":
        await play.over(seat, "the call of the first seat, which was released")
    await play.answer(ring, ask)
    must(ask, "answered", "target")
    await play.goodbye(ring)


@story(4)
async def referred(play: Play) -> None:
    seat = await play.arrive()
    ask = play.asks("refer", play.desk.target)
    referring = play.spawn(refer(seat, play.desk.target))
    ring = await play.rings(play.desk.seats[2], ask)
    await play.answer(ring, ask)
    must(ask, "answered", "target")
    await play.over(seat, "the call of the seat that referred")
    await referring
    await play.goodbye(ring)


async def refer(seat: Leg, target: str) -> None:
    with suppress(ReferFailed):  # the phone may not be told how it went on
        await seat.call.refer(target)


@story(3)
async def referred_and_refused(play: Play) -> None:
    seat = await play.arrive()
    ask = play.asks("refer", play.desk.target)
    play.spawn(refer(seat, play.desk.target))
    ring = await play.rings(play.desk.seats[2], ask)
    await play.refuse(ring, 486)
    must(ask, "busy", "first_seat")
    again = await play.rings(seat.ring.station)
    await play.answer(again)
    await play.goodbye(again)


@story(5)
async def over_the_trunk(play: Play) -> None:
    seat = await play.arrive()
    ask, ring = await play.hand_over(seat, OUTSIDE_NUMBER, OUTSIDE_NUMBER, OUTSIDE_CODE)
    if play.rng.random() < 0.6:
        await answered_by(play, seat, ask, ring)
        await play.goodbye(ring)
    else:
        await play.refuse(ring, 486)
        must(ask, "busy", "first_seat")
        await with_the_seat_again(play, seat)


@story(4)
async def two_phones_of_the_target(play: Play) -> None:
    seat = await play.arrive()
    one, other = play.desk.seats[3:]
    ask, ring = await play.hand_over(seat, one, play.desk.pair, play.desk.pair_code)
    second = await play.rings(other, ask)
    taken, left = (ring, second) if play.rng.random() < 0.5 else (second, ring)
    await answered_by(play, seat, ask, taken)
    await play.over(left, "the ringing of the other phone")
    await play.goodbye(taken)


@story(5)
async def handed_on_and_back(play: Play) -> None:
    seat = await play.arrive()
    ask, middle = await to_target(play, seat)
    await answered_by(play, seat, ask, middle)
    again = await play.click(middle, play.desk.line)
    if again is None or again.id is None:
        return await play.goodbye(middle)
    try:
        ring = await play.rings(play.desk.seats[0], again)
    except Broken:
        await play.nothing_rang(middle, again)
        return await play.goodbye(middle)
    if play.rng.random() < 0.5:
        await answered_by(play, middle, again, ring)
        return await play.goodbye(ring)
    colleague = await play.rings(play.desk.seats[1], again)
    await asyncio.gather(play.refuse(ring, 486), play.refuse(colleague, 486))
    must(again, "busy", "first_seat")
    return await with_the_seat_again(play, middle)


@story(4)
async def clicked_again_and_again(play: Play) -> None:
    """The same key twice at once, the same key afterwards, and a second click with another: one phone rings once."""
    seat = await play.arrive()
    call_id = await play.call_id(seat)
    if call_id is None:
        return await play.goodbye(seat)
    ask = play.asks("api", play.desk.target, key=f"again-{play.sheet.serial}-{play.sheet.caller}")
    body = {"call_id": call_id, "mode": "transfer", "target": play.desk.target}
    answers = await asyncio.gather(*(play.console.hand_over(body, ask.key) for _ in range(3)))
    ids = {answer.body["id"] for answer in answers if answer.done}
    play.note(f"console: {[answer.status for answer in answers]} {ids}")
    if len(ids) > 1:
        raise Broken(f"one key has started {len(ids)} handoffs")
    if not ids:
        ask.unclear = True
        return await play.goodbye(seat)
    ask.id = ids.pop()
    try:
        ring = await play.rings(play.desk.seats[2], ask)
    except Broken:
        await play.nothing_rang(seat, ask)
        return await play.goodbye(seat)
    second = await play.console.hand_over(body)
    if second.done and second.body["outcome"] != "failed":
        play.asks("api", play.desk.target, id=second.body["id"])
        play.still_rings(ring)  # else the first was over by then
        raise Broken("a second click has started a second handoff")
    await answered_by(play, seat, ask, ring)
    await asyncio.sleep(play.rng.uniform(0.0, 1.0))
    late = await play.console.hand_over(body, ask.key)
    if late.done and late.body["id"] != ask.id:
        raise Broken("the same key has given another handoff")
    return await play.goodbye(ring)
