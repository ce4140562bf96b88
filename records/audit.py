"""The database held against its ledger: each chain is re-computed, and what is on record compared with its last entry.

Reads in pages, so that memory stays the same however long the chain is. It may run beside a working service: what looks
broken is looked at again a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Float,
    Integer,
    String,
    Table,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from records.accounts import API_KEY, PERSON, TAKEN_UP
from records.calldetail_store import CALL_DETAIL
from records.chain import Head, Signer
from records.comparing import KINDS, RECORDING, concerns, fault, id_of, judged, read_around
from records.database import transaction
from records.tables import call_details, calls, conferences, ledger, ledger_salts, leg_details, recordings
from records.verify_ledger import FAULTS, ChainChecker, Fault, Row

_PAGE = 500
_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = (0.3, 2.0)

_OVER: Mapping[str, ColumnElement[bool]] = {
    "call": calls.c.ended_at.is_not(None),
    "conference": conferences.c.over,
    RECORDING: or_(recordings.c.state != "recording", recordings.c.hold),
}
"""What of a table must stand on the ledger: all of it where nothing is said."""


class Audit:
    """``signer`` and ``head`` are this node's own; ``trusted``: public keys of other nodes, or of earlier days.

    After ``faults``, ``keys``: the public keys that signed checkpoints, and where each did first; ``older``: by kind,
    how many rows are older than the first entry of their kind, so that there is nothing to compare them with.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        node: str,
        signer: Signer,
        head: Head | None = None,
        trusted: Collection[str] = (),
        tell: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.rows = 0
        self.keys: dict[str, tuple[str, int]] = {}
        self.older: dict[str, int] = {}
        self._taken_up = False
        self._begun: set[str] = set()
        self._begins_late: dict[str, datetime] = {}
        self._first_details: dict[str, datetime] = {}
        self._engine, self._node, self._signer, self._head, self._tell = engine, node, signer, head, tell
        self._trusted = frozenset(trusted)

    async def faults(self) -> AsyncIterator[Fault]:
        """Everything that is broken, in the order of the chain. Raises RecordStoreUnavailable.

        Where the chain itself holds what is no text or number, only this is named: nothing else can be read then.
        """
        unreadable = [found async for found in self._of_wrong_type()]
        for found in unreadable:
            yield found
        if any(found.name == "unreadable" for found in unreadable):
            return
        async with transaction(self._engine, _SECONDS) as connection:
            counted = await connection.execute(select(ledger.c.node, func.count()).group_by(ledger.c.node))
            lengths = {row[0]: row[1] for row in counted}
        if self._head is not None:
            lengths.setdefault(self._node, 0)
        self._total = sum(lengths.values())
        for node in sorted(lengths):
            async for found in self._chain(node):
                yield found
        async for found in self._inserted():
            yield found

    async def _chain(self, node: str) -> AsyncIterator[Fault]:
        ours = node == self._node
        trusted = self._trusted | {self._signer.public_key} if ours else self._trusted
        checker = ChainChecker(node, trusted, self._signer.knows)
        head = self._head if ours else None
        after = 0
        while page := await self._page(node, after):
            for row in page:
                self._note_begin(row)
                for found in checker.take(row):
                    yield found
                if head and row.seq == head.seq and row.hash != head.hash:
                    yield Fault("replaced", f"{node} #{row.seq}", FAULTS["replaced"])
            for found in await self._judged_twice(page):
                yield found
            after = page[-1].seq
            self.rows += len(page)
            self._tell(self.rows, max(self._total, self.rows))
        for found in checker.end():
            yield found
        last = checker.last.seq if checker.last else 0
        if head and last < head.seq:
            yield Fault("truncated", f"{node} #{last + 1}–#{head.seq}", FAULTS["truncated"])
        self.keys |= {key: (node, seq) for key, seq in checker.keys.items()}

    async def _page(self, node: str, after: int) -> list[Row]:
        query = (
            select(*(ledger.c[name] for name in Row._fields))
            .where(ledger.c.node == node, ledger.c.seq > after)
            .order_by(ledger.c.seq)
            .limit(_PAGE)
        )
        async with transaction(self._engine, _SECONDS) as connection:
            return [Row._make(row) for row in await connection.execute(query.order_by(ledger.c.seq).limit(_PAGE))]

    # --- what is on record -------------------------------------------------------------------------------------------

    async def _judged_twice(self, page: Sequence[Row]) -> list[Fault]:
        """What a working service was just changing is right a moment later."""
        found = await self._judged(page)
        for pause in _LOOK_AGAIN_SECONDS:
            if found:
                await asyncio.sleep(pause)
                again = {each.where for each in await self._judged(page)}
                found = [each for each in found if each.where in again]
        return found

    async def _judged(self, page: Sequence[Row]) -> list[Fault]:
        about = [row for row in page if concerns(row)]
        if not about:
            return []
        async with transaction(self._engine, _SECONDS) as connection:
            around = await read_around(connection, about)
        return judged(about, around)

    async def _of_wrong_type(self) -> AsyncIterator[Fault]:
        """SQLite keeps anything in any column; other databases refuse it."""
        if self._engine.dialect.name != "sqlite":
            return
        for kind, table in {**KINDS, "leg": leg_details, "ledger": ledger, "salt": ledger_salts}.items():
            keys = [_readable(column) for column in table.primary_key]
            query = select(*keys).where(or_(*(_odd(column) for column in table.c))).limit(_PAGE)
            async with transaction(self._engine, _SECONDS) as connection:
                found = (await connection.execute(query)).all()
            for row in found:
                if kind == "ledger":
                    yield Fault("unreadable", f"{row[0]} #{row[1]}", FAULTS["unreadable"])
                else:
                    yield fault("salt-changed" if kind == "salt" else "record-changed", kind, str(row[0]))

    async def _inserted(self) -> AsyncIterator[Fault]:
        """What is in a table and on no chain; what is older than its kind's first entry is counted in ``older``."""
        for kind, table in KINDS.items():
            key = id_of(table)
            on_chain = exists().where(ledger.c.subject == key, ledger.c.kind == kind)
            missing, older = and_(~on_chain, _OVER.get(kind, true())), self._is_older(kind)
            async for id in self._without(key, and_(missing, ~older)):
                yield fault("record-inserted", kind, id)
            count = await self._number(select(func.count()).select_from(table).where(missing, older))
            if count:
                self.older[kind] = count
        c, d = calls.c, call_details.c
        of_ledger = exists().where(ledger.c.subject == c.id, ledger.c.kind == CALL_DETAIL)
        async for id in self._without(c.id, and_(c.detailed, ~exists().where(d.call_id == c.id), ~of_ledger)):
            yield fault("record-deleted", CALL_DETAIL, id)
        g = leg_details.c
        async for id in self._without(g.uniqueid, ~exists().where(d.call_id == g.call_id)):
            yield fault("record-inserted", "leg", id)
        on_chain = exists().where(or_(ledger.c.subject == ledger_salts.c.id, ledger.c.ref == ledger_salts.c.id))
        async for id in self._without(ledger_salts.c.id, ~on_chain):
            yield fault("salt-inserted", "salt", id)

    def _is_older(self, kind: str) -> ColumnElement[bool]:
        """Than its ledger, so that it need not stand there: people, keys and details than the first entry about any of
        them, recordings than a chain whose beginning was erased in order (one on hold is kept for longer)."""
        if kind in (PERSON, API_KEY):
            return false() if self._taken_up else true()
        if kind == RECORDING:
            return _before(recordings, recordings.c.started_at, self._begins_late)
        if kind != CALL_DETAIL:
            return false()
        c, d = calls.c, call_details.c
        of_call = exists().where(
            c.id == d.call_id, c.node == d.node, c.arrived_at == d.arrived_at, c.ended_at == d.ended_at
        )
        older = _before(call_details, d.ended_at, self._first_details)
        return and_(or_(older, d.node.not_in(self._first_details)), of_call)

    def _note_begin(self, row: Row) -> None:
        self._taken_up |= row.kind == TAKEN_UP
        if row.kind == CALL_DETAIL and row.node not in self._first_details:
            self._first_details |= _at(row)
        if row.node not in self._begun:
            self._begun.add(row.node)
            self._begins_late |= _at(row) if row.seq > 1 else {}

    async def _without(self, column: Any, missing: ColumnElement[bool]) -> AsyncIterator[str]:
        after = ""
        while True:
            query = select(column).where(missing, column > after).order_by(column).limit(_PAGE)
            found = await self._strings(query)
            if not found or found[-1] == after:  # what is no text sorts where it is stored, not where it is read
                return
            after = found[-1]
            await asyncio.sleep(_LOOK_AGAIN_SECONDS[-1])  # a handoff is claimed a moment before it is on the chain
            for id in await self._strings(select(column).where(missing, column.in_(found)).order_by(column)):
                yield id

    async def _number(self, query: Any) -> int:
        async with transaction(self._engine, _SECONDS) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def _strings(self, query: Any) -> list[str]:
        async with transaction(self._engine, _SECONDS) as connection:
            return list((await connection.execute(query)).scalars())


def _at(row: Row) -> dict[str, datetime]:
    """By its node; none where it cannot be read, which the chain's own check names."""
    try:
        return {row.node: datetime.fromisoformat(row.at).astimezone(UTC)}
    except (ValueError, TypeError, OverflowError):
        return {}


def _before(table: Table, at: Column[Any], first: Mapping[str, datetime]) -> ColumnElement[bool]:
    return or_(false(), *(and_(table.c.node == node, at < found) for node, found in first.items()))


def _readable(column: Column[Any]) -> ColumnElement[str]:
    """As text, whatever is stored there: bytes need not be any text's."""
    return case((func.typeof(column) == "blob", func.quote(column)), else_=cast(column, String))


def _odd(column: Column[Any]) -> ColumnElement[bool]:
    """Whether the value is stored as something that the column is not for (sqlite.org/datatype3.html)."""
    stored = func.typeof(column)
    if isinstance(column.type, Boolean):
        return and_(column.is_not(None), type_coerce(column, String).not_in([literal_column("0"), literal_column("1")]))
    if isinstance(column.type, Float):
        return stored.not_in(["real", "integer", "null"])
    wanted = "integer" if isinstance(column.type, Integer) else "text"
    return stored.not_in([wanted, "null"])
