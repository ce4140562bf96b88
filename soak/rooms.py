"""The stories of three-way calls."""

from __future__ import annotations

import asyncio

from soak.play import Broken, Leg, Play
from soak.sheet import Ask
from soak.stories import must, story, with_the_seat_again

_STANDS_WITHIN = 3.0


async def third_rings(play: Play, seat: Leg) -> tuple[Ask, Leg] | None:
    """None: the service is away, or could not reach Asterisk; caller and seat talk on as before.

    The third may ring all the same, now or later: a caller whose seat left would wait for it.
    """
    ask = await play.click(seat, play.desk.target, mode="conference")
    play.seat_stays = ask is None or ask.id is None
    if ask is None or ask.id is None:
        return None
    try:
        return ask, await play.rings(play.desk.seats[2], ask)
    except Broken:
        play.seat_stays = True
        await play.nothing_rang(seat, ask)
        return None


async def joined(play: Play, seat: Leg, ask: Ask, ring: Leg) -> None:
    """All three are in the room, by what the service shows; by patience while it is away."""
    ask.races = True
    await play.answer(ring, ask)
    ask.races = False
    must(ask, "answered", {"target", "first_seat"})
    loop = asyncio.get_running_loop()
    until = loop.time() + _STANDS_WITHIN
    while loop.time() < until:
        room = await play.console.look(f"/v1/conferences/{ask.id}")
        states = {party["id"]: party["state"] for party in room["participants"]} if room else {}
        if all(states.get(party) == "joined" for party in ("caller", "seat", "target")):
            break
        await asyncio.sleep(0.2)
    if any(call.is_over for call in (play.caller, seat.call, ring.call)):
        raise Broken("somebody is not in the room")
    await play.listen(ring)


@story(4)
async def three_and_the_seat_completes(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    await joined(play, seat, ask, ring)
    if play.rng.random() < 0.4:
        decision = {"accepted_by": play.desk.target, "reason": "涉及人身安全"}
        answer = await play.console.ask("POST", f"/v1/conferences/{ask.id}/decision", decision)
        play.note(f"decision: {answer.status}")
    answer = await play.console.ask("POST", f"/v1/handoffs/{ask.id}/complete")
    play.note(f"complete: {answer.status}")
    if not answer.done:
        await seat.call.hangup()
    await play.over(seat, "the call of the seat, which has completed")
    must(ask, "answered", "target")
    return await play.goodbye(ring)


@story(3)
async def three_and_one_leaves(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    await joined(play, seat, ask, ring)
    leaves = play.rng.choice(["seat", "target", "caller"])
    play.note(f"{leaves} leaves")
    if leaves == "caller":
        await play.caller_hangs_up()
        await asyncio.sleep(0.3)
        await ring.call.hangup()
        return await play.over(seat, "the call of the last one in the room")
    gone, stays = (seat, ring) if leaves == "seat" else (ring, seat)
    await gone.call.hangup()
    must(ask, "answered", "target" if leaves == "seat" else "first_seat")
    await asyncio.sleep(0.3)
    return await play.goodbye(stays)


@story(3)
async def third_refuses(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    await play.refuse(ring, 486)
    must(ask, "busy", "first_seat")
    return await with_the_seat_again(play, seat)


@story(3)
async def third_does_not_answer(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    await play.over(ring, "the ringing of the third")
    must(ask, "no_answer", "first_seat")
    return await with_the_seat_again(play, seat)


@story(3)
async def third_is_called_off(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    answer = await play.console.ask("DELETE", f"/v1/handoffs/{ask.id}")
    play.note(f"cancel: {answer.status}")
    late = not ring.in_time or answer.unclear or not answer.done
    must(ask, {"cancelled", "no_answer"} if late else "cancelled", "first_seat")
    await play.over(ring, "the ringing of the third")
    return await with_the_seat_again(play, seat)


@story(3)
async def caller_leaves_while_the_third_rings(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    play.still_rings(ring)
    must(ask, "abandoned", "caller_hung_up")
    await play.caller_hangs_up()
    await play.over(seat, "the call of the seat")
    return await play.over(ring, "the ringing of the third")


@story(3)
async def caller_on_hold(play: Play) -> None:
    seat = await play.arrive()
    third = await third_rings(play, seat)
    if third is None:
        return await play.goodbye(seat)
    ask, ring = third
    await joined(play, seat, ask, ring)
    for action in ("hold", "unhold"):
        answer = await play.console.ask("POST", f"/v1/conferences/{ask.id}/participants/caller/{action}")
        play.note(f"{action}: {answer.status}")
        await asyncio.sleep(0.4)
    if play.caller.is_over:
        raise Broken("the caller's call ended while on hold")
    must(ask, "answered", "first_seat")
    if not answer.done:  # the caller may be on hold still: left alone there, a seat would be rung again
        await play.caller_hangs_up()
        await ring.call.hangup()
        return await play.over(seat, "the call of the seat")
    await ring.call.hangup()
    await asyncio.sleep(0.3)
    return await play.goodbye(seat)
