"""回拨 · call-backs that were promised: which there are, take one, cancel one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import callback_views as views
from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas import Moment, Name, PageOut, PathId
from api.schemas_callbacks import CallBackOut, CallBackReasonIn
from api.services import Services, Serving
from api.shield import carried_out
from telephony import errors
from telephony.callback import CallBackState
from telephony.ports import CallBackFilter

router = APIRouter(prefix="/call-backs", tags=["call-backs"])

Reads = Annotated[Principal, needs(Permission.READ)]
Takes = Annotated[Principal, needs(Permission.HAND_OVER)]
Cancels = Annotated[Principal, needs(Permission.MANAGE_SEATS)]

_ONE = (errors.CallBackNotFound, errors.RecordStoreUnavailable)


@router.get(
    "",
    operation_id="listCallBacks",
    summary="回拨列表 · call-backs, newest first",
    responses=problems(errors.BadCursor, errors.RecordStoreUnavailable),
)
async def listed(
    who: Reads,
    services: Serving,
    since: Moment | None = None,
    until: Moment | None = None,
    line: Name | None = None,
    state: CallBackState | None = None,
    caller: Annotated[Name | None, Query(description="As received or in E.164; needs see-numbers.")] = None,
    call_id: Annotated[Name | None, Query(description="In which it was promised, or kept.")] = None,
    handoff_id: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> PageOut[CallBackOut]:
    if caller is not None:
        who.must(Permission.SEE_NUMBERS)
    where = CallBackFilter(since, until, line, state, caller, call_id, handoff_id)
    page = await services.switchboard.call_backs(where, limit=limit, cursor=cursor)
    return PageOut(items=[views.call_back(order, who.viewer) for order in page.items], next_cursor=page.next_cursor)


@router.get("/{order_id}", operation_id="getCallBack", summary="一个回拨 · one of them", responses=problems(*_ONE))
async def one(order_id: PathId, who: Reads, services: Serving) -> CallBackOut:
    return views.call_back(await services.switchboard.call_back(order_id), who.viewer)


@router.post(
    "/{order_id}/take",
    operation_id="takeCallBack",
    summary="由本坐席立即回拨 · dial it now, for this seat",
    status_code=202,
    responses=problems(*_ONE, errors.CallBackSettled, errors.NoSeatToRing, errors.NotYourCall),
)
async def take(order_id: PathId, who: Takes, services: Serving) -> CallBackOut:
    """202: the citizen is dialled as soon as the seat is free; the seat is rung when the citizen has answered."""
    await _on_its_line(services, who, order_id)
    order = await carried_out(services.switchboard.take_call_back(order_id, who.actor))
    return views.call_back(order, who.viewer)


@router.post(
    "/{order_id}/cancel",
    operation_id="cancelCallBack",
    summary="取消回拨 · it will not be dialled",
    responses=problems(*_ONE, errors.CallBackSettled, errors.NotYourCall, body=True),
)
async def cancel(order_id: PathId, body: CallBackReasonIn, who: Cancels, services: Serving) -> CallBackOut:
    await _on_its_line(services, who, order_id)
    order = await carried_out(services.switchboard.cancel_call_back(order_id, body.reason, who.actor))
    return views.call_back(order, who.viewer)


async def _on_its_line(services: Services, who: Principal, order_id: str) -> None:
    if who.line is not None and (await services.switchboard.call_back(order_id)).line != who.line:
        raise errors.NotYourCall(f"this key acts for the line {who.line} only")
