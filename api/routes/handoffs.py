"""一键转接与转接记录 · handoffs: start, watch, cancel, complete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api import views
from api.auth import Principal, needs
from api.errors import IdempotencyKeyMissing
from api.openapi import problems
from api.permissions import Permission
from api.schemas import (
    CorrectionIn,
    HandoffIn,
    HandoffOut,
    HourOfDay,
    Milliseconds,
    Moment,
    Name,
    Nobody,
    PageOut,
    PathId,
)
from api.scope import from_or_to_its_line, on_its_line
from api.services import Serving
from api.shield import carried_out
from telephony import errors
from telephony.handoff import Mode, Outcome, Resolution, State
from telephony.ports import HandoffFilter, Hour
from telephony.proof import Finding
from telephony.service import HandoffRequest

router = APIRouter(prefix="/handoffs", tags=["handoffs"])

HandsOver = Annotated[Principal, needs(Permission.HAND_OVER)]
Reads = Annotated[Principal, needs(Permission.READ)]
Corrects = Annotated[Principal, needs(Permission.CORRECT)]

_ASTERISK = (errors.AmiNotConnected, errors.AmiActionFailed, errors.AmiTimeout)


@router.post(
    "",
    operation_id="startHandoff",
    summary="一键转接 · start a handoff",
    status_code=202,
    response_model=HandoffOut,
    responses={
        202: {"headers": {"Location": {"description": "The record.", "schema": {"type": "string"}}}},
        **problems(
            IdempotencyKeyMissing,
            errors.CallNotFound,
            errors.CallEnded,
            errors.UnknownTarget,
            errors.TargetHasCall,
            errors.HandoffInProgress,
            errors.NotTalking,
            errors.NotYourCall,
            errors.ModeNotSupported,
            errors.IdempotencyKeyReused,
            errors.RecordStoreUnavailable,
            *_ASTERISK,
            body=True,
        ),
    },
)
async def start(
    body: HandoffIn,
    response: Response,
    who: HandsOver,
    services: Serving,
    idempotency_key: Annotated[
        str,
        Header(
            description="1 to 200 printable ASCII characters, new for each press of the key. The same key again gives "
            "the handoff that it started, and starts nothing.",
            pattern=r"^[\x21-\x7e]{1,200}$",
            examples=["8001-7f9c2ba4"],
        ),
    ],
) -> HandoffOut:
    """202: Asterisk was asked. What came of it is in the record, and on the event stream, as it happens."""
    await on_its_line(services, who, call_id=body.call_id)
    request = HandoffRequest(**body.model_dump(), idempotency_key=idempotency_key)
    record = await carried_out(services.switchboard.start_handoff(request, who.actor))
    response.headers["Location"] = f"/v1/handoffs/{record.id}"
    return views.handoff(record, who.viewer)


@router.get(
    "",
    operation_id="listHandoffs",
    summary="转接记录 · handoffs, newest first",
    responses=problems(errors.BadCursor, errors.FilterWantsASpan, errors.RecordStoreUnavailable),
)
async def listed(
    who: Reads,
    services: Serving,
    since: Moment | None = None,
    until: Moment | None = None,
    call_id: Name | None = None,
    line: Name | None = None,
    seat: Name | None = None,
    state: State | None = None,
    outcome: Outcome | Nobody | None = None,
    caller: Annotated[Name | None, Query(description="As received or in E.164; needs see-numbers.")] = None,
    number_mismatch: Annotated[
        bool | None, Query(description="Only those whose target saw another number than the caller's, or only others.")
    ] = None,
    from_line: Name | None = None,
    target: Name | None = None,
    mode: Mode | None = None,
    resolution: Resolution | Nobody | None = None,
    returned: Annotated[
        bool | None, Query(description="The caller came back: to the first seat, a queue or a call-back order.")
    ] = None,
    answered: Annotated[bool | None, Query(description="The target answered, whatever came after.")] = None,
    answered_within_ms: Milliseconds | None = None,
    accepted_by: Annotated[Name | None, Query(description="Who accepted the matter of a three-way call.")] = None,
    automatic: Annotated[
        bool | None, Query(description="Nobody decided: the first receiver keeps it (首接负责).")
    ] = None,
    number_proof: Annotated[Finding | None, Query(description="What the target was shown.")] = None,
    hour: HourOfDay | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> PageOut[HandoffOut]:
    """All given conditions hold; times are half-open, from ``since`` up to but without ``until``.

    ``-`` in the place of a name, an outcome or a resolution finds those that have none.
    """
    if caller is not None:
        who.must(Permission.SEE_NUMBERS)
    where = HandoffFilter(
        since=since,
        until=until,
        call_id=call_id,
        line=line,
        seat=seat,
        state=state.value if state else None,
        outcome=outcome,
        caller=caller,
        number_mismatch=number_mismatch,
        from_line=from_line,
        target=target,
        mode=mode,
        resolution=resolution,
        returned=returned,
        answered=answered,
        answered_within_ms=answered_within_ms,
        accepted_by=accepted_by,
        automatic=automatic,
        number_proof=number_proof,
        hour=None if hour is None else Hour(hour, services.settings.time_zone),
    )
    page = await services.switchboard.handoffs(where, limit=limit, cursor=cursor)
    return PageOut(items=[views.handoff(record, who.viewer) for record in page.items], next_cursor=page.next_cursor)


@router.get(
    "/{handoff_id}",
    operation_id="getHandoff",
    summary="转接记录与时间线 · one handoff with its timeline",
    responses=problems(errors.HandoffNotFound, errors.RecordStoreUnavailable),
)
async def one(handoff_id: PathId, who: Reads, services: Serving) -> HandoffOut:
    return views.handoff(await services.switchboard.handoff(handoff_id), who.viewer)


@router.delete(
    "/{handoff_id}",
    operation_id="cancelHandoff",
    summary="取消转接，来电者回到原坐席 · cancel; the caller is back with the seat",
    status_code=202,
    responses=problems(errors.HandoffNotFound, errors.HandoffSettled, errors.NotYourCall, *_ASTERISK),
)
async def cancel(handoff_id: PathId, who: HandsOver, services: Serving) -> HandoffOut:
    """202: Asterisk was asked; the record tells when the caller is back. Too late once the target has answered."""
    await from_or_to_its_line(services, who, handoff_id=handoff_id)
    record = await carried_out(services.switchboard.cancel_handoff(handoff_id, who.actor))
    return views.handoff(record, who.viewer)


@router.post(
    "/{handoff_id}/complete",
    operation_id="completeHandoff",
    summary="原坐席退出，来电者与受理方继续通话 · the seat leaves, caller and target stay",
    status_code=202,
    responses=problems(
        errors.HandoffNotFound,
        errors.HandoffNotAnswered,
        errors.HandoffSettled,
        errors.NotYourCall,
        *_ASTERISK,
    ),
)
async def complete(handoff_id: PathId, who: HandsOver, services: Serving) -> HandoffOut:
    await from_or_to_its_line(services, who, handoff_id=handoff_id)
    record = await carried_out(services.switchboard.complete_handoff(handoff_id, who.actor))
    return views.handoff(record, who.viewer)


@router.post(
    "/{handoff_id}/corrections",
    operation_id="correctHandoff",
    summary="更正记录，原内容留存 · put a record right; the original stays",
    responses=problems(
        errors.HandoffNotFound,
        errors.NotCorrectable,
        errors.UnknownAcceptor,
        errors.RecordStoreUnavailable,
        body=True,
    ),
)
async def correct(handoff_id: PathId, body: CorrectionIn, who: Corrects, services: Serving) -> HandoffOut:
    """Of what people entered. What was observed stays as it was: outcomes, times and numbers cannot be corrected."""
    record = await carried_out(services.switchboard.correct(handoff_id, body.field, body.value, body.reason, who.actor))
    return views.handoff(record, who.viewer)
