"""On the real Asterisk with real phones: both sides over the whole call, whatever becomes of it."""

import asyncio

import pytest

from demo.stage import Stage
from softphones import IncomingCall
from softphones.tones import level_dbfs
from tests.recording.conftest import FORCE
from tests.support.hearing import PROMPTS, samples, share_heard
from tests.support.recorded import heard, lasted, row_of, second_of, talks
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    ended,
    hear_each_other,
    parties_are,
    rung,
    settled,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANNOUNCEMENT = "handoff-announce"


async def picked_up(stage: Stage, seat: str) -> IncomingCall:
    """As a person does it: who answers within the first 20 ms may be silent in the recording (docs/adr/0009)."""
    ringing = await rung(stage, seat)
    await asyncio.sleep(0.3)
    await ringing.answer()
    return ringing


async def test_given_a_transfer_that_comes_back_and_one_that_is_answered_then_one_recording_has_all_of_it(
    stage: Stage,
) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    refused = await stage.hand_over(talk.call_id, "12345")
    busy = await rung(stage, "2101")
    await asyncio.sleep(len(samples(PROMPTS / f"{ANNOUNCEMENT}.wav")) / 8000 + 0.5)
    await busy.reject(486)
    await ended(stage, refused["id"], outcome="busy", resolution="first_seat")
    await asyncio.sleep(1.0)
    answered = await stage.hand_over(talk.call_id, "12345")
    target = await picked_up(stage, "2101")
    await settled(stage, answered["id"], outcome="answered")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await asyncio.sleep(1.5)
    await talk.end()

    sound = await heard(stage, talk.call_id)

    sound.caller_throughout(CITIZEN_TONE)
    assert sound.others_say(SEAT_TONE, TARGET_TONE) == [SEAT_TONE, TARGET_TONE]
    assert share_heard(sound.others.astype(float), ANNOUNCEMENT) > 0.3
    whole = lasted(sound.row)
    assert whole - 2 < sound.seconds <= whole + 1, "nobody's silence makes it shorter"


async def test_given_a_three_way_call_then_the_caller_is_left_and_both_others_are_right(stage: Stage) -> None:
    await stage.seat("2101")
    talk = await stage.talk(CITIZEN, "110", "1101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    asked = await stage.hand_over(talk.call_id, "12345", mode="conference")
    target = await rung(stage, "2101")
    await target.answer()
    await parties_are(stage, asked["id"], caller="joined", seat="joined", target="joined")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))
    await talk.seat.hangup()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await asyncio.sleep(1.5)
    await talk.end()

    sound = await heard(stage, talk.call_id)

    sound.caller_throughout(CITIZEN_TONE)
    assert sound.others_say(SEAT_TONE, TARGET_TONE) == [SEAT_TONE, TARGET_TONE]
    assert sound.share_of(TARGET_TONE, sound.seconds - 1.0, sound.seconds - 0.2) > 0.7, "to the end"


async def test_given_a_line_that_does_not_record_when_the_call_reaches_one_that_does_then_it_is_recorded_from_there(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    asked = await stage.hand_over(talk.call_id, "110", mode="conference")
    target = await rung(stage, "1101")
    await target.answer()
    await parties_are(stage, asked["id"], caller="joined", seat="joined", target="joined")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))
    await asyncio.sleep(1.0)
    await stage.hang_up_all()

    sound = await heard(stage, talk.call_id)

    sound.caller_throughout(CITIZEN_TONE)
    assert set(sound.others_say(SEAT_TONE, TARGET_TONE)) == {SEAT_TONE, TARGET_TONE}


async def test_given_a_threat_on_a_line_that_does_not_record_when_the_seat_presses_the_key_then_it_is_recorded(
    stage: Stage,
) -> None:
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))

    await talk.seat.dtmf(FORCE)
    await row_of(stage, talk.call_id, "recording")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    await talk.end()

    sound = await heard(stage, talk.call_id)
    sound.caller_throughout(CITIZEN_TONE)
    assert sound.others_say(SEAT_TONE) == [SEAT_TONE]


async def test_given_a_line_that_says_so_then_the_caller_is_told_of_the_recording_before_anybody_is_rung(
    stage: Stage,
) -> None:
    talk = await stage.talk(CITIZEN, "12328", "3281")
    await talk.end()

    sound = await heard(stage, talk.call_id)

    assert share_heard(sound.others.astype(float), "call-recorded") > 0.3


async def test_given_what_the_law_wants_left_out_when_it_is_paused_then_that_part_is_silence_and_says_who_and_why(
    stage: Stage,
) -> None:
    talk = await stage.talk(CITIZEN, "110", "1101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    address = f"/v1/calls/{talk.call_id}/recording"
    paused = await stage.api.post(f"{address}/pause", json={"reason": "银行卡号"})
    assert paused.status_code == 200, paused.text
    assert stage.parts
    await stage.parts.service.kill()
    await asyncio.sleep(1.0)
    await stage.parts.service.start()
    await stage.ready()
    await stage.until(lambda: talks(stage, talk.call_id), 30.0)
    resumed = await stage.api.post(f"{address}/resume")
    assert resumed.status_code == 200, resumed.text
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    await asyncio.sleep(2.0)
    await talk.end()

    sound = await heard(stage, talk.call_id)

    (pause,) = sound.row["pauses"]
    assert (pause["by"], pause["reason"], pause["ended_by"]) == ("admin", "银行卡号", "admin")
    begin, end = (second_of(sound.row, pause[name]) for name in ("began_at", "ended_at"))
    assert end - begin > 1.0
    assert sound.quiet(begin + 0.5, end - 0.5), "also while the service was dead"
    assert level_dbfs(sound.caller[: round(begin * 8000)]) > -40
    assert level_dbfs(sound.caller[round(end * 8000) :]) > -40
    assert sound.share_of(SEAT_TONE, sound.seconds - 1.0, sound.seconds - 0.2) > 0.7
