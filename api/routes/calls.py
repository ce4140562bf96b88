"""通话 · calls, live and past."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import views
from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas import CallOut, HourOfDay, Milliseconds, Moment, Name, PageOut, PathId
from api.schemas_calls import WholeCallOut
from api.scope import on_its_line
from api.services import Serving
from api.shield import carried_out
from telephony import errors
from telephony.ports import CallFilter, Hour

router = APIRouter(prefix="/calls", tags=["calls"])

Reads = Annotated[Principal, needs(Permission.READ)]
HandsOver = Annotated[Principal, needs(Permission.HAND_OVER)]


@router.get(
    "",
    operation_id="listCalls",
    summary="通话列表 · calls, newest first",
    responses=problems(errors.BadCursor, errors.FilterWantsASpan, errors.RecordStoreUnavailable),
)
async def listed(
    who: Reads,
    services: Serving,
    since: Moment | None = None,
    until: Moment | None = None,
    line: Name | None = None,
    caller: Annotated[Name | None, Query(description="As received or in E.164; needs see-numbers.")] = None,
    first_line: Annotated[Name | None, Query(description="The line that took the call first; `-`: none did.")] = None,
    answered: Annotated[bool | None, Query(description="By a human.")] = None,
    answered_within_ms: Milliseconds | None = None,
    same_caller_as: Annotated[Name | None, Query(description="The id of another call.")] = None,
    calls_of_caller: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Whose caller called at least so often in that time.")
    ] = None,
    one_per_caller: Annotated[bool | None, Query(description="One call of each caller in that time.")] = None,
    hour: HourOfDay | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> PageOut[CallOut]:
    """From the records; what is live on this node without the database: ``GET /v1/calls/live``."""
    if caller is not None:
        who.must(Permission.SEE_NUMBERS)
    where = CallFilter(
        since=since,
        until=until,
        line=line,
        caller=caller,
        first_line=first_line,
        answered=answered,
        answered_within_ms=answered_within_ms,
        same_caller_as=same_caller_as,
        calls_of_caller=calls_of_caller,
        one_per_caller=one_per_caller,
        hour=None if hour is None else Hour(hour, services.settings.time_zone),
    )
    page = await services.switchboard.calls(where, limit=limit, cursor=cursor)
    return PageOut(items=[views.call(call, who.viewer) for call in page.items], next_cursor=page.next_cursor)


@router.get(
    "/live",
    operation_id="listLiveCalls",
    summary="正在进行的通话 · the live calls of this node",
    responses=problems(parameters=False),
)
async def live(who: Reads, services: Serving) -> list[CallOut]:
    """From memory: it answers with the database away."""
    newest_first = sorted(services.switchboard.live_calls(), key=lambda call: call.arrived_at, reverse=True)
    return [views.call(call, who.viewer) for call in newest_first]


@router.post(
    "/{call_id}/danger",
    operation_id="callInDanger",
    summary="危险：呼叫班长并强制录音 · the panic key: supervisors are alarmed, the call is recorded",
    status_code=202,
    responses=problems(
        errors.CallNotFound,
        errors.CallEnded,
        errors.NotYourCall,
        errors.AmiNotConnected,
        errors.AmiActionFailed,
        errors.AmiTimeout,
    ),
)
async def danger(call_id: PathId, who: HandsOver, services: Serving) -> CallOut:
    """The alarm is on the event stream at once; the recording begins with the next room, line or handoff."""
    await on_its_line(services, who, call_id=call_id)
    return views.call(await carried_out(services.switchboard.in_danger(call_id, who.actor)), who.viewer)


@router.get(
    "/{call_id}",
    operation_id="getCall",
    summary="一个通话 · one call with its legs, menus, recordings and orders",
    responses=problems(errors.CallNotFound, errors.RecordStoreUnavailable),
)
async def one(call_id: PathId, who: Reads, services: Serving) -> WholeCallOut:
    """A live call is shown with the database away too; its menus, recordings and orders are null then."""
    call = await services.switchboard.call(call_id)
    standing = services.switchboard.standing_of(call_id)
    try:
        menus = (await services.details.menus([call.id])).get(call.id, ())
        recordings = await services.recordings.store.of_call(call.id)
        orders = await services.linkage.orders.of_call(call.id)
    except errors.RecordStoreUnavailable:
        return views.whole_call(call, None, None, standing, who.viewer)
    return views.whole_call(call, menus, recordings, standing, who.viewer, orders)
