"""Orders for tests, and the store in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from linkage.errors import OrderNotFound
from linkage.orders import Act, Order, OrderKind, OrderState, OrderStep, advance
from linkage.ports import OrderFilter
from records.paging import cursor_after, position
from telephony.ports import Page

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=3)

DETAIL: dict[Act, dict[str, str]] = {
    Act.RETURN: {"reason": "不属本单位"},
    Act.DISPUTE: {"reason": "管辖有争议"},
    Act.ASSIGN: {"unit": "城管局"},
    Act.EXTEND: {"reason": "待料", "until": LATER.isoformat()},
    Act.PAUSE: {"reason": "等来电人材料"},
    Act.CLOSE: {"outcome": "已修好"},
    Act.CALL_BACK: {"result": "满意"},
    Act.RATE: {"rating": "5"},
    Act.WITHDRAW: {"reason": "误派"},
    Act.ESCALATE: {"reason": "要动手"},
}


def an_order(**changes: Any) -> Order:
    plain = Order("h-1.12345", OrderKind.WORK, "110", "12345", "12345", "路灯不亮", NOON, "fang", "110", "12345")
    return replace(plain, **changes)


def step(act: Act, **detail: str) -> OrderStep:
    """With what the act wants, unless something else is given."""
    return OrderStep(NOON + timedelta(minutes=1), act, "fang", {**DETAIL.get(act, {}), **detail})


def after(*acts: Act, order: Order | None = None) -> Order:
    found = order or an_order()
    for act in acts:
        found = advance(found, step(act))
    return found


class MemoryOrderStore:
    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}

    async def create(self, order: Order) -> Order:
        return self.orders.setdefault(order.id, order)

    async def get(self, id: str) -> Order:
        if id not in self.orders:
            raise OrderNotFound(f"there is no order {id}")
        return self.orders[id]

    async def change(self, id: str, change: Callable[[Order], Order], *, actor: str) -> Order:
        self.orders[id] = change(await self.get(id))
        return self.orders[id]

    async def page(self, where: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        found = sorted(filter(lambda each: fits(each, where), self.orders.values()), key=_place, reverse=True)
        if cursor is not None:
            found = [each for each in found if _place(each) < position(cursor)]
        items = tuple(found[:limit])
        return Page(items, cursor_after(*_place(items[-1])) if len(found) > limit else None)


def _place(order: Order) -> tuple[datetime, str]:
    return order.created_at, order.id


def fits(order: Order, where: OrderFilter) -> bool:
    named = ("state", "from_line", "to_line", "unit", "handoff_id", "call_id", "linked_id", "open")
    return (
        all(getattr(where, name) in (None, getattr(order, name)) for name in named)
        and (where.since is None or order.created_at >= where.since)
        and (where.until is None or order.created_at < where.until)
        and (where.assigned_at_least is None or order.assignments >= where.assigned_at_least)
        and where.either_line in (None, order.from_line, order.to_line)
    )


STATES: dict[OrderState, tuple[Act, ...]] = {
    OrderState.SENT: (),
    OrderState.ACKNOWLEDGED: (Act.ACKNOWLEDGE,),
    OrderState.ACCEPTED: (Act.ACCEPT,),
    OrderState.RETURNED: (Act.FIRST_ACTION, Act.RETURN),
    OrderState.DISPUTED: (Act.DISPUTE,),
    OrderState.IN_PROGRESS: (Act.ACCEPT, Act.PROGRESS),
    OrderState.FED_BACK: (Act.ACCEPT, Act.FEED_BACK),
    OrderState.CLOSED: (Act.ACCEPT, Act.CLOSE),
    OrderState.CALLED_BACK: (Act.ACCEPT, Act.CLOSE, Act.CALL_BACK),
    OrderState.RATED: (Act.ACCEPT, Act.CLOSE, Act.CALL_BACK, Act.RATE),
    OrderState.WITHDRAWN: (Act.WITHDRAW,),
}
"""How each state is come to."""
