"""A command that was sent from a view that was old already: nobody loses the caller over it."""

import asyncio

import pytest

from demo.stage import Conversation, Stage
from telephony.ami.client import AmiClient
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, ended, hear_each_other, rung

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def back_from_busy(stage: Stage) -> Conversation:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    await (await rung(stage, "1101")).reject(486)
    await ended(stage, asked["id"], outcome="busy", resolution="first_seat")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    return talk


@pytest.mark.parametrize("context", ["seat-cancel", "seat-release"])
async def test_given_the_caller_is_back_when_a_late_command_leads_the_seat_away_then_they_are_together_again(
    stage: Stage, context: str
) -> None:
    talk = await back_from_busy(stage)
    client = AmiClient("127.0.0.1", 5038 + stage.offset, "hotline", stage.secrets["ami"])
    await client.connect()
    try:
        channels = await client.list_action({"Action": "Status"})
        seat = next(str(each["Channel"]) for each in channels if str(each.get("Channel", "")).startswith("PJSIP/2101-"))
        fence = "9999999999"  # of no process that comes after
        await client.action(
            {"Action": "Redirect", "Channel": seat, "Context": context, "Exten": fence, "Priority": "1"}
        )
    finally:
        await client.close()
    await asyncio.sleep(0.5)

    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    assert not talk.citizen.is_over
    calls = (await stage.api.get("/v1/calls/live")).json()
    assert [(call["seat"], call["state"]) for call in calls if call["id"] == talk.call_id] == [("2101", "talking")]
