"""Hazards of listening to Asterisk: what stock panoramisk 1.4 does, and that our client does not, on the same peer.

The ``stock`` tests say why ``telephony.ami.protocol`` exists. One that fails after an upgrade of panoramisk shows a
part of it that may be needless now.
"""

import asyncio
from typing import Any

import pytest

from telephony.errors import (
    AmiPeerSilent,
    AmiProtocolError,
)
from tests.support.ami_clients import next_event, safe, stock
from tests.support.scripted_ami import (
    Received,
    ScriptedAmi,
    eventually,
    frame,
    reply,
    silence,
)

pytestmark = pytest.mark.asyncio

EVENTS_OF_THREE = [frame("Event: Newchannel", f"Step: {n}") for n in range(3)]
NAME = "市民热线张三"


# --- 3: a peer that went silent -------------------------------------------------------------------------------


async def test_stock_never_notices_that_pings_are_not_answered_and_piles_them_up() -> None:
    async with ScriptedAmi(Ping=silence) as peer, stock(peer) as manager:
        manager.ping_interval = 0.02
        manager.ping()
        await peer.until_received("Ping", 5)
        assert manager._connected
        assert len(manager.responses) >= 5


async def test_given_a_half_open_link_when_a_ping_is_not_answered_then_the_link_is_lost() -> None:
    async with ScriptedAmi(Ping=silence) as peer, safe(peer, ping_interval=0.03, ping_timeout=0.03) as client:
        async with asyncio.timeout(20):
            assert [event.name async for event in client.events()] == ["FullyBooted"]
        assert isinstance(client.lost, AmiPeerSilent)


# --- 4: a consumer that raises --------------------------------------------------------------------------------


async def test_stock_loses_the_link_and_the_events_behind_when_a_handler_raises() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        manager.register_event("Newchannel", lambda _, event: 1 / 0)
        manager.heard.clear()
        peer.send(b"".join(EVENTS_OF_THREE))
        await eventually(lambda: peer.links == 2)
        assert [event.step for event in manager.heard if event.event == "Newchannel"] == ["0"]


async def test_given_a_consumer_that_raises_when_more_events_come_then_link_and_events_are_kept() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        peer.send(b"".join(EVENTS_OF_THREE))

        async def consume_badly() -> None:
            async for event in client.events():
                if event.name == "Newchannel":
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await consume_badly()
        assert (await next_event(client, "Newchannel")).get("Step") == "1"
        assert (await client.action({"Action": "Ping"})).message == "Fine"


# --- 6: a character cut by two reads --------------------------------------------------------------------------


async def send_in_two_reads(peer: ScriptedAmi) -> None:
    data = frame("Event: Newchannel", f"CallerIDName: {NAME}")
    cut = data.index("热".encode()) + 1
    peer.send(data[:cut])
    await asyncio.sleep(0.02)
    peer.send(data[cut:])


async def test_stock_drops_a_character_that_arrives_in_two_reads() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        await send_in_two_reads(peer)
        await eventually(lambda: manager.heard[-1].event == "Newchannel")
        assert manager.heard[-1].calleridname == "市民线张三"


async def test_given_a_chinese_name_cut_by_two_reads_when_heard_then_it_is_whole() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        await send_in_two_reads(peer)
        assert (await next_event(client, "Newchannel")).get("CallerIDName") == NAME


# --- 7: frames that panoramisk does not expect ----------------------------------------------------------------


def queued(action: Received) -> Any:
    return (reply(action, "Message: DTMF successfully queued"),)


DOUBLED = frame("Event: UserEvent", "UserEvent: HandoffStep", "Event: Smuggled", "Step: start")


async def test_stock_loses_the_link_on_a_reply_that_says_successfully_queued() -> None:
    async with ScriptedAmi(PlayDTMF=queued) as peer, stock(peer) as manager:
        manager.send_action({"Action": "PlayDTMF", "Channel": "PJSIP/a-1", "Digit": "1"})
        await eventually(lambda: peer.links == 2)


async def test_stock_loses_the_link_on_a_doubled_event_header() -> None:
    async with ScriptedAmi() as peer, stock(peer):
        peer.send(DOUBLED)
        await eventually(lambda: peer.links == 2)


async def test_given_a_reply_successfully_queued_when_it_comes_then_it_is_a_reply() -> None:
    async with ScriptedAmi(PlayDTMF=queued) as peer, safe(peer) as client:
        dtmf = await client.action({"Action": "PlayDTMF", "Channel": "PJSIP/a-1", "Digit": "1"})
        assert dtmf.message == "DTMF successfully queued"


async def test_given_a_doubled_event_header_when_heard_then_the_first_one_names_the_event() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        peer.send(DOUBLED)
        event = await next_event(client, "UserEvent")
        assert event.headers == {"Event": "UserEvent", "UserEvent": "HandoffStep", "Step": "start"}
        assert client.lost is None


# --- 9: events that never arrive, or in another order ---------------------------------------------------------


def originate(action: Received) -> Any:
    event = frame("Event: OriginateResponse", f"ActionID: {action['ActionID']}", "Response: Failure", "Reason: 5")
    return reply(action, "Message: Originate successfully queued"), event


ORIGINATE = {"Action": "Originate", "Channel": "PJSIP/12345", "Async": "true"}


async def test_stock_hides_the_originate_response_of_a_pending_action_from_handlers() -> None:
    async with ScriptedAmi(Originate=originate) as peer, stock(peer) as manager:
        await manager.send_action(dict(ORIGINATE))
        peer.send(frame("Event: Newchannel"))
        await eventually(lambda: manager.heard[-1].event == "Newchannel")
        assert "OriginateResponse" not in [event.event for event in manager.heard]


async def test_given_an_originate_when_its_response_event_comes_then_it_is_an_event_like_any() -> None:
    async with ScriptedAmi(Originate=originate) as peer, safe(peer) as client:
        await client.action({**ORIGINATE, "ActionID": "handoff-7"})
        event = await next_event(client, "OriginateResponse")
        assert event.get("ActionID") == "handoff-7"
        assert event.get("Response") == "Failure"


async def test_stock_lets_async_handlers_finish_out_of_order() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        finished: list[str] = []

        async def handle(_: Any, event: Any) -> None:
            await asyncio.sleep(0.02 * (3 - int(event.step)))
            finished.append(event.step)

        manager.register_event("Newchannel", handle)
        peer.send(b"".join(EVENTS_OF_THREE))
        await eventually(lambda: len(finished) == 3)
        assert finished == ["2", "1", "0"]


async def test_given_a_slow_consumer_when_events_come_then_it_finishes_them_in_order() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        peer.send(b"".join(EVENTS_OF_THREE))
        finished: list[str] = []
        async for event in client.events():
            if event.name == "Newchannel":
                await asyncio.sleep(0.02 * (3 - int(event.get("Step"))))
                finished.append(event.get("Step"))
                if len(finished) == 3:
                    break
        assert finished == ["0", "1", "2"]


# --- 10: the buffer, and forms of a frame ---------------------------------------------------------------------

ENDLESS = b"Event: Newchannel\r\nAppData: " + b"x" * (2 << 20)


async def test_stock_buffers_without_limit() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        peer.send(ENDLESS)
        await eventually(lambda: bool(manager.protocol.queue) and len(manager.protocol.queue[0]) == len(ENDLESS))
        assert manager._connected


async def test_given_a_frame_beyond_the_cap_when_it_comes_then_the_link_is_dropped_by_name() -> None:
    async with ScriptedAmi() as peer, safe(peer, max_frame_bytes=1 << 16) as client:
        peer.send(EVENTS_OF_THREE[0] + ENDLESS)
        async with asyncio.timeout(20):
            assert [event.name async for event in client.events()] == ["FullyBooted", "Newchannel"]
        assert isinstance(client.lost, AmiProtocolError)


async def test_stock_drops_a_header_without_a_space() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        peer.send(frame("Event: Newchannel", "Exten:12345"))
        await eventually(lambda: manager.heard[-1].event == "Newchannel")
        assert "Exten" not in manager.heard[-1]


async def test_given_a_header_without_a_space_when_heard_then_it_is_kept() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        peer.send(frame("Event: Newchannel", "Exten:12345"))
        assert (await next_event(client, "Newchannel")).get("Exten") == "12345"


HALF_ENDED = b"Event: Newchannel\r\nStep: 0\r\n\n" + frame("Event: Hangup", "Step: 1")


async def test_stock_runs_two_events_into_one_at_a_half_ended_frame() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        peer.send(HALF_ENDED)
        await eventually(lambda: manager.heard[-1].event == "Newchannel")
        assert manager.heard[-1].step == ["0", "1"]


async def test_given_a_half_ended_frame_when_heard_then_both_events_come() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        peer.send(HALF_ENDED)
        assert (await next_event(client, "Newchannel")).headers == {"Event": "Newchannel", "Step": "0"}
        assert (await next_event(client, "Hangup")).headers == {"Event": "Hangup", "Step": "1"}
