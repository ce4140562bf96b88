"""What is going on, from Asterisk's events alone: live calls, handoffs, conferences, phones. Pure: no I/O, no clock.

``apply`` takes one event and returns what changed; after a lost link, ``resync.missed`` says what to apply. Events may
be lost, doubled or late; what the tables of ``handoff`` and ``conference`` have no place for changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telephony import events, numbers
from telephony.call import Call
from telephony.callbook import CallBook
from telephony.conference import Conference
from telephony.handoff import Handoff, Happening, Mode, Outcome, Release, Resolution, Trigger, advance, outcome_of
from telephony.rooms import Rooms


@dataclass(slots=True)
class Changes:
    """What one event changed, newest state only, in the order of first change."""

    calls: dict[str, Call] = field(default_factory=dict)
    handoffs: dict[str, Handoff] = field(default_factory=dict)
    conferences: dict[str, Conference] = field(default_factory=dict)
    seats: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.calls or self.handoffs or self.conferences or self.seats)


@dataclass(slots=True)
class _TargetLeg:
    """A channel that was dialled for a handoff and has not been answered."""

    handoff_id: str
    channel: str
    shown: str
    cause: int | None = None
    sip_code: int | None = None
    gone: bool = False


def phone_of(channel: str) -> str | None:
    """The endpoint behind a channel name: ``PJSIP/1101-0000002a`` → ``1101``; None for other technologies."""
    if not channel.startswith("PJSIP/"):
        return None
    return channel.removeprefix("PJSIP/").rpartition("-")[0] or None


class Tracker:
    """One node's view. Not thread-safe; one consumer feeds it."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.book = CallBook(node)
        self.handoffs: dict[str, Handoff] = {}
        self.rooms = Rooms()
        self.phones: dict[str, str] = {}
        self.pauses: dict[tuple[str, str], str] = {}
        self._targets: dict[str, _TargetLeg] = {}
        self._changes = Changes()

    # -------------------------------------------------------------- what the service reads and starts

    def live_handoff(self, call_id: str) -> Handoff | None:
        """The handoff that keeps this call from being handed over again."""
        return next((h for h in self.handoffs.values() if h.call_id == call_id and not h.settled), None)

    def open(self, handoff: Handoff) -> Changes:
        """Take up a handoff that was just asked for, before its command is sent."""
        changes = self._fresh()
        if handoff.mode is Mode.CONFERENCE:
            self._end_answered(handoff.call_id, handoff.created_at)
            self._note_conference(self.rooms.open(handoff, self.book.calls[handoff.call_id]))
        self._put(handoff)
        return changes

    def open_ended(self, handoff: Handoff, at: datetime) -> Changes:
        """Take up one whose caller hung up before its command could be sent."""
        changes = self._fresh()
        self._put(advance(handoff, Happening(Trigger.CALLER_GONE, at)))
        return changes

    def adopt(self, calls: Iterable[Call], handoffs: Iterable[Handoff], conferences: Iterable[Conference]) -> None:
        """Take up what was live before a restart; the next LinkRestored says what became of it."""
        for call in calls:
            self.book.adopt(call)
        for handoff in handoffs:
            self.handoffs[handoff.id] = handoff
        for conference in conferences:
            self.rooms.adopt(conference)

    def happen(self, handoff_id: str, happening: Happening) -> Changes:
        """Something about a handoff that no event tells, e.g. that Asterisk refused its command."""
        changes = self._fresh()
        self._advance(handoff_id, happening)
        return changes

    def update(self, handoff: Handoff) -> Changes:
        """Replace a record with one that differs in what Asterisk does not know (the decision)."""
        changes = self._fresh()
        self._put(handoff)
        return changes

    def add_party(self, conference: Conference) -> Changes:
        changes = self._fresh()
        self._note_conference(self.rooms.adopt(conference))
        return changes

    def apply(self, event: events.Event) -> Changes:
        changes = self._fresh()
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        return changes

    # -------------------------------------------------------------- calls and legs

    def _arrived(self, event: events.CallArrived) -> None:
        self._note_call(self.book.arrived(event))

    def _created(self, event: events.ChannelCreated) -> None:
        call_id = self.rooms.call_id(event.linkedid) or event.linkedid
        self._note_call(self.book.created(event, call_id))

    def _answered(self, event: events.ChannelAnswered) -> None:
        self._note_call(self.book.answered(event))

    def _seat_answered(self, event: events.SeatAnswered) -> None:
        self._note_call(self.book.change_leg(event.uniqueid, seat=event.seat))
        self._note_call(self.book.seat_has_call(event.linkedid, event.at, event.seat, event.channel, event.line))

    def _gone(self, event: events.ChannelGone) -> None:
        target = self._targets.get(event.uniqueid)
        if target is not None:
            target.cause, target.sip_code, target.gone = event.cause, event.sip_code, True
        self._party_gone(event)
        call = self.book.gone(event)
        if call is None:
            return
        self._note_call(call)
        if event.uniqueid == call.id:
            self._caller_gone(call, event)
        if all(leg.ended_at is not None for leg in call.legs.values()):
            for handoff in self._handoffs_of(call.id):
                self._advance(handoff.id, Happening(Trigger.PARTED, event.at))
            self._note_call(self.book.end(call, event.at))

    def _caller_gone(self, call: Call, event: events.ChannelGone) -> None:
        for handoff in self._handoffs_of(call.id):
            if handoff.mode is Mode.CONFERENCE and handoff.outcome is not None:
                continue  # any party may leave a conference; it ends with the last one
            self._advance(handoff.id, Happening(Trigger.CALLER_GONE, event.at, cause=event.cause))

    def _bridge_entered(self, event: events.BridgeEntered) -> None:
        self._note_call(self.book.change_leg(event.uniqueid, bridge=event.bridge))
        handoff = self.live_handoff(event.uniqueid)
        if handoff and handoff.returning is not None and handoff.mode is not Mode.CONFERENCE:
            self._advance(handoff.id, Happening(Trigger.SERVED, event.at))

    def _bridge_left(self, event: events.BridgeLeft) -> None:
        self._note_call(self.book.change_leg(event.uniqueid, bridge=None))

    def _hold_changed(self, event: events.HoldChanged) -> None:
        self._note_call(self.book.change_leg(event.uniqueid, held=event.held))

    # -------------------------------------------------------------- handoffs

    def _reported(self, event: events.HandoffReported) -> None:
        steps: dict[str, Callable[[events.HandoffReported], None]] = {
            "start": self._started,
            "answered": self._target_answered,
            "result": self._failed,
            "back": self._rung_first_seat,
            "ring-seat": self._rung_first_seat,
            "queue": self._rung_queue,
            "call-back": self._called_back,
        }
        if step := steps.get(event.step):
            step(event)

    def _started(self, event: events.HandoffReported) -> None:
        self._end_answered(event.linkedid, event.at, but=event.handoff_id)
        handoff = self.handoffs.get(event.handoff_id) or self._from_phone(event)
        self._put(handoff)
        detail = {"via": event.via or handoff.via, "target": event.target}
        self._advance(handoff.id, Happening(Trigger.STARTED, event.at, detail))

    def _from_phone(self, event: events.HandoffReported) -> Handoff:
        """A handoff that began with a key or a REFER: the dialplan gave it its id."""
        call = self.book.calls.get(event.linkedid)
        return Handoff(
            id=event.handoff_id,
            call_id=event.linkedid,
            mode=Mode.TRANSFER,
            target=event.target,
            created_at=event.at,
            node=self.node,
            release=Release.NOW if event.release == Release.NOW.value else Release.ON_ANSWER,
            via=event.via or "phone",
            original_caller=call.original_caller if call else None,
            from_line=event.from_line or None,
            from_seat=event.seat or None,
            requested_by=event.seat or None,
        )

    def _end_answered(self, call_id: str, at: datetime, *, but: str = "") -> None:
        """The target hands the caller on: its own handoff is over."""
        for handoff in self._handoffs_of(call_id):
            if handoff.id != but and handoff.settled:
                self._advance(handoff.id, Happening(Trigger.PARTED, at, {"next": "handed on"}))

    def _dial_started(self, event: events.DialStarted) -> None:
        handoff = self.handoffs.get(event.handoff_id)
        if handoff is None or handoff.returning is not None or handoff.outcome is not None:
            return
        if phone_of(event.channel) is not None:
            self._targets[event.uniqueid] = _TargetLeg(handoff.id, event.channel, event.shown)

    def _rings(self, event: events.DialRinging) -> None:
        target = self._targets.get(event.uniqueid)
        if target is None:
            return
        self._note_conference(self.rooms.rings(target.handoff_id, event.at))
        self._advance(
            target.handoff_id,
            Happening(
                Trigger.RINGS,
                event.at,
                {"channel": target.channel},
                seen=target.shown,
                target_channel=target.channel,
                target_seat=phone_of(target.channel),
            ),
        )

    def _target_answered(self, event: events.HandoffReported) -> None:
        handoff = self.handoffs.get(event.handoff_id)
        if handoff is None:
            return
        leg = self._targets.get(event.uniqueid)
        channel = leg.channel if leg else None
        self._note_call(self.book.change_leg(event.uniqueid, seat=event.seat or None))
        self._advance(handoff.id, self._answers(event.at, event.shown, leg, event.seat))
        self._forget_targets(handoff.id)
        self._note_call(self.book.seat_has_call(handoff.call_id, event.at, event.seat, channel, handoff.target))

    def _answers(self, at: datetime, shown_uri: str, leg: _TargetLeg | None, seat: str) -> Happening:
        """What the From of the target's dialog shows; where that is withheld, what its identity header carries."""
        seen = numbers.from_uri(shown_uri) or (leg.shown if leg else None)
        channel = leg.channel if leg else None
        detail = {"from": shown_uri} if shown_uri else {}
        return Happening(Trigger.ANSWERS, at, detail, seen=seen, target_channel=channel, target_seat=seat or None)

    def _failed(self, event: events.HandoffReported) -> None:
        self._advance(event.handoff_id, self._refusal(event.at, event.handoff_id, event.status))

    def _refusal(self, at: datetime, handoff_id: str, status: str) -> Happening:
        """The SIP answer counts only when it is that of every phone that rang: one may be busy, another silent."""
        legs = [leg for leg in self._targets.values() if leg.handoff_id == handoff_id]
        codes = {leg.sip_code for leg in legs if leg.gone}
        alone = len(codes) == 1 and all(leg.gone for leg in legs)
        sip_code = next(iter(codes)) if alone else None
        cause = next((leg.cause for leg in legs if leg.gone), None) if alone else None
        self._forget_targets(handoff_id)
        return Happening(
            Trigger.FAILS,
            at,
            {"status": status} | ({"sip": str(sip_code)} if sip_code else {}),
            outcome=outcome_of(status, sip_code, cause),
            cause=cause,
            sip_code=sip_code,
        )

    def _forget_targets(self, handoff_id: str) -> None:
        for uniqueid in [u for u, leg in self._targets.items() if leg.handoff_id == handoff_id]:
            del self._targets[uniqueid]

    def _rung_first_seat(self, event: events.HandoffReported) -> None:
        rung = Happening(Trigger.RUNG, event.at, {"rung": event.step}, rung=Resolution.FIRST_SEAT)
        self._advance(event.handoff_id, rung)

    def _rung_queue(self, event: events.HandoffReported) -> None:
        self._advance(event.handoff_id, Happening(Trigger.RUNG, event.at, {"rung": "queue"}, rung=Resolution.QUEUE))

    def _called_back(self, event: events.HandoffReported) -> None:
        self._advance(event.handoff_id, Happening(Trigger.CALL_BACK, event.at))

    # -------------------------------------------------------------- conferences

    def _conference_reported(self, event: events.ConferenceReported) -> None:
        self._note_conference(self.rooms.report(event))
        if event.party != "target" or event.handoff_id not in self.handoffs:
            return
        if event.step == "dialling":
            self._advance(event.handoff_id, Happening(Trigger.STARTED, event.at, {"target": event.target}))
        elif event.step == "answered":
            leg = self._targets.get(event.uniqueid)
            self._advance(event.handoff_id, self._answers(event.at, event.shown, leg, event.seat))
            self._forget_targets(event.handoff_id)
        elif event.step == "result" and self.handoffs[event.handoff_id].outcome is None:
            self._advance(event.handoff_id, self._refusal(event.at, event.handoff_id, event.status))
            served = Happening(Trigger.SERVED, event.at, rung=Resolution.FIRST_SEAT)
            self._advance(event.handoff_id, served)

    def _joined(self, event: events.ConferenceJoined) -> None:
        self._note_conference(self.rooms.join(event))

    def _muted(self, event: events.PartyMuted) -> None:
        self._note_conference(self.rooms.mute(event))

    def _party_gone(self, event: events.ChannelGone) -> None:
        conference = self.rooms.gone(event)
        if conference is None:
            return
        self._note_conference(conference)
        if conference.over and (handoff := self.handoffs.get(conference.id)) is not None:
            ending = self.rooms.close(handoff, conference, event.at)
            self._put(ending)
            self._advance(
                ending.id, Happening(Trigger.PARTED, event.at, rung=self.rooms.resolution(ending, conference))
            )

    # -------------------------------------------------------------- seats

    def _phone_changed(self, event: events.SeatPhoneChanged) -> None:
        if self.phones.get(event.seat) != event.state:
            self.phones[event.seat] = event.state
            self._changes.seats[event.seat] = None

    def _pause_changed(self, event: events.SeatPauseChanged) -> None:
        key = event.seat, event.line
        before = self.pauses.get(key)
        if event.paused:
            self.pauses[key] = event.reason
        else:
            self.pauses.pop(key, None)
        if before != self.pauses.get(key):
            self._changes.seats[event.seat] = None

    # -------------------------------------------------------------- the link

    def _link_lost(self, event: events.LinkLost) -> None:
        lost = Happening(Trigger.LINK_LOST, event.at, {"reason": event.reason})
        for handoff_id in list(self.handoffs):
            self._advance(handoff_id, lost)

    def _not_started(self, event: events.HandoffLost) -> None:
        lost = Happening(Trigger.NOT_STARTED, event.at, {"reason": event.reason}, outcome=Outcome.FAILED)
        self._advance(event.handoff_id, lost)

    # -------------------------------------------------------------- keeping

    def _fresh(self) -> Changes:
        self._changes = Changes()
        return self._changes

    def _handoffs_of(self, call_id: str) -> list[Handoff]:
        return [handoff for handoff in self.handoffs.values() if handoff.call_id == call_id]

    def _advance(self, handoff_id: str, happening: Happening) -> None:
        handoff = self.handoffs.get(handoff_id)
        if handoff is not None and (after := advance(handoff, happening)) is not handoff:
            self._put(after)

    def _put(self, handoff: Handoff) -> None:
        self._changes.handoffs[handoff.id] = handoff
        if handoff.live:
            self.handoffs[handoff.id] = handoff
        else:
            self.handoffs.pop(handoff.id, None)
            self._forget_targets(handoff.id)

    def _note_call(self, call: Call | None) -> None:
        if call is not None:
            self._changes.calls[call.id] = call

    def _note_conference(self, conference: Conference | None) -> None:
        if conference is not None:
            self._changes.conferences[conference.id] = conference


_HANDLERS: dict[type[events.Event], Callable[[Tracker, Any], None]] = {
    events.CallArrived: Tracker._arrived,
    events.ChannelCreated: Tracker._created,
    events.ChannelAnswered: Tracker._answered,
    events.ChannelGone: Tracker._gone,
    events.SeatAnswered: Tracker._seat_answered,
    events.BridgeEntered: Tracker._bridge_entered,
    events.BridgeLeft: Tracker._bridge_left,
    events.HoldChanged: Tracker._hold_changed,
    events.DialStarted: Tracker._dial_started,
    events.DialRinging: Tracker._rings,
    events.HandoffReported: Tracker._reported,
    events.ConferenceReported: Tracker._conference_reported,
    events.ConferenceJoined: Tracker._joined,
    events.PartyMuted: Tracker._muted,
    events.SeatPhoneChanged: Tracker._phone_changed,
    events.SeatPauseChanged: Tracker._pause_changed,
    events.LinkLost: Tracker._link_lost,
    events.HandoffLost: Tracker._not_started,
}
