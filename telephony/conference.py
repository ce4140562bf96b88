"""A three-way call: who is in the room and what may be done with each party. Pure.

The conference has the id of its handoff. Parties are named for their part in it: ``caller``, ``seat``, ``target``, and
``p4`` onwards for those added later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

CALLER, SEAT, TARGET = "caller", "seat", "target"


class PartyState(StrEnum):
    DIALLING = "dialling"
    RINGING = "ringing"
    JOINING = "joining"
    JOINED = "joined"
    HELD = "held"
    LEFT = "left"


class PartyTrigger(StrEnum):
    RINGS = "rings"
    ANSWERS = "answers"
    JOINS = "joins"
    HOLDS = "holds"
    GOES = "goes"


PARTY_TRANSITIONS: dict[tuple[PartyState, PartyTrigger], PartyState] = {
    (PartyState.DIALLING, PartyTrigger.RINGS): PartyState.RINGING,
    (PartyState.DIALLING, PartyTrigger.ANSWERS): PartyState.JOINING,
    (PartyState.RINGING, PartyTrigger.ANSWERS): PartyState.JOINING,
    **{
        (state, PartyTrigger.JOINS): PartyState.JOINED
        for state in (PartyState.DIALLING, PartyState.RINGING, PartyState.JOINING, PartyState.HELD)
    },
    (PartyState.JOINED, PartyTrigger.HOLDS): PartyState.HELD,
    **{(state, PartyTrigger.GOES): PartyState.LEFT for state in PartyState if state is not PartyState.LEFT},
}


@dataclass(frozen=True, slots=True)
class Participant:
    """One party. ``uniqueid`` is the channel that is in the room (for a dialled party Asterisk's Local channel).

    ``number``: what the party is dialled by or calls from. ``outcome``: DIALSTATUS of a party that never came.
    """

    id: str
    uniqueid: str
    channel: str
    target: str | None = None
    state: PartyState = PartyState.DIALLING
    muted: bool = False
    outcome: str | None = None
    joined_at: datetime | None = None
    left_at: datetime | None = None


def move(party: Participant, trigger: PartyTrigger, at: datetime) -> Participant:
    """The party after what happened; the same object when the table has no place for it.

    Who comes into a room, or leaves it, is not muted any more: a mute belongs to the stay in Asterisk's room.
    """
    follows = PARTY_TRANSITIONS.get((party.state, trigger))
    if follows is None:
        return party
    return replace(
        party,
        state=follows,
        joined_at=party.joined_at or (at if follows is PartyState.JOINED else None),
        left_at=at if follows is PartyState.LEFT else None,
        muted=False,
    )


@dataclass(frozen=True, slots=True)
class Conference:
    """``id`` is the handoff's id and the ConfBridge room's name."""

    id: str
    call_id: str
    started_at: datetime
    parties: tuple[Participant, ...] = ()

    def party(self, party_id: str) -> Participant | None:
        return next((party for party in self.parties if party.id == party_id), None)

    def by_uniqueid(self, uniqueid: str) -> Participant | None:
        return next((party for party in self.parties if party.uniqueid == uniqueid), None)

    def put(self, party: Participant) -> Conference:
        """With this party in place of the one of the same id, or added at the end."""
        if self.party(party.id) is None:
            return replace(self, parties=(*self.parties, party))
        return replace(self, parties=tuple(party if old.id == party.id else old for old in self.parties))

    @property
    def present(self) -> tuple[Participant, ...]:
        """Who is in the room or held out of it."""
        return tuple(party for party in self.parties if party.state in (PartyState.JOINED, PartyState.HELD))

    @property
    def over(self) -> bool:
        """Whether everybody who was ever expected has left."""
        return all(party.state is PartyState.LEFT for party in self.parties)

    def next_party_id(self) -> str:
        """``p4``, ``p5``, …: never one that was used before."""
        return f"p{len(self.parties) + 1}" if len(self.parties) >= 3 else "p4"
