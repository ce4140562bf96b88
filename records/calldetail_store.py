"""Call details in the database, and which calls still want one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records import tables
from records.calldetail import CallDetail, LegDetail
from records.database import transaction
from records.ledger import Ledger, Pen
from records.mapping import Row, call_of, clean, conference_of, handoff_of
from records.menus import MENU, MenuPassage, passage_of
from records.seals import CALLER_FIELDS, detail_body
from telephony import numbers
from telephony.call import Call
from telephony.conference import Conference
from telephony.handoff import Handoff

log = structlog.get_logger(__name__)

CALL_DETAIL = "call-detail"
_BATCH = 500
_CALL_FIELDS = tuple(field.name for field in fields(CallDetail) if field.name != "legs")
_LEG_FIELDS = tuple(field.name for field in fields(LegDetail))
_LISTS = ("handoff_ids", "conference_parties", "ivr_path", "order_ids")


def detail_rows(detail: CallDetail) -> tuple[Row, list[Row]]:
    """Of the call, and of its legs; without the caller's number in E.164."""
    row = {name: getattr(detail, name) for name in _CALL_FIELDS}
    row |= {name: list(row[name]) for name in _LISTS}
    row |= {"source": detail.source.value, "handoffs": len(detail.handoff_ids), "leg_count": len(detail.legs)}
    return row, [{name: getattr(leg, name) for name in _LEG_FIELDS} | {"role": leg.role.value} for leg in detail.legs]


class CallDetails:
    """Needs a migrated database. Every method raises RecordStoreUnavailable when it is away.

    Without a ``ledger`` it is for who only reads: what it saves is found to be missing on the chain.
    """

    def __init__(self, engine: AsyncEngine, ledger: Ledger | None = None) -> None:
        self._engine, self._ledger = engine, ledger

    async def wanted(self, node: str, ended_before: datetime, limit: int) -> Sequence[Call]:
        """Calls of this node that ended before then and have no detail yet, the first that ended first."""
        c = tables.calls.c
        query = select(tables.calls).where(c.node == node, c.ended_at < ended_before, ~c.detailed)
        return [call_of(row) for row in await self._rows(query.order_by(c.ended_at).limit(limit))]

    async def known(self, call_ids: Collection[str]) -> set[str]:
        """Those of the calls that are on record."""
        ids = list(call_ids)
        batches = [ids[begin : begin + _BATCH] for begin in range(0, len(ids), _BATCH)]
        query = select(tables.calls.c.id)
        return {row["id"] for each in batches for row in await self._rows(query.where(tables.calls.c.id.in_(each)))}

    async def of_calls(self, call_ids: Sequence[str]) -> tuple[Sequence[Handoff], Sequence[Conference]]:
        h, r = tables.handoffs, tables.conferences
        handoffs = await self._rows(select(h).where(h.c.call_id.in_(call_ids)))
        rooms = await self._rows(select(r).where(r.c.call_id.in_(call_ids)))
        return [handoff_of(row) for row in handoffs], [conference_of(row) for row in rooms]

    async def menus(self, call_ids: Collection[str]) -> Mapping[str, Sequence[MenuPassage]]:
        """The ways of these calls through menus, as the ledger has them; none where there was no menu."""
        c = tables.ledger.c
        query = select(c.node, c.seq, c.subject, c.body).where(c.subject.in_(call_ids), c.kind == MENU)
        found: dict[str, list[MenuPassage]] = defaultdict(list)
        for row in await self._rows(query.order_by(c.at, c.seq)):
            try:
                found[row["subject"]].append(passage_of(row["body"]))
            except ValueError:  # ``hotline audit verify`` names it; the call's detail is made all the same
                log.error("call_detail.menu_unreadable", call_id=row["subject"], node=row["node"], seq=row["seq"])
        return found

    async def save(self, details: Sequence[CallDetail]) -> None:
        """All or none, with their ledger entries; what was known of these calls before is replaced.

        Of a caller who was erased meanwhile nothing is kept.
        """
        rows = {detail.call_id: _rows_of(detail) for detail in details}
        async with transaction(self._engine) as connection:
            if self._ledger is None:
                await _join_orders(connection, rows)
                await _replace(connection, rows)
                return
            pen = await self._ledger.pen(connection, ())
            await _join_orders(connection, rows)
            rows |= {id: without_caller(*rows[id]) for id in await pen.forgotten(set(rows))}
            await _replace(connection, rows)
            for id, (row, legs) in rows.items():
                pen.sealed(CALL_DETAIL, id, partial(detail_body, row, legs))
            last = await pen.write()
        await self._ledger.written(last)

    async def _rows(self, query: Any) -> list[Row]:
        async with transaction(self._engine) as connection:
            return [row._asdict() for row in await connection.execute(query)]


async def put_order_into_detail(connection: AsyncConnection, pen: Pen, call_id: str, order_id: str) -> None:
    """Of an order that is made when its call's detail is made already; else the detail finds it when it is made."""
    await _lock(connection, (call_id,))
    c, g = tables.call_details, tables.leg_details
    found = (await connection.execute(select(c).where(c.c.call_id == call_id))).one_or_none()
    if found is None or order_id in found.order_ids:
        return
    row = {**found._mapping, "order_ids": [*found.order_ids, order_id]}
    await connection.execute(update(c).where(c.c.call_id == call_id).values(order_ids=row["order_ids"]))
    legs = (await connection.execute(select(g).where(g.c.call_id == call_id))).mappings().all()
    await pen.forgotten({call_id})
    pen.sealed(CALL_DETAIL, call_id, partial(detail_body, row, [dict(leg) for leg in legs]))


async def _join_orders(connection: AsyncConnection, rows: Mapping[str, tuple[Row, list[Row]]]) -> None:
    """Those that name the call, beside those that its handoffs name."""
    await _lock(connection, rows)
    o = tables.orders.c
    query = select(o.call_id, o.id).where(o.call_id.in_(rows)).order_by(o.created_at, o.id)
    for call_id, order_id in await connection.execute(query):
        order_ids = rows[call_id][0]["order_ids"]
        if order_id not in order_ids:
            order_ids.append(order_id)


async def _lock(connection: AsyncConnection, call_ids: Collection[str]) -> None:
    """So that of an order and the detail of its call, made at the same time, the second sees the first."""
    c = tables.calls.c
    await connection.execute(select(c.id).where(c.id.in_(call_ids)).order_by(c.id).with_for_update())


def without_caller(row: Row, legs: Sequence[Row]) -> tuple[Row, list[Row]]:
    """Without anything that says who called, or which number that is not a seat's took part."""
    nobody = row | dict.fromkeys(CALLER_FIELDS)
    return nobody, [leg | {"number": None} if leg["outside"] else leg for leg in legs]


def _rows_of(detail: CallDetail) -> tuple[Row, list[Row]]:
    row, legs = detail_rows(detail)
    row = _clean(row)
    return row | {"original_caller_e164": numbers.e164(row["original_caller"])}, [_clean(leg) for leg in legs]


async def _replace(connection: AsyncConnection, rows: Mapping[str, tuple[Row, list[Row]]]) -> None:
    for table in (tables.leg_details, tables.call_details):
        await connection.execute(delete(table).where(table.c.call_id.in_(rows)))
    await connection.execute(tables.call_details.insert(), [row for row, _ in rows.values()])
    legs = [leg for _, of_call in rows.values() for leg in of_call]
    if legs:
        await connection.execute(tables.leg_details.insert(), legs)
    await connection.execute(update(tables.calls).where(tables.calls.c.id.in_(rows)).values(detailed=True))


def _clean(row: Row) -> Row:
    return {name: value if isinstance(value, datetime) else clean(value) for name, value in row.items()}
