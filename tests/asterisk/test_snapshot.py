"""What is read of a live Asterisk after each connect: the values, not only the names."""

from datetime import UTC, datetime

import pytest

from demo.stage import Stage
from telephony.ami.client import AmiClient
from telephony.ami.snapshot import snapshot as take_snapshot
from telephony.events import ChannelSnapshot, LinkRestored
from tests.support.scenario import (
    CITIZEN,
    CITIZEN_TONE,
    TARGET_TONE,
    hear_each_other,
    rung,
    settled,
    three_way,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def snapshot(stage: Stage) -> LinkRestored:
    client = AmiClient("127.0.0.1", 5038 + stage.offset, "hotline", stage.secrets["ami"])
    await client.connect()
    try:
        return await take_snapshot(client, datetime.now(UTC))
    finally:
        await client.close()


def channel(found: LinkRestored, beginning: str) -> ChannelSnapshot:
    return next(each for each in found.channels if each.channel.startswith(beginning))


async def test_given_nobody_calls_then_the_snapshot_has_phones_and_nothing_else(stage: Stage) -> None:
    await stage.seat("2101")

    async def as_if_nobody_had_called() -> bool:
        found = await snapshot(stage)
        return not found.channels and found.seats["1101"] == "UNAVAILABLE"

    await stage.until(as_if_nobody_had_called)
    found = await snapshot(stage)

    assert (found.channels, dict(found.rooms)) == ((), {})
    assert (found.seats["2101"], found.seats["1101"]) == ("NOT_INUSE", "UNAVAILABLE")
    assert {(pause.seat, pause.line, pause.paused) for pause in found.pauses} >= {("2101", "12345", False)}


async def test_given_a_transfer_rings_then_the_callers_variables_say_who_has_the_call_and_what_is_tried(
    stage: Stage,
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101", name="张三")
    asked = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")

    found = await snapshot(stage)

    caller, seat = channel(found, "PJSIP/pstn-"), channel(found, "PJSIP/2101-")
    assert caller.variables == {
        "HOTLINE_CALLER": CITIZEN,
        "HOTLINE_NAME": "张三",
        "HOTLINE_PRES": caller.variables["HOTLINE_PRES"],
        "HOTLINE_DIALLED": "12345",
        "HOTLINE_LINE": "12345",
        "CALLER_CHANNEL": caller.channel,
        "SEAT": "2101",
        "SEAT_CHANNEL": seat.channel,
        "HANDOFF_ID": asked["id"],
        "HANDOFF_TARGET": "110",
        "HANDOFF_STATE": "dialling",
        "HANDOFF_RELEASE": "on_answer",
        "HANDOFF_VIA": "api",
    }
    assert (caller.uniqueid, caller.linkedid, caller.up, caller.bridge) == (talk.call_id, talk.call_id, True, "")
    ringing = channel(found, "PJSIP/1101-")
    assert (ringing.up, ringing.variables["HANDOFF_ID"]) == (False, asked["id"])
    await target.answer()
    await settled(stage, asked["id"], outcome="answered")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))

    found = await snapshot(stage)

    caller, taken = channel(found, "PJSIP/pstn-"), channel(found, "PJSIP/1101-")
    assert (caller.variables["HANDOFF_STATE"], caller.variables["HOTLINE_LINE"]) == ("answered", "110")
    assert (caller.variables["SEAT"], caller.variables["SEAT_CHANNEL"]) == ("1101", taken.channel)
    assert caller.bridge == taken.bridge != ""


async def test_given_a_three_way_call_then_the_snapshot_names_who_is_in_the_room(stage: Stage) -> None:
    talk, record, _ = await three_way(stage)

    found = await snapshot(stage)

    caller, seat = channel(found, "PJSIP/pstn-"), channel(found, "PJSIP/2101-")
    assert set(found.rooms) == {record["id"]}
    assert set(found.rooms[record["id"]]) == {talk.call_id, seat.uniqueid, f"{record['id']}-target"}
    assert caller.variables["CONFERENCE"] == record["id"]


async def test_given_a_paused_seat_then_the_snapshot_says_so_with_the_reason(stage: Stage) -> None:
    await stage.api.post("/v1/seats/2101/pause", json={"reason": "用餐"})
    try:
        found = await snapshot(stage)
    finally:
        await stage.api.post("/v1/seats/2101/pause", json={"resume": True})

    assert [(p.seat, p.line, p.reason) for p in found.pauses if p.paused] == [("2101", "12345", "用餐")]
