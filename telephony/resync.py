"""After a lost link or a restart: the events that would explain what Asterisk shows now. Pure.

What Asterisk wrote to its own record meanwhile (``telephony/unheard.py``) is applied before, where it can be read; this
closes the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from telephony import events
from telephony.call import Call
from telephony.commands import is_asked
from telephony.conference import TARGET, Conference, PartyState
from telephony.events import ChannelSnapshot, Event, LinkRestored
from telephony.handoff import Handoff, Mode, State
from telephony.rooms import channel_id
from telephony.targets import phone_of
from telephony.tracker import Tracker

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
    "HANDOFF_VIA",
    "HANDOFF_RELEASE",
    "HANDOFF_STATE",
    "HANDOFF_STATUS",
    "HANDOFF_SIP",
    "CONFERENCE",
    "RECORDING",
)
"""The variables of the dialplan's contract that a snapshot has to bring (asterisk-config/extensions.conf.j2)."""

SOURCE = "snapshot"

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
    yield from _lost(tracker, snapshot)
    yield from arrivals(tracker, snapshot)
    for channel in snapshot.channels:
        yield events.ChannelCreated(at, channel.uniqueid, channel.linkedid, channel.channel, channel.number)
        if channel.up:
            yield events.ChannelAnswered(at, channel.uniqueid)
    for handoff in list(tracker.handoffs.values()):
        if handoff.mode is Mode.CONFERENCE:
            yield from _conference_handoff(handoff, snapshot, channels)
        else:
            yield from _transfer(handoff, at, channels, by_name)
    yield from _begun_unheard(tracker, at, snapshot, by_name)
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


def _lost(tracker: Tracker, snapshot: LinkRestored) -> Iterator[Event]:
    """A restart of Asterisk ends every call that was on it; nobody has hung up."""
    if snapshot.booted_at is not None:
        began = {handoff.call_id: handoff.created_at for handoff in tracker.handoffs.values()}
        began |= {call.id: call.arrived_at for call in tracker.book.calls.values()}
        for call_id, at in began.items():
            if at < snapshot.booted_at:
                yield events.CallLost(snapshot.at, call_id, "asterisk-restarted")


def is_caller(channel: ChannelSnapshot) -> bool:
    return channel.variables.get("CALLER_CHANNEL") == channel.channel


def arrivals(tracker: Tracker, snapshot: LinkRestored) -> Iterator[events.CallArrived]:
    """Of the calls that nobody has heard of."""
    for channel in snapshot.channels:
        if is_caller(channel) and channel.uniqueid not in tracker.book.calls:
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
    if is_asked(caller.exten, handoff.id):
        return  # at the door of the dialplan, which is about to say whether it lets it in
    if variables.get("HANDOFF_ID") != handoff.id or "HANDOFF_STATE" not in variables:
        if handoff.state in (State.REQUESTED, State.UNKNOWN) and handoff.outcome is None:
            yield events.HandoffLost(at, handoff.id, "Asterisk knows nothing of it")
        return
    yield from _steps(at, caller, by_name)
    if variables["HANDOFF_STATE"] == "dialling":
        yield from _ringing(handoff.id, at, channels)


def _steps(
    at: datetime, caller: ChannelSnapshot, by_name: Mapping[str, ChannelSnapshot]
) -> Iterator[events.HandoffReported]:
    """What the dialplan must have reported for the caller's channel to stand where it stands."""
    variables = caller.variables
    seat_channel = by_name.get(variables.get("SEAT_CHANNEL", ""))
    for step in _STEPS_OF_STATE.get(variables["HANDOFF_STATE"], ()):
        on_seat = seat_channel.uniqueid if seat_channel else ""
        yield events.HandoffReported(
            at,
            step,
            variables["HANDOFF_ID"],
            on_seat if step == "answered" else caller.uniqueid,
            caller.uniqueid,
            via=variables.get("HANDOFF_VIA", ""),
            target=variables.get("HANDOFF_TARGET", ""),
            from_line=variables.get("HOTLINE_LINE", ""),
            seat=variables.get("SEAT", ""),
            release=variables.get("HANDOFF_RELEASE", ""),
            status=variables.get("HANDOFF_STATUS", ""),
            sip_code=int(sip) if (sip := variables.get("HANDOFF_SIP", "")).isdecimal() else None,
        )


def _begun_unheard(
    tracker: Tracker, at: datetime, snapshot: LinkRestored, by_name: Mapping[str, ChannelSnapshot]
) -> Iterator[Event]:
    """Handoffs that a seat's phone started while nobody listened, and that are not over yet.

    On the ladder: only where no seat has the caller, since the variables of a handoff that is over stay behind.
    """
    channels = {channel.uniqueid: channel for channel in snapshot.channels}
    for caller in filter(is_caller, snapshot.channels):
        handoff_id, state = caller.variables.get("HANDOFF_ID"), caller.variables.get("HANDOFF_STATE")
        if not handoff_id or tracker.knows(handoff_id):
            continue
        if state == "answered" or (state in ("dialling", "back", "queue") and not caller.bridge):
            call = tracker.book.calls[caller.uniqueid]
            for step in _steps(at, caller, by_name):
                yield _as_it_was(step, call) if state == "answered" and step.step == "start" else step
        if state == "dialling" and not caller.bridge:
            yield from _ringing(handoff_id, at, channels)


def _as_it_was(start: events.HandoffReported, call: Call) -> events.HandoffReported:
    """The caller's channel names the line and seat that answered; who had the call before, the call may know."""
    before = call.line if call.line != start.target else None
    return replace(start, from_line=before or "", seat=call.seat or "" if before else "")


def _ringing(handoff_id: str, at: datetime, channels: Mapping[str, ChannelSnapshot]) -> Iterator[Event]:
    for channel in channels.values():
        if channel.variables.get("HANDOFF_ID") == handoff_id and not channel.up and not is_caller(channel):
            yield events.DialStarted(at, channel.uniqueid, channel.linkedid, channel.channel, channel.shown, handoff_id)
            yield events.DialRinging(at, channel.uniqueid)


def _conference_handoff(
    handoff: Handoff, snapshot: LinkRestored, channels: Mapping[str, ChannelSnapshot]
) -> Iterator[Event]:
    caller, target = channels.get(handoff.call_id), channel_id(handoff.id, TARGET)
    if handoff.outcome is not None:
        yield events.ConferenceReported(snapshot.at, "answered", handoff.id, TARGET, target)
        if caller is not None and caller.variables.get("HANDOFF_STATE") in ("back", "queue", "call-back"):
            yield from list(_steps(snapshot.at, caller, {}))[-1:]
    elif caller is None:
        yield events.ChannelGone(snapshot.at, handoff.call_id, handoff.call_id, "", None, None, SOURCE)
    elif target not in channels:
        yield events.ConferenceReported(snapshot.at, "result", handoff.id, TARGET, "", status="LOST")
    elif target in snapshot.rooms.get(handoff.id, ()):
        yield events.ConferenceReported(snapshot.at, "answered", handoff.id, TARGET, target, target=handoff.target)
    else:
        yield events.ConferenceReported(snapshot.at, "dialling", handoff.id, TARGET, target, target=handoff.target)
        yield from _ringing(handoff.id, snapshot.at, channels)


def _parties(
    conference: Conference, snapshot: LinkRestored, channels: Mapping[str, ChannelSnapshot]
) -> Iterator[Event]:
    inside = snapshot.rooms.get(conference.id, ())
    for party in conference.parties:
        channel = channels.get(party.uniqueid)
        if party.state is PartyState.LEFT:
            continue
        if channel is None:
            yield events.ChannelGone(snapshot.at, party.uniqueid, "", party.channel, None, None, SOURCE)
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
            yield events.ChannelGone(at, leg.uniqueid, call.id, leg.channel, None, None, SOURCE)
    known = {handoff.call_id for handoff in tracker.handoffs.values()} | set(tracker.book.calls)
    for call_id in sorted(known - set(channels)):  # whose channels are not known, e.g. taken up after a restart
        yield events.ChannelGone(at, call_id, call_id, "", None, None, SOURCE)
