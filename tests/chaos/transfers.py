"""A transfer at each of its steps as the outage begins. Each story: given, when (in the outage), then (afterwards)."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx

from demo.stage import Conversation
from softphones import IncomingCall
from tests.chaos.scene import Act, Asked
from tests.support.scenario import CITIZEN_TONE, SEAT_TONE, TARGET_TONE, Record, hear_each_other, rung, shows_the_caller

SILENT = "silent"
"""A linked number whose trunk never says anything."""


_NOT_DONE = {"LOST", "FENCED", "Asterisk knows nothing of it", "its command came too late and was not carried out"}


async def asked_just_now(act: Act) -> None:
    """Whatever becomes of the request, there is one handoff, and the same request again is that one."""
    talk = await act.talk()
    asked = Request(act, talk, "transfer")
    await asked.as_the_outage_begins()
    if target := await asked.target():
        await target.answer()
        await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    else:
        await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await asked.once_only()

    if target is None and await asked.was_forgotten():
        target = await rung(act.stage, act.target_seat)
        await target.answer()
    if target is None:
        await never_started(act, talk)
        return
    record = await act.stood(state="answered", outcome="answered", resolution="target")
    shows_the_caller(act.stage.rang(act.record_id)[0], record, act.caller)


async def never_started(act: Act, talk: Conversation) -> None:
    """The caller has stayed with the seat; the record says that it does not know of more."""
    record = await act.ended(outcome="failed", resolution="first_seat")
    said = [step["detail"].get("reason", step["detail"].get("status")) for step in record["timeline"]]
    assert _NOT_DONE & set(said)
    assert act.stage.rang(act.record_id) == []
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


class Request:
    """``POST /v1/handoffs`` that is under way as the outage begins."""

    def __init__(self, act: Act, talk: Conversation, mode: str) -> None:
        self._act = act
        self._body = {"call_id": talk.call_id, "mode": mode, "target": act.second}
        self._headers = {"Idempotency-Key": str(uuid.uuid4())}
        self._command = (
            ("Originate", f"Local/{act.second}@") if mode == "conference" else ("Redirect", f"Exten: {act.second}.")
        )
        self._asking: asyncio.Task[httpx.Response | None] | None = None

    async def as_the_outage_begins(self) -> None:
        act = self._act
        before = self._sent()
        await act.about_to_be()
        if act.outage.asked is Asked.AFTERWARDS:
            await act.outage_begins()
            self._asking = asyncio.create_task(self._ask())
            return

        async def sent() -> bool:
            return self._sent() > before

        self._asking = asyncio.create_task(self._ask())
        await act.stage.until(sent)
        await act.outage_begins()
        if act.outage.asked is Asked.LATE:
            await act.outage_over()

    async def target(self) -> IncomingCall | None:
        """Its phone as it rings; None when the command was not carried out.

        One that comes late may meet the number of a newer link: either is right, and the record has to say which.
        """
        act = self._act
        if act.outage.asked is Asked.LOST:
            return None
        rings = asyncio.create_task(rung(act.stage, act.target_seat))
        if act.outage.asked is Asked.LATE:
            given_up = asyncio.create_task(self._given_up())
            await asyncio.wait((rings, given_up), return_when=asyncio.FIRST_COMPLETED)
            given_up.cancel()
            if not rings.done():
                rings.cancel()
                return None
        return await rings

    async def _given_up(self) -> None:
        """Returns when the record says that nobody was rung."""
        assert self._asking is not None
        asked = await self._asking
        assert asked is not None
        await self._act.stage.handoff_when(asked.json()["id"], state="ended")

    async def once_only(self) -> None:
        """Afterwards: what was answered at first, if anything was, is what the same request is answered again."""
        act = self._act
        if act.outage.asked is not Asked.LATE:
            await act.outage_over()
        assert self._asking is not None
        first = await self._asking
        again = await act.stage.api.post("/v1/handoffs", json=self._body, headers=self._headers)
        if again.status_code == httpx.codes.CONFLICT:  # forgotten, and carried out: nobody is rung twice
            act.record_id = await self._carried_out()
            assert self._not_on_record(), again.text
        else:
            assert again.status_code in (200, 202), again.text
            act.record_id = again.json()["id"]
        assert first is None or first.json()["id"] == act.record_id

    async def was_forgotten(self) -> bool:
        """Whether the same request again is a handoff of its own: a service that has just started knows the key only
        from the database, and does not let a caller wait for that longer than a second. The log says so.
        """
        act = self._act
        record: Record = {}

        async def clear() -> bool:
            record.update(await act.stage.handoff_when(act.record_id))
            return bool(record) and record["state"] in ("ringing", "ended")

        await act.stage.until(clear)
        if record["state"] == "ended":
            return False
        assert self._not_on_record()
        return True

    async def _carried_out(self) -> str:
        """The id of the call's only handoff."""
        found: list[Record] = []

        async def on_record() -> bool:
            page = await self._act.stage.api.get("/v1/handoffs", params={"call_id": self._body["call_id"]})
            found[:] = page.json().get("items", [])
            return bool(found)

        await self._act.stage.until(on_record)
        assert len(found) == 1, found
        return str(found[0]["id"])

    def _not_on_record(self) -> bool:
        log = (self._act.stage.home / "up.log").read_text(encoding="utf-8").splitlines()
        return any("handoff.not_on_record_yet" in line and self._act.record_id in line for line in log)

    async def _ask(self) -> httpx.Response | None:
        try:
            return await self._act.stage.api.post("/v1/handoffs", json=self._body, headers=self._headers)
        except httpx.TransportError:
            return None

    def _sent(self) -> int:
        return self._act.parts.link.sent(*self._command)


async def redirected_and_not_ringing(act: Act) -> None:
    """The target's network says nothing at all: the caller is back with the seat in the end."""
    talk = await act.talk()
    await act.nearly()
    act.record_id = (await act.stage.hand_over(talk.call_id, SILENT))["id"]
    await act.stood(state="redirected")

    await act.about_to_be()
    await act.outage_begins()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), within=12.0)

    await act.outage_over()
    record = await act.ended(outcome="no_answer", resolution="first_seat")
    assert "rings" not in [step["event"] for step in record["timeline"]]


async def ringing_and_answers(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk)

    await act.about_to_be()
    await act.outage_begins()
    await target.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await talk.seat.ended()

    await act.outage_over()
    record = await act.stood(state="answered", outcome="answered", resolution="target", target_seat=act.target_seat)
    shows_the_caller(target, record, act.caller)
    await talk.citizen.hangup()
    await act.ended(outcome="answered", resolution="target")


async def ringing_and_refuses(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk)

    await act.about_to_be()
    await act.outage_begins()
    await target.reject(486)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await act.outage_over()
    record = await act.ended(outcome="busy", resolution="first_seat", sip_code=486)
    shows_the_caller(target, record, act.caller)


async def ringing_and_the_caller_hangs_up(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk)

    await act.about_to_be()
    await act.outage_begins()
    await talk.citizen.hangup()
    await target.ended()
    await talk.seat.ended(8.0)

    await act.outage_over()
    await act.ended(outcome="abandoned", resolution="caller_hung_up")


async def ringing_and_the_seat_takes_the_caller_back(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk)

    await act.about_to_be()
    await act.outage_begins()
    await talk.seat.dtmf("*0")
    await target.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await act.outage_over()
    await act.ended(outcome="cancelled", resolution="first_seat")


async def answering(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk)

    await act.about_to_be()
    await act.outage_begins(target.answer)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))

    await act.outage_over()
    record = await act.stood(state="answered", outcome="answered", resolution="target", target_seat=act.target_seat)
    shows_the_caller(target, record, act.caller)


async def back_on_the_ladder(act: Act) -> None:
    """The first seat was let go at once, and its phone rings again as the outage begins."""
    talk = await act.talk()
    target = await act.rings(talk, release="now")
    await act.nearly()
    await target.reject(486)
    again = await rung(act.stage, act.seat)
    await _rung(act, "ring-seat")

    await act.about_to_be()
    await act.outage_begins()
    await again.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (again, SEAT_TONE))

    await act.outage_over()
    await act.ended(outcome="busy", resolution="first_seat", sip_code=486)


async def in_the_queue(act: Act) -> None:
    """The first seat is gone; a colleague's phone rings as the outage begins."""
    talk = await act.talk()
    colleague = await act.stage.seat(act.colleague)
    target = await act.rings(talk, release="now")
    await talk.seat.ended()
    await act.stage.seat_goes(act.seat)
    await act.nearly()
    await target.reject(486)
    ringing = await colleague.incoming(10.0)
    await _rung(act, "queue")

    await act.about_to_be()
    await act.outage_begins()
    while ringing.is_over:  # the queue rings a phone for 15 s, and again
        ringing = await colleague.incoming(20.0)
    await ringing.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (ringing, SEAT_TONE))

    await act.outage_over()
    await act.ended(outcome="busy", resolution="queue")


async def told_of_the_call_back(act: Act) -> None:
    """Nobody was free: the announcement plays as the outage begins."""
    talk = await act.talk()
    target = await act.rings(talk, release="now")
    await talk.seat.ended()
    await act.stage.seat_goes(act.seat)
    await act.nearly()
    await target.reject(603)
    await act.stage.handoff_when(act.record_id, 20.0, resolution="callback_order")

    await act.about_to_be()
    await act.outage_begins()
    await talk.citizen.ended(15.0)

    await act.outage_over()
    await act.ended(outcome="rejected", resolution="callback_order", sip_code=603)
    await act.call_over(talk.call_id)


async def _rung(act: Act, step: str) -> None:
    async def told() -> bool:
        timeline: list[dict[str, Any]] = (await act.stage.record(act.record_id))["timeline"]
        return any(each["detail"].get("rung") == step for each in timeline)

    await act.stage.until(told)


STORIES = {
    "asked just now": asked_just_now,
    "redirected": redirected_and_not_ringing,
    "ringing, and it answers": ringing_and_answers,
    "ringing, and it refuses": ringing_and_refuses,
    "ringing, and the caller hangs up": ringing_and_the_caller_hangs_up,
    "ringing, and the seat takes the caller back": ringing_and_the_seat_takes_the_caller_back,
    "answering": answering,
    "back on the ladder": back_on_the_ladder,
    "in the queue": in_the_queue,
    "told of the call-back": told_of_the_call_back,
}
