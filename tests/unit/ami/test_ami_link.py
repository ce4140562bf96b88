"""The link that comes back: what its one consumer sees, how it waits, how loud it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from telephony.ami.client import AmiClient
from telephony.ami.frames import AmiEvent
from telephony.ami.link import AmiLink, LinkDown, LinkItem, LinkUp
from telephony.errors import (
    AmiLinkLost,
    AmiLoginRefused,
    AmiNotConnected,
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
    reply,
    settle,
)

pytestmark = pytest.mark.asyncio


def link_to(peer: ScriptedAmi, *, secret: str = SECRET, **options: Any) -> AmiLink:
    options = {"retry_initial": 0.001, "retry_max": 0.01, "pause": 0.001, **options}
    return AmiLink(lambda: AmiClient("127.0.0.1", peer.port, "hotline", secret), **options)


@contextlib.asynccontextmanager
async def consuming(link: AmiLink) -> AsyncIterator[list[LinkItem]]:
    """Runs the link as the service does, in a task of its own, and cancels it at the end."""
    items: list[LinkItem] = []

    async def consume() -> None:
        async with contextlib.aclosing(link.run()) as run:
            async for item in run:
                items.append(item)  # noqa: PERF401 - read while it grows

    task = asyncio.create_task(consume())
    try:
        yield items
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def kinds(items: list[LinkItem]) -> list[str]:
    return [item.name if isinstance(item, AmiEvent) else type(item).__name__ for item in items]


async def test_given_a_link_that_breaks_when_it_is_back_then_the_consumer_sees_up_events_down_up() -> None:
    async with ScriptedAmi() as peer:
        link = link_to(peer)
        async with consuming(link) as items:
            await eventually(lambda: kinds(items) == ["LinkUp", "FullyBooted"])
            peer.send(frame("Event: Newchannel"))
            await eventually(lambda: "Newchannel" in kinds(items))
            peer.break_link()
            await eventually(lambda: len(items) == 6)
        assert kinds(items) == ["LinkUp", "FullyBooted", "Newchannel", "LinkDown", "LinkUp", "FullyBooted"]
        assert isinstance(items[3], LinkDown)
        assert isinstance(items[3].reason, AmiLinkLost)


async def test_given_the_consumer_leaves_when_cancelled_then_the_link_is_closed() -> None:
    async with ScriptedAmi() as peer:
        link = link_to(peer)
        async with consuming(link) as items:
            await eventually(lambda: len(items) == 2)
            assert link.down_reason is None
        await eventually(lambda: peer.open_links == 0)
        assert link.down_reason is not None
        with pytest.raises(AmiNotConnected):
            await link.action({"Action": "Ping"})


async def test_given_up_when_asked_then_actions_and_lists_go_to_the_current_link_and_its_own_client() -> None:
    def status(action: Received) -> Any:
        own = f"ActionID: {action['ActionID']}"
        return reply(action, "EventList: start"), frame("Event: StatusComplete", own, "EventList: Complete")

    async with ScriptedAmi(Status=status) as peer:
        link = link_to(peer)
        with pytest.raises(AmiNotConnected):
            await link.action({"Action": "Ping"})
        async with contextlib.aclosing(link.run()) as run:
            up = await anext(run)
            assert isinstance(up, LinkUp)
            assert up.client is link.client
            assert (await link.action({"Action": "Ping"})).message == "Fine"
            assert await link.list_action({"Action": "Status"}) == []


async def test_given_the_link_has_broken_unseen_by_the_consumer_when_asked_then_nothing_is_kept() -> None:
    async with ScriptedAmi() as peer:
        link = link_to(peer)
        async with contextlib.aclosing(link.run()) as run:
            await anext(run)
            peer.break_link()
            await eventually(lambda: link.client.lost is not None)
            with pytest.raises(AmiNotConnected):
                await link.action({"Action": "Redirect"})
            assert peer.count("Redirect") == 0


async def test_given_asterisk_away_when_it_comes_then_the_first_failure_was_loud_and_the_rest_quiet() -> None:
    async with ScriptedAmi() as peer:
        pass  # it goes away, and its port is known
    with capture_logs() as logs:
        link = link_to(peer)
        async with consuming(link) as items:
            await eventually(lambda: len(logs) >= 5)
            assert isinstance(link.down_reason, AmiUnreachable)
            assert items == []
            async with ScriptedAmi(port=peer.port):
                await eventually(lambda: len(items) == 2)
                seen = list(logs)
    failures = [(entry["log_level"], entry["reason"]) for entry in seen if entry["event"] == "ami.connect_failed"]
    assert failures[0] == ("warning", "ami-unreachable")
    assert set(failures[1:]) == {("debug", "ami-unreachable")}
    assert seen[-1]["event"] == "ami.link_up"


async def test_given_a_wrong_password_when_refused_then_it_is_loud_once_and_not_tried_again_soon() -> None:
    async with ScriptedAmi() as peer:
        with capture_logs() as logs:
            link = link_to(peer, secret="wrong", refused_wait=60)
            async with consuming(link):
                await peer.until_received("Login")
                await settle()
        assert peer.count("Login") == 1
        assert isinstance(link.down_reason, AmiLoginRefused)
        assert [(entry["log_level"], entry["reason"]) for entry in logs] == [("error", "ami-login-refused")]
        assert "wrong" not in str(logs)


async def test_given_the_password_is_put_right_when_waited_then_the_link_comes_up() -> None:
    async with ScriptedAmi() as peer:
        secrets = iter(["wrong", "wrong", SECRET])
        with capture_logs() as logs:
            link = AmiLink(lambda: AmiClient("127.0.0.1", peer.port, "h", next(secrets)), refused_wait=0.01)
            async with consuming(link) as items:
                await eventually(lambda: len(items) == 2)
                seen = list(logs)
        assert [entry["log_level"] for entry in seen] == ["error", "debug", "info"]


async def test_given_a_link_that_always_breaks_at_once_when_tried_then_it_does_not_spin() -> None:
    def accept_and_leave(action: Received) -> Any:
        return reply(action), HANG_UP

    async with ScriptedAmi(Login=accept_and_leave) as peer:
        async with consuming(link_to(peer, pause=0.1)) as items:
            started = asyncio.get_running_loop().time()
            await eventually(lambda: peer.links == 3)
            assert asyncio.get_running_loop().time() - started >= 0.1  # two pauses of 0.05 or more
        assert set(kinds(items)) == {"LinkUp", "LinkDown"}


async def test_given_unusable_credentials_when_run_then_it_fails_instead_of_trying_for_ever() -> None:
    async with ScriptedAmi() as peer:
        with pytest.raises(UnsafeHeader):
            await anext(link_to(peer, secret="a\nb").run())
