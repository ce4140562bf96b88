"""What is there now: channels with their variables, conference rooms, phones and pauses, asked over one link."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from telephony.ami.client import AmiClient
from telephony.ami.frames import Headers
from telephony.ami.translate import PHONE, channel, pause
from telephony.errors import AmiActionFailed
from telephony.events import LinkRestored
from telephony.resync import VARIABLES


async def snapshot(client: AmiClient, at: datetime) -> LinkRestored:
    """Changes nothing in Asterisk. Raises AmiNotSent, AmiEffectUnknown, AmiActionFailed, AmiListTooLong."""
    status = await client.list_action({"Action": "Status", "Variables": ",".join(VARIABLES)})
    devices = await client.list_action({"Action": "DeviceStateList"})
    members = await client.list_action({"Action": "QueueStatus"})
    pauses = (pause(item, at) for item in members if item.get("Event") == "QueueMember")
    return LinkRestored(
        at,
        tuple(channel(item, VARIABLES) for item in status),
        await _rooms(client),
        {device.removeprefix(PHONE): state for device, state in _states(devices) if device.startswith(PHONE)},
        tuple(found for found in pauses if found is not None),
        await _booted_at(client),
    )


async def _booted_at(client: AmiClient) -> datetime | None:
    core = (await client.action({"Action": "CoreStatus"})).headers
    try:
        local = datetime.fromisoformat(f"{core.get('CoreStartupDate')} {core.get('CoreStartupTime')}")
    except ValueError:
        return None
    return local.astimezone(UTC)


async def _rooms(client: AmiClient) -> dict[str, tuple[str, ...]]:
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


def _states(items: list[Headers]) -> Iterator[tuple[str, str]]:
    for item in items:
        yield str(item.get("Device", "")), str(item.get("State", ""))
