"""Re-INVITE, UPDATE, session timers and early media while a caller is being handed over."""

from typing import Any

import pytest

from demo.stage import Conversation, Stage
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    Record,
    ended,
    hear_each_other,
    quietest,
    raw_seat,
    rung,
    settled,
    shows_the_caller,
)
from tests.support.sip_peer import Leg, Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOOR_DBFS = -50.0


async def caller_over_the_raw_trunk(stage: Stage, far: Peer, **headers: str) -> tuple[Leg, Any, str]:
    """A citizen whose switch does as the test says, talking to 12345's first seat; with the call's id."""
    phone = await stage.seat("2101")
    caller = await far.dial("12345", CITIZEN, stage.sip, **headers)
    seat = await phone.incoming()
    await seat.answer()
    await caller.answered
    return caller, seat, await stage.call_of_seat("2101")


async def test_given_a_ringing_target_when_the_callers_switch_holds_and_resumes_then_the_target_can_still_answer(
    stage: Stage, far: Peer
) -> None:
    await stage.seat("1101")
    caller, seat, call_id = await caller_over_the_raw_trunk(stage, far)
    asked = await stage.hand_over(call_id, "110")
    target = await rung(stage, "1101")

    assert (await caller.ask("INVITE", caller.describe("sendonly"))).code == 200
    assert (await caller.ask("INVITE", caller.describe("sendrecv"))).code == 200

    await target.answer()
    await seat.ended()
    await hear_each_other((caller, CITIZEN_TONE), (target, TARGET_TONE))
    record = await settled(stage, asked["id"], outcome="answered", resolution="target")
    shows_the_caller(target, record)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_given_a_ringing_target_when_the_callers_session_is_refreshed_then_nothing_changes(
    stage: Stage, far: Peer, method: str
) -> None:
    await stage.seat("1101")
    timer = {"Session_Expires": "90;refresher=uac", "Supported": "timer"}
    caller, seat, call_id = await caller_over_the_raw_trunk(stage, far, **timer)
    asked = await stage.hand_over(call_id, "110")
    target = await rung(stage, "1101")

    refreshed = await caller.ask(method, caller.describe() if method == "INVITE" else b"", **timer)

    assert refreshed.code == 200
    assert (refreshed.headers.get("Session-Expires") or "").startswith("90")
    assert await quietest(caller, 1.5) > FLOOR_DBFS
    await settled(stage, asked["id"], state="ringing")
    await target.reject(486)
    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    await hear_each_other((caller, CITIZEN_TONE), (seat, SEAT_TONE))


async def test_given_a_caller_on_hold_when_handed_over_then_answered_and_heard_as_soon_as_the_switch_resumes(
    stage: Stage, far: Peer
) -> None:
    await stage.seat("1101")
    caller, seat, call_id = await caller_over_the_raw_trunk(stage, far)
    assert (await caller.ask("INVITE", caller.describe("inactive"))).code == 200

    asked = await stage.hand_over(call_id, "110")

    target = await rung(stage, "1101")
    await target.answer()
    await seat.ended()
    await settled(stage, asked["id"], outcome="answered", resolution="target")
    assert (await caller.ask("INVITE", caller.describe("sendrecv"))).code == 200
    await hear_each_other((caller, CITIZEN_TONE), (target, TARGET_TONE))


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_given_a_waiting_seat_when_its_phone_holds_and_resumes_then_it_has_the_caller_back(
    stage: Stage, direction: str
) -> None:
    await stage.seat("1101")
    async with raw_seat(stage, "2101") as phone:
        caller = await (await stage.citizen(CITIZEN)).dial("12345")
        seat = await phone.incoming()
        seat.answer()
        await caller.answered()
        asked = await stage.hand_over(await stage.call_of_seat("2101"), "110")
        target = await rung(stage, "1101")

        assert (await seat.ask("INVITE", seat.describe(direction))).code == 200
        assert (await seat.ask("INVITE", seat.describe("sendrecv"))).code == 200
        assert (await seat.ask("UPDATE")).code == 200
        await target.reject(486)

        await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
        assert not seat.is_over
        await hear_each_other((caller, CITIZEN_TONE), (seat, SEAT_TONE))


async def test_given_a_seat_that_holds_when_it_presses_a_feature_code_then_the_target_has_the_caller(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    async with raw_seat(stage, "2101") as phone:
        caller = await (await stage.citizen(CITIZEN)).dial("12345")
        seat = await phone.incoming()
        seat.answer()
        await caller.answered()
        assert (await seat.ask("INVITE", seat.describe("sendonly"))).code == 200

        await seat.dtmf("*1")

        target = await rung(stage, "1101")
        await target.answer()
        assert await seat.ended() == "BYE"
        await hear_each_other((caller, CITIZEN_TONE), (target, TARGET_TONE))
        await settled(stage, target.headers["X-Handoff-Id"], outcome="answered", via="key")


async def test_given_an_answered_transfer_when_the_target_holds_then_the_caller_hears_music_and_can_be_handed_on(
    stage: Stage, far: Peer
) -> None:
    await stage.seat("1101")
    caller, seat, call_id = await caller_over_the_raw_trunk(stage, far)
    first = await stage.hand_over(call_id, "110")
    target = await rung(stage, "1101")
    await target.answer()
    await seat.ended()
    await settled(stage, first["id"], outcome="answered")
    await hear_each_other((caller, CITIZEN_TONE), (target, TARGET_TONE))
    await target.hold()
    await target.silence()
    assert await quietest(caller, 1.5) > FLOOR_DBFS

    second = await stage.hand_over(call_id, "12345")

    again = await rung(stage, "2101")
    await again.answer()
    await target.ended()
    await hear_each_other((caller, CITIZEN_TONE), (again, SEAT_TONE))
    await settled(stage, second["id"], outcome="answered", from_line="110", from_seat="1101")


async def asked_over_the_raw_trunk(stage: Stage, far: Peer) -> tuple[Conversation, Record, Leg]:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12123")
    return talk, asked, await far.incoming()


async def test_given_a_target_that_moves_its_media_as_it_answers_then_both_hear_each_other(
    stage: Stage, far: Peer
) -> None:
    talk, asked, target = await asked_over_the_raw_trunk(stage, far)
    target.say(180)
    target.answer()
    await target.confirmed.wait()

    assert (await target.ask("INVITE", target.describe())).code == 200
    assert (await target.ask("UPDATE", target.describe())).code == 200

    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_early_media_when_the_target_is_then_busy_then_the_caller_never_heard_silence(
    stage: Stage, far: Peer
) -> None:
    talk, asked, target = await asked_over_the_raw_trunk(stage, far)

    target.say(183, target.describe())
    await target.play_tone(TARGET_TONE)

    await settled(stage, asked["id"], state="ringing")
    assert await quietest(talk.citizen, 1.5) > FLOOR_DBFS
    target.say(486)
    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat", sip_code=486)
    assert record["caller_seen_by_target"] == target.from_number == CITIZEN
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))


async def test_given_early_media_when_the_target_answers_then_both_hear_each_other(stage: Stage, far: Peer) -> None:
    talk, asked, target = await asked_over_the_raw_trunk(stage, far)
    target.say(183, target.describe())
    await target.play_tone(TARGET_TONE)
    assert await quietest(talk.citizen, 1.2) > FLOOR_DBFS

    target.answer()

    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_early_media_of_a_third_when_it_does_not_answer_then_caller_and_seat_talk_on(
    stage: Stage, far: Peer
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "12124", mode="conference")
    target = await far.incoming()

    target.say(183, target.describe())
    await target.play_tone(TARGET_TONE)

    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    assert not await talk.citizen.hears(TARGET_TONE, within=0.5)
    await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat")
    assert await target.ended() == "CANCEL"
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
