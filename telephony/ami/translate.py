"""Asterisk's manager events into facts. Pure; what the tracker has no use for becomes None."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote

from telephony import events
from telephony.ami.frames import AmiEvent, Headers
from telephony.numbers import is_withheld

PHONE = "PJSIP/"
_UNSET = ("", "(null)")
"""What ``Status`` says for a variable that a channel does not have."""


def translate(raw: AmiEvent) -> events.Event | None:
    """The fact that an event states, or None.

    An event without a time of its own (``timestampevents`` off) counts as happening now.
    """
    maker = _MAKERS.get(raw.name)
    return maker(raw, _time(raw)) if maker else None


def _time(raw: AmiEvent) -> datetime:
    stamp = raw.get("Timestamp")
    try:
        return datetime.fromtimestamp(float(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


def _number(raw: AmiEvent, header: str) -> str:
    value = raw.get(header)
    return "" if is_withheld(value) else value


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def variables(raw: AmiEvent, header: str = "ChanVariable") -> dict[str, str]:
    """The channel variables that ride on an event (manager.conf ``channelvars``), without the empty ones."""
    pairs = (value.partition("=") for value in raw.values(header))
    return {name: value for name, _, value in pairs if value}


def _user_event(raw: AmiEvent, at: datetime) -> events.Event | None:
    maker = _USER_EVENTS.get(raw.get("UserEvent"))
    return maker(raw, at) if maker else None


def _call_arrived(raw: AmiEvent, at: datetime) -> events.Event:
    return events.CallArrived(
        at,
        raw.get("Uniqueid"),
        raw.get("Linkedid"),
        raw.get("Channel"),
        number=unquote(raw.get("Number")),
        name=unquote(raw.get("Name")),
        presentation=raw.get("Presentation"),
        dialled=unquote(raw.get("Dialled")),
        line=raw.get("Line"),
        trunk=raw.get("Trunk"),
    )


def _seat_answered(raw: AmiEvent, at: datetime) -> events.Event:
    return events.SeatAnswered(
        at, raw.get("Uniqueid"), raw.get("Linkedid"), raw.get("Channel"), raw.get("Seat"), raw.get("Line")
    )


def _handoff_step(raw: AmiEvent, at: datetime) -> events.Event:
    if raw.get("Step") == "fenced":
        return events.HandoffLost(at, raw.get("Handoff"), "its command came too late and was not carried out")
    return events.HandoffReported(
        at,
        raw.get("Step"),
        raw.get("Handoff"),
        raw.get("Uniqueid"),
        raw.get("Linkedid"),
        via=raw.get("Via"),
        target=raw.get("Target"),
        from_line=raw.get("FromLine"),
        seat=raw.get("Seat"),
        release=raw.get("Release"),
        status=raw.get("Status"),
        shown=unquote(raw.get("Shown")),
        sip_code=_whole(raw.get("Sip")),
        cause=_whole(raw.get("Cause")),
    )


def _conference_step(raw: AmiEvent, at: datetime) -> events.Event:
    return events.ConferenceReported(
        at,
        raw.get("Step"),
        raw.get("Handoff"),
        raw.get("Party"),
        raw.get("Uniqueid"),
        target=raw.get("Target"),
        status=raw.get("Status"),
        shown=unquote(raw.get("Shown")),
        seat=raw.get("Seat"),
        sip_code=_whole(raw.get("Sip")),
        cause=_whole(raw.get("Cause")),
    )


def _recording_started(raw: AmiEvent, at: datetime) -> events.Event:
    return events.RecordingStarted(at, raw.get("Uniqueid"), raw.get("Path"))


def _call_back_promised(raw: AmiEvent, at: datetime) -> events.Event:
    since = _whole(raw.get("Since"))
    return events.CallBackPromised(
        at,
        raw.get("Order"),
        raw.get("Uniqueid"),
        raw.get("Linkedid"),
        line=raw.get("Line"),
        number=unquote(raw.get("Number")),
        trunk=raw.get("Trunk"),
        reason=raw.get("Reason"),
        since=datetime.fromtimestamp(since, UTC) if since else None,
        handoff_id=raw.get("Handoff"),
    )


def _call_back_step(raw: AmiEvent, at: datetime) -> events.Event:
    return events.CallBackReported(
        at,
        raw.get("Step"),
        raw.get("Order"),
        _whole(raw.get("Attempt")),
        status=raw.get("Status"),
        call_id=raw.get("Call"),
        seat=raw.get("Seat"),
    )


def _trunk_full(raw: AmiEvent, at: datetime) -> events.Event:
    return events.TrunkFull(at, raw.get("Trunk"), raw.get("Line"))


def _surge(raw: AmiEvent, at: datetime) -> events.Event:
    return events.SurgeMet(at, raw.get("Line"), _whole(raw.get("Waiting")), _whole(raw.get("Hold")))


_USER_EVENTS: dict[str, Callable[[AmiEvent, datetime], events.Event]] = {
    "CallArrived": _call_arrived,
    "SeatAnswered": _seat_answered,
    "HandoffStep": _handoff_step,
    "ConferenceStep": _conference_step,
    "RecordingStarted": _recording_started,
    "CallBackPromised": _call_back_promised,
    "CallBackStep": _call_back_step,
    "TrunkFull": _trunk_full,
    "Surge": _surge,
}


def _new_channel(raw: AmiEvent, at: datetime) -> events.Event:
    return events.ChannelCreated(
        at, raw.get("Uniqueid"), raw.get("Linkedid"), raw.get("Channel"), _number(raw, "CallerIDNum")
    )


def _new_state(raw: AmiEvent, at: datetime) -> events.Event | None:
    return events.ChannelAnswered(at, raw.get("Uniqueid")) if raw.get("ChannelStateDesc") == "Up" else None


def _hangup(raw: AmiEvent, at: datetime) -> events.Event:
    return events.ChannelGone(
        at,
        raw.get("Uniqueid"),
        raw.get("Linkedid"),
        raw.get("Channel"),
        _whole(raw.get("Cause")),
        _whole(raw.get("TechCause")),
    )


def _dial_begin(raw: AmiEvent, at: datetime) -> events.Event:
    return events.DialStarted(
        at,
        raw.get("DestUniqueid"),
        raw.get("DestLinkedid"),
        raw.get("DestChannel"),
        shown=_number(raw, "DestConnectedLineNum"),
        handoff_id=variables(raw, "DestChanVariable").get("HANDOFF_ID", ""),
    )


def _dial_state(raw: AmiEvent, at: datetime) -> events.Event | None:
    if raw.get("DialStatus") not in ("RINGING", "PROGRESS"):
        return None
    return events.DialRinging(at, raw.get("DestUniqueid"))


def _bridge_enter(raw: AmiEvent, at: datetime) -> events.Event:
    return events.BridgeEntered(at, raw.get("Uniqueid"), raw.get("BridgeUniqueid"))


def _bridge_leave(raw: AmiEvent, at: datetime) -> events.Event:
    return events.BridgeLeft(at, raw.get("Uniqueid"), raw.get("BridgeUniqueid"))


def _join(raw: AmiEvent, at: datetime) -> events.Event:
    return events.ConferenceJoined(at, raw.get("Conference"), raw.get("Uniqueid"), raw.get("Channel"))


def _mute(raw: AmiEvent, at: datetime) -> events.Event:
    return events.PartyMuted(at, raw.get("Conference"), raw.get("Uniqueid"), raw.name == "ConfbridgeMute")


def _recording_muted(raw: AmiEvent, at: datetime) -> events.Event:
    return events.RecordingMuted(at, raw.get("Uniqueid"), raw.get("State") == "1")


def _hold(raw: AmiEvent, at: datetime) -> events.Event:
    return events.HoldChanged(at, raw.get("Uniqueid"), raw.name == "Hold")


def _device_state(raw: AmiEvent, at: datetime) -> events.Event | None:
    device = raw.get("Device")
    if not device.startswith(PHONE):
        return None
    return events.SeatPhoneChanged(at, device.removeprefix(PHONE), raw.get("State"))


def _member_pause(raw: AmiEvent, at: datetime) -> events.Event | None:
    return pause(raw.headers, at)


def pause(headers: Headers, at: datetime) -> events.SeatPauseChanged | None:
    """A queue member's pause, from QueueMemberPause or an item of QueueStatus; None for members that are no phones."""
    raw = AmiEvent("", headers)
    interface = raw.get("Interface") or raw.get("Location")
    if not interface.startswith(PHONE):
        return None
    reason = raw.get("PausedReason")
    return events.SeatPauseChanged(
        at, interface.removeprefix(PHONE), raw.get("Queue"), raw.get("Paused") == "1", reason
    )


def channel(headers: Headers, names: tuple[str, ...]) -> events.ChannelSnapshot:
    """One item of the ``Status`` action, asked with ``Variables`` of these names."""
    raw = AmiEvent("Status", headers)
    asked = (value.partition("=") for value in raw.values("Variable"))
    return events.ChannelSnapshot(
        raw.get("Uniqueid"),
        raw.get("Linkedid"),
        raw.get("Channel"),
        up=raw.get("ChannelStateDesc") == "Up",
        number=_number(raw, "CallerIDNum"),
        bridge=raw.get("BridgeID"),
        seconds=_whole(raw.get("Seconds")) or 0,
        variables={name: value for name, _, value in asked if name in names and value not in _UNSET},
        shown=_number(raw, "ConnectedLineNum"),
        exten=raw.get("Exten"),
    )


_MAKERS: dict[str, Callable[[AmiEvent, datetime], events.Event | None]] = {
    "UserEvent": _user_event,
    "Newchannel": _new_channel,
    "Newstate": _new_state,
    "Hangup": _hangup,
    "DialBegin": _dial_begin,
    "DialState": _dial_state,
    "BridgeEnter": _bridge_enter,
    "BridgeLeave": _bridge_leave,
    "ConfbridgeJoin": _join,
    "ConfbridgeMute": _mute,
    "ConfbridgeUnmute": _mute,
    "MixMonitorMute": _recording_muted,
    "Hold": _hold,
    "Unhold": _hold,
    "DeviceStateChange": _device_state,
    "QueueMemberPause": _member_pause,
}
