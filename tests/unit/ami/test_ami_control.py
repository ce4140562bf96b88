"""What a command becomes on the wire, seen by the peer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from telephony import commands
from telephony.ami.client import AmiClient
from telephony.ami.control import AmiControl
from telephony.ami.link import AmiLink
from telephony.events import Event, LinkRestored
from tests.support.scripted_ami import SECRET, Received, ScriptedAmi, frame, refuse, reply, succeed

pytestmark = pytest.mark.asyncio
CALLER = "PJSIP/pstn-1"


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def empty_list(action: Received) -> Iterator[object]:
    yield reply(action, "EventList: start")
    yield frame("Event: ListComplete", "EventList: Complete", f"ActionID: {action['ActionID']}")


def nothing_recorded() -> Iterator[Event]:
    return iter(())


@contextlib.asynccontextmanager
async def asterisk() -> AsyncIterator[tuple[ScriptedAmi, AmiControl]]:
    """A peer without calls that takes every command, and the control linked to it."""
    answers = {"Status": empty_list, "DeviceStateList": empty_list, "QueueStatus": empty_list}
    rooms = {"ConfbridgeListRooms": refuse("No active conferences.")}
    async with ScriptedAmi(**answers, **rooms, Setvar=succeed, Redirect=succeed, Hangup=succeed) as peer:
        link = AmiLink(lambda: AmiClient("127.0.0.1", peer.port, "hotline", SECRET))
        control = AmiControl(link, Clock(), nothing_recorded)
        async with contextlib.aclosing(control.events()) as facts:
            async with asyncio.timeout(5):
                assert isinstance(await anext(facts), LinkRestored)
            yield peer, control


async def test_given_a_caller_who_has_gone_when_the_ringing_stops_then_no_variable_is_set_for_everybody() -> None:
    async with asterisk() as (peer, control):
        await control.execute(commands.CancelConference("c1", None))
        assert (peer.count("Setvar"), peer.count("Hangup")) == (0, 1)


async def test_given_a_caller_when_the_ringing_stops_then_the_room_is_unexpected_before_the_target_is_hung_up() -> None:
    async with asterisk() as (peer, control):
        await control.execute(commands.CancelConference("c1", CALLER))
        sent = [action for action in peer.received if action["Action"] in ("Setvar", "Hangup")]
        assert [action["Action"] for action in sent] == ["Setvar", "Hangup"]
        assert (sent[0]["Channel"], sent[0]["Variable"]) == (CALLER, "HANDOFF_STATE")
        assert sent[1]["Channel"] == "c1-target"
