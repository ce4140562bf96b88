"""One-key transfer on the real Asterisk: one test for each outcome."""

import asyncio
import os
import signal

import pytest

from demo.stage import Stage
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    TARGET_TONE,
    Record,
    back_with_the_first_seat,
    ended,
    events,
    handed_to_110,
    hear_each_other,
    rung,
    settled,
    shows_the_caller,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_a_talk_when_the_target_answers_then_the_outcome_is_answered(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)
    assert (asked["outcome"], asked["resolution"]) == (None, None)
    await settled(stage, asked["id"], state="ringing", outcome=None, target_seat="1101")

    await target.answer()

    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    record = await settled(stage, asked["id"], state="answered", outcome="answered", resolution="target")
    shows_the_caller(target, record)
    assert record["target_channel"].startswith("PJSIP/1101-")
    assert (record["mode"], record["via"], record["from_line"], record["from_seat"]) == (
        "transfer",
        "api",
        "12345",
        "2101",
    )
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["first_line"], call["line"], call["seat"], call["state"]) == ("12345", "110", "1101", "talking")

    await talk.citizen.hangup()
    await target.ended()
    record = await ended(stage, asked["id"], outcome="answered", resolution="target", hangup_cause=None, sip_code=None)
    assert events(record) == ["started", "rings", "answers", "caller_gone"]
    spans = record["durations_ms"]
    assert 0 <= spans["to_ringing"] <= spans["to_answer"] <= spans["total"]
    assert spans["talking"] > 0


async def test_given_an_answered_transfer_when_the_target_hangs_up_then_the_caller_is_let_go_and_it_is_ended(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)
    await target.answer()
    await talk.seat.ended()
    await asyncio.sleep(1.1)  # what is over sooner was no talk: see test_answers_that_do_not_last.py

    await target.hangup()

    await talk.citizen.ended()
    record = await ended(stage, asked["id"], outcome="answered", resolution="target")
    assert events(record) == ["started", "rings", "answers", "caller_gone"]


async def test_given_a_ringing_target_when_it_says_486_then_busy_and_the_caller_is_back(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)

    await target.reject(486)

    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat", sip_code=486, hangup_cause=17)
    shows_the_caller(target, record)
    assert events(record) == ["started", "rings", "fails", "rung", "served"]
    await back_with_the_first_seat(talk)


async def test_given_all_seats_of_the_target_talk_when_handed_over_then_busy_without_ringing(stage: Stage) -> None:
    other = await stage.talk("13900002222", "110", "1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    asked = await stage.hand_over(talk.call_id, "110")

    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat", caller_seen_by_target=None)
    assert events(record) == ["started", "fails", "rung", "served"]
    await back_with_the_first_seat(talk)
    await hear_each_other((other.citizen, 980.0), (other.seat, TARGET_TONE))


async def test_given_a_target_that_rings_out_then_no_answer_and_the_caller_is_back(stage: Stage) -> None:
    await stage.seat("3281")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    asked = await stage.hand_over(talk.call_id, "12328")

    target = await rung(stage, "3281")
    record = await ended(stage, asked["id"], outcome="no_answer", resolution="first_seat", sip_code=None)
    shows_the_caller(target, record)
    assert (await target.ended()).by == "peer"
    assert 2900 <= record["durations_ms"]["total"] < 30_000, "its own limit, and not that of another line"
    await back_with_the_first_seat(talk)


@pytest.mark.parametrize(("status", "cause"), [(603, 21), (403, 21)])
async def test_given_a_ringing_target_when_it_declines_then_rejected_and_the_caller_is_back(
    stage: Stage, status: int, cause: int
) -> None:
    talk, asked, target = await handed_to_110(stage)

    await target.reject(status)

    record = await ended(stage, asked["id"], outcome="rejected", resolution="first_seat")
    assert (record["sip_code"], record["hangup_cause"]) == (status, cause)
    await back_with_the_first_seat(talk)


async def test_given_no_phone_of_the_target_is_registered_then_unreachable_and_the_caller_is_back(stage: Stage) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")

    asked = await stage.hand_over(talk.call_id, "110")

    record = await ended(stage, asked["id"], outcome="unreachable", resolution="first_seat", target_channel=None)
    assert events(record) == ["started", "fails", "rung", "served"]
    await back_with_the_first_seat(talk)


async def test_given_a_target_over_the_trunk_when_it_says_503_then_unreachable_and_the_caller_is_back(
    stage: Stage,
) -> None:
    outside = await stage.outside()
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "120")

    await (await outside.incoming()).reject(503)

    await ended(stage, asked["id"], outcome="unreachable", resolution="first_seat", sip_code=503)
    await back_with_the_first_seat(talk)


async def test_given_a_ringing_target_when_the_caller_hangs_up_then_abandoned_and_nothing_rings_on(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)

    await talk.citizen.hangup()

    assert (await target.ended()).by == "peer"
    record = await ended(stage, asked["id"], outcome="abandoned", resolution="caller_hung_up")
    shows_the_caller(target, record)
    assert events(record) == ["started", "rings", "caller_gone"]
    await talk.seat.ended()


async def test_given_a_ringing_target_when_cancelled_by_the_api_then_cancelled_and_the_caller_is_back(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)

    reply = await stage.api.delete(f"/v1/handoffs/{asked['id']}")

    assert reply.status_code == 202
    assert (await target.ended()).by == "peer"
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)
    assert (await stage.api.delete(f"/v1/handoffs/{asked['id']}")).status_code == 409


async def test_given_a_ringing_target_when_the_waiting_seat_presses_star_0_then_cancelled_and_the_caller_is_back(
    stage: Stage,
) -> None:
    talk, asked, target = await handed_to_110(stage)
    await asyncio.sleep(0.3)

    await talk.seat.dtmf("*0")

    assert (await target.ended()).by == "peer"
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)


async def test_given_asterisk_hangs_as_it_is_asked_then_it_is_done_once_or_not_at_all_and_the_record_says_which(
    stage: Stage,
) -> None:
    phone = await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asterisk = int((stage.home / "run/asterisk.pid").read_text(encoding="ascii"))
    os.kill(asterisk, signal.SIGSTOP)
    try:
        asked = await stage.hand_over(talk.call_id, "110")
        assert (asked["state"], asked["outcome"]) == ("unknown", None)
    finally:
        os.kill(asterisk, signal.SIGCONT)

    record: Record = {}

    async def known() -> bool:
        record.update(await stage.record(asked["id"]))
        return record["state"] in ("ringing", "ended")

    await stage.until(known)
    if record["state"] == "ended":  # a newer link was faster: the command came too late
        assert (record["outcome"], record["resolution"], record["caller_seen_by_target"]) == (
            "failed",
            "first_seat",
            None,
        )
        await back_with_the_first_seat(talk)
        asked = await stage.hand_over(talk.call_id, "110")
    target = await phone.incoming()
    await target.answer()
    record = await settled(stage, asked["id"], outcome="answered")
    shows_the_caller(target, record)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))


async def test_given_a_cancelled_transfer_when_handed_over_again_then_it_works(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)
    await stage.api.delete(f"/v1/handoffs/{asked['id']}")
    await target.ended()
    await ended(stage, asked["id"], outcome="cancelled")

    second = await stage.hand_over(talk.call_id, "110")

    again = await rung(stage, "1101")
    await again.answer()
    await talk.seat.ended()
    record = await settled(stage, second["id"], outcome="answered", resolution="target")
    shows_the_caller(again, record)
    await hear_each_other((talk.citizen, CITIZEN_TONE), (again, TARGET_TONE))
