"""What is going on, from Asterisk's events alone: live calls, handoffs, conferences, phones. Pure: no I/O, no clock.

``apply`` takes one event and returns what changed; after a lost link, ``resync.missed`` says what to apply. Events may
be lost, doubled or late; what the tables of ``handoff`` and ``conference`` have no place for changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from telephony import begun, events
from telephony.call import Call
from telephony.callbook import CallBook
from telephony.changes import Changes
from telephony.conference import CALLER, TARGET, Conference, PartyState
from telephony.handoff import Handoff, Happening, Mode, Outcome, Resolution, State, Trigger, advance
from telephony.rooms import Rooms, channel_id
from telephony.targets import Targets


class Tracker:
    """One node's view. Not thread-safe; one consumer feeds it."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.book = CallBook(node)
        self.handoffs: dict[str, Handoff] = {}
        self.rooms = Rooms()
        self.phones: dict[str, str] = {}
        self.pauses: dict[tuple[str, str], str] = {}
        self.targets = Targets()
        self._ended: dict[str, str] = {}
        self._changes = Changes()

    # -------------------------------------------------------------- what the service reads and starts

    def live_handoff(self, call_id: str) -> Handoff | None:
        """The handoff that keeps this call from being handed over again."""
        return next((h for h in self.handoffs.values() if h.call_id == call_id and not h.settled), None)

    def knows(self, handoff_id: str) -> bool:
        """Whether it is live, or was, in a call that still is."""
        return handoff_id in self.handoffs or handoff_id in self._ended

    def open(self, handoff: Handoff) -> Changes:
        """Take up a handoff that was just asked for, before its command is sent."""
        changes = self._fresh()
        if handoff.mode is Mode.CONFERENCE:
            self._make_way(handoff.id, handoff.call_id, handoff.created_at)
            self._changes.conference(self.rooms.open(handoff, self.book.calls[handoff.call_id]))
        self._put(handoff)
        return changes

    def open_ended(self, handoff: Handoff, at: datetime) -> Changes:
        """Take up one whose caller hung up before its command could be sent."""
        changes = self._fresh()
        self._put(advance(handoff, Happening(Trigger.CALLER_GONE, at)))
        return changes

    def adopt(self, calls: Iterable[Call], handoffs: Iterable[Handoff], conferences: Iterable[Conference]) -> None:
        """Take up what was live before a restart, unknown until the next LinkRestored says what became of it.

        Of the handoffs of a live call those that are over, too: what Asterisk tells of them again begins nothing.
        """
        for call in calls:
            self.book.adopt(call)
        for handoff in handoffs:
            if handoff.live:
                self.handoffs[handoff.id] = replace(handoff, state=State.UNKNOWN)
            else:
                self._ended[handoff.id] = handoff.call_id
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
        self._changes.conference(self.rooms.adopt(conference))
        return changes

    def apply(self, event: events.Event) -> Changes:
        changes = self._fresh()
        handler = _HANDLERS.get(type(event))
        if handler:
            handler(self, event)
        return changes

    # -------------------------------------------------------------- calls and legs

    def _arrived(self, event: events.CallArrived) -> None:
        self._changes.call(self.book.arrived(event))

    def _created(self, event: events.ChannelCreated) -> None:
        call_id = self.rooms.call_id(event.linkedid) or event.linkedid
        self._changes.call(self.book.created(event, call_id))

    def _answered(self, event: events.ChannelAnswered) -> None:
        self._changes.call(self.book.answered(event))

    def _seat_answered(self, event: events.SeatAnswered) -> None:
        if self.book.has_ended(event.uniqueid):
            return
        self._changes.call(self.book.change_leg(event.uniqueid, seat=event.seat))
        self._changes.call(self.book.seat_has_call(event.linkedid, event.at, event.seat, event.channel, event.line))

    def _gone(self, event: events.ChannelGone) -> None:
        self.targets.gone(event)
        self._party_gone(event)
        call = self.book.gone(event) or self.book.calls.get(event.uniqueid)
        if call is None:
            self._settle(event.uniqueid, event)
            return
        self._changes.call(call)
        if event.uniqueid == call.id:
            self._caller_gone(call, event)
        if all(leg.ended_at is not None for leg in call.legs.values()):
            self._settle(call.id, event)
            self._changes.call(self.book.end(call, event.at))

    def _caller_gone(self, call: Call, event: events.ChannelGone) -> None:
        for handoff in self._handoffs_of(call.id):
            if handoff.mode is Mode.CONFERENCE and handoff.outcome is not None and handoff.rung is None:
                continue  # any party may leave a conference; it ends with the last one
            self._advance(handoff.id, Happening(Trigger.CALLER_GONE, event.at, begun.detail(event), cause=event.cause))

    def _settle(self, call_id: str, event: events.ChannelGone) -> None:
        """Nothing outlives its call."""
        at, detail = event.at, begun.detail(event)
        for conference in self.rooms.of_call(call_id):
            self._conference_over(self.rooms.dissolve(conference, at), at)
        for handoff in self._handoffs_of(call_id):
            self._advance(handoff.id, Happening(Trigger.PARTED, at, detail))
            self._advance(handoff.id, Happening(Trigger.CALLER_GONE, at, detail))
        self._ended = {ended: its_call for ended, its_call in self._ended.items() if its_call != call_id}

    def _bridge_entered(self, event: events.BridgeEntered) -> None:
        self._changes.call(self.book.change_leg(event.uniqueid, bridge=event.bridge))
        for handoff in self._handoffs_of(event.uniqueid):
            if handoff.returning is not None:
                self._advance(handoff.id, Happening(Trigger.SERVED, event.at))
            elif handoff.rung is not None:
                self._out_of_the_room(handoff, event.at)

    def _bridge_left(self, event: events.BridgeLeft) -> None:
        self._changes.call(self.book.change_leg(event.uniqueid, bridge=None))

    def _hold_changed(self, event: events.HoldChanged) -> None:
        self._changes.call(self.book.change_leg(event.uniqueid, held=event.held))

    # -------------------------------------------------------------- handoffs

    def _reported(self, event: events.HandoffReported) -> None:
        steps: dict[str, Callable[[events.HandoffReported], None]] = {
            "start": self._started,
            "answered": self._target_answered,
            "result": self._failed,
            "back": self._rung,
            "ring-seat": self._rung,
            "queue": self._rung,
            "call-back": self._called_back,
        }
        if step := steps.get(event.step):
            step(event)

    def _started(self, event: events.HandoffReported) -> None:
        if event.handoff_id in self._ended or event.linkedid not in self.book.calls:
            return  # told late: it would never end
        self._make_way(event.handoff_id, event.linkedid, event.at)
        call = self.book.calls.get(event.linkedid)
        handoff = self.handoffs.get(event.handoff_id) or begun.transfer(event, call, self.node)
        self._put(handoff)
        detail = begun.detail(event, via=event.via or handoff.via, target=event.target)
        self._advance(handoff.id, Happening(Trigger.STARTED, event.at, detail))

    def _make_way(self, handoff_id: str, call_id: str, at: datetime) -> None:
        """The call is handed on by another handoff: those before it are over.

        One that was only asked for is left alone: its command is on its way and may still be carried out; and one that
        was asked for after this one, whose start is told only now.
        """
        for handoff in self._handoffs_of(call_id):
            if handoff.id == handoff_id or handoff.state is State.REQUESTED or handoff.created_at > at:
                continue
            if conference := self.rooms.conferences.get(handoff.id):
                self._conference_over(self.rooms.dissolve(conference, at), at)
            self._advance(handoff.id, *begun.passed_over(handoff, at, {"next": handoff_id}))

    def _dial_started(self, event: events.DialStarted) -> None:
        if (handoff := self.handoffs.get(event.handoff_id)) and handoff.returning is None and handoff.outcome is None:
            self.targets.dial(event)

    def _rings(self, event: events.DialRinging) -> None:
        leg = self.targets.legs.get(event.uniqueid)
        if leg is not None:
            self._changes.conference(self.rooms.rings(leg.handoff_id, event.at))
            self._advance(leg.handoff_id, self.targets.rings(leg, event.at))

    def _target_answered(self, event: events.HandoffReported) -> None:
        if (handoff := self.handoffs.get(event.handoff_id)) is None:
            return
        gone = event.uniqueid == event.linkedid  # told by the caller's channel, because the target's could not any more
        leg = self.targets.only(handoff.id) if gone else self.targets.legs.get(event.uniqueid)
        channel = leg.channel if leg else None if gone else self.book.channel(event.uniqueid)
        answer = self.targets.answers(event.at, event.shown, leg, "" if gone else event.seat, channel)
        self._advance(handoff.id, *self.targets.with_number(answer))
        self.targets.forget(handoff.id)
        if not gone and not self.book.has_ended(event.uniqueid):
            self._changes.call(self.book.change_leg(event.uniqueid, seat=event.seat or None))
            self._changes.call(self.book.seat_has_call(handoff.call_id, event.at, event.seat, channel, handoff.target))

    def _failed(self, event: events.HandoffReported) -> None:
        self._advance(event.handoff_id, self._refusal(event))
        self.targets.forget(event.handoff_id)

    def _refusal(self, event: events.HandoffReported | events.ConferenceReported) -> Happening:
        return self.targets.refusal(event.at, event.handoff_id, event.status, event.sip_code, event.cause)

    def _rung(self, event: events.HandoffReported) -> None:
        self._failed(event)  # whoever is on the ladder has failed, told or not
        rung = Resolution.QUEUE if event.step == "queue" else Resolution.FIRST_SEAT
        self._advance(event.handoff_id, Happening(Trigger.RUNG, event.at, {"rung": event.step}, rung=rung))

    def _called_back(self, event: events.HandoffReported) -> None:
        self._failed(event)
        self._advance(event.handoff_id, Happening(Trigger.CALL_BACK, event.at))

    # -------------------------------------------------------------- conferences

    def _conference_reported(self, event: events.ConferenceReported) -> None:
        handoff = self.handoffs.get(event.handoff_id)
        self._room_known(handoff, event.step)
        self._changes.conference(self.rooms.report(event))
        if event.party != TARGET or handoff is None:
            return
        if event.step == "dialling":
            self._make_way(handoff.id, handoff.call_id, handoff.created_at)
            detail = begun.detail(event, target=event.target)
            self._advance(event.handoff_id, Happening(Trigger.STARTED, event.at, detail))
        elif event.step == "answered":
            leg, channel = self.targets.legs.get(event.uniqueid), self.book.channel(event.uniqueid)
            answer = self.targets.answers(event.at, event.shown, leg, event.seat, channel)
            self._advance(event.handoff_id, *self.targets.with_number(answer))
            self.targets.forget(event.handoff_id)
        elif event.step == "result":
            self._never_came(event.handoff_id, self._refusal(event))

    def _room_known(self, handoff: Handoff | None, step: str) -> None:
        """A process that died may have left its handoff on record and not its room."""
        call = self.book.calls.get(handoff.call_id) if handoff else None
        if handoff and call and step in ("dialling", "answered") and self.rooms.lacks(handoff):
            self._changes.conference(self.rooms.open(handoff, call))

    def _never_came(self, handoff_id: str, refusal: Happening) -> None:
        """Nobody was disturbed: caller and seat talk on. Where the seat has left meanwhile, the ladder follows."""
        self._advance(handoff_id, refusal)
        handoff = self.handoffs.get(handoff_id)
        call = self.book.calls.get(handoff.call_id) if handoff else None
        if call is None or call.seat_channel is not None or refusal.outcome is Outcome.FAILED:
            self._advance(handoff_id, Happening(Trigger.SERVED, refusal.at, rung=Resolution.FIRST_SEAT))

    def _joined(self, event: events.ConferenceJoined) -> None:
        self._changes.conference(self.rooms.join(event))
        if event.uniqueid == channel_id(event.room, TARGET):  # that it answered may have been told to nobody
            self._advance(event.room, self.targets.answers(event.at, "", None, ""))

    def _muted(self, event: events.PartyMuted) -> None:
        self._changes.conference(self.rooms.mute(event))

    def _party_gone(self, event: events.ChannelGone) -> None:
        if (conference := self.rooms.gone(event)) is None:
            return
        handoff = self.handoffs.get(conference.id)
        if handoff and event.uniqueid == channel_id(handoff.id, TARGET):
            caller = conference.party(CALLER)
            if handoff.outcome is None:
                # Asterisk reports every end of the dialling but this one: that we stopped it
                self._never_came(handoff.id, self.targets.refusal(event.at, handoff.id, "CANCELLED"))
                conference = self.rooms.dissolve(conference, event.at)
            elif caller and caller.state is PartyState.JOINING:  # gone before the others could come to it
                conference = self.rooms.dissolve(conference, event.at)
                self._conference_over(conference, event.at, Resolution.FIRST_SEAT)
        if conference.over:
            on_the_ladder = handoff is not None and handoff.rung is not None
            self._conference_over(conference, event.at, Resolution.CALLER_HUNG_UP if on_the_ladder else None)
        self._changes.conference(conference)

    def _conference_over(self, conference: Conference, at: datetime, where: Resolution | None = None) -> None:
        self._changes.conference(conference)
        if handoff := self.handoffs.get(conference.id):
            ending = self.rooms.close(handoff, at)
            self._put(ending)
            where = where or self.rooms.resolution(ending, conference)
            self._advance(ending.id, Happening(Trigger.PARTED, at, rung=where))

    def _out_of_the_room(self, handoff: Handoff, at: datetime) -> None:
        """A caller who was left alone in a conference has found a human on the ladder."""
        if conference := self.rooms.conferences.get(handoff.id):
            self._conference_over(self.rooms.dissolve(conference, at), at, handoff.rung)
        self._advance(handoff.id, Happening(Trigger.PARTED, at, rung=handoff.rung))

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

    def _call_lost(self, event: events.CallLost) -> None:
        """Nobody hung up, and the reason says so. The ends of the channels are told after this."""
        lost = Happening(Trigger.CALLER_GONE, event.at, {"reason": event.reason}, outcome=Outcome.FAILED)
        for handoff in self._handoffs_of(event.call_id):
            conference = self.rooms.conferences.get(handoff.id)
            if conference is not None:
                self._changes.conference(self.rooms.dissolve(conference, event.at))
                self._put(self.rooms.close(handoff, event.at))
            self._advance(handoff.id, lost)

    def _not_started(self, event: events.HandoffLost) -> None:
        lost = Happening(Trigger.NOT_STARTED, event.at, {"reason": event.reason}, outcome=Outcome.FAILED)
        self._advance(event.handoff_id, lost)

    # -------------------------------------------------------------- keeping

    def _fresh(self) -> Changes:
        self._changes = Changes()
        return self._changes

    def _handoffs_of(self, call_id: str) -> list[Handoff]:
        return [handoff for handoff in self.handoffs.values() if handoff.call_id == call_id]

    def _advance(self, handoff_id: str, *happenings: Happening) -> None:
        for happening in happenings:
            handoff = self.handoffs.get(handoff_id)
            if handoff is not None and (after := advance(handoff, happening)) is not handoff:
                self._put(after)

    def _put(self, handoff: Handoff) -> None:
        self._changes.handoffs[handoff.id] = handoff
        if handoff.live:
            self.handoffs[handoff.id] = handoff
        else:
            self.handoffs.pop(handoff.id, None)
            self.targets.forget(handoff.id)
            if handoff.call_id in self.book.calls:
                self._ended[handoff.id] = handoff.call_id


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
    events.CallLost: Tracker._call_lost,
    events.HandoffLost: Tracker._not_started,
}
