"""A three-way call at each of its steps as the outage begins. Each story: given, when (in the outage), then."""

from __future__ import annotations

from demo.stage import Conversation
from softphones import IncomingCall
from tests.chaos.scene import Act
from tests.chaos.transfers import SILENT, Request, never_started
from tests.support.scenario import (
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    hear_each_other,
    parties_are,
    rung,
    shows_the_caller,
)


async def _joined(act: Act) -> tuple[Conversation, IncomingCall]:
    talk = await act.talk()
    target = await act.rings(talk, mode="conference")
    await target.answer()
    await _all_in(act)
    return talk, target


async def _all_in(act: Act) -> None:
    await parties_are(act.stage, act.record_id, caller="joined", seat="joined", target="joined")


async def _three_hear_each_other(talk: Conversation, target: IncomingCall) -> None:
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))


async def asked_just_now(act: Act) -> None:
    talk = await act.talk()
    asked = Request(act, talk, "conference")
    await asked.as_the_outage_begins()
    if target := await asked.target():
        await target.answer()
        await _three_hear_each_other(talk, target)
    else:
        await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await asked.once_only()

    if target is None and await asked.was_forgotten():
        target = await rung(act.stage, act.target_seat)
        await target.answer()
    if target is not None:
        await _all_in(act)
        await act.stood(state="answered", outcome="answered")
    else:
        await never_started(act, talk)


async def dialling(act: Act) -> None:
    """Nothing is heard of the third: caller and seat talk on."""
    talk = await act.talk()
    await act.nearly()
    act.record_id = (await act.stage.hand_over(talk.call_id, SILENT, mode="conference"))["id"]
    await act.stood(state="redirected")

    await act.about_to_be()
    await act.outage_begins()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await act.outage_over()
    await act.ended(outcome="no_answer", resolution="first_seat")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


async def ringing_and_answers(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk, mode="conference")

    await act.about_to_be()
    await act.outage_begins()
    await target.answer()
    await _three_hear_each_other(talk, target)

    await act.outage_over()
    await _all_in(act)
    record = await act.stood(state="answered", outcome="answered")
    shows_the_caller(target, record, act.caller)
    assert (await act.stage.api.post(f"/v1/handoffs/{act.record_id}/complete")).status_code == 202
    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))


async def ringing_and_refuses(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk, mode="conference")

    await act.about_to_be()
    await act.outage_begins()
    await target.reject(486)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await act.outage_over()
    await act.ended(outcome="busy", resolution="first_seat", sip_code=486)


async def ringing_and_the_caller_hangs_up(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk, mode="conference")

    await act.about_to_be()
    await act.outage_begins()
    await talk.citizen.hangup()
    await talk.seat.ended()

    await act.outage_over()
    await act.ended(outcome="abandoned", resolution="caller_hung_up")
    await target.ended()


async def joining(act: Act) -> None:
    talk = await act.talk()
    target = await act.rings(talk, mode="conference")

    await act.about_to_be()
    await act.outage_begins(target.answer)
    await _three_hear_each_other(talk, target)

    await act.outage_over()
    await _all_in(act)
    await act.stood(state="answered", outcome="answered", target_seat=act.target_seat)


async def joined_and_the_target_leaves(act: Act) -> None:
    talk, target = await _joined(act)

    await act.about_to_be()
    await act.outage_begins()
    await target.hangup()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await act.outage_over()
    await parties_are(act.stage, act.record_id, caller="joined", seat="joined", target="left")
    await talk.citizen.hangup()
    await talk.seat.ended()
    await act.ended(outcome="answered")


async def joined_and_all_leave(act: Act) -> None:
    talk, target = await _joined(act)

    await act.about_to_be()
    await act.outage_begins()
    await talk.citizen.hangup()
    await target.hangup()
    await talk.seat.ended()

    await act.outage_over()
    record = await act.ended(outcome="answered")
    assert record["resolution"]
    assert record["decision"]["automatic"] is True


async def one_held(act: Act) -> None:
    """Who is held stays held; whoever asks for it gets the party back."""
    talk, target = await _joined(act)
    party = f"/v1/conferences/{act.record_id}/participants/target"
    assert (await act.stage.api.post(f"{party}/hold")).status_code == 202

    await act.about_to_be()
    await act.outage_begins()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await act.outage_over()
    await parties_are(act.stage, act.record_id, caller="joined", seat="joined", target="held")
    assert (await act.stage.api.post(f"{party}/unhold")).status_code == 202
    await _three_hear_each_other(talk, target)
    await act.stood(state="answered", outcome="answered")


async def decided(act: Act) -> None:
    """What was acknowledged is on record, however soon the harm came."""
    talk, target = await _joined(act)
    said = {"accepted_by": act.second, "reason": "涉及人身安全"}

    async def decide() -> None:
        reply = await act.stage.api.post(f"/v1/conferences/{act.record_id}/decision", json=said)
        assert reply.status_code == 200, reply.text

    await act.about_to_be()
    await decide()
    await act.outage_begins()
    await _three_hear_each_other(talk, target)

    await act.outage_over()
    record = await act.stood(state="answered", outcome="answered")
    assert record["decision"] is not None
    assert {name: record["decision"][name] for name in said} == said
    again = await act.stage.api.post(f"/v1/conferences/{act.record_id}/decision", json=said)
    assert again.status_code == 409


STORIES = {
    "asked just now": asked_just_now,
    "dialling": dialling,
    "ringing, and it answers": ringing_and_answers,
    "ringing, and it refuses": ringing_and_refuses,
    "ringing, and the caller hangs up": ringing_and_the_caller_hangs_up,
    "joining": joining,
    "joined, and the target leaves": joined_and_the_target_leaves,
    "joined, and all leave": joined_and_all_leave,
    "one held": one_held,
    "decided": decided,
}
