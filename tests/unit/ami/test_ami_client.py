"""The client beside its hazards: answers, lists, events, and every way a connection can fail to come about."""

import asyncio
import socket
from typing import Any

import pytest

from telephony.ami.client import AmiClient
from telephony.errors import (
    AmiActionFailed,
    AmiEventOverflow,
    AmiLinkLost,
    AmiListTooLong,
    AmiNotConnected,
    AmiProtocolError,
    AmiTimeout,
    AmiUnreachable,
    UnsafeHeader,
)
from tests.support.scripted_ami import (
    HANG_UP,
    SECRET,
    Received,
    ScriptedAmi,
    eventually,
    frame,
    hang_up,
    refuse,
    reply,
    settle,
    silence,
)

pytestmark = pytest.mark.asyncio


async def greet_and_leave(server: socket.socket, first_bytes: bytes) -> None:
    """Answers before the client's side of the connection has taken its next step."""
    server.setblocking(False)
    while True:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            await asyncio.sleep(0)
        else:
            connection.sendall(first_bytes)
            connection.close()
            return


def client_of(peer: ScriptedAmi, **options: Any) -> AmiClient:
    return AmiClient("127.0.0.1", peer.port, "hotline", SECRET, **options)


async def connected(peer: ScriptedAmi, **options: Any) -> AmiClient:
    client = client_of(peer, **options)
    await client.connect()
    return client


def a_list_of(count: int, *, complete: bool = True) -> Any:
    def answer(action: Received) -> Any:
        own = f"ActionID: {action['ActionID']}"
        yield reply(action, "EventList: start", "Message: Channels will follow")
        yield frame("Event: Newchannel", "Channel: PJSIP/live")
        for number in range(count):
            yield frame("Event: CoreShowChannel", own, f"Channel: PJSIP/{number}")
        if complete:
            yield frame("Event: CoreShowChannelsComplete", own, "EventList: Complete", f"ListItems: {count}")

    return answer


# --- actions --------------------------------------------------------------------------------------------------


async def test_given_an_action_with_several_variables_when_sent_then_each_is_a_line() -> None:
    async with ScriptedAmi() as peer:
        client = await connected(peer)
        answer = await client.action({"Action": "Originate", "Variable": ["A=1", "B=市民"], "ActionID": "own"})
        await client.close()
        assert answer.message == "Fine"
        assert answer.headers == {"Response": "Success", "ActionID": "own", "Message": "Fine"}
        assert peer.lines[-1] == ["Action: Originate", "ActionID: own", "Variable: A=1", "Variable: B=市民"]


async def test_given_asterisk_refuses_when_asked_then_its_own_words_are_in_the_error() -> None:
    async with ScriptedAmi(Redirect=refuse("No such channel")) as peer:
        client = await connected(peer)
        with pytest.raises(AmiActionFailed, match="No such channel") as caught:
            await client.action({"Action": "Redirect"})
        await client.close()
        assert (caught.value.action, caught.value.reply) == ("Redirect", "No such channel")
        assert caught.value.headers["Response"] == "Error"


async def test_given_a_reply_with_two_messages_when_read_then_both_are_told() -> None:
    both = lambda action: (reply(action, "Message: one", "Message: two"),)  # noqa: E731
    async with ScriptedAmi(Redirect=both) as peer:
        client = await connected(peer)
        assert (await client.action({"Action": "Redirect"})).message == "one two"
        await client.close()


async def test_given_an_action_id_still_pending_when_used_again_then_it_is_refused() -> None:
    async with ScriptedAmi(Redirect=silence) as peer:
        client = await connected(peer)
        first = asyncio.ensure_future(client.action({"Action": "Redirect", "ActionID": "7"}))
        await peer.until_received("Redirect")
        with pytest.raises(UnsafeHeader, match="pending"):
            await client.action({"Action": "Redirect", "ActionID": "7"})
        await client.close()
        with pytest.raises(AmiLinkLost):
            await first
        assert peer.count("Redirect") == 1


async def test_given_a_caller_who_is_cancelled_when_the_reply_comes_late_then_the_link_goes_on() -> None:
    async with ScriptedAmi(Redirect=silence) as peer:
        client = await connected(peer)
        asking = asyncio.ensure_future(client.action({"Action": "Redirect", "ActionID": "7"}))
        await peer.until_received("Redirect")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        peer.send(frame("Response: Success", "ActionID: 7") + frame("Response: Success", "ActionID: unknown"))
        assert (await client.action({"Action": "Ping"})).message == "Fine"
        await client.close()


async def test_given_many_actions_at_once_when_answered_in_reverse_then_each_gets_its_own_reply() -> None:
    waiting: list[Received] = []

    def keep(action: Received) -> Any:
        waiting.append(action)
        return ()

    async with ScriptedAmi(Getvar=keep) as peer:
        client = await connected(peer)
        asked = [asyncio.ensure_future(client.action({"Action": "Getvar", "Variable": f"{n}"})) for n in range(20)]
        await peer.until_received("Getvar", 20)
        for action in reversed(waiting):
            peer.send(reply(action, f"Value: {action['Variable']}"))
        assert [answer.headers["Value"] for answer in await asyncio.gather(*asked)] == [str(n) for n in range(20)]
        await client.close()


# --- lists ----------------------------------------------------------------------------------------------------


async def test_given_a_list_with_a_live_event_between_when_asked_then_each_goes_its_own_way() -> None:
    async with ScriptedAmi(CoreShowChannels=a_list_of(3)) as peer:
        client = await connected(peer)
        items = await client.list_action({"Action": "CoreShowChannels"})
        await client.close()
        assert [item["Channel"] for item in items] == ["PJSIP/0", "PJSIP/1", "PJSIP/2"]
        heard = [(event.name, event.get("Channel")) async for event in client.events()]
        assert heard == [("FullyBooted", ""), ("Newchannel", "PJSIP/live")]


async def test_given_an_empty_list_when_asked_then_it_is_empty() -> None:
    async with ScriptedAmi(CoreShowChannels=a_list_of(0)) as peer:
        client = await connected(peer)
        assert await client.list_action({"Action": "CoreShowChannels"}) == []
        await client.close()


async def test_given_no_conference_when_listed_then_asterisks_error_is_seen() -> None:
    async with ScriptedAmi(ConfbridgeList=refuse("No active conferences.")) as peer:
        client = await connected(peer)
        with pytest.raises(AmiActionFailed, match="No active conferences"):
            await client.list_action({"Action": "ConfbridgeList"})
        await client.close()


async def test_given_a_list_beyond_the_cap_when_asked_then_it_fails_and_the_link_stays() -> None:
    async with ScriptedAmi(CoreShowChannels=a_list_of(6)) as peer:
        client = await connected(peer, max_list_items=5)
        with pytest.raises(AmiListTooLong, match="5 items"):
            await client.list_action({"Action": "CoreShowChannels"})
        await client.action({"Action": "Ping"})
        await client.close()
        assert "CoreShowChannel" not in [event.name async for event in client.events()]


async def test_given_a_list_that_was_given_up_when_its_items_come_late_then_they_are_not_live_events() -> None:
    async with ScriptedAmi(CoreShowChannels=a_list_of(1, complete=False)) as peer:
        client = await connected(peer)
        with pytest.raises(AmiTimeout):
            await client.list_action({"Action": "CoreShowChannels", "ActionID": "7"}, timeout=0.05)
        peer.send(frame("Event: CoreShowChannel", "ActionID: 7", "Channel: PJSIP/late"))
        peer.send(frame("Event: CoreShowChannelsComplete", "ActionID: 7", "EventList: Complete"))
        await client.action({"Action": "Ping"})
        await client.close()
        assert [event.name async for event in client.events()] == ["FullyBooted", "Newchannel"]


# --- events ---------------------------------------------------------------------------------------------------


async def test_given_repeated_headers_when_heard_then_all_values_are_kept() -> None:
    async with ScriptedAmi() as peer:
        client = await connected(peer)
        peer.send(frame("Event: Newchannel", "ChanVariable: A=1", "ChanVariable: B=2"))
        await client.action({"Action": "Ping"})
        await client.close()
        *_, event = [event async for event in client.events()]
        assert event.values("ChanVariable") == ["A=1", "B=2"]


async def test_given_a_consumer_that_does_not_consume_when_events_pile_up_then_the_link_is_dropped_by_name() -> None:
    async with ScriptedAmi() as peer:
        client = await connected(peer, max_events=10)
        peer.send(b"".join(frame("Event: Newexten", f"Step: {n}") for n in range(50)))
        await eventually(lambda: client.lost is not None)
        assert isinstance(client.lost, AmiEventOverflow)
        steps = [event.get("Step") async for event in client.events()]
        assert steps == ["", *map(str, range(9))]
        with pytest.raises(AmiNotConnected):
            await client.action({"Action": "Ping"})


async def test_given_a_lost_link_when_listened_to_again_then_it_ends_again() -> None:
    async with ScriptedAmi() as peer:
        client = await connected(peer)
        peer.break_link()
        assert [event.name async for event in client.events()] == ["FullyBooted"]
        assert [event.name async for event in client.events()] == []
        assert type(client.lost) is AmiLinkLost


async def test_given_no_link_yet_when_listened_to_then_it_says_so() -> None:
    with pytest.raises(AmiNotConnected):
        await anext(AmiClient("127.0.0.1", 1, "hotline", SECRET).events())


# --- pings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, refuse("Permission denied")])
async def test_given_pings_answered_in_any_way_when_idle_then_the_link_stays(answer: Any) -> None:
    async with ScriptedAmi(**({"Ping": answer} if answer else {})) as peer:
        client = await connected(peer, ping_interval=0.01, ping_timeout=0.5)
        await peer.until_received("Ping", 3)
        assert client.lost is None
        await client.close()


# --- connecting and closing -----------------------------------------------------------------------------------


async def test_given_nobody_listens_when_connecting_then_it_is_unreachable() -> None:
    async with ScriptedAmi() as peer:
        gone = client_of(peer)
    with pytest.raises(AmiUnreachable, match="cannot be reached"):
        await gone.connect()
    await gone.close()


async def test_given_a_peer_that_hangs_up_when_logging_in_then_it_is_unreachable() -> None:
    async with ScriptedAmi(Login=hang_up) as peer:
        with pytest.raises(AmiUnreachable, match="hung up"):
            await client_of(peer).connect()


async def test_given_another_service_there_when_connecting_then_it_is_a_protocol_error() -> None:
    async with ScriptedAmi(greeting=b"SSH-2.0-OpenSSH_9.2\r\n") as peer:
        with pytest.raises(AmiProtocolError):
            await client_of(peer).connect()


@pytest.mark.parametrize(
    ("first_bytes", "error"), [(b"SSH-2.0-OpenSSH_9.2\r\n", AmiProtocolError), (b"", AmiUnreachable)]
)
async def test_given_a_peer_that_fails_before_we_speak_when_connecting_then_it_is_told_at_once(
    first_bytes: bytes, error: type[Exception]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = AmiClient("127.0.0.1", server.getsockname()[1], "hotline", SECRET)
        connecting = asyncio.ensure_future(client.connect())
        await greet_and_leave(server, first_bytes)
        with pytest.raises(error):
            await connecting


async def test_given_a_login_without_answer_when_the_deadline_passes_then_the_connection_is_given_back() -> None:
    async with ScriptedAmi(Login=silence) as peer:
        client = client_of(peer, action_timeout=0.05)
        with pytest.raises(AmiTimeout):
            await client.connect()
        await eventually(lambda: peer.open_links == 0)


async def test_given_a_login_in_progress_when_cancelled_then_the_connection_is_given_back() -> None:
    async with ScriptedAmi(Login=silence) as peer:
        connecting = asyncio.ensure_future(client_of(peer).connect())
        await peer.until_received("Login")
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await eventually(lambda: peer.open_links == 0)


async def test_given_a_link_lost_right_after_the_login_when_connected_then_the_client_knows() -> None:
    def accept_and_leave(action: Received) -> Any:
        return reply(action, "Message: Authentication accepted"), HANG_UP

    async with ScriptedAmi(Login=accept_and_leave) as peer:
        client = await connected(peer)
        assert [event async for event in client.events()] == []
        assert isinstance(client.lost, AmiLinkLost)
        await client.close()


async def test_a_client_connects_only_once() -> None:
    async with ScriptedAmi() as peer:
        client = await connected(peer)
        with pytest.raises(RuntimeError):
            await client.connect()
        assert (await client.action({"Action": "Ping"})).message == "Fine"
        await client.close()


async def test_given_a_peer_that_no_longer_reads_when_closed_then_close_does_not_hang() -> None:
    async with ScriptedAmi() as peer:
        client = await connected(peer)
        peer.stop_reading()
        asking = [asyncio.ensure_future(client.action({"Action": "X", "Data": "x" * 1000})) for _ in range(5000)]
        await settle()
        async with asyncio.timeout(20):
            await client.close()
            await client.close()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {AmiLinkLost}
