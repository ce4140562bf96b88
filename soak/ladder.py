"""The stories of callers whom the target did not take and whose first seat has gone."""

from __future__ import annotations

import asyncio

from soak.play import Broken, Leg, Play
from soak.sheet import Ask
from soak.stories import must, story, to_target
from softphones import CallGone


async def released(play: Play) -> tuple[Ask, Leg, Leg]:
    """The first seat has gone, so the ladder has to ring. By REFER when the console is of no use."""
    seat = await play.arrive()
    ask, ring = await to_target(play, seat, release="now")
    if ask.via == "api":
        await play.over(seat, "the call of the first seat, which was released")
    else:
        play.still_rings(ring)
        await seat.call.hangup()
        await asyncio.sleep(0.2)
    return ask, ring, seat


@story(3)
async def caller_hangs_up_on_the_ladder(play: Play) -> None:
    ask, ring, seat = await released(play)
    await play.refuse(ring, 486)
    again = await play.rings(seat.ring.station)
    must(ask, "busy", "caller_hung_up")
    await play.caller_hangs_up()
    await play.over(again, "the ringing on the ladder")


@story(3)
async def down_the_ladder_to_a_colleague(play: Play) -> None:
    ask, ring, _ = await released(play)
    await play.refuse(ring, 603)
    must(ask, "rejected", "queue")
    first, colleague = play.desk.seats[:2]
    refusing = play.spawn(refuse_all(play, first))
    taken = await play.rings(colleague, within=15.0)
    refusing.cancel()
    await play.answer(taken)
    await play.goodbye(taken)


async def refuse_all(play: Play, station: str) -> None:
    while True:
        leg = await play.rings(station, within=60.0)
        try:
            await leg.call.reject(486)
        except CallGone:
            continue


@story(3)
async def down_the_ladder_to_a_call_back(play: Play) -> None:
    ask, ring, _ = await released(play)
    refusing = [play.spawn(refuse_all(play, station)) for station in play.desk.seats[:2]]
    await play.refuse(ring, 486)
    must(ask, "busy", "callback_order")
    play.may_end("nobody of the line takes the call: a call back is promised")
    try:
        await play.caller.ended(30.0)
    except TimeoutError:
        raise Broken("nobody took the call, and it did not end with the promise of a call back") from None
    finally:
        for task in refusing:
            task.cancel()
