"""Asterisk itself dies, and its calls with it: what is on record of them, and that people can call again."""

from __future__ import annotations

from tests.chaos.scene import Act
from tests.chaos.transfers import Request
from tests.support.scenario import CITIZEN_TONE, SEAT_TONE, Record, hear_each_other, parties_are

REASON = "asterisk-restarted"


async def _lost(act: Act, call_id: str, **wanted: object) -> Record:
    record = await act.ended(**wanted)
    assert record["timeline"][-1]["detail"]["reason"] == REASON
    await act.call_over(call_id)
    return record


async def asked_just_now(act: Act) -> None:
    talk = await act.talk()
    asked = Request(act, talk, "transfer")
    await asked.as_the_outage_begins()
    await asked.once_only()
    await _lost(act, talk.call_id, outcome="failed")


async def ringing(act: Act) -> None:
    talk = await act.talk()
    await act.rings(talk)
    await act.about_to_be()
    await act.outage_begins()
    await act.outage_over()
    await _lost(act, talk.call_id, outcome="failed")


async def back_on_the_ladder(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk, release="now")
    await act.nearly()
    await target.reject(486)
    await act.stage.handoff_when(act.record_id, sip_code=486)
    await act.about_to_be()
    await act.outage_begins()
    await act.outage_over()
    await _lost(act, talk.call_id, outcome="busy")


async def answered(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk)
    await target.answer()
    await act.stage.handoff_when(act.record_id, state="answered")
    await act.about_to_be()
    await act.outage_begins()
    await act.outage_over()
    await _lost(act, talk.call_id, outcome="answered", resolution="target")


async def joined(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk, mode="conference")
    await target.answer()
    await parties_are(act.stage, act.record_id, caller="joined", seat="joined", target="joined")
    await act.about_to_be()
    await act.outage_begins()
    await act.outage_over()
    record = await _lost(act, talk.call_id, outcome="answered")
    assert record["decision"]["automatic"] is True


async def calling_again(act: Act) -> None:
    """The phones sign in again by themselves; here they are told to, since their next time is minutes away."""
    talk = await act.talk()
    await act.about_to_be()
    await act.outage_begins()
    await act.outage_over()
    for seat in (act.seat, act.target_seat):
        await act.stage.seat_goes(seat)
    again = await act.talk()
    assert again.call_id != talk.call_id
    await hear_each_other((again.citizen, CITIZEN_TONE), (again.seat, SEAT_TONE))
    target = await act.rings(again)
    await target.answer()
    await act.stood(state="answered", outcome="answered", resolution="target", target_seat=act.target_seat)


STORIES = {
    "asked just now": asked_just_now,
    "ringing": ringing,
    "back on the ladder": back_on_the_ladder,
    "answered": answered,
    "joined": joined,
    "calling again": calling_again,
}
