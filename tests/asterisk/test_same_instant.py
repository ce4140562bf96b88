"""Two things at the same instant: whichever is first, there is one outcome, and the phones saw what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from demo.stage import Conversation, Stage
from softphones import CallFailed, CallGone, IncomingCall
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    SEAT_TONE,
    TARGET_TONE,
    Record,
    back_with_the_first_seat,
    ended,
    first_seat_has_the_caller,
    handed_to_110,
    hear_each_other,
    rung,
    seat_is,
    settled,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

Act = Callable[[], Awaitable[Any]]


async def at_once(first: Act, second: Act, lead: float) -> list[Any]:
    """``first`` is ``lead`` seconds before ``second``, after it where negative; what they raised or gave."""

    async def later(act: Act, seconds: float) -> Any:
        await asyncio.sleep(seconds)
        return await act()

    acts = later(first, max(0.0, -lead)), later(second, max(0.0, lead))
    return await asyncio.gather(*acts, return_exceptions=True)


async def somebody_has_the_caller(stage: Stage, talk: Conversation, target: IncomingCall, asked: Record) -> str:
    """Who the record says that it is: that phone's call is up and heard. The outcome."""

    async def decided() -> bool:
        return (await stage.record(asked["id"]))["outcome"] is not None

    await stage.until(decided)
    record = await stage.record(asked["id"])
    try:
        await they_talk(stage, talk, target, record)
    except (AssertionError, TimeoutError, CallGone):
        after = await stage.record(asked["id"])
        if after["resolution"] == record["resolution"]:
            raise
        await they_talk(stage, talk, target, after)  # the caller was cut off as the target answered
    return str((await stage.record(asked["id"]))["outcome"])


async def they_talk(stage: Stage, talk: Conversation, target: IncomingCall, record: Record) -> None:
    """Those of whom the record says it."""
    assert record["outcome"] in ("answered", "cancelled"), record
    assert not talk.citizen.is_over
    if record["outcome"] == "answered" and record["resolution"] == "target":
        await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
        await talk.seat.ended()
    elif record["outcome"] == "answered":  # cut as it answered
        await target.ended()
        await first_seat_has_the_caller(stage, talk, record["id"])
    else:
        await target.ended()
        await back_with_the_first_seat(talk)


async def handoffs_of(stage: Stage, call_id: str) -> list[Record]:
    found: list[Record] = (await stage.api.get("/v1/handoffs", params={"call_id": call_id})).json()["items"]
    return found


async def answered_by(stage: Stage, seat: str, call_id: str) -> IncomingCall | None:
    """Its first ring that has not been called off; None when all the call's handoffs have ended without one."""

    async def all_ended() -> bool:
        return all(record["state"] == "ended" for record in await handoffs_of(stage, call_id))

    while True:
        rings, ended = asyncio.create_task(rung(stage, seat)), asyncio.create_task(stage.until(all_ended))
        await asyncio.wait((rings, ended), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not rings.done():
            rings.cancel()
            return None
        target = await rings
        try:
            await target.answer()
            await target.answered()
        except (CallGone, CallFailed):
            continue
        return target


async def over(stage: Stage) -> None:
    """All is quiet, and nobody looks at the phones that rang as it became so."""
    await stage.hang_up_all()
    for seat in ("1101", "2101"):
        (await stage.seat(seat)).forget_rings()


async def asked_again(stage: Stage) -> tuple[Conversation, Record, IncomingCall]:
    await over(stage)
    return await handed_to_110(stage)


@pytest.mark.parametrize("way", ["api", "key"])
async def test_given_a_ringing_target_when_it_answers_at_the_instant_of_the_cancel_then_exactly_one_of_both(
    stage: Stage, way: str
) -> None:
    """Keys take the time that they sound, so they start earlier."""
    outcomes = []
    for milliseconds in (-60, -30, -15, -8, -4, -2, 0, 2, 4, 8, 15, 30):
        talk, asked, target = await asked_again(stage)
        if way == "api":
            cancel, lead = (lambda asked=asked: stage.api.delete(f"/v1/handoffs/{asked['id']}")), milliseconds
        else:
            cancel, lead = (lambda talk=talk: talk.seat.dtmf("*0")), 320 + 4 * milliseconds

        await at_once(cancel, target.answer, lead / 1000)

        outcomes.append(await somebody_has_the_caller(stage, talk, target, asked))
    assert set(outcomes) <= {"answered", "cancelled"}


async def test_given_a_talk_when_the_caller_hangs_up_at_the_instant_of_the_click_then_nothing_rings_on(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    for milliseconds in (-20, -10, -5, 0, 5, 10, 20, 40):
        await over(stage)
        talk = await stage.talk(CITIZEN, "12345", "2101")

        clicked, _ = await at_once(
            lambda talk=talk: stage.hand_over(talk.call_id, "110"), talk.citizen.hangup, milliseconds / 1000
        )

        await talk.seat.ended()
        await stage.quiet()
        if isinstance(clicked, httpx.HTTPStatusError):
            assert clicked.response.status_code in (404, 409)
        else:
            await ended(stage, clicked["id"], outcome="abandoned", resolution="caller_hung_up")
        await stage.until(lambda: seat_is(stage, "1101", "idle"))


async def test_given_a_talk_when_the_seat_hangs_up_at_the_instant_of_the_click_then_over_or_handed_over(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    for milliseconds in (-10, 0, 10, 30):
        await over(stage)
        talk = await stage.talk(CITIZEN, "12345", "2101")
        await asyncio.sleep(1.1)

        clicked, _ = await at_once(
            lambda talk=talk: stage.hand_over(talk.call_id, "110"), talk.seat.hangup, milliseconds / 1000
        )

        police = await stage.seat("1101")
        rings, over_now = asyncio.create_task(police.incoming()), asyncio.create_task(talk.citizen.ended())
        await asyncio.wait((rings, over_now), return_when=asyncio.FIRST_COMPLETED)
        over_now.cancel()
        if talk.citizen.is_over:
            rings.cancel()
            await stage.quiet()
            if isinstance(clicked, dict):
                assert (await ended(stage, clicked["id"]))["outcome"] is not None
            continue
        target = await rings
        await target.answer()
        await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
        await settled(stage, clicked["id"], outcome="answered")


async def test_given_two_clicks_for_two_targets_at_once_then_one_is_taken_and_the_other_refused(stage: Stage) -> None:
    await stage.seat("1101")
    outside = await stage.outside()
    talk = await stage.talk(CITIZEN, "12345", "2101")

    clicks = await at_once(
        lambda: stage.hand_over(talk.call_id, "110"), lambda: stage.hand_over(talk.call_id, "120"), 0.0
    )

    started = [click for click in clicks if isinstance(click, dict)]
    refused = [click.response.status_code for click in clicks if isinstance(click, httpx.HTTPStatusError)]
    assert (len(started), refused) == (1, [409])
    target = await (rung(stage, "1101") if started[0]["target"] == "110" else outside.incoming())
    await target.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, started[0]["id"], outcome="answered")


async def test_given_a_feature_code_and_a_click_at_once_then_one_has_the_caller_and_both_have_an_outcome(
    stage: Stage,
) -> None:
    """The target, once; or the seat again, where the second of the two found the target's phone still ringing."""
    for milliseconds in (250, 320, 390):
        await over(stage)
        await stage.seat("1101")
        talk = await stage.talk(CITIZEN, "12345", "2101")

        await at_once(
            lambda talk=talk: talk.seat.dtmf("*1"),
            lambda talk=talk: stage.hand_over(talk.call_id, "110"),
            milliseconds / 1000,
        )

        await asyncio.sleep(1.0)  # for the later of the two to have its say
        target = await answered_by(stage, "1101", talk.call_id)
        if target is None:
            await back_with_the_first_seat(talk)
        else:
            await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
            await settled(stage, target.headers["X-Handoff-Id"], outcome="answered", resolution="target")
        await talk.citizen.hangup()
        await stage.quiet()
        outcomes = [(await ended(stage, record["id"]))["outcome"] for record in await handoffs_of(stage, talk.call_id)]
        assert outcomes.count("answered") == (0 if target is None else 1)
        assert None not in outcomes


async def test_given_a_waiting_seat_when_it_presses_other_keys_then_nothing_happens_until_star_0(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)

    await talk.seat.dtmf("5#19*7")

    await asyncio.sleep(0.3)
    assert not target.is_over
    await settled(stage, asked["id"], state="ringing")
    await asyncio.sleep(0.5)
    await talk.seat.dtmf("*0")
    assert (await target.ended()).by == "peer"
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)


async def test_given_a_waiting_seat_when_it_presses_star_0_twice_then_the_caller_is_back_once(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)

    await talk.seat.dtmf("*0*0")

    assert (await target.ended()).by == "peer"
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)


async def test_given_a_feature_code_pressed_twice_quickly_then_one_handoff_and_the_target_rings_once(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")

    await talk.seat.dtmf("*1*1")

    target = await rung(stage, "1101")
    await settled(stage, target.headers["X-Handoff-Id"], state="ringing")
    await asyncio.sleep(0.5)
    assert not target.is_over
    assert [record["state"] for record in await handoffs_of(stage, talk.call_id)] == ["ringing"]
    await target.answer()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))


async def test_given_a_cancel_by_key_and_by_click_at_once_then_the_caller_is_back_once(stage: Stage) -> None:
    talk, asked, target = await handed_to_110(stage)

    await at_once(lambda: talk.seat.dtmf("*0"), lambda: stage.api.delete(f"/v1/handoffs/{asked['id']}"), 0.32)

    assert (await target.ended()).by == "peer"
    await ended(stage, asked["id"], outcome="cancelled", resolution="first_seat")
    await back_with_the_first_seat(talk)
    again = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")
    await target.answer()
    await settled(stage, again["id"], outcome="answered")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, SEAT_TONE))
