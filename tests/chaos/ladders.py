"""The ladder from its top to its end in an outage, and a call that goes to and fro until the hop counter ends it."""

from __future__ import annotations

import asyncio

import httpx

from softphones import IncomingCall
from tests.chaos.scene import Act
from tests.support.hearing import announced
from tests.support.scenario import CITIZEN_TONE, SEAT_TONE, hear_each_other, rung

_ANNOUNCED_SECONDS, _BACK_SECONDS = 3.0, 4.5
HOPS = 5
"""How often a call is handed over and taken before it is not any more."""


async def down_the_whole_ladder(act: Act) -> None:
    """The target and the first seat refuse, the queue has nobody: at each rung the caller is told so."""
    talk = await act.talk()
    heard = act.stage.home / f"heard-{act.outage.name}.wav"
    await talk.citizen.record(str(heard))
    target = await act.rings(talk, release="now")

    await act.about_to_be()
    await act.outage_begins()
    await asyncio.sleep(_ANNOUNCED_SECONDS)
    await target.reject(486)
    again = await rung(act.stage, act.seat)
    await asyncio.sleep(_BACK_SECONDS)
    await again.reject(486)
    in_the_queue = await rung(act.stage, act.seat)
    await talk.citizen.ended(30.0)
    await in_the_queue.ended()

    await act.outage_over()
    record = await act.ended(outcome="busy", resolution="callback_order", sip_code=486)
    rungs = [step["detail"].get("rung", step["event"]) for step in record["timeline"]]
    assert [rung for rung in rungs if rung in ("ring-seat", "queue", "call_back")] == [
        "ring-seat",
        "queue",
        "call_back",
    ]
    told = ("handoff-announce", "handoff-back", "handoff-queue", "callback-promised")
    assert announced(heard, *told) == list(told)


async def to_and_fro(act: Act) -> None:
    """Two lines hand a call to each other with the feature codes: the last press leaves it where it is."""
    talk = await act.talk()
    holder, line = talk.seat, act.first
    there = {act.first: act.second, act.second: act.first}
    seat_of = {act.first: act.seat, act.second: act.target_seat}

    await act.about_to_be()
    await act.outage_begins()
    handoffs = []
    for _ in range(HOPS):
        taken = await _pressed(act, holder, there[line], seat_of[there[line]])
        await hear_each_other((talk.citizen, CITIZEN_TONE), (taken, SEAT_TONE))
        handoffs.append(taken.headers["X-Handoff-Id"])
        holder, line = taken, there[line]
    await holder.dtmf(f"*{there[line]}")
    await asyncio.sleep(2.0)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (holder, SEAT_TONE))

    await act.outage_over()
    ids: set[str] = set()

    async def all_on_record() -> bool:
        reply = await act.stage.api.get("/v1/handoffs", params={"call_id": talk.call_id})
        if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False  # the database is just coming back
        ids.update(each["id"] for each in reply.raise_for_status().json()["items"])
        return len(ids) > HOPS

    await act.stage.until(all_on_record)
    assert len(ids) == HOPS + 1
    for act.record_id in handoffs:
        await act.ended(outcome="answered", resolution="target", via="key")
    (act.record_id,) = ids - set(handoffs)
    await act.ended(outcome="rejected", resolution="first_seat", via="key")
    assert act.stage.rang(act.record_id) == []


async def _pressed(act: Act, holder: IncomingCall, line: str, seat: str) -> IncomingCall:
    await holder.dtmf(f"*{line}")
    taken = await rung(act.stage, seat)
    await taken.answer()
    await holder.ended()
    return taken


STORIES = {"down the whole ladder": down_the_whole_ladder, "to and fro": to_and_fro}
