"""The rows of orders, in SQLite and PostgreSQL. Each change stands on the ledger, in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from linkage.errors import OrderChanged, OrderNotFound
from linkage.orders import Order, OrderStep
from linkage.ports import OrderFilter
from records.calldetail_store import put_order_into_detail
from records.database import transaction
from records.ledger import Ledger
from records.mapping import Row, clean
from records.orders import ORDER, OVER, order_body, without_caller
from records.paging import cursor_after, position
from records.seals import Seal
from records.tables import orders
from telephony import numbers
from telephony.ports import Page

_TRIES = 5
_BATCH = 500
_ORDER = TypeAdapter(Order)
_HISTORY = TypeAdapter(tuple[OrderStep, ...])


class SqlOrderStore:
    """``linkage.ports.OrderStore``. What is written to an order whose caller was erased is kept without its words."""

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine, self._ledger = engine, ledger
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    async def create(self, order: Order) -> Order:
        found = await self._find(order.id)
        if found is not None:
            return found
        row = {**_row(order), "node": self._ledger.chain.node}
        new = self._insert(orders).values(row).on_conflict_do_nothing(index_elements=["id"]).returning(orders.c.id)
        last = None
        async with transaction(self._engine) as connection:
            pen = await self._ledger.pen(connection, ())
            if (await connection.execute(new)).one_or_none() is not None:
                pen.sealed(ORDER, order.id, partial(_entry, "created", row), actor=order.created_by)
                if order.call_id is not None:
                    await put_order_into_detail(connection, pen, order.call_id, order.id)
                last = await pen.write()
        await self._ledger.written(last)
        return await self.get(order.id)

    async def get(self, id: str) -> Order:
        found = await self._find(id)
        if found is None:
            raise OrderNotFound(f"there is no order {id}")
        return found

    async def _find(self, id: str) -> Order | None:
        async with transaction(self._engine) as connection:
            found = (await connection.execute(select(orders).where(orders.c.id == id))).one_or_none()
        return None if found is None else _order(found._mapping)

    async def references(self, handoff_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """What the other side calls the orders of these handoffs, where it is known. Raises RecordStoreUnavailable."""
        c = orders.c
        known = select(c.handoff_id, c.peer_reference).where(c.peer_reference.is_not(None)).order_by(c.created_at, c.id)
        found: dict[str, list[str]] = defaultdict(list)
        for begin in range(0, len(handoff_ids), _BATCH):
            async with transaction(self._engine) as connection:
                batch = known.where(c.handoff_id.in_(handoff_ids[begin : begin + _BATCH]))
                for handoff_id, reference in await connection.execute(batch):
                    found[handoff_id].append(reference)
        return found

    async def change(self, id: str, change: Callable[[Order], Order], *, actor: str) -> Order:
        for _ in range(_TRIES):
            before = await self.get(id)
            changed = await self._write(before, change(before), actor)
            if changed is not None:
                return changed
        raise OrderChanged(f"others keep changing the order {id}")

    async def _write(self, before: Order, after: Order, actor: str) -> Order | None:
        """What was written; None where somebody else was faster."""
        mine = select(orders).where(orders.c.id == before.id, orders.c.revision == before.revision)
        async with transaction(self._engine) as connection:
            pen = await self._ledger.pen(connection, ())
            found = (await connection.execute(mine.with_for_update())).one_or_none()
            if found is None:
                return None
            row = {**found._mapping, **_row(after)}
            if await pen.forgotten({after.id}):
                row = without_caller(row)
            await connection.execute(update(orders).where(orders.c.id == after.id).values(row))
            pen.sealed(ORDER, after.id, partial(_entry, after.history[-1].act.value, row), actor=actor)
            last = await pen.write()
        await self._ledger.written(last)
        return _order(row)

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
        found.append(c.state.not_in(OVER) if where.open else c.state.in_(OVER))
    if where.either_line is not None:
        found.append((c.from_line == where.either_line) | (c.to_line == where.either_line))
    if where.assigned_at_least is not None:
        found.append(c.assignments >= where.assigned_at_least)
    for name in ("state", "from_line", "to_line", "unit", "handoff_id", "call_id", "linked_id"):
        value = getattr(where, name)
        if value is not None:
            found.append(c[name] == value)
    return found


def _row(order: Order) -> Row:
    """Without the node, which is the one that opened it."""
    history = _HISTORY.dump_python(order.history, mode="json")
    plain = {**asdict(order), "kind": order.kind.value, "state": order.state.value, "history": history}
    times = {name: plain.pop(name) for name in ("created_at", "due_at")}
    row: Row = clean(plain)
    return row | times | {"caller_e164": numbers.e164(row["caller"]), "changed_at": order.changed_at}


def _order(row: Any) -> Order:
    return _ORDER.validate_python(dict(row))


def _entry(event: str, row: Row, seal: Seal) -> dict[str, Any]:
    return {"event": event, **order_body(row, seal)}
