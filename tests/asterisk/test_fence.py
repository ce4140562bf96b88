"""A service process that was taken for dead: what it still asks for is not done, and nobody on a phone notices."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.stage import Stage
from telephony.ami.client import AmiClient
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
    three_way,
    uninterrupted,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Asterisk:
    """The node's fencing number, which the test raises as a later process would."""

    def __init__(self, client: AmiClient, number: int) -> None:
        self._client = client
        self.number = number

    async def taken(self) -> None:
        await self.set(self.number + 1000)

    async def set(self, number: int) -> None:
        await self._client.action({"Action": "Setvar", "Variable": "NODE_FENCE", "Value": str(number)})


@pytest_asyncio.fixture(loop_scope="session")
async def asterisk(stage: Stage) -> AsyncIterator[Asterisk]:
    client = AmiClient("127.0.0.1", 5038 + stage.offset, "hotline", stage.secrets["ami"])
    await client.connect()
    held = await client.action({"Action": "Getvar", "Variable": "NODE_FENCE"})
    found = Asterisk(client, int(str(held.headers["Value"])))
    try:
        yield found
    finally:
        await found.set(found.number)
        await client.close()


@pytest.mark.parametrize("release", ["on_answer", "now"])
async def test_given_the_node_was_taken_when_the_old_process_hands_over_then_the_caller_is_back_at_once(
    stage: Stage, asterisk: Asterisk, release: str
) -> None:
    phone = await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await asterisk.taken()

    asked = await stage.hand_over(talk.call_id, "110", release=release)

    record = await ended(stage, asked["id"], outcome="failed", resolution="first_seat", caller_seen_by_target=None)
    assert "too late" in record["timeline"][-1]["detail"]["reason"]
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    with pytest.raises(TimeoutError):
        await phone.incoming(0.5)


async def test_given_the_node_was_taken_when_the_old_process_cancels_then_the_target_rings_on(
    stage: Stage, asterisk: Asterisk
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    asked = await stage.hand_over(talk.call_id, "110")
    target = await rung(stage, "1101")
    await asterisk.taken()

    await stage.api.delete(f"/v1/handoffs/{asked['id']}")

    assert not target.is_over
    await target.answer()
    await talk.seat.ended()
    await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
    await settled(stage, asked["id"], outcome="answered", resolution="target")


async def test_given_the_node_was_taken_when_the_old_process_asks_for_a_three_way_call_then_nobody_is_disturbed(
    stage: Stage, asterisk: Asterisk
) -> None:
    phone = await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await asterisk.taken()

    async with uninterrupted((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE)):
        asked = await stage.hand_over(talk.call_id, "110", mode="conference")
        await ended(stage, asked["id"], outcome="failed", resolution="first_seat")

    with pytest.raises(TimeoutError):
        await phone.incoming(0.5)


async def test_given_a_refused_command_when_the_node_is_ours_again_then_the_same_call_can_be_handed_over(
    stage: Stage, asterisk: Asterisk
) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await asterisk.taken()
    first = await stage.hand_over(talk.call_id, "110")
    await ended(stage, first["id"], outcome="failed")
    await asterisk.set(asterisk.number)

    second = await stage.hand_over(talk.call_id, "110")

    await (await rung(stage, "1101")).answer()
    await talk.seat.ended()
    await settled(stage, second["id"], outcome="answered", resolution="target")


async def test_given_the_node_was_taken_when_the_old_process_holds_a_party_then_all_three_talk_on(
    stage: Stage, asterisk: Asterisk
) -> None:
    talk, asked, target = await three_way(stage)
    await asterisk.taken()

    await stage.api.post(f"/v1/conferences/{asked['id']}/participants/caller/hold")

    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))


async def test_given_a_held_party_and_the_node_was_taken_when_the_old_process_takes_it_back_then_it_stays_on_hold(
    stage: Stage, asterisk: Asterisk
) -> None:
    talk, asked, target = await three_way(stage)
    caller = f"/v1/conferences/{asked['id']}/participants/caller"
    await stage.api.post(f"{caller}/hold")
    await parties_are(stage, asked["id"], caller="held")
    await asterisk.taken()

    await stage.api.post(f"{caller}/unhold")

    await talk.citizen.play_tone(CITIZEN_TONE)
    assert not await target.hears(CITIZEN_TONE, 1.5)
    await asterisk.set(asterisk.number)
    await stage.api.post(f"{caller}/unhold")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE), (target, TARGET_TONE))
