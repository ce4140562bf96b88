"""A seat's phone that dies in mid-call: no BYE comes, and its caller goes on to the next human."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from demo.stage import Stage
from demo.stage import stage as open_stage
from softphones import Call, Phone, PhoneHost
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, ended, hear_each_other, rung, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")

GIVEN_UP_WITHIN = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    network = {"bind": "127.0.0.1", "silent_phone_seconds": 3}
    async with open_stage(tmp_path_factory.mktemp("silent"), changes={"network": network}) as found:
        yield found


@asynccontextmanager
async def mortal(stage: Stage, seat: str) -> AsyncIterator[tuple[Phone, PhoneHost]]:
    """The phone of a seat in a program of its own, which the test may kill."""
    async with PhoneHost(ip="127.0.0.1") as host:
        yield await host.phone(seat, password=stage.secrets["seats"][seat], registrar=stage.sip), host


async def connected(stage: Stage, phone: Phone) -> Call:
    citizen = await stage.citizen(CITIZEN)
    call = await citizen.dial("12345")
    await (await phone.incoming()).answer()
    await call.answered()
    return call


async def test_given_a_talk_when_the_seats_phone_dies_then_the_caller_is_with_another_seat(ours: Stage) -> None:
    async with mortal(ours, "2102") as (phone, host):
        call = await connected(ours, phone)
        await ours.call_of_seat("2102")
        colleague = await ours.seat("2101")

        host.kill()

        next_human = await colleague.incoming(GIVEN_UP_WITHIN)
        await next_human.answer()
        await hear_each_other((call, CITIZEN_TONE), (next_human, SEAT_TONE))
        assert next_human.from_number == CITIZEN
        await ours.clear()


async def test_given_an_answered_transfer_when_the_targets_phone_dies_then_another_seat_of_the_target_has_the_caller(
    ours: Stage,
) -> None:
    async with mortal(ours, "1102") as (phone, host):
        talk = await ours.talk(CITIZEN, "12345", "2101")
        asked = await ours.hand_over(talk.call_id, "110")
        await (await phone.incoming()).answer()
        await settled(ours, asked["id"], outcome="answered", target_seat="1102")
        await ours.seat("1101")

        host.kill()

        next_human = await (await ours.seat("1101")).incoming(GIVEN_UP_WITHIN)
        await next_human.answer()
        await hear_each_other((talk.citizen, CITIZEN_TONE), (next_human, SEAT_TONE))
        await talk.citizen.hangup()
        await ended(ours, asked["id"], outcome="answered", resolution="target")
        await ours.clear()


async def test_given_a_waiting_seat_whose_phone_dies_when_the_target_does_not_answer_then_a_colleague_has_the_caller(
    ours: Stage,
) -> None:
    async with mortal(ours, "2102") as (phone, host):
        call = await connected(ours, phone)
        await ours.seat("1101")
        asked = await ours.hand_over(await ours.call_of_seat("2102"), "110")
        await rung(ours, "1101")
        host.kill()

        next_human = await (await ours.seat("2101")).incoming(GIVEN_UP_WITHIN)
        await next_human.answer()
        await hear_each_other((call, CITIZEN_TONE), (next_human, SEAT_TONE))
        await ended(ours, asked["id"], outcome="no_answer", resolution="queue")
        await ours.clear()
