"""``CallControl`` on a real Asterisk: commands as manager actions, events as facts, a snapshot after each connect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from functools import singledispatchmethod

import structlog

from telephony import commands, rooms
from telephony.ami.client import AmiClient
from telephony.ami.frames import AmiEvent, Headers
from telephony.ami.link import AmiLink, LinkDown, LinkUp
from telephony.ami.translate import PHONE, channel, pause, translate
from telephony.conference import TARGET
from telephony.errors import AmiActionFailed, AmiEffectUnknown, AmiNotConnected, AmiNotSent, CommandUnknown
from telephony.events import Event, LinkLost, LinkRestored
from telephony.ports import Clock
from telephony.resync import VARIABLES

log = structlog.get_logger()

_SETTLE_SECONDS = 5


class AmiControl:
    """See ``telephony.ports.CallControl``. ``recorded`` yields what Asterisk wrote to CEL while nobody listened."""

    def __init__(
        self,
        link: AmiLink,
        clock: Clock,
        recorded: Callable[[], Iterator[Event]],
    ) -> None:
        self._link = link
        self._clock = clock
        self._recorded = recorded

    async def events(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self._link.run()) as items:
            async for item in items:
                match item:
                    case LinkUp(client=client):
                        try:
                            snapshot = await self._snapshot(client)
                        except (AmiEffectUnknown, AmiNotSent, AmiActionFailed) as error:
                            log.error("ami.snapshot_failed", reason=error.slug, detail=error.message)
                            await client.close()
                            continue
                        for missed in self._recorded():
                            yield missed
                        yield snapshot
                    case LinkDown(reason=reason):
                        yield LinkLost(self._clock.now(), reason.slug)
                    case AmiEvent():
                        fact = translate(item)
                        if fact is not None:
                            yield fact

    async def _snapshot(self, client: AmiClient) -> LinkRestored:
        at = self._clock.now()
        status = await client.list_action({"Action": "Status", "Variables": ",".join(VARIABLES)})
        devices = await client.list_action({"Action": "DeviceStateList"})
        members = await client.list_action({"Action": "QueueStatus"})
        pauses = (pause(item, at) for item in members if item.get("Event") == "QueueMember")
        return LinkRestored(
            at,
            tuple(channel(item, VARIABLES) for item in status),
            await self._rooms(client),
            {device.removeprefix(PHONE): state for device, state in _states(devices) if device.startswith(PHONE)},
            tuple(found for found in pauses if found is not None),
        )

    async def _rooms(self, client: AmiClient) -> dict[str, tuple[str, ...]]:
        try:
            found = await client.list_action({"Action": "ConfbridgeListRooms"})
        except AmiActionFailed:  # "No active conferences."
            return {}
        inside = {}
        for room in found:
            name = str(room["Conference"])
            try:
                parties = await client.list_action({"Action": "ConfbridgeList", "Conference": name})
            except AmiActionFailed:  # ended since
                continue
            inside[name] = tuple(str(party["Uniqueid"]) for party in parties)
        return inside

    async def resync(self) -> None:
        try:
            client = self._link.client
        except AmiNotConnected:
            return  # it is on its way already
        await client.close()

    async def execute(self, command: commands.Command) -> None:
        await self._execute(command)

    @singledispatchmethod
    async def _execute(self, command: object) -> None:
        raise CommandUnknown(f"no way to carry out {type(command).__name__}")

    async def _set(self, channel_name: str, **values: str) -> None:
        """All at once: Asterisk takes a session's actions one by one, in order."""
        settings = (
            self._link.action({"Action": "Setvar", "Channel": channel_name, "Variable": name, "Value": value})
            for name, value in values.items()
        )
        await asyncio.gather(*settings)

    @_execute.register
    async def _transfer(self, command: commands.Transfer) -> None:
        await self._set(
            command.caller_channel,
            __HANDOFF_ID=command.handoff_id,
            HANDOFF_VIA="api",
            HANDOFF_RELEASE=command.release.value,
            HANDOFF_STATUS="",
            HANDOFF_STATE="dialling",
        )
        await self._redirect(command.caller_channel, "handoff", command.target)

    @_execute.register
    async def _cancel_transfer(self, command: commands.CancelTransfer) -> None:
        if command.seat_channel is None:
            await self._redirect(command.caller_channel, "handoff-cancelled", "s")
        else:
            await self._redirect(command.seat_channel, "seat-cancel", "s")

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
    async def _open_conference(self, command: commands.OpenConference) -> None:
        await self._set(
            command.caller_channel,
            __HANDOFF_ID=command.handoff_id,
            CONFERENCE=command.handoff_id,
            HANDOFF_STATUS="",
            HANDOFF_STATE="conference",
        )
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
                "Variable": [f"__CALLER_CHANNEL={caller}", f"__HANDOFF_ID={handoff_id}", f"__PARTY={party}"],
            }
        )

    @_execute.register
    async def _cancel_conference(self, command: commands.CancelConference) -> None:
        """The state first: a target that answers at this moment then finds that it is not expected any more."""
        if command.caller_channel is not None:  # Setvar without a channel would set a global variable
            try:
                await self._set(command.caller_channel, HANDOFF_STATE="")
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
        context = "conference-hold" if command.held else "conference"
        await self._redirect(command.channel, context, command.room)

    @_execute.register
    async def _remove(self, command: commands.RemoveParty) -> None:
        await self._link.action({"Action": "ConfbridgeKick", "Conference": command.room, "Channel": command.channel})

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


def _states(items: list[Headers]) -> Iterator[tuple[str, str]]:
    for item in items:
        yield str(item.get("Device", "")), str(item.get("State", ""))
