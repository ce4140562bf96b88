"""Caller numbers as trunks really deliver them, through a handoff: what the target's phone shows, what is on record."""

import pytest

from demo.stage import Stage
from softphones import CallFailed, PhoneHost
from tests.support.scenario import CITIZEN, ended, rung, settled, shows_the_caller

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("number", "e164"),
    [
        ("13800001111", "+8613800001111"),
        ("02112345678", "+862112345678"),
        ("+8613800001111", "+8613800001111"),
        ("008613800001111", "+8613800001111"),
        ("10086", None),
        ("95588", None),
    ],
)
async def test_given_a_number_as_received_when_handed_over_then_the_target_sees_just_that(
    stage: Stage, number: str, e164: str | None
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(number, "12345", "2101")
    assert talk.seat.from_number == number

    asked = await stage.hand_over(talk.call_id, "110")

    target = await rung(stage, "1101")
    await target.answer()
    record = await settled(stage, asked["id"], outcome="answered", original_caller_e164=e164)
    shows_the_caller(target, record, number)


async def test_given_a_withheld_number_when_handed_over_then_it_is_still_carried_in_the_identity(stage: Stage) -> None:
    await stage.seat("1101")
    asserted = {"P-Asserted-Identity": f"<sip:{CITIZEN}@trunk.example>", "Privacy": "id"}
    talk = await stage.talk("anonymous", "12345", "2101", headers=asserted, name="Anonymous")

    asked = await stage.hand_over(talk.call_id, "110")

    target = await rung(stage, "1101")
    assert target.asserted_identity is not None
    assert target.asserted_identity.number == CITIZEN
    assert target.headers.get("Privacy") == "id"
    assert target.from_number == "anonymous"
    await target.answer()
    record = await settled(stage, asked["id"], outcome="answered", number_mismatch=False)
    assert (record["original_caller"], record["caller_seen_by_target"]) == (CITIZEN, CITIZEN)
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["original_caller"], call["presentation"][:4]) == (CITIZEN, "proh")


@pytest.mark.parametrize("number", [None, "anonymous"])
async def test_given_no_number_at_all_when_handed_over_then_none_is_invented(stage: Stage, number: str | None) -> None:
    await stage.seat("1101")
    talk = await stage.talk(number, "12345", "2101")

    asked = await stage.hand_over(talk.call_id, "110")

    target = await rung(stage, "1101")
    assert target.from_number in (None, "anonymous", "unknown", "Anonymous")
    shown = target.asserted_identity
    assert shown is None or shown.number in (None, "anonymous", "unknown")
    await target.answer()
    record = await settled(stage, asked["id"], outcome="answered", resolution="target", number_mismatch=False)
    assert (record["original_caller"], record["caller_seen_by_target"]) == (None, None)


# Asterisk keeps the backslashes that quote others in a name as it came
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *((name, name) for name in ("张三", "李四😀🚓", "Wang, Li; Zhao", "%0d%0aEvent: Hangup")),
        ('quote " backslash \\ done', 'quote \\" backslash \\\\ done'),
        *((name, name) for name in ("${SHELL(id)} ${HANGUP()}", "Step: answered,Handoff: x", "=;sip:x@y>")),
    ],
)
async def test_given_a_display_name_with_anything_in_it_then_it_is_carried_and_nothing_else_happens(
    stage: Stage, name: str, shown: str
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101", name=name)
    assert talk.seat.from_display == shown
    call = (await stage.api.get(f"/v1/calls/{talk.call_id}")).json()
    assert (call["caller_name"], call["original_caller"], call["line"]) == (shown, CITIZEN, "12345")

    asked = await stage.hand_over(talk.call_id, "110")

    target = await rung(stage, "1101")
    assert target.from_display == shown
    await target.answer()
    record = await settled(stage, asked["id"], outcome="answered", resolution="target")
    shows_the_caller(target, record)
    assert not talk.citizen.is_over


async def test_given_a_number_that_is_not_configured_then_it_reaches_the_default_line(stage: Stage) -> None:
    phone = await stage.seat("2101")
    citizen = await stage.citizen(CITIZEN)

    call = await citizen.dial("96110")

    incoming = await phone.incoming()
    assert incoming.from_number == CITIZEN
    await incoming.answer()
    await call.answered()


async def test_given_a_caller_from_an_address_that_is_no_trunk_then_refused(stage: Stage) -> None:
    await stage.seat("1101")
    async with PhoneHost(ip="127.0.0.9") as strangers:
        stranger = await strangers.phone(CITIZEN, domain=stage.sip)

        call = await stranger.dial("110")

        with pytest.raises(CallFailed) as refused:
            await call.answered()
    assert refused.value.status in (401, 403)
    assert (await stage.api.get("/v1/calls/live")).json() == []


async def test_given_a_seat_that_claims_another_number_when_it_calls_a_line_then_its_own_is_shown(stage: Stage) -> None:
    other = await stage.seat("2101")
    async with PhoneHost(ip="127.0.0.1") as phones:
        password = stage.secrets["seats"]["1101"]
        seat = await phones.phone("1101", password=password, registrar=stage.sip, display_name="13900009999")
        claim = {"P-Asserted-Identity": '"13900009999" <sip:13900009999@trunk.example>'}

        await seat.dial("12345", claim)

        incoming = await other.incoming()
        assert (incoming.from_number, incoming.from_display) == ("1101", "110坐席1")
        assert incoming.asserted_identity is None or incoming.asserted_identity.number == "1101"


async def test_given_a_caller_without_a_number_when_the_target_is_busy_then_none_is_on_record(stage: Stage) -> None:
    await stage.seat("1101")
    talk = await stage.talk(None, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")

    await (await rung(stage, "1101")).reject(486)

    record = await ended(stage, asked["id"], outcome="busy", resolution="first_seat", number_mismatch=False)
    assert (record["original_caller"], record["caller_seen_by_target"]) == (None, None)
