"""The record store on SQL: one implementation of ``telephony.ports.RecordStore`` for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records import tables
from records.database import transaction
from records.filters import call_back_conditions, call_conditions, handoff_conditions
from records.ledger import Ledger
from records.mapping import (
    Kept,
    Record,
    Row,
    call_back_of,
    call_back_row,
    call_of,
    call_row,
    conference_of,
    conference_row,
    handoff_of,
    handoff_row,
)
from records.notes import Note
from records.paging import cursor_after, position
from telephony.call import Call
from telephony.callback import CallBack, CallBackState
from telephony.conference import Conference
from telephony.errors import IdempotencyKeyReused, RecordStoreUnavailable
from telephony.handoff import Handoff, State
from telephony.ports import CallBackFilter, CallFilter, HandoffFilter, Page

_R = TypeVar("_R", Handoff, Call, CallBack)
_PAGE = 500
_NOT_ENDED = (CallBackState.WAITING, CallBackState.DIALLING, CallBackState.ANSWERED)
_LONGEST_CALL = timedelta(days=1)


class SqlRecordStore:
    """Needs a migrated database (``records.database.migrate``). The engine belongs to the caller.

    Without a ``ledger`` it is for who only reads: what it saves is found to be missing on the chain.
    """

    def __init__(self, engine: AsyncEngine, ledger: Ledger | None = None) -> None:
        self.migrated = True
        """While it is False nothing is saved: the tables may be those of an earlier version."""
        self._engine = engine
        self._ledger = ledger
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    async def claim(self, principal: str, key: str, fingerprint: str, handoff: Handoff) -> Handoff | None:
        self._must_be_migrated()
        idempotency = {
            "principal": principal,
            "key": key,
            "fingerprint": fingerprint,
            "handoff_id": handoff.id,
            "created_at": datetime.now(UTC),
        }
        async with transaction(self._engine) as connection:
            # The insert comes first: it makes a second claim of the key wait for the first one's commit.
            inserted = await connection.execute(
                self._insert(tables.idempotency_keys).values(idempotency).on_conflict_do_nothing()
            )
            if inserted.rowcount:
                await connection.execute(tables.handoffs.insert().values(handoff_row(handoff)))
                return None
            return await _claimed(connection, principal, key, fingerprint)

    async def claimed(self, principal: str, key: str, fingerprint: str) -> Handoff | None:
        async with transaction(self._engine) as connection:
            return await _claimed(connection, principal, key, fingerprint)

    async def save_handoff(self, handoff: Handoff) -> None:
        await self.save_all((handoff,))

    async def save_call(self, call: Call) -> None:
        await self.save_all((call,))

    async def save_conference(self, conference: Conference) -> None:
        await self.save_all((conference,))

    async def save_all(self, records: Sequence[Record]) -> None:
        """Save many in one transaction, in their order and with their ledger entries: all or none."""
        self._must_be_migrated()
        if self._ledger is None:
            async with transaction(self._engine) as connection:
                for record in records:
                    if not isinstance(record, Note):
                        await connection.execute(self._upsert(record))
            return
        async with transaction(self._engine) as connection:
            pen = await self._ledger.pen(connection, records)
            for record in records:
                if isinstance(record, Note):
                    pen.note(record)
                    continue
                kept = pen.keepable(record)
                if (await connection.execute(self._upsert(kept))).rowcount:
                    pen.saved(kept)
            last = await pen.write()
        await self._ledger.written(last)

    def _must_be_migrated(self) -> None:
        if not self.migrated:
            raise RecordStoreUnavailable("the database has not been brought to this version yet")

    def _upsert(self, record: Kept) -> Any:
        match record:
            case Handoff():
                table, row, keep = tables.handoffs, handoff_row(record), tables.handoffs.c.state != State.ENDED
            case Call():
                table, row, keep = tables.calls, call_row(record), tables.calls.c.ended_at.is_(None)
            case Conference():
                return self._replace(tables.conferences, conference_row(record), None)
            case CallBack():  # one that was given up may be taken up again
                return self._replace(tables.call_backs, call_back_row(record), None)
        return self._replace(table, row, keep if record.live else None)

    def _replace(self, table: Table, row: Row, only_where: ColumnElement[bool] | None) -> Any:
        statement = self._insert(table).values(row)
        changed = {name: statement.excluded[name] for name in row if name != "id"}
        return statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=only_where)

    async def handoff(self, handoff_id: str) -> Handoff | None:
        rows = await self._rows(select(tables.handoffs).where(tables.handoffs.c.id == handoff_id))
        return handoff_of(rows[0]) if rows else None

    async def conference(self, conference_id: str) -> Conference | None:
        rows = await self._rows(select(tables.conferences).where(tables.conferences.c.id == conference_id))
        return conference_of(rows[0]) if rows else None

    async def call(self, call_id: str) -> Call | None:
        rows = await self._rows(select(tables.calls).where(tables.calls.c.id == call_id))
        return call_of(rows[0]) if rows else None

    async def live_handoffs(self, node: str) -> Sequence[Handoff]:
        c, calls = tables.handoffs.c, tables.calls.c
        live_calls = select(calls.id).where(calls.node == node, calls.ended_at.is_(None))
        either = (c.state != State.ENDED, c.call_id.in_(live_calls))  # one by one: each has an index
        found = [row for of in either for row in await self._rows(select(tables.handoffs).where(c.node == node, of))]
        unique = {row["id"]: handoff_of(row) for row in found}
        return sorted(unique.values(), key=lambda handoff: (handoff.created_at, handoff.id))

    async def ended_handoffs(self, node: str, since: datetime, until: datetime) -> Sequence[Handoff]:
        c = tables.handoffs.c
        ended = select(tables.handoffs).where(c.node == node, c.ended_at < until, c.created_at > since - _LONGEST_CALL)
        found: list[Handoff] = []
        last = (since, "")
        while True:
            page = ended.where(tuple_(c.ended_at, c.id) >= tuple_(*last)).order_by(c.ended_at, c.id).limit(_PAGE + 1)
            rows = [handoff_of(row) for row in await self._rows(page)]
            found += rows[:_PAGE]
            if len(rows) <= _PAGE:
                return found
            last = rows[_PAGE].ended_at or until, rows[_PAGE].id

    async def live_calls(self, node: str) -> Sequence[Call]:
        c = tables.calls.c
        live = select(tables.calls).where(c.node == node, c.ended_at.is_(None))
        return [call_of(row) for row in await self._rows(live.order_by(c.arrived_at, c.id))]

    async def live_conferences(self, node: str) -> Sequence[Conference]:
        """A conference is on the node of its handoff."""
        c = tables.conferences.c
        of_node = select(tables.handoffs.c.id).where(tables.handoffs.c.node == node)
        live = select(tables.conferences).where(~c.over, c.id.in_(of_node))
        return [conference_of(row) for row in await self._rows(live.order_by(c.started_at, c.id))]

    async def call_back(self, order_id: str) -> CallBack | None:
        self._must_be_migrated()
        rows = await self._rows(select(tables.call_backs).where(tables.call_backs.c.id == order_id))
        return call_back_of(rows[0]) if rows else None

    async def open_call_backs(self, node: str) -> Sequence[CallBack]:
        self._must_be_migrated()
        c = tables.call_backs.c
        open_ones = select(tables.call_backs).where(c.node == node, c.state.in_(_NOT_ENDED))
        return [call_back_of(row) for row in await self._rows(open_ones.order_by(c.since, c.id))]

    async def newest_call_back(self, node: str) -> datetime | None:
        self._must_be_migrated()
        c = tables.call_backs.c
        async with transaction(self._engine) as connection:
            newest = select(c.created_at).where(c.node == node).order_by(c.created_at.desc()).limit(1)
            found: datetime | None = (await connection.execute(newest)).scalar()
        return found

    async def call_backs(self, where: CallBackFilter, *, limit: int, cursor: str | None) -> Page[CallBack]:
        t = tables.call_backs
        rows = await self._newest(t, t.c.created_at, call_back_conditions(where), limit, cursor)
        return _page([call_back_of(row) for row in rows], [row["created_at"] for row in rows], limit)

    async def handoffs(self, where: HandoffFilter, *, limit: int, cursor: str | None) -> Page[Handoff]:
        t = tables.handoffs
        rows = await self._newest(t, t.c.created_at, handoff_conditions(where), limit, cursor)
        return _page([handoff_of(row) for row in rows], [row["created_at"] for row in rows], limit)

    async def calls(self, where: CallFilter, *, limit: int, cursor: str | None) -> Page[Call]:
        t = tables.calls
        rows = await self._newest(t, t.c.arrived_at, call_conditions(where), limit, cursor)
        return _page([call_of(row) for row in rows], [row["arrived_at"] for row in rows], limit)

    async def _newest(
        self, table: Table, at: Any, conditions: list[ColumnElement[bool]], limit: int, cursor: str | None
    ) -> Sequence[Row]:
        """One row more than ``limit`` when there is a next page."""
        if cursor is not None:
            conditions = [*conditions, tuple_(at, table.c.id) < tuple_(*position(cursor))]
        query = select(table).where(and_(True, *conditions)).order_by(at.desc(), table.c.id.desc())
        return await self._rows(query.limit(limit + 1))

    async def _rows(self, query: Select[Any]) -> Sequence[Row]:
        async with transaction(self._engine) as connection:
            return [row._asdict() for row in await connection.execute(query)]


async def _claimed(connection: AsyncConnection, principal: str, key: str, fingerprint: str) -> Handoff | None:
    keys, handoffs = tables.idempotency_keys, tables.handoffs
    query = (
        select(keys.c.fingerprint.label("claimed_for"), handoffs)
        .join(handoffs, handoffs.c.id == keys.c.handoff_id)
        .where(keys.c.principal == principal, keys.c.key == key)
    )
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        return None
    row = found._asdict()
    if row["claimed_for"] != fingerprint:
        raise IdempotencyKeyReused("this Idempotency-Key was used for another request")
    return handoff_of(row)


def _page(items: list[_R], times: list[datetime], limit: int) -> Page[_R]:
    more = len(items) > limit
    return Page(tuple(items[:limit]), cursor_after(times[limit - 1], items[limit - 1].id) if more else None)
