"""``CallControl`` on a real Asterisk: commands as manager actions, events as facts, a snapshot after each connect."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from functools import singledispatchmethod

import structlog

from telephony import commands, rooms
from telephony.ami.client import AmiClient
from telephony.ami.frames import AmiEvent
from telephony.ami.link import AmiLink, LinkDown, LinkUp
from telephony.ami.snapshot import snapshot
from telephony.ami.translate import PHONE, translate
from telephony.conference import TARGET
from telephony.errors import (
    AmiActionFailed,
    AmiEffectUnknown,
    AmiListTooLong,
    AmiNotConnected,
    AmiNotSent,
    CommandUnknown,
)
from telephony.events import Event, LinkLost, LinkRestored
from telephony.fence import Fence
from telephony.ports import Clock

log = structlog.get_logger()

_SETTLE_SECONDS = 5
_CALL_BACK_SECONDS = 90
_TRUNKS_CODEC = "alaw"
"""What is said between the halves of a citizen's call. Anything else is translated on one path for as long as the call
lasts, and half of the citizen's later partners, and the music before them, would not be heard (ADR 9, why 24 kHz)."""
_FENCE = "NODE_FENCE"
_TAKEN = "NodeTaken"


class AmiControl:
    """See ``telephony.ports.CallControl``. ``recorded`` yields what Asterisk wrote to CEL while nobody listened,
    of the calls that were known and of those that the snapshot shows.

    ``events`` raises NodeTaken when a later process commands this Asterisk.
    """

    def __init__(
        self,
        link: AmiLink,
        clock: Clock,
        recorded: Callable[[LinkRestored], Iterator[Event]],
        fence: Fence,
    ) -> None:
        self._link = link
        self._clock = clock
        self._fence = fence
        self._recorded = recorded
        self._known = False

    async def events(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self._link.run()) as items:
            async for item in items:
                match item:
                    case LinkUp(client=client):
                        try:
                            await self._take_node(client)
                            restored = await snapshot(client, self._clock.now())
                        except (AmiEffectUnknown, AmiNotSent, AmiActionFailed, AmiListTooLong) as error:
                            log.error("ami.snapshot_failed", reason=error.slug, detail=error.message)
                            await client.close()
                            continue
                        for missed in self._recorded(restored):
                            yield missed
                        self._known = True
                        yield restored
                    case LinkDown(reason=reason):
                        self._known = False
                        yield LinkLost(self._clock.now(), reason.slug)
                    case AmiEvent():
                        if item.get("UserEvent") == _TAKEN and item.get("Fence").isdecimal():
                            self._fence.heard(int(item.get("Fence")))
                        fact = translate(item)
                        if fact is not None:
                            yield fact

    async def _take_node(self, client: AmiClient) -> None:
        """Before the snapshot: what an earlier link has sent and is not done by now is never done."""
        held = await client.action({"Action": "Getvar", "Variable": _FENCE})
        value = str(held.headers.get("Value", ""))
        number = self._fence.take(int(value) if value.isdecimal() else 0)
        await client.action({"Action": "Setvar", "Variable": _FENCE, "Value": str(number)})
        await client.action({"Action": "UserEvent", "UserEvent": _TAKEN, "Fence": str(number)})

    async def resync(self) -> None:
        try:
            client = self._link.client
        except AmiNotConnected:
            return  # it is on its way already
        await client.close()

    async def execute(self, command: commands.Command) -> None:
        if not self._known:  # else the snapshot would say of a command that is under way that there is none
            raise AmiNotConnected("the link to Asterisk has come back, and it is not known yet what is there")
        await self._execute(command)

    @singledispatchmethod
    async def _execute(self, command: object) -> None:
        raise CommandUnknown(f"no way to carry out {type(command).__name__}")

    @_execute.register
    async def _transfer(self, command: commands.Transfer) -> None:
        """One action: whatever fails, all of it was done or nothing."""
        asked = commands.asked(command, self._fence.number)
        await self._redirect(command.caller_channel, "handoff-api", asked)

    @_execute.register
    async def _cancel_transfer(self, command: commands.CancelTransfer) -> None:
        if command.seat_channel is None:
            await self._redirect(command.caller_channel, "handoff-cancelled", "s")
        else:
            await self._redirect(command.seat_channel, "seat-cancel", str(self._fence.number))

    @_execute.register
    async def _release_seat(self, command: commands.ReleaseSeat) -> None:
        await self._redirect(command.seat_channel, "seat-release", str(self._fence.number))

    async def _redirect(self, channel_name: str, context: str, extension: str) -> None:
        await self._link.action(
            {
                "Action": "Redirect",
                "Channel": channel_name,
                "Context": context,
                "Exten": extension,
                "Priority": "1",
            }
        )

    @_execute.register
    async def _call_back(self, command: commands.CallBackCitizen) -> None:
        """One half rings the citizen, the other is the caller's channel from when the citizen has answered."""
        asked = commands.called_back(command, self._fence.number)
        await self._originate(f"Local/{asked}@call-back-dial/n", "called-back", asked)

    @_execute.register
    async def _forget_call_back(self, command: commands.ForgetCallBack) -> None:
        forget = f"{command.order_id}...{self._fence.number}"
        await self._originate(f"Local/{forget}@call-back-forget/n", "call-back-none", "s")

    async def _originate(self, channel: str, context: str, extension: str) -> None:
        await self._link.action(
            {
                "Action": "Originate",
                "Channel": channel,
                "Context": context,
                "Exten": extension,
                "Priority": "1",
                "Async": "true",
                "Codecs": _TRUNKS_CODEC,
                "Timeout": str(_CALL_BACK_SECONDS * 1000),
            }
        )

    @_execute.register
    async def _open_conference(self, command: commands.OpenConference) -> None:
        await self._dial_party(command.handoff_id, TARGET, command.caller_channel, command.target, command.ring_seconds)

    @_execute.register
    async def _add_party(self, command: commands.AddParty) -> None:
        await self._dial_party(
            command.handoff_id, command.party_id, command.caller_channel, command.target, command.ring_seconds
        )

    async def _dial_party(self, handoff_id: str, party: str, caller: str, target: str, ring_seconds: int) -> None:
        """The number shown is read by the dialplan from the caller's own channel: nothing here can set one."""
        uniqueid = rooms.channel_id(handoff_id, party)
        await self._link.action(
            {
                "Action": "Originate",
                "Channel": f"Local/{target}@conference-dial/n",
                "ChannelId": uniqueid,
                "OtherChannelId": f"{uniqueid}-dial",
                "Context": "conference-third",
                "Exten": handoff_id,
                "Priority": "1",
                "Async": "true",
                "Timeout": str((ring_seconds + _SETTLE_SECONDS) * 1000),
                "Variable": [
                    f"__CALLER_CHANNEL={caller}",
                    f"__HANDOFF_ID={handoff_id}",
                    f"__PARTY={party}",
                    f"__FENCE={self._fence.number}",
                ],
            }
        )

    @_execute.register
    async def _cancel_conference(self, command: commands.CancelConference) -> None:
        """The state first: a target that answers at this moment then finds that it is not expected any more."""
        if command.caller_channel is not None:  # Setvar without a channel would set a global variable
            try:
                await self._link.action(
                    {
                        "Action": "Setvar",
                        "Channel": command.caller_channel,
                        "Variable": "HANDOFF_STATE",
                        "Value": "",
                    }
                )
            except AmiActionFailed:  # the caller has hung up: the target is still to be stopped
                log.info("conference.caller_gone", handoff_id=command.handoff_id)
        await self._hang_up_uniqueid(rooms.channel_id(command.handoff_id, TARGET))

    async def _hang_up_uniqueid(self, uniqueid: str) -> None:
        await self._link.action({"Action": "Hangup", "Channel": uniqueid, "Cause": "16"})

    @_execute.register
    async def _hang_up(self, command: commands.HangUp) -> None:
        await self._link.action({"Action": "Hangup", "Channel": command.channel, "Cause": "16"})

    @_execute.register
    async def _mute(self, command: commands.MuteParty) -> None:
        action = "ConfbridgeMute" if command.muted else "ConfbridgeUnmute"
        await self._link.action({"Action": action, "Conference": command.room, "Channel": command.channel})

    @_execute.register
    async def _hold(self, command: commands.HoldParty) -> None:
        wanted = "held" if command.held else "back"
        await self._redirect(command.channel, "conference-hold", f"{command.room}.{wanted}.{self._fence.number}")

    @_execute.register
    async def _pause_seat(self, command: commands.PauseSeat) -> None:
        await self._link.action(
            {
                "Action": "QueuePause",
                "Interface": f"{PHONE}{command.seat}",
                "Paused": "true" if command.paused else "false",
                "Reason": command.reason,
            }
        )

    @_execute.register
    async def _pause_recording(self, command: commands.PauseRecording) -> None:
        await self._link.action(
            {
                "Action": "MixMonitorMute",
                "Channel": command.caller_channel,
                "Direction": "both",
                "State": "1" if command.paused else "0",
            }
        )

    @_execute.register
    async def _force_recording(self, command: commands.ForceRecording) -> None:
        channel, always = command.caller_channel, {"Variable": "HOTLINE_RECORD", "Value": "always"}
        await self._link.action({"Action": "Setvar", "Channel": channel, **always})
