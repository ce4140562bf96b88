"""What stock panoramisk 1.4 does to a call, and that our client does not: each hazard twice, with the same peer.

The ``stock_`` tests document why ``telephony.ami.protocol`` exists. One that fails after an upgrade of panoramisk says
that a part of it may be needless now.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from panoramisk import Manager

from telephony.ami.client import AmiClient
from telephony.ami.link import AmiLink, LinkDown, LinkUp
from telephony.errors import (
    AmiEffectUnknown,
    AmiLinkLost,
    AmiLoginRefused,
    AmiNotConnected,
    AmiPeerSilent,
    AmiProtocolError,
    AmiTimeout,
    UnsafeHeader,
)
from tests.support.scripted_ami import (
    HANG_UP,
    SECRET,
    Received,
    ScriptedAmi,
    eventually,
    frame,
    reply,
    settle,
    silence,
)

pytestmark = pytest.mark.asyncio

REDIRECT = {
    "Action": "Redirect",
    "Channel": "PJSIP/trunk-1",
    "Context": "handoff",
    "Exten": "12345",
    "Priority": "1",
}
EVENTS_OF_THREE = [frame("Event: Newchannel", f"Step: {n}") for n in range(3)]
NAME = "市民热线张三"


@contextlib.asynccontextmanager
async def safe(peer: ScriptedAmi, **options: Any) -> AsyncIterator[AmiClient]:
    client = AmiClient("127.0.0.1", peer.port, "hotline", options.pop("secret", SECRET), **options)
    try:
        await client.connect()
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def stock(peer: ScriptedAmi, **config: Any) -> AsyncIterator[Any]:
    config = {"username": "hotline", "secret": SECRET, "reconnect_timeout": 0, **config}
    manager = Manager(host="127.0.0.1", port=peer.port, loop=asyncio.get_running_loop(), **config)
    heard: list[Any] = []
    manager.heard = heard
    manager.register_event("*", lambda _, event: heard.append(event))
    await manager.connect()
    await eventually(lambda: manager.authenticated or peer.links > 1)
    try:
        yield manager
    finally:
        manager.connect = lambda: None  # or it would go on connecting after close()
        manager.close()
        await asyncio.sleep(0)


async def next_event(client: AmiClient, name: str) -> Any:
    async with asyncio.timeout(2):
        async for event in client.events():
            if event.name == name:
                return event
    raise AssertionError(f"the link ended before {name}")


# --- 1: an action repeated after a reconnect, or kept until then ----------------------------------------------


def break_on_first_redirect(peer: ScriptedAmi) -> None:
    def answer(action: Received) -> Any:
        del peer.answers["Redirect"]
        return (HANG_UP,)

    peer.answers["Redirect"] = answer


async def test_stock_sends_an_unanswered_redirect_again_after_reconnecting() -> None:
    async with ScriptedAmi() as peer:
        break_on_first_redirect(peer)
        async with stock(peer) as manager:
            await manager.send_action(dict(REDIRECT))
            assert peer.links == 2
            assert peer.count("Redirect") == 2


async def test_given_a_redirect_pending_when_the_link_breaks_then_it_fails_and_is_never_sent_again() -> None:
    async with ScriptedAmi() as peer:
        break_on_first_redirect(peer)
        link = AmiLink(lambda: AmiClient("127.0.0.1", peer.port, "hotline", SECRET), pause=0.01)
        async with contextlib.aclosing(link.run()) as items, asyncio.timeout(3):
            assert isinstance(await anext(items), LinkUp)
            with pytest.raises(AmiLinkLost):
                await link.action(REDIRECT)
            while not isinstance(await anext(items), LinkDown):
                pass
            assert isinstance(await anext(items), LinkUp)
            await link.action({"Action": "Ping"})
            await settle()
            assert peer.links == 2
            assert peer.count("Redirect") == 1


async def test_stock_keeps_an_action_issued_while_down_and_sends_it_later() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        asked: list[Any] = []
        manager.on_disconnect = lambda *_: asked.append(manager.send_action(dict(REDIRECT)))
        peer.break_link()
        await peer.until_received("Redirect")
        assert peer.links == 2


async def test_given_the_link_is_down_when_an_action_is_asked_then_it_fails_at_once_and_is_not_kept() -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        peer.break_link()
        await eventually(lambda: client.lost is not None)
        with pytest.raises(AmiNotConnected):
            await client.action(REDIRECT)
        assert peer.count("Redirect") == 0


# --- 2: waiting for ever --------------------------------------------------------------------------------------


def half_a_list(action: Received) -> Any:
    item = frame("Event: CoreShowChannel", f"ActionID: {action['ActionID']}", "Channel: PJSIP/a-1")
    return reply(action, "EventList: start", "Message: Channels will follow"), item


def half_a_list_then_gone(action: Received) -> Any:
    return *half_a_list(action), HANG_UP


async def test_stock_waits_for_ever_for_a_list_that_broke_off() -> None:
    async with ScriptedAmi(CoreShowChannels=half_a_list_then_gone) as peer, stock(peer) as manager:
        channels = manager.send_action({"Action": "CoreShowChannels"})
        await eventually(lambda: peer.links == 2)
        await settle()
        assert not channels.done()


async def test_given_half_a_list_when_the_link_breaks_then_the_list_fails() -> None:
    async with ScriptedAmi(CoreShowChannels=half_a_list_then_gone) as peer, safe(peer) as client:
        with pytest.raises(AmiLinkLost):
            await client.list_action({"Action": "CoreShowChannels"})


async def test_stock_leaves_a_pending_action_waiting_at_close() -> None:
    async with ScriptedAmi(Redirect=silence) as peer, stock(peer) as manager:
        redirect = manager.send_action(dict(REDIRECT))
        await peer.until_received("Redirect")
        manager.close()
        await settle()
        assert not redirect.done()


async def test_given_actions_pending_when_the_client_is_closed_then_all_of_them_fail() -> None:
    answers: dict[str, Any] = {"Redirect": silence, "CoreShowChannels": half_a_list}
    async with ScriptedAmi(**answers) as peer, safe(peer) as client:
        redirect = asyncio.ensure_future(client.action(REDIRECT))
        channels = asyncio.ensure_future(client.list_action({"Action": "CoreShowChannels"}))
        await peer.until_received("CoreShowChannels")
        await client.close()
        outcomes = await asyncio.gather(redirect, channels, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [AmiLinkLost, AmiLinkLost]


async def test_stock_has_no_deadline() -> None:
    async with ScriptedAmi(Redirect=silence) as peer, stock(peer) as manager:
        redirect = manager.send_action(dict(REDIRECT))
        await peer.until_received("Redirect")
        await settle()
        assert not redirect.done()


async def test_given_a_silent_peer_when_the_deadline_passes_then_the_effect_is_said_to_be_unknown() -> None:
    answers: dict[str, Any] = {"Redirect": silence, "CoreShowChannels": half_a_list}
    async with ScriptedAmi(**answers) as peer, safe(peer) as client:
        with pytest.raises(AmiTimeout) as caught:
            await client.action(REDIRECT, timeout=0.05)
        assert isinstance(caught.value, AmiEffectUnknown)
        with pytest.raises(AmiTimeout):
            await client.list_action({"Action": "CoreShowChannels"}, timeout=0.05)


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
        async with asyncio.timeout(1):
            assert [event.name async for event in client.events()] == ["FullyBooted"]
        assert isinstance(client.lost, AmiPeerSilent)


# --- 4: a consumer that raises --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
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


# --- 5: one action that becomes two ---------------------------------------------------------------------------

SMUGGLED = "12345\r\nPriority: 1\r\n\r\nAction: Hangup\r\nChannel: PJSIP/trunk-1"


async def test_stock_sends_two_actions_for_a_value_with_line_breaks() -> None:
    async with ScriptedAmi() as peer, stock(peer) as manager:
        await manager.send_action({**REDIRECT, "Exten": SMUGGLED})
        await eventually(lambda: len(peer.received) == 3)
        assert [action["Action"] for action in peer.received] == ["Login", "Redirect", "Hangup"]


@pytest.mark.parametrize(
    "unsafe",
    [
        {"Exten": SMUGGLED},
        {"Exten": "12345\r"},
        {"Exten": "12345\n"},
        {"Exten": "12345\0"},
        {"Variable": ["A=1", "B=2\r\nAction: Hangup"]},
        {"Exten\r\nAction": "Hangup"},
        {"Exten\n": "12345"},
        {"Exten\0": "12345"},
        {"Exten: 1": "12345"},
        {"": "12345"},
        {"Exten": "1" * 1020},
        {"Exten": "\ud800"},
        {"channel": "PJSIP/other"},
    ],
)
async def test_given_a_header_that_breaks_out_when_sent_then_it_is_refused_and_nothing_is_sent(
    unsafe: dict[str, Any],
) -> None:
    async with ScriptedAmi() as peer, safe(peer) as client:
        with pytest.raises(UnsafeHeader):
            await client.action({**REDIRECT, **unsafe})
        with pytest.raises(UnsafeHeader):
            await client.list_action({**REDIRECT, **unsafe})
        await client.action({"Action": "Ping"})
        assert [action["Action"] for action in peer.received] == ["Login", "Ping"]


async def test_given_credentials_with_a_line_break_when_a_client_is_made_then_they_are_refused() -> None:
    with pytest.raises(UnsafeHeader, match="Secret"):
        AmiClient("127.0.0.1", 1, "hotline", "a\r\nAction: Hangup")


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


# --- 8: a refused login ---------------------------------------------------------------------------------------


async def test_stock_reports_success_for_a_refused_login_and_tries_without_end() -> None:
    async with ScriptedAmi() as peer, stock(peer, secret="wrong") as manager:
        await peer.until_received("Login", 5)
        assert not manager.authenticated


async def test_stock_has_no_answer_to_an_action_before_connecting() -> None:
    with pytest.raises(AttributeError):
        Manager().send_action(dict(REDIRECT))


async def test_given_a_wrong_password_when_connecting_then_it_is_refused_once() -> None:
    async with ScriptedAmi() as peer:
        with pytest.raises(AmiLoginRefused, match="Authentication failed"):
            async with safe(peer, secret="wrong"):
                pass
        await settle()
        assert peer.count("Login") == 1


async def test_given_a_client_never_connected_when_an_action_is_asked_then_it_says_so() -> None:
    client = AmiClient("127.0.0.1", 1, "hotline", SECRET)
    with pytest.raises(AmiNotConnected):
        await client.action(REDIRECT)


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
        async with asyncio.timeout(2):
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
