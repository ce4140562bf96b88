"""After a lost link or a restart: the events that would explain what Asterisk shows now. Pure.

What Asterisk wrote to its own record meanwhile (CEL) is applied before, where it can be read; this closes the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from telephony import events
from telephony.conference import TARGET, Conference, PartyState
from telephony.events import ChannelSnapshot, Event, LinkRestored
from telephony.handoff import Handoff, Mode, State
from telephony.tracker import Tracker, phone_of

VARIABLES = (
    "HOTLINE_CALLER",
    "HOTLINE_NAME",
    "HOTLINE_PRES",
    "HOTLINE_DIALLED",
    "HOTLINE_LINE",
    "CALLER_CHANNEL",
    "SEAT",
    "SEAT_CHANNEL",
    "HANDOFF_ID",
    "HANDOFF_TARGET",
    "HANDOFF_STATE",
    "HANDOFF_STATUS",
    "CONFERENCE",
)
"""The variables of the dialplan's contract that a snapshot has to bring (asterisk-config/extensions.conf.j2)."""

_STEPS_OF_STATE = {
    "dialling": ("start",),
    "answered": ("start", "answered"),
    "back": ("start", "result", "back"),
    "queue": ("start", "result", "queue"),
    "call-back": ("start", "result", "call-back"),
}


def missed(tracker: Tracker, snapshot: LinkRestored) -> Iterator[Event]:
    """To be applied one by one, in this order; each is computed from the tracker as it is by then."""
    at = snapshot.at
    channels = {channel.uniqueid: channel for channel in snapshot.channels}
    by_name = {channel.channel: channel for channel in snapshot.channels}
    yield from _arrivals(tracker, snapshot)
    for channel in snapshot.channels:
        yield events.ChannelCreated(at, channel.uniqueid, channel.linkedid, channel.channel, channel.number)
        if channel.up:
            yield events.ChannelAnswered(at, channel.uniqueid)
    for handoff in list(tracker.handoffs.values()):
        if handoff.mode is Mode.CONFERENCE:
            yield from _conference_handoff(tracker, handoff, snapshot, channels)
        else:
            yield from _transfer(handoff, at, channels, by_name)
    yield from _seats_of_calls(tracker, at, channels, by_name)
    for conference in list(tracker.rooms.conferences.values()):
        yield from _parties(conference, snapshot, channels)
    yield from _bridges(tracker, at, channels)
    yield from _gone(tracker, at, channels)
    for seat, state in snapshot.seats.items():
        yield events.SeatPhoneChanged(at, seat, state)
    paused = {(pause.seat, pause.line) for pause in snapshot.pauses if pause.paused}
    for seat, line in list(tracker.pauses):
        if (seat, line) not in paused:
            yield events.SeatPauseChanged(at, seat, line, False, "")
    yield from snapshot.pauses


def _is_caller(channel: ChannelSnapshot) -> bool:
    return channel.variables.get("CALLER_CHANNEL") == channel.channel


def _arrivals(tracker: Tracker, snapshot: LinkRestored) -> Iterator[Event]:
    for channel in snapshot.channels:
        if _is_caller(channel) and channel.uniqueid not in tracker.book.calls:
            variables = channel.variables
            yield events.CallArrived(
                snapshot.at,
                channel.uniqueid,
                channel.uniqueid,
                channel.channel,
                variables.get("HOTLINE_CALLER", ""),
                variables.get("HOTLINE_NAME", ""),
                variables.get("HOTLINE_PRES", ""),
                variables.get("HOTLINE_DIALLED", ""),
                variables.get("HOTLINE_LINE", ""),
                phone_of(channel.channel) or "",
            )


def _transfer(
    handoff: Handoff,
    at: datetime,
    channels: Mapping[str, ChannelSnapshot],
    by_name: Mapping[str, ChannelSnapshot],
) -> Iterator[Event]:
    caller = channels.get(handoff.call_id)
    if caller is None:
        return  # its end is told by _gone
    variables = caller.variables
    if variables.get("HANDOFF_ID") != handoff.id or "HANDOFF_STATE" not in variables:
        if handoff.state in (State.REQUESTED, State.UNKNOWN) and handoff.outcome is None:
            yield events.HandoffLost(at, handoff.id, "Asterisk knows nothing of it")
        return
    seat_channel = by_name.get(variables.get("SEAT_CHANNEL", ""))
    for step in _STEPS_OF_STATE.get(variables["HANDOFF_STATE"], ()):
        yield events.HandoffReported(
            at,
            step,
            handoff.id,
            seat_channel.uniqueid if step == "answered" and seat_channel else caller.uniqueid,
            caller.linkedid,
            via=handoff.via,
            target=variables.get("HANDOFF_TARGET", ""),
            from_line=variables.get("HOTLINE_LINE", ""),
            seat=variables.get("SEAT", ""),
            status=variables.get("HANDOFF_STATUS", ""),
        )
    if variables["HANDOFF_STATE"] == "dialling":
        yield from _ringing(handoff, at, channels)


def _ringing(handoff: Handoff, at: datetime, channels: Mapping[str, ChannelSnapshot]) -> Iterator[Event]:
    for channel in channels.values():
        if channel.variables.get("HANDOFF_ID") == handoff.id and not channel.up and not _is_caller(channel):
            shown = channel.variables.get("HOTLINE_CALLER", "")
            yield events.DialStarted(at, channel.uniqueid, channel.linkedid, channel.channel, shown, handoff.id)
            yield events.DialRinging(at, channel.uniqueid)


def _conference_handoff(
    tracker: Tracker, handoff: Handoff, snapshot: LinkRestored, channels: Mapping[str, ChannelSnapshot]
) -> Iterator[Event]:
    conference = tracker.rooms.conferences.get(handoff.id)
    target = conference.party(TARGET) if conference else None
    if target is None or handoff.outcome is not None:
        return
    if target.uniqueid not in channels:
        yield events.ConferenceReported(snapshot.at, "result", handoff.id, TARGET, "", status="CHANUNAVAIL")
        return
    step = "answered" if target.uniqueid in snapshot.rooms.get(handoff.id, ()) else "dialling"
    yield events.ConferenceReported(snapshot.at, step, handoff.id, TARGET, target.uniqueid, target=handoff.target)
    if step == "dialling":
        yield from _ringing(handoff, snapshot.at, channels)


def _parties(
    conference: Conference, snapshot: LinkRestored, channels: Mapping[str, ChannelSnapshot]
) -> Iterator[Event]:
    inside = snapshot.rooms.get(conference.id, ())
    for party in conference.parties:
        channel = channels.get(party.uniqueid)
        if party.state is PartyState.LEFT:
            continue
        if channel is None:
            yield events.ChannelGone(snapshot.at, party.uniqueid, "", party.channel, None, None)
        elif party.uniqueid in inside:
            yield events.ConferenceJoined(snapshot.at, conference.id, party.uniqueid, channel.channel)
        elif party.state is PartyState.JOINED and channel.variables.get("CONFERENCE") == conference.id:
            held = "held"
            yield events.ConferenceReported(snapshot.at, held, conference.id, party.id, party.uniqueid)


def _seats_of_calls(
    tracker: Tracker,
    at: datetime,
    channels: Mapping[str, ChannelSnapshot],
    by_name: Mapping[str, ChannelSnapshot],
) -> Iterator[Event]:
    for call in list(tracker.book.calls.values()):
        caller = channels.get(call.id)
        name = caller.variables.get("SEAT_CHANNEL", "") if caller else ""
        seat_channel = by_name.get(name)
        if caller and seat_channel and name != call.seat_channel:
            seat = caller.variables.get("SEAT", "")
            line = caller.variables.get("HOTLINE_LINE", "")
            yield events.SeatAnswered(at, seat_channel.uniqueid, call.id, name, seat, line)


def _bridges(tracker: Tracker, at: datetime, channels: Mapping[str, ChannelSnapshot]) -> Iterator[Event]:
    for call in list(tracker.book.calls.values()):
        for leg in call.legs.values():
            channel = channels.get(leg.uniqueid)
            if channel is None or leg.ended_at is not None:
                continue
            if channel.bridge:
                yield events.BridgeEntered(at, leg.uniqueid, channel.bridge)
            elif leg.bridge:
                yield events.BridgeLeft(at, leg.uniqueid, leg.bridge)


def _gone(tracker: Tracker, at: datetime, channels: Mapping[str, ChannelSnapshot]) -> Iterator[Event]:
    """The caller last: what its end means depends on what is known of the others."""
    for call in list(tracker.book.calls.values()):
        missing = [leg for leg in call.legs.values() if leg.ended_at is None and leg.uniqueid not in channels]
        for leg in sorted(missing, key=lambda leg: leg.uniqueid == call.id):
            yield events.ChannelGone(at, leg.uniqueid, call.id, leg.channel, None, None)
