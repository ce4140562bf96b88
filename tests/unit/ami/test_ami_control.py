"""What a command becomes on the wire, seen by the peer."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from telephony import commands
from telephony.ami.client import AmiClient
from telephony.ami.control import AmiControl
from telephony.ami.link import AmiLink
from telephony.errors import AmiNotConnected, NodeTaken
from telephony.events import Event, HandoffLost, LinkLost, LinkRestored
from telephony.fence import Fence
from telephony.handoff import Release
from tests.support.scripted_ami import SECRET, Received, ScriptedAmi, frame, refuse, reply

pytestmark = pytest.mark.asyncio
CALLER = "PJSIP/pstn-1"
NOW = 1_795_000_000


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def empty_list(action: Received) -> Iterator[object]:
    yield reply(action, "EventList: start")
    yield frame("Event: ListComplete", "EventList: Complete", f"ActionID: {action['ActionID']}")


def nothing_recorded(_: LinkRestored) -> Iterator[Event]:
    return iter(())


class Globals:
    """Asterisk's global variables. ``set`` holds what was asked to be set, in order."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def get(self, action: Received) -> Iterator[object]:
        yield reply(action, f"Variable: {action['Variable']}", f"Value: {self.values.get(action['Variable'], '')}")

    def put(self, action: Received) -> Iterator[object]:
        if "Channel" not in action:
            self.values[action["Variable"]] = action["Value"]
        yield reply(action, "Message: Variable Set")


@contextlib.asynccontextmanager
async def listening(known: Globals) -> AsyncIterator[tuple[ScriptedAmi, AmiControl, AsyncGenerator[Event, None]]]:
    """A peer without calls that takes every command, the control linked to it, and what it says after the snapshot."""
    answers = {"Status": empty_list, "DeviceStateList": empty_list, "QueueStatus": empty_list}
    rooms = {"ConfbridgeListRooms": refuse("No active conferences.")}
    async with ScriptedAmi(**answers, **rooms, Getvar=known.get, Setvar=known.put) as peer:
        link = AmiLink(lambda: AmiClient("127.0.0.1", peer.port, "hotline", SECRET), pause=0.01)
        control = AmiControl(link, Clock(), nothing_recorded, Fence(NOW))
        async with contextlib.aclosing(control.events()) as facts, asyncio.timeout(20):
            assert isinstance(await anext(facts), LinkRestored)
            yield peer, control, facts


async def test_given_a_caller_who_has_gone_when_the_ringing_stops_then_no_variable_is_set_for_everybody() -> None:
    async with listening(Globals()) as (peer, control, _):
        await control.execute(commands.CancelConference("c1", None))
        assert [action["Variable"] for action in peer.received if action["Action"] == "Setvar"] == ["NODE_FENCE"]
        assert peer.count("Hangup") == 1


async def test_given_a_caller_when_the_ringing_stops_then_the_room_is_unexpected_before_the_target_is_hung_up() -> None:
    async with listening(Globals()) as (peer, control, _):
        await control.execute(commands.CancelConference("c1", CALLER))
        sent = [action for action in peer.received if action["Action"] in ("Setvar", "Hangup")][1:]
        assert [action["Action"] for action in sent] == ["Setvar", "Hangup"]
        assert (sent[0]["Channel"], sent[0]["Variable"]) == (CALLER, "HANDOFF_STATE")
        assert sent[1]["Channel"] == "c1-target"


TRANSFER = commands.Transfer("0193-h1", CALLER, "110", Release.ON_ANSWER)


async def test_given_a_transfer_then_one_action_holds_all_of_it() -> None:
    known = Globals()
    async with listening(known) as (peer, control, _):
        before = len(peer.received)
        await control.execute(TRANSFER)

        (sent,) = peer.received[before:]
        assert (sent["Action"], sent["Channel"], sent["Context"]) == ("Redirect", CALLER, "handoff-api")
        assert sent["Exten"] == f"110.0193-h1.wait.{known.values['NODE_FENCE']}"


async def test_given_the_longest_names_then_a_transfer_fits_an_extension() -> None:
    asked = commands.asked(commands.Transfer(str(UUID(int=0)), CALLER, "x" * 24, Release.ON_ANSWER), 9_999_999_999)

    assert len(asked) <= 79  # AST_MAX_EXTENSION less its NUL


async def test_given_a_lost_link_when_it_is_back_then_commands_have_a_higher_number_than_any_before() -> None:
    known = Globals()
    async with listening(known) as (peer, control, facts):
        first = int(known.values["NODE_FENCE"])
        peer.break_link()
        assert isinstance(await anext(facts), LinkLost)
        assert isinstance(await anext(facts), LinkRestored)

        await control.execute(TRANSFER)

        assert int(known.values["NODE_FENCE"]) > first > NOW
        assert peer.received[-1]["Exten"].endswith("." + known.values["NODE_FENCE"])


async def test_given_another_process_took_the_node_when_we_come_back_then_we_end() -> None:
    known = Globals()
    async with listening(known) as (peer, _, facts):
        taken = str(int(known.values["NODE_FENCE"]) + 100)
        known.values["NODE_FENCE"] = taken
        peer.break_link()
        assert isinstance(await anext(facts), LinkLost)

        with pytest.raises(NodeTaken, match=taken):
            await anext(facts)

        assert known.values["NODE_FENCE"] == taken


async def test_given_another_process_says_that_it_has_the_node_then_we_end() -> None:
    known = Globals()
    async with listening(known) as (peer, _, facts):
        ours = int(known.values["NODE_FENCE"])
        for number in ("", "x", ours, ours + 1):
            peer.send(frame("Event: UserEvent", "UserEvent: NodeTaken", f"Fence: {number}"))

        with pytest.raises(NodeTaken, match=str(ours + 1)):
            await anext(facts)


async def test_given_a_clock_that_was_ahead_when_we_start_later_then_we_have_the_node() -> None:
    known = Globals(NODE_FENCE=str(NOW + 5000))
    async with listening(known):
        assert int(known.values["NODE_FENCE"]) > NOW + 5000


async def test_given_asterisk_says_that_a_command_came_too_late_then_its_handoff_is_lost() -> None:
    async with listening(Globals()) as (peer, _, facts):
        peer.send(frame("Event: UserEvent", "UserEvent: HandoffStep", "Step: fenced", "Handoff: 0193-h1"))

        fact = await anext(facts)
        assert isinstance(fact, HandoffLost)
        assert fact.handoff_id == "0193-h1"


async def test_given_a_link_that_is_back_when_its_snapshot_is_not_told_yet_then_a_command_is_not_sent() -> None:
    known = Globals()
    async with listening(known) as (peer, control, facts):
        held = asyncio.Event()

        def slow_list(action: Received) -> Iterator[object]:
            held.set()
            return iter(())

        peer.answers["Status"] = slow_list
        peer.break_link()
        assert isinstance(await anext(facts), LinkLost)
        waiting = asyncio.ensure_future(anext(facts))
        await held.wait()

        with pytest.raises(AmiNotConnected):
            await control.execute(TRANSFER)

        assert peer.count("Redirect") == 0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
