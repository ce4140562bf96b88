"""The database held against its ledger: each chain is re-computed, and what is on record compared with its last entry.

Reads in pages, so that memory stays the same however long the chain is. It may run beside a working service: what looks
broken is looked at again a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    String,
    and_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records import mapping
from records.chain import Head, Signer
from records.database import transaction
from records.seals import bare, body_of, salt_digest, sealing
from records.tables import OF_KIND, calls, conferences, ledger, ledger_salts
from records.verify_ledger import FAULTS, ChainChecker, Fault, Row, algorithm_of

_PAGE = 500
_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = (0.3, 2.0)

RECORD_FAULTS = {
    "record-changed": "记录与台账不符 · the record is not as the ledger has it",
    "record-deleted": "记录被删除 · the record was deleted",
    "record-inserted": "记录不在台账上 · the record does not stand on the ledger: inserted",
    "salt-changed": "盐值被改或被删 · the salt of its hashes was changed or deleted",
    "salt-inserted": "盐值无对应记录 · a salt of no entry: inserted",
    "erasure-undone": "已抹除的个人信息又出现 · what was erased is there again",
}
_OF_ROW: Mapping[str, Callable[[mapping.Row], mapping.Kept]] = {
    "handoff": mapping.handoff_of,
    "call": mapping.call_of,
    "conference": mapping.conference_of,
}
_TO_ROW: Mapping[str, Callable[[Any], mapping.Row]] = {
    "handoff": mapping.handoff_row,
    "call": mapping.call_row,
    "conference": mapping.conference_row,
}
_OVER: Mapping[str, ColumnElement[bool]] = {"call": calls.c.ended_at.is_not(None), "conference": conferences.c.over}


@dataclass(frozen=True, slots=True)
class _Around:
    """What is needed to judge a page of entries."""

    last: Mapping[tuple[str, str], tuple[str, int]]
    records: Mapping[tuple[str, str], mapping.Row]
    salts: Mapping[str, str | None]
    erased: Mapping[str, Collection[str]]


class Audit:
    """``signer`` and ``head`` are this node's own; ``trusted``: public keys of other nodes, or of earlier days.

    ``keys`` (after ``faults``): the public keys that signed checkpoints, and where each did first.
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
        self._engine, self._node, self._signer, self._head, self._tell = engine, node, signer, head, tell
        self._trusted = frozenset(trusted)

    async def faults(self) -> AsyncIterator[Fault]:
        """Everything that is broken, in the order of the chain. Raises RecordStoreUnavailable.

        Where the chain itself holds what is no text or number, only this is named: nothing else can be read then.
        """
        unreadable = [fault async for fault in self._of_wrong_type()]
        for fault in unreadable:
            yield fault
        if any(fault.name == "unreadable" for fault in unreadable):
            return
        async with transaction(self._engine, _SECONDS) as connection:
            counted = await connection.execute(select(ledger.c.node, func.count()).group_by(ledger.c.node))
            lengths = {row[0]: row[1] for row in counted}
        if self._head is not None:
            lengths.setdefault(self._node, 0)
        self._total = sum(lengths.values())
        for node in sorted(lengths):
            async for fault in self._chain(node):
                yield fault
        async for fault in self._inserted():
            yield fault

    async def _chain(self, node: str) -> AsyncIterator[Fault]:
        ours = node == self._node
        trusted = self._trusted | {self._signer.public_key} if ours else self._trusted
        checker = ChainChecker(node, trusted, self._signer.knows)
        head = self._head if ours else None
        after = 0
        while page := await self._page(node, after):
            for row in page:
                for fault in checker.take(row):
                    yield fault
                if head and row.seq == head.seq and row.hash != head.hash:
                    yield Fault("replaced", f"{node} #{row.seq}", FAULTS["replaced"])
            for fault in await self._judged_twice(page):
                yield fault
            after = page[-1].seq
            self.rows += len(page)
            self._tell(self.rows, max(self._total, self.rows))
        for fault in checker.end():
            yield fault
        last = checker.last.seq if checker.last else 0
        if head and last < head.seq:
            yield Fault("truncated", f"{node} #{last + 1}–#{head.seq}", FAULTS["truncated"])
        self.keys |= {key: (node, seq) for key, seq in checker.keys.items()}

    async def _page(self, node: str, after: int) -> list[Row]:
        query = select(ledger).where(ledger.c.node == node, ledger.c.seq > after).order_by(ledger.c.seq).limit(_PAGE)
        async with transaction(self._engine, _SECONDS) as connection:
            return [Row(**row._mapping) for row in await connection.execute(query)]

    # --- what is on record -------------------------------------------------------------------------------------------

    async def _judged_twice(self, page: Sequence[Row]) -> list[Fault]:
        """What a working service was just changing is right a moment later."""
        found = await self._judged(page)
        for pause in _LOOK_AGAIN_SECONDS:
            if found:
                await asyncio.sleep(pause)
                again = {fault.where for fault in await self._judged(page)}
                found = [fault for fault in found if fault.where in again]
        return found

    async def _judged(self, page: Sequence[Row]) -> list[Fault]:
        readable = [row for row in page if isinstance(row.body, str) and isinstance(row.subject, str)]
        about = [row for row in readable if row.kind in OF_KIND or '"salt"' in row.body]
        if not about:
            return []
        async with transaction(self._engine, _SECONDS) as connection:
            around = await self._around(connection, about)
        faults: list[Fault] = []
        for row in about:
            fault = _of_record(row, around) if row.kind in OF_KIND else _of_salt(row, around)
            faults += [fault] if fault else []
        return faults

    async def _around(self, connection: AsyncConnection, about: Sequence[Row]) -> _Around:
        ids = {kind: {row.subject for row in about if row.kind == kind} for kind in OF_KIND}
        subjects = set().union(*ids.values())
        refs = {row.ref for row in about if row.ref}
        c = ledger.c
        last: dict[tuple[str, str], tuple[str, int]] = {}
        entries = select(c.kind, c.subject, c.node, c.seq).where(c.subject.in_(subjects), c.kind.in_(OF_KIND))
        for kind, subject, node, seq in await connection.execute(entries.order_by(c.at, c.node, c.seq)):
            last[kind, subject] = node, seq
        records = {
            (kind, row["id"]): row for kind in OF_KIND if ids[kind] for row in await _rows(connection, kind, ids[kind])
        }
        salts = await connection.execute(select(ledger_salts).where(ledger_salts.c.id.in_(subjects | refs)))
        erased: dict[str, set[str]] = {}
        of_erasures = select(c.subject, c.body).where(c.kind == "erasure", c.subject.in_(subjects | refs))
        for subject, body in await connection.execute(of_erasures):
            erased.setdefault(subject, set()).add(str(_parsed(body).get("what")))
        return _Around(last, records, {row.id: row.salt for row in salts}, erased)

    async def _of_wrong_type(self) -> AsyncIterator[Fault]:
        """SQLite keeps anything in any column; other databases refuse it."""
        if self._engine.dialect.name != "sqlite":
            return
        for kind, table in {**OF_KIND, "ledger": ledger, "salt": ledger_salts}.items():
            keys = [cast(column, String) for column in table.primary_key]
            query = select(*keys).where(or_(*(_odd(column) for column in table.c))).limit(_PAGE)
            async with transaction(self._engine, _SECONDS) as connection:
                found = (await connection.execute(query)).all()
            for row in found:
                if kind == "ledger":
                    yield Fault("unreadable", f"{row[0]} #{row[1]}", FAULTS["unreadable"])
                else:
                    yield _fault("record-changed" if kind in OF_KIND else "salt-changed", kind, str(row[0]))

    async def _inserted(self) -> AsyncIterator[Fault]:
        """What is in a table and on no chain."""
        for kind, table in OF_KIND.items():
            on_chain = exists().where(ledger.c.subject == table.c.id, ledger.c.kind == kind)
            async for id in self._without(table.c.id, and_(~on_chain, _OVER.get(kind, true()))):
                yield _fault("record-inserted", kind, id)
        on_chain = exists().where(or_(ledger.c.subject == ledger_salts.c.id, ledger.c.ref == ledger_salts.c.id))
        async for id in self._without(ledger_salts.c.id, ~on_chain):
            yield _fault("salt-inserted", "salt", id)

    async def _without(self, column: Any, missing: ColumnElement[bool]) -> AsyncIterator[str]:
        after = ""
        while True:
            query = select(column).where(missing, column > after).order_by(column).limit(_PAGE)
            found = await self._strings(query)
            if not found:
                return
            after = found[-1]
            await asyncio.sleep(_LOOK_AGAIN_SECONDS[-1])  # a handoff is claimed a moment before it is on the chain
            for id in await self._strings(select(column).where(missing, column.in_(found)).order_by(column)):
                yield id

    async def _strings(self, query: Any) -> list[str]:
        async with transaction(self._engine, _SECONDS) as connection:
            return list((await connection.execute(query)).scalars())


def _odd(column: Column[Any]) -> ColumnElement[bool]:
    """Whether the value is stored as something that the column is not for (sqlite.org/datatype3.html)."""
    stored = func.typeof(column)
    if isinstance(column.type, Boolean):
        return and_(column.is_not(None), type_coerce(column, String).not_in([literal_column("0"), literal_column("1")]))
    wanted = "integer" if isinstance(column.type, Integer) else "text"
    return stored.not_in([wanted, "null"])


async def _rows(connection: AsyncConnection, kind: str, ids: set[str]) -> list[mapping.Row]:
    """One that cannot be read at all has its id only."""
    table = OF_KIND[kind]
    try:
        return [row._asdict() for row in await connection.execute(select(table).where(table.c.id.in_(ids)))]
    except (ValueError, TypeError):
        if len(ids) > 1:
            return [row for id in ids for row in await _rows(connection, kind, {id})]
        return [{"id": id} for id in ids]


def _fault(name: str, kind: str, id: str, *fields: str) -> Fault:
    named = f": {', '.join(fields)}" if fields else ""
    return Fault(name, f"{kind} {id}", RECORD_FAULTS[name] + named)


def _of_record(entry: Row, around: _Around) -> Fault | None:
    """What is wrong with the record that an entry is the last word on."""
    key = entry.kind, entry.subject
    if around.last.get(key) != (entry.node, entry.seq):
        return None
    row, erased = around.records.get(key), around.erased.get(entry.subject, ())
    if "record" in erased:
        return _fault("erasure-undone", *key) if row is not None else None
    if row is None:
        return _fault("record-deleted", *key)
    void = around.salts.get(entry.subject, "") is None
    if void and not erased:
        return _fault("salt-changed", *key)
    try:
        return _compared(entry, row, around.salts.get(entry.subject), void)
    except (ValidationError, ValueError, TypeError, AttributeError):
        return _fault("record-changed", *key)


def _compared(entry: Row, row: mapping.Row, salt: str | None, void: bool) -> Fault | None:
    kind = entry.kind
    record = _OF_ROW[kind](row)
    was = orjson.loads(entry.body)
    if void:
        now, was = bare(body_of(record, lambda value: value)), bare(was)
    else:
        if salt is None and "hmac-" in entry.body:
            return _fault("salt-changed", kind, entry.subject)
        now = body_of(record, sealing(bytes.fromhex(salt or ""), algorithm_of(entry.hash) or "sha256"))
    changed = [name for name in was.keys() | now.keys() if was.get(name) != now.get(name)]
    made = _TO_ROW[kind](record)
    changed += [name for name in made.keys() - was.keys() if name in row and made[name] != row[name]]
    name = "erasure-undone" if void and changed else "record-changed"
    return _fault(name, kind, entry.subject, *sorted(changed)) if changed else None


def _parsed(body: str) -> dict[str, Any]:
    """Empty when it is no object of JSON: the chain's own check names such an entry."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_salt(entry: Row, around: _Around) -> Fault | None:
    """Of an entry that has salted hashes and is no record."""
    named = _parsed(entry.body).get("salt")
    if not isinstance(named, dict):
        return None
    salt = around.salts.get(entry.ref or "", "")
    if salt is None and entry.ref in around.erased:
        return None
    if not salt or salt_digest(salt) != named.get("digest"):
        return _fault("salt-changed", f"{entry.kind} {entry.node}", f"#{entry.seq}")
    return None
