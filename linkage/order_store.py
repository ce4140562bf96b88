"""The rows of orders, in SQLite and PostgreSQL. Each change stands on the ledger, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from linkage.errors import OrderChanged, OrderNotFound
from linkage.orders import Order, OrderState, OrderStep
from linkage.ports import OrderFilter
from records.database import transaction
from records.ledger import Ledger
from records.paging import cursor_after, position
from records.tables import orders
from telephony.ports import Page

KIND = "order"
_TRIES = 5
_OVER = (OrderState.CLOSED, OrderState.CALLED_BACK, OrderState.RATED)
_ORDER = TypeAdapter(Order)
_HISTORY = TypeAdapter(tuple[OrderStep, ...])


class SqlOrderStore:
    """``linkage.ports.OrderStore``."""

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine, self._ledger = engine, ledger
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    async def create(self, order: Order) -> Order:
        new = self._insert(orders).values(_row(order)).on_conflict_do_nothing(index_elements=["id"])

        async def created(connection: AsyncConnection) -> bool:
            return (await connection.execute(new.returning(orders.c.id))).one_or_none() is not None

        await self._ledger.append(KIND, order.id, _created(order), actor=order.created_by, change=created)
        return await self.get(order.id)

    async def get(self, id: str) -> Order:
        async with transaction(self._engine) as connection:
            found = (await connection.execute(select(orders).where(orders.c.id == id))).one_or_none()
        if found is None:
            raise OrderNotFound(f"there is no order {id}")
        return _order(found._mapping)

    async def change(self, id: str, change: Callable[[Order], Order], *, actor: str) -> Order:
        for _ in range(_TRIES):
            before = await self.get(id)
            after = change(before)

            async def changed(
                connection: AsyncConnection, after: Order = after, revision: int = before.revision
            ) -> bool:
                mine = (orders.c.id == id) & (orders.c.revision == revision)
                result = await connection.execute(update(orders).where(mine).values(_row(after)))
                return result.rowcount == 1

            if await self._ledger.append(KIND, id, _changed(before, after), actor=actor, change=changed):
                return after
        raise OrderChanged(f"others keep changing the order {id}")

    async def page(self, where: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        c = orders.c
        query = select(orders).where(*_conditions(where))
        if cursor is not None:
            query = query.where(tuple_(c.created_at, c.id) < tuple_(*position(cursor)))
        query = query.order_by(c.created_at.desc(), c.id.desc()).limit(limit + 1)
        async with transaction(self._engine) as connection:
            found = [_order(row._mapping) for row in await connection.execute(query)]
        more = len(found) > limit
        items = tuple(found[:limit])
        return Page(items, cursor_after(items[-1].created_at, items[-1].id) if more else None)


def _conditions(where: OrderFilter) -> list[ColumnElement[bool]]:
    c = orders.c
    found: list[ColumnElement[bool]] = []
    if where.since is not None:
        found.append(c.created_at >= where.since)
    if where.until is not None:
        found.append(c.created_at < where.until)
    if where.open is not None:
        found.append(c.state.not_in(_OVER) if where.open else c.state.in_(_OVER))
    if where.either_line is not None:
        found.append((c.from_line == where.either_line) | (c.to_line == where.either_line))
    if where.assigned_at_least is not None:
        found.append(c.assignments >= where.assigned_at_least)
    for name in ("state", "from_line", "to_line", "unit", "handoff_id", "linked_id"):
        value = getattr(where, name)
        if value is not None:
            found.append(c[name] == value)
    return found


def _row(order: Order) -> dict[str, Any]:
    history = _HISTORY.dump_python(order.history, mode="json")
    return {**asdict(order), "kind": order.kind.value, "state": order.state.value, "history": history}


def _order(row: Any) -> Order:
    return _ORDER.validate_python(dict(row))


def _created(order: Order) -> dict[str, Any]:
    """Words of the caller and the place may hold anything: the ledger has them as hashes only."""
    personal = {"caller": order.caller, "content": order.content, "place": order.place}
    about = ("kind", "from_line", "to_line", "unit", "owner", "evaluated_by", "handoff_id", "call_id", "category_id")
    return {
        "event": "created",
        **{name: getattr(order, name) for name in (*about, "catalogue", "rule", "linked_id", "urgent", "ordered")},
        "numbers": {name: text for name, text in personal.items() if text},
    }


def _changed(before: Order, after: Order) -> dict[str, Any]:
    step = after.history[-1]
    return {
        "event": step.act.value,
        "from": before.state.value,
        "to": after.state.value,
        "unit": after.unit,
        "owner": after.owner,
        "revision": after.revision,
        "numbers": {name: text for name, text in step.detail.items() if text},
    }
