"""Hazards of asking Asterisk: what stock panoramisk 1.4 does, and that our client does not, on the same peer.

The ``stock`` tests say why ``telephony.ami.protocol`` exists. One that fails after an upgrade of panoramisk shows a
part of it that may be needless now.
"""

import asyncio
import contextlib
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
    AmiTimeout,
    UnsafeHeader,
)
from tests.support.ami_clients import safe, stock
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
        async with contextlib.aclosing(link.run()) as items, asyncio.timeout(20):
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
