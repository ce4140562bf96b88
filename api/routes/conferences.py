"""三方通话 · the three-way call: its parties, and the recorded decision."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import views
from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas import ConferenceOut, DecisionIn, HandoffOut, ParticipantOut, PartyIn, PathId
from api.scope import from_or_to_its_line
from api.services import Serving
from api.shield import carried_out
from telephony import errors
from telephony.service import PartyAction

router = APIRouter(prefix="/conferences", tags=["conferences"])

Confers = Annotated[Principal, needs(Permission.CONFER)]
Reads = Annotated[Principal, needs(Permission.READ)]

_STEERING = (
    errors.HandoffNotFound,
    errors.ConferenceNotFound,
    errors.NotYourCall,
    errors.HandoffNotAnswered,
    errors.HandoffSettled,
)
_ASTERISK = (errors.AmiNotConnected, errors.AmiActionFailed, errors.AmiTimeout)


@router.get(
    "/{conference_id}",
    operation_id="getConference",
    summary="三方通话的各方 · the conference and its parties",
    responses=problems(errors.ConferenceNotFound, errors.RecordStoreUnavailable),
)
async def one(conference_id: PathId, who: Reads, services: Serving) -> ConferenceOut:
    return views.conference(await services.switchboard.conference(conference_id))


@router.post(
    "/{conference_id}/participants",
    operation_id="addParty",
    summary="再邀请一方 · add a party: 120, a utility",
    status_code=202,
    responses=problems(
        *_STEERING,
        errors.HandoffNotFound,
        errors.HandoffSettled,
        errors.HandoffNotAnswered,
        errors.UnknownTarget,
        *_ASTERISK,
        body=True,
    ),
)
async def add(conference_id: PathId, body: PartyIn, who: Confers, services: Serving) -> ParticipantOut:
    """202: the target is being dialled; it joins when it answers, and disturbs nobody when it does not."""
    await from_or_to_its_line(services, who, handoff_id=conference_id)
    party = await carried_out(services.switchboard.add_party(conference_id, body.target, who.actor))
    return views.participant(party)


@router.post(
    "/{conference_id}/participants/{party_id}/{action}",
    operation_id="controlParty",
    summary="静音、保持或移出一方 · mute, hold or remove a party",
    status_code=202,
    responses=problems(
        *_STEERING,
        errors.HandoffNotFound,
        errors.HandoffSettled,
        errors.HandoffNotAnswered,
        errors.PartyNotFound,
        *_ASTERISK,
    ),
)
async def control(
    conference_id: PathId,
    party_id: Annotated[PathId, Path(description="caller, seat, target, or p4 and on")],
    action: PartyAction,
    who: Confers,
    services: Serving,
) -> ParticipantOut:
    await from_or_to_its_line(services, who, handoff_id=conference_id)
    party = await carried_out(services.switchboard.control_party(conference_id, party_id, action, who.actor))
    return views.participant(party)


@router.post(
    "/{conference_id}/decision",
    operation_id="decide",
    summary="登记受理决定 · record who accepts the matter, and why",
    responses=problems(
        *_STEERING,
        errors.HandoffNotFound,
        errors.HandoffSettled,
        errors.HandoffNotAnswered,
        errors.DecisionMade,
        errors.UnknownAcceptor,
        body=True,
    ),
)
async def decide(conference_id: PathId, body: DecisionIn, who: Confers, services: Serving) -> HandoffOut:
    await from_or_to_its_line(services, who, handoff_id=conference_id)
    record = await carried_out(services.switchboard.decide(conference_id, body.accepted_by, body.reason, who.actor))
    return views.handoff(record, who.viewer)
