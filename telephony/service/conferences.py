"""Three-way calls: who is in the room, and the recorded decision (受理决定)."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import structlog

from telephony import commands
from telephony.conference import Conference, Participant, PartyState, PartyTrigger, move
from telephony.errors import (
    AmiActionFailed,
    AmiNotSent,
    ConferenceNotFound,
    DecisionMade,
    HandoffNotAnswered,
    HandoffSettled,
    NotYourCall,
    PartyNotFound,
    UnknownAcceptor,
    UnknownTarget,
)
from telephony.handoff import Decision, Handoff, Outcome, Step
from telephony.rooms import channel_id
from telephony.service.node import Actor, Node

log = structlog.get_logger()

_KEPT_WITHIN = 1.5


class PartyAction(StrEnum):
    MUTE = "mute"
    UNMUTE = "unmute"
    HOLD = "hold"
    UNHOLD = "unhold"
    REMOVE = "remove"


_POSSIBLE = {
    PartyAction.MUTE: PartyState.JOINED,
    PartyAction.UNMUTE: PartyState.JOINED,
    PartyAction.HOLD: PartyState.JOINED,
    PartyAction.UNHOLD: PartyState.HELD,
}


class Conferences(Node):
    async def add_party(self, conference_id: str, target: str, actor: Actor) -> Participant:
        """Ring one more (120, a utility); the room goes on meanwhile.

        Raises ConferenceNotFound, NotYourCall, HandoffNotAnswered (no room yet), UnknownTarget, AmiError.
        """
        handoff, conference = await self._live_conference(conference_id, actor)
        if handoff.rung is not None:
            raise HandoffSettled("everybody has left the caller alone, who is on the way to the next seat")
        if handoff.outcome is not Outcome.ANSWERED:
            raise HandoffNotAnswered("the three-way call has not come to be yet")
        if self.directory.target(target) is None:
            raise UnknownTarget(f"no line and no linked number {target!r} is configured")
        caller = conference.parties[0]
        party_id = conference.next_party_id()
        party = Participant(party_id, channel_id(conference.id, party_id), "", target=target)
        self.watch.keep(self.tracker.add_party(conference.put(party)))
        command = commands.AddParty(conference.id, caller.channel, party_id, target, self._ring_seconds(target))
        try:
            await self._control.execute(command)
        except (AmiNotSent, AmiActionFailed):
            room = self.tracker.rooms.conferences.get(conference.id)
            if room is not None:  # nobody waits for who was never rung
                left = move(party, PartyTrigger.GOES, self._clock.now())
                self.watch.keep(self.tracker.add_party(room.put(left)))
            raise
        log.info("conference.party_added", handoff_id=conference.id, party=party_id, target=target)
        return party

    async def control_party(self, conference_id: str, party_id: str, action: PartyAction, actor: Actor) -> Participant:
        """Mute, hold or remove one party; asking for what is so already changes nothing.

        Raises ConferenceNotFound, PartyNotFound, NotYourCall, HandoffNotAnswered (the party is not there yet),
        HandoffSettled (it has left), AmiError.
        """
        handoff, conference = await self._live_conference(conference_id, actor)
        party = conference.party(party_id)
        if party is None:
            raise PartyNotFound(f"no party {party_id} in this conference")
        if handoff.rung is not None:
            raise HandoffSettled("everybody has left the caller alone, who is on the way to the next seat")
        if self._is_so(party, action):
            return party
        if party.state is PartyState.JOINING:  # caller and seat still talk outside of the room: hands off
            raise HandoffNotAnswered("the party has not come into the room yet")
        if party.state is PartyState.LEFT or _POSSIBLE.get(action, party.state) is not party.state:
            raise HandoffSettled(f"the party is {party.state}")
        try:
            await self._control.execute(self._command_for(conference, party, action))
        except AmiActionFailed as error:
            raise HandoffSettled("the party has left already") from error
        await self.watch.until(lambda: self._is_so(self._party_now(conference_id, party), action))
        return self._party_now(conference_id, party)

    def _party_now(self, conference_id: str, party: Participant) -> Participant:
        conference = self.tracker.rooms.conferences.get(conference_id)
        found = conference.party(party.id) if conference else None
        return found or replace(party, state=PartyState.LEFT)

    @staticmethod
    def _is_so(party: Participant, action: PartyAction) -> bool:
        return {
            PartyAction.MUTE: party.state is PartyState.JOINED and party.muted,
            PartyAction.UNMUTE: party.state is PartyState.JOINED and not party.muted,
            PartyAction.HOLD: party.state is PartyState.HELD,
            PartyAction.UNHOLD: party.state is PartyState.JOINED,
            PartyAction.REMOVE: party.state is PartyState.LEFT,
        }[action]

    def _command_for(self, conference: Conference, party: Participant, action: PartyAction) -> commands.Command:
        if action in (PartyAction.MUTE, PartyAction.UNMUTE):
            return commands.MuteParty(conference.id, party.channel, action is PartyAction.MUTE)
        if action in (PartyAction.HOLD, PartyAction.UNHOLD):
            return commands.HoldParty(conference.id, party.channel, action is PartyAction.HOLD)
        return commands.HangUp(party.channel or party.uniqueid)

    async def decide(self, conference_id: str, accepted_by: str, reason: str, actor: Actor) -> Handoff:
        """Record who accepted the matter. May follow the end of the call, once, in place of the automatic decision.

        It is kept, in the database or on disk, when this returns.
        Raises ConferenceNotFound, NotYourCall, DecisionMade, UnknownAcceptor.
        """
        conference = await self.conference(conference_id)
        handoff = await self.handoff(conference_id)  # last: nothing is awaited between reading it and changing it
        if not actor.any_call and (actor.seat is None or actor.seat not in (handoff.from_seat, handoff.target_seat)):
            raise NotYourCall("only those who talked decide")
        if handoff.decision is not None and not handoff.decision.automatic:
            raise DecisionMade("the decision is on record already")
        if handoff.outcome is not Outcome.ANSWERED:
            raise HandoffNotAnswered("there is nothing to decide where the target has not answered")
        parties = {party.target for party in conference.parties if party.target} | {handoff.from_line}
        if accepted_by not in parties:
            raise UnknownAcceptor(f"{accepted_by!r} did not take part")
        now = self._clock.now()
        decision = Decision(accepted_by, reason, actor.name, now)
        step = Step(now, "decided", {"accepted_by": accepted_by, "by": actor.name})
        decided = replace(handoff, decision=decision, timeline=(*handoff.timeline, step))
        self.watch.amend(decided)
        if not await self._sink.flush(_KEPT_WITHIN):  # where the database is away, it is in the spool by then
            log.warning("conference.decision_not_in_database_yet", handoff_id=handoff.id)
        log.info("conference.decided", handoff_id=handoff.id, accepted_by=accepted_by)
        return decided

    async def _live_conference(self, conference_id: str, actor: Actor) -> tuple[Handoff, Conference]:
        handoff = await self._live_handoff(conference_id, actor)
        conference = self.tracker.rooms.conferences.get(conference_id)
        if conference is None:
            raise ConferenceNotFound(f"no conference {conference_id}")
        return handoff, conference
