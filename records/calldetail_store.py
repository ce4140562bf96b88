"""Call details in the database, and which calls still want one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from records import tables
from records.calldetail import CallDetail, LegDetail
from records.database import transaction
from records.mapping import Row, call_of, clean, conference_of, handoff_of
from records.menus import MENU, MenuPassage, passage_of
from telephony import numbers
from telephony.call import Call
from telephony.conference import Conference
from telephony.handoff import Handoff

log = structlog.get_logger(__name__)

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
    """Needs a migrated database. Every method raises RecordStoreUnavailable when it is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

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
        """All or none; what was known of these calls before is replaced."""
        ids = [detail.call_id for detail in details]
        rows = [(_clean(row), [_clean(leg) for leg in legs]) for row, legs in map(detail_rows, details)]
        async with transaction(self._engine) as connection:
            for table in (tables.leg_details, tables.call_details):
                await connection.execute(delete(table).where(table.c.call_id.in_(ids)))
            with_e164 = [row | {"original_caller_e164": numbers.e164(row["original_caller"])} for row, _ in rows]
            await connection.execute(tables.call_details.insert(), with_e164)
            legs = [leg for _, of_call in rows for leg in of_call]
            if legs:
                await connection.execute(tables.leg_details.insert(), legs)
            await connection.execute(update(tables.calls).where(tables.calls.c.id.in_(ids)).values(detailed=True))

    async def _rows(self, query: Any) -> list[Row]:
        async with transaction(self._engine) as connection:
            return [row._asdict() for row in await connection.execute(query)]


def _clean(row: Row) -> Row:
    return {name: value if isinstance(value, datetime) else clean(value) for name, value in row.items()}
