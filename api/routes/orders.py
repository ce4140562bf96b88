"""工单与警单 · orders both ways."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from api.auth import Principal, needs
from api.errors import IdempotencyKeyMissing
from api.openapi import problems
from api.order_views import order_out, worked_on
from api.permissions import Permission
from api.schemas import Moment, Name, PageOut
from api.schemas_linkage import DeadlineOut, EscalatedOut, OrderActIn, OrderIn, OrderOut
from api.services import Services, Serving
from linkage import errors
from linkage.deadlines import deadlines
from linkage.desk import NewOrder
from linkage.orders import Act, Order, OrderState
from linkage.ports import OrderFilter
from telephony.errors import BadCursor, CallNotFound, HotlineError, NotYourCall, RecordStoreUnavailable

router = APIRouter(prefix="/orders", tags=["linkage"])

Reads = Annotated[Principal, needs(Permission.READ)]
Works = Annotated[Principal, needs(Permission.HAND_OVER)]
OrderId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]

_ONE = (errors.OrderNotFound, NotYourCall, RecordStoreUnavailable)
_REFUSALS: tuple[type[HotlineError], ...] = (errors.OrderChanged, *errors.OrderRefused.__subclasses__())


@router.post(
    "",
    operation_id="openOrder",
    summary="派单 · push an order; a dual push gives both",
    status_code=201,
    responses=problems(IdempotencyKeyMissing, CallNotFound, NotYourCall, RecordStoreUnavailable, body=True),
)
async def open_order(
    body: OrderIn,
    who: Works,
    services: Serving,
    response: Response,
    idempotency_key: Annotated[str, Header(pattern=r"^[\x21-\x7e]{1,120}$", examples=["8001-7f9c2ba4"])],
) -> list[OrderOut]:
    """The same key from the same asker again gives the orders that it opened, and opens none."""
    if who.line not in (None, body.from_line):
        raise NotYourCall(f"this key acts for the line {who.line} only")
    caller = await _caller(services, who, body.call_id) if body.call_id else None
    source = hashlib.sha256(f"{who.name}\n{idempotency_key}".encode()).hexdigest()[:32]
    new = NewOrder(source=source, caller=caller, **body.model_dump())
    opened = await services.linkage.orders.open_all(new, by=who.name)
    response.headers["Location"] = f"/v1/orders/{opened[0].id}"
    return [worked_on(each, who.viewer, services) for each in opened]


@router.get(
    "",
    operation_id="listOrders",
    summary="工单列表 · orders, newest first",
    responses=problems(BadCursor, RecordStoreUnavailable),
)
async def listed(
    who: Reads,
    services: Serving,
    since: Moment | None = None,
    until: Moment | None = None,
    state: OrderState | None = None,
    open: bool | None = None,
    from_line: Name | None = None,
    to_line: Name | None = None,
    unit: Annotated[str | None, Query(max_length=64)] = None,
    handoff_id: Name | None = None,
    call_id: Name | None = None,
    linked_id: Annotated[str | None, Query(max_length=200)] = None,
    assigned_at_least: Annotated[
        int | None, Query(ge=1, le=100, description="多次交办: given out so often; with `open` the daily list.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> PageOut[OrderOut]:
    where = OrderFilter(
        since=since,
        until=until,
        state=state,
        open=open,
        from_line=from_line,
        to_line=to_line,
        either_line=who.line,
        unit=unit,
        handoff_id=handoff_id,
        call_id=call_id,
        linked_id=linked_id,
        assigned_at_least=assigned_at_least,
    )
    page = await services.linkage.orders.store.page(where, limit=limit, cursor=cursor)
    return PageOut(items=[order_out(each, who.viewer) for each in page.items], next_cursor=page.next_cursor)


@router.get("/{order_id}", operation_id="getOrder", summary="一张工单及其经过 · one order", responses=problems(*_ONE))
async def order(order_id: OrderId, who: Reads, services: Serving) -> OrderOut:
    return worked_on(await _its_own(services, who, order_id), who.viewer, services)


@router.get(
    "/{order_id}/deadlines",
    operation_id="orderDeadlines",
    summary="时限与督办 · when it has to be where, and what supervision it has",
    responses=problems(*_ONE),
)
async def timers(order_id: OrderId, who: Reads, services: Serving) -> list[DeadlineOut]:
    """Of the unit that has the order now. Times that a pause has moved are moved."""
    linkage = services.linkage
    found = deadlines(await _its_own(services, who, order_id), linkage.limits, linkage.orders.now())
    return [DeadlineOut(**asdict(each)) for each in found]


@router.post(
    "/{order_id}/escalate",
    operation_id="escalateOrder",
    summary="矛盾激化，立即联动110 · tell 110 at once, without a call",
    responses=problems(*_ONE, *_REFUSALS, body=True),
)
async def escalate(order_id: OrderId, body: OrderActIn, who: Works, services: Serving) -> EscalatedOut:
    await _its_own(services, who, order_id)
    desk = services.linkage.orders
    before, police = await desk.escalate(order_id, by=who.name, reason=body.reason or "")
    seen = [worked_on(each, who.viewer, services) for each in (before, police)]
    return EscalatedOut(order=seen[0], police_order=seen[1])


@router.post(
    "/{order_id}/{act}",
    operation_id="actOnOrder",
    summary="签收、受理、退回、撤回、反馈、延期、办结、回访、评价等 · what is done with an order",
    responses=problems(*_ONE, *_REFUSALS, body=True),
)
async def act(order_id: OrderId, act: Act, body: OrderActIn, who: Works, services: Serving) -> OrderOut:
    """A return before anything was done for the caller is refused (首接责任制)."""
    await _its_own(services, who, order_id)
    done = await services.linkage.orders.act(order_id, act, by=who.name, detail=body.detail())
    return worked_on(done, who.viewer, services)


async def _caller(services: Services, who: Principal, call_id: str) -> str | None:
    """Who does not act on any call has to have talked in it: an order is no way to read somebody else's callers."""
    call = await services.switchboard.call(call_id)
    talked = who.seat is not None and who.seat in (call.seat, *(leg.seat for leg in call.legs.values()))
    if not talked and Permission.ANY_CALL not in who.permissions:
        raise NotYourCall("an order can be opened for one's own call only")
    if who.line not in (None, call.first_line, call.line):
        raise NotYourCall(f"this key acts for the line {who.line} only")
    return call.original_caller


async def _its_own(services: Services, who: Principal, order_id: str) -> Order:
    found = await services.linkage.orders.store.get(order_id)
    if who.line not in (None, found.from_line, found.to_line):
        raise NotYourCall(f"this key acts for the line {who.line} only")
    return found
