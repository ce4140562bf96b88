"""The live conferences and what events do to their parties. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from telephony import events
from telephony.call import Call
from telephony.conference import CALLER, SEAT, TARGET, Conference, Participant, PartyState, PartyTrigger, move
from telephony.handoff import Decision, Handoff, Mode, Resolution


def channel_id(handoff_id: str, party_id: str) -> str:
    """The Uniqueid that a dialled party's channel is given: known before Asterisk has made it."""
    return f"{handoff_id}-{party_id}"


class Rooms:
    def __init__(self) -> None:
        self.conferences: dict[str, Conference] = {}

    def open(self, handoff: Handoff, call: Call) -> Conference:
        """Caller and seat are named now, and are in the room only once they are seen there."""
        caller = Participant(CALLER, call.id, call.caller_channel, state=PartyState.JOINING)
        seat_leg = next((leg for leg in call.legs.values() if leg.channel == call.seat_channel), None)
        seat = Participant(
            SEAT, seat_leg.uniqueid if seat_leg else "", call.seat_channel or "", state=PartyState.JOINING
        )
        target = Participant(TARGET, channel_id(handoff.id, TARGET), "", target=handoff.target)
        return self.adopt(Conference(handoff.id, call.id, handoff.created_at, (caller, seat, target)))

    def lacks(self, handoff: Handoff) -> bool:
        return handoff.mode is Mode.CONFERENCE and handoff.id not in self.conferences

    def adopt(self, conference: Conference) -> Conference:
        self.conferences[conference.id] = conference
        return conference

    def call_id(self, linkedid: str) -> str | None:
        """The call that a dialled party's channels belong to; they have a Linkedid of their own until they join."""
        for conference in self.conferences.values():
            if any(linkedid == channel_id(conference.id, party.id) for party in conference.parties):
                return conference.call_id
        return None

    def _move(
        self, conference: Conference, party: Participant, trigger: PartyTrigger, at: datetime
    ) -> Conference | None:
        moved = move(party, trigger, at)
        return None if moved is party else self.adopt(conference.put(moved))

    def rings(self, handoff_id: str, at: datetime) -> Conference | None:
        conference = self.conferences.get(handoff_id)
        party = conference.party(TARGET) if conference else None
        return self._move(conference, party, PartyTrigger.RINGS, at) if conference and party else None

    def report(self, event: events.ConferenceReported) -> Conference | None:
        conference = self.conferences.get(event.handoff_id)
        if conference is None:
            return None
        party = conference.party(event.party) or conference.by_uniqueid(event.uniqueid)
        if party is None:
            return self._unheard_of(conference, event)
        if event.step == "answered":
            return self._move(conference, party, PartyTrigger.ANSWERS, event.at)
        if event.step == "held":
            return self._move(conference, party, PartyTrigger.HOLDS, event.at)
        if event.step == "result" and party.joined_at is None:
            conference = conference.put(replace(party, outcome=event.status))
            if party.id == TARGET:
                return self.dissolve(conference, event.at)
            return self._move(conference, replace(party, outcome=event.status), PartyTrigger.GOES, event.at)
        return None

    def _unheard_of(self, conference: Conference, event: events.ConferenceReported) -> Conference | None:
        """Asked in by a process that died before that was on record: its name is taken."""
        if not event.party or event.step not in ("dialling", "result"):
            return None
        party = Participant(event.party, channel_id(conference.id, event.party), "", target=event.target or None)
        known = self.adopt(conference.put(party))
        return self.report(event) or known

    def join(self, event: events.ConferenceJoined) -> Conference | None:
        conference = self.conferences.get(event.room)
        if conference is None:
            return None
        party = conference.by_uniqueid(event.uniqueid)
        if party is None:
            return None
        return self._move(conference, replace(party, channel=event.channel), PartyTrigger.JOINS, event.at)

    def mute(self, event: events.PartyMuted) -> Conference | None:
        conference = self.conferences.get(event.room)
        party = conference.by_uniqueid(event.uniqueid) if conference else None
        if conference is None or party is None or party.muted == event.muted:
            return None
        return self.adopt(conference.put(replace(party, muted=event.muted)))

    def gone(self, event: events.ChannelGone) -> Conference | None:
        """A party's channel has ended; None when it was nobody's, or the room is still being dialled."""
        for conference in self.conferences.values():
            party = conference.by_uniqueid(event.uniqueid)
            if party is not None:
                after = self._move(conference, party, PartyTrigger.GOES, event.at)
                if after is not None and after.over:
                    del self.conferences[after.id]
                return after
        return None

    def dissolve(self, conference: Conference, at: datetime) -> Conference:
        """Nobody is expected there any more: the target never came, the caller was taken back, the call has ended."""
        self.conferences.pop(conference.id, None)
        return replace(conference, parties=tuple(move(party, PartyTrigger.GOES, at) for party in conference.parties))

    def of_call(self, call_id: str) -> list[Conference]:
        return [conference for conference in self.conferences.values() if conference.call_id == call_id]

    def resolution(self, handoff: Handoff, conference: Conference) -> Resolution:
        """Where the caller ended: with the side that the decision names, else with the one that stayed with the caller.

        A first seat that was there as long as the caller was keeps the caller (首接负责).
        """
        decision = handoff.decision
        if decision is not None and not decision.automatic:
            return Resolution.TARGET if decision.accepted_by == handoff.target else Resolution.FIRST_SEAT
        left = [party.left_at for party in map(conference.party, (SEAT, TARGET, CALLER)) if party and party.left_at]
        alone_with_target = len(left) == 3 and left[0] < min(left[1:])
        return Resolution.TARGET if alone_with_target else Resolution.FIRST_SEAT

    def close(self, handoff: Handoff, at: datetime) -> Handoff:
        """With a decision in any case: nobody decided means that the first receiver keeps the matter.

        国办发〔2022〕12号: 对协商后无法确定的，由首先接到群众诉求的平台先行受理.
        """
        if handoff.decision is not None or handoff.outcome is None or handoff.from_line is None:
            return handoff
        return replace(handoff, decision=Decision(handoff.from_line, "首接负责", None, at, automatic=True))
