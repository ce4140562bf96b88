"""Two phone hosts call each other directly: real SIP and RTP over loopback, no switch between them."""

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from softphones import CallFailed, CallGone, HostDied, Phone, PhoneHost, RegistrationFailed

NOBODY = "127.0.0.1:9"


pytestmark = pytest.mark.asyncio(loop_scope="module")
NUMBERS = map(str, count(1101))


@dataclass
class Pair:
    """A caller and a seat, on the two hosts that all tests share (a host takes a second to start)."""

    caller_host: PhoneHost
    caller: Phone
    seat: Phone
    number: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosts() -> AsyncIterator[tuple[PhoneHost, PhoneHost]]:
    async with PhoneHost("127.0.0.2") as there, PhoneHost("127.0.0.1") as here:
        yield there, here


@pytest_asyncio.fixture(loop_scope="module")
async def pair(hosts: tuple[PhoneHost, PhoneHost]) -> Pair:
    there, here = hosts
    number = next(NUMBERS)
    caller = await there.phone("+8613800001111", domain=f"127.0.0.1:{here.port}", display_name="张三")
    return Pair(there, caller, await here.phone(number, domain=NOBODY), number)


async def test_given_a_call_when_it_rings_then_caller_headers_and_source_address_are_seen(pair: Pair) -> None:
    asserted = '"李四" <sip:13900002222@x>'
    call = await pair.caller.dial(pair.number, {"P-Asserted-Identity": asserted, "Privacy": "id"})
    incoming = await pair.seat.incoming()
    assert (incoming.from_number, incoming.from_display) == ("+8613800001111", "张三")
    assert incoming.asserted_identity is not None
    assert (incoming.asserted_identity.number, incoming.asserted_identity.display) == ("13900002222", "李四")
    assert incoming.headers["privacy"] == "id"
    assert call.sent_at is not None and 0 < incoming.received_at - call.sent_at < 1
    await call.hangup()
    assert (await incoming.ended()).by == "peer"
    assert (await call.ended()).by == "us"
    with pytest.raises(CallGone):
        await incoming.answer()


async def test_given_a_caller_without_a_number_then_none_is_seen(pair: Pair) -> None:
    nameless = await pair.caller_host.phone(None, domain=pair.caller.domain)
    call = await nameless.dial(pair.number)
    incoming = await pair.seat.incoming()
    assert (incoming.from_number, incoming.from_display) == (None, None)
    await call.hangup()


async def test_given_a_display_name_in_gbk_then_its_bytes_arrive(pair: Pair) -> None:
    old_trunk = await pair.caller_host.phone("110", domain=pair.caller.domain, display_name="张三".encode("gbk"))
    call = await old_trunk.dial(pair.number)
    incoming = await pair.seat.incoming()
    assert incoming.from_display is not None
    assert incoming.from_display.encode("latin-1").decode("gbk") == "张三"
    await call.hangup()


async def test_given_a_catch_all_phone_when_an_unknown_number_is_called_then_it_rings(pair: Pair) -> None:
    with pytest.raises(CallFailed, match="Not Found"):
        await (await pair.caller.dial("12345")).answered()
    gateway = await pair.seat.host.phone("gateway", domain=NOBODY, catch_all=True)
    call = await pair.caller.dial("12345")
    assert (await gateway.incoming()).headers["To"].startswith("<sip:12345@")
    await call.hangup()


@pytest.mark.parametrize("status", [404, 480, 486, 503, 603])
async def test_given_a_refusal_then_the_caller_gets_that_status(pair: Pair, status: int) -> None:
    call = await pair.caller.dial(pair.number)
    await (await pair.seat.incoming()).reject(status, "Not Now")
    with pytest.raises(CallFailed, match="Not Now") as failure:
        await call.answered()
    assert failure.value.status == status
    assert (await call.ended()).by == "refused"


async def test_given_an_answered_call_then_tones_digits_hold_and_recording_work(pair: Pair, tmp_path: Path) -> None:
    pair.seat.auto_answer()
    call = await pair.caller.dial(pair.number)
    incoming = await pair.seat.incoming()
    await asyncio.gather(call.answered(), incoming.answered())
    await call.record(str(tmp_path / "heard.wav"))
    await asyncio.gather(call.play_tone(440), incoming.play_tone(660))
    heard = await asyncio.gather(incoming.hears(440), call.hears(660), call.hears(440, within=0.5))
    assert list(heard) == [True, True, False]
    assert await call.level() > -20
    await call.dtmf("*5")
    assert [await incoming.next_digit(), await incoming.next_digit()] == ["*", "5"]
    await call.hold()
    assert not await incoming.hears(440, within=0.6)
    assert incoming.held_by_peer
    await call.resume()
    assert await incoming.hears(440)
    await incoming.hangup()
    assert (await call.ended()).by == "peer"
    with wave.open(str(tmp_path / "heard.wav")) as recording:
        assert recording.getnframes() > 8000


async def test_given_the_host_is_killed_then_whoever_waits_is_told_and_nothing_hangs(pair: Pair) -> None:
    async with PhoneHost("127.0.0.3") as host:
        doomed = await host.phone("138", domain=pair.caller.domain)
        call = await doomed.dial(pair.number)
        await pair.seat.incoming()
        waiting = asyncio.create_task(call.answered())
        await asyncio.sleep(0)
        host.kill()
        with pytest.raises(HostDied):
            await waiting
        with pytest.raises(HostDied):
            await doomed.dial(pair.number)


async def test_given_a_fault_in_the_host_then_it_ends_and_tells_what_it_was() -> None:
    async with PhoneHost("127.0.0.1") as host:
        with pytest.raises(HostDied, match="op_nonsense"):
            await host.request("nonsense")


async def test_given_nobody_at_the_registrar_then_registration_fails() -> None:
    async with PhoneHost("127.0.0.1") as host:
        with pytest.raises(RegistrationFailed):
            await host.phone("1101", password="x", registrar=NOBODY, register_timeout=0.5)


async def test_given_a_wrong_address_then_the_host_does_not_start() -> None:
    with pytest.raises(HostDied, match="Cannot assign requested address"):
        await PhoneHost("192.0.2.1").__aenter__()
