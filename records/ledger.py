"""The ledger in the database: what is saved is appended to the node's chain in the same transaction.

One chain for each node, so that nodes never wait for each other. A transaction that appends holds the node's lock from
its beginning, so that two services on one node continue one chain; their rows cannot have the same number anyway.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.chain import CHECKPOINT, Chain, Entry, Head
from records.database import Change, transaction
from records.mapping import Kept, Record, clean, kind_of
from records.notes import Note
from records.seals import Body, Seal, blanked, body_of, salt_digest, sealing
from records.tables import ledger, ledger_salts
from records.verify_ledger import Row, canonical
from telephony.call import Call
from telephony.conference import Conference
from telephony.handoff import Handoff

log = structlog.get_logger(__name__)

_PG_LOCK = 0x6C646772  # "ldgr": the class of PostgreSQL's advisory locks
_SALT_BYTES = 16


class Ledger:
    """One per process and node. ``head_file``: outside the database, so that a cut-off end of the chain is seen.

    Once it is, the file stays as it is, for the verifier to name it, however long the chain grows again.
    """

    def __init__(self, engine: AsyncEngine, chain: Chain, head_file: Path | None = None) -> None:
        self.chain = chain
        self._engine = engine
        self._head_file = head_file
        self._opened = False
        self._known: Head | None = None
        self._cut = False

    async def append(
        self, kind: str, subject: str, body: Mapping[str, Any], *, actor: str, change: Change | None = None
    ) -> int:
        """The entry's number on this node's chain; it is on record when this returns.

        ``change`` is made in the same transaction; where it changes nothing, nothing is appended and 0 returned.

        Numbers and names of callers go under ``body["numbers"]`` (see ``records.notes.Note``), nowhere else.
        Raises RecordStoreUnavailable: whether it was appended is unknown then.
        """
        note = Note(datetime.now(UTC), kind, subject, actor, body)
        async with transaction(self._engine) as connection:
            pen = await self.pen(connection, (note,))
            if change is None or await change(connection):
                pen.note(note)
            row = await pen.write()
        await self.written(row)
        return row.seq if row else 0

    async def checkpoint(self) -> None:
        """Signs what was appended since the last one, if anything was. Raises RecordStoreUnavailable."""
        async with transaction(self._engine) as connection:
            pen = await self.pen(connection, ())
            row = await pen.checkpoint()
        await self.written(row)

    async def last(self, kind: str, subject: str) -> Body | None:
        """The body of this node's newest entry about it. Raises RecordStoreUnavailable."""
        c = ledger.c
        query = select(c.body).where(c.subject == subject, c.kind == kind, c.node == self.chain.node)
        async with transaction(self._engine) as connection:
            found = (await connection.execute(query.order_by(c.seq.desc()).limit(1))).scalar()
        return None if found is None else orjson.loads(found)

    async def pen(self, connection: AsyncConnection, records: Sequence[Record]) -> Pen:
        """Begins to append within this transaction, of which it must be the first user."""
        if self._known is None and not self._opened:
            self._known = await asyncio.to_thread(self.kept_head)
        pen = Pen(self.chain, connection, checkpoint_first=not self._opened, known=self._known)
        await pen.open(records)
        if pen.cut and not self._cut:
            self._cut = True
            log.critical("ledger.cut_off", node=self.chain.node, seq=self._known.seq if self._known else 0)
        return pen

    def kept_head(self) -> Head | None:
        """The last row that is known outside the database, None where none is."""
        if self._head_file is None:
            return None
        try:
            kept = orjson.loads(self._head_file.read_bytes())
            return Head(int(kept["seq"]), str(kept["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    async def written(self, last: Row | None) -> None:
        """To be called when the transaction is committed. A disk that fails costs nothing but the head's safe place."""
        if last is None:
            return
        self._opened = True
        if self._cut:
            return  # what is kept proves what was there
        self._known = Head(last.seq, last.hash)
        if self._head_file is not None:
            try:
                await asyncio.to_thread(_keep_head, self._head_file, last)
            except OSError as error:
                log.error("ledger.head_not_kept", file=str(self._head_file), problem=str(error))


def _keep_head(path: Path, row: Row) -> None:
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_bytes(orjson.dumps({"node": row.node, "seq": row.seq, "hash": row.hash}))
    fresh.replace(path)


class Pen:
    """What one transaction appends."""

    def __init__(
        self, chain: Chain, connection: AsyncConnection, *, checkpoint_first: bool, known: Head | None = None
    ) -> None:
        self.cut = False
        """Whether the last row that we know of is not there any more."""
        self._known_head = known
        self._chain = chain
        self._connection = connection
        self._checkpoint_first = checkpoint_first
        self._entries: list[Entry] = []
        self._salts: dict[str, bytes | None] = {}
        self._new_salts: list[dict[str, str]] = []
        self._known: dict[tuple[str, str], Body] = {}
        self._refs: set[str] = set()
        self._last_kind = ""

    async def open(self, records: Sequence[Record]) -> None:
        await self._lock()
        if self._known_head is not None:
            self.cut = await self._hash_of(self._known_head.seq) != self._known_head.hash
        kept = {record.id for record in records if not isinstance(record, Note)}
        notes = {record.id for record in records if isinstance(record, Note)}
        if kept:
            await self._read_salts(kept)
            await self._read_known(kept)
        if notes:
            found = await self._connection.execute(select(ledger.c.ref).where(ledger.c.ref.in_(notes)))
            self._refs = {ref for ref in found.scalars() if ref is not None}

    async def _lock(self) -> None:
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        locking = text("SELECT pg_advisory_xact_lock(:class, hashtext(:node))")
        await self._connection.execute(locking, {"class": _PG_LOCK, "node": self._chain.node})

    async def _hash_of(self, seq: int) -> str | None:
        place = select(ledger.c.hash).where(ledger.c.node == self._chain.node, ledger.c.seq == seq)
        found: str | None = (await self._connection.execute(place)).scalar()
        return found

    async def _read_salts(self, ids: set[str]) -> None:
        found = await self._connection.execute(select(ledger_salts).where(ledger_salts.c.id.in_(ids)))
        self._salts |= {row.id: bytes.fromhex(row.salt) if row.salt else None for row in found}

    async def _read_known(self, ids: set[str]) -> None:
        c = ledger.c
        query = select(c.kind, c.subject, c.body).where(
            c.subject.in_(ids), c.kind.in_(("handoff", "call", "conference", "callback"))
        )
        for kind, subject, body in await self._connection.execute(query.order_by(c.at, c.seq)):
            self._known[kind, subject] = orjson.loads(body)

    async def forgotten(self, ids: set[str]) -> set[str]:
        """Those of the records whose person was erased. To be asked before anything is ``sealed`` with their salts."""
        await self._read_salts(ids)
        return {id for id in ids if self._salts.get(id, b"") is None}

    def sealed(self, kind: str, id: str, body: Callable[[Seal], Body], *, actor: str | None = None) -> None:
        """An entry about what belongs to a record, its personal parts sealed with that record's salt."""
        made = body(sealing(self._salt(id) or b"", self._chain.algorithm))
        self._add(kind, id, actor or self._chain.node, made)

    def keepable(self, record: Kept) -> Kept:
        """What may be saved of it: a record whose person was erased stays without that person."""
        return blanked(record) if self._salts.get(record.id, b"") is None else record

    def saved(self, record: Kept) -> None:
        """Entries for what is new in a record that was just saved; none when the chain has it already."""
        if isinstance(record, Call | Conference) and _goes_on(record):
            return
        kind = kind_of(record)
        body: Body = body_of(record, sealing(self._salt(record.id) or b"", self._chain.algorithm))
        before = self._known.get((kind, record.id))
        if body == before:
            return
        self._known[kind, record.id] = body
        actor = (record.requested_by or record.node) if isinstance(record, Handoff) else self._chain.node
        self._add(kind, record.id, actor, body)
        if isinstance(record, Handoff):
            self._decided(record, body, before or {})
            self._corrected(record, body, before or {})

    def _decided(self, handoff: Handoff, body: Body, before: Body) -> None:
        decision = handoff.decision
        if decision is not None and body["decision"] != before.get("decision"):
            self._add("decision", handoff.id, decision.decided_by or self._chain.node, body["decision"])

    def _corrected(self, handoff: Handoff, body: Body, before: Body) -> None:
        """Corrections are steps of the timeline; the sealed step stands in the entry, who made it is no secret."""
        known = len(before.get("timeline", ()))
        for step, sealed in list(zip(handoff.timeline, body["timeline"], strict=True))[known:]:
            if step.event == "corrected":
                entry = {"field": step.detail["field"], "at": sealed["at"], "detail": sealed["detail"]}
                self._add("correction", handoff.id, step.detail["by"], entry)

    def note(self, note: Note) -> None:
        if note.id in self._refs:
            return
        self._refs.add(note.id)
        body = dict(clean(dict(note.body)))
        numbers = body.pop("numbers", None)
        if numbers:
            salt = self._salt(note.id) or b""
            seal = sealing(salt, self._chain.algorithm)
            body["numbers"] = {name: seal(number) for name, number in numbers.items()}
            body["salt"] = {"id": note.id, "digest": salt_digest(salt.hex())}
        self._add(note.kind, note.subject, note.actor, body, at=note.at, ref=note.id)

    def _add(
        self, kind: str, subject: str, actor: str, body: Body, *, at: datetime | None = None, ref: str | None = None
    ) -> None:
        at = at or datetime.now(UTC)
        self._entries.append(Entry(at, kind, clean(subject), clean(actor), canonical(body), ref))

    def _salt(self, record_id: str) -> bytes | None:
        """None where it was erased."""
        if record_id not in self._salts:
            self._salts[record_id] = fresh = os.urandom(_SALT_BYTES)
            self._new_salts.append({"id": record_id, "salt": fresh.hex()})
        return self._salts[record_id]

    async def write(self) -> Row | None:
        """All of it, and the chain's last row; None when there was nothing to append."""
        if not self._entries:
            return None
        head = await self._head()
        rows = list(self._chain.rows(head, self._entries, checkpoint_first=self._checkpoint_first))
        if self._new_salts:
            await self._connection.execute(ledger_salts.insert(), self._new_salts)
        await self._connection.execute(ledger.insert(), [row._asdict() for row in rows])
        return rows[-1]

    async def checkpoint(self) -> Row | None:
        head = await self._head()
        if head.seq == 0 or self._last_kind == CHECKPOINT:
            return None
        row = self._chain.checkpoint(head, datetime.now(UTC))
        await self._connection.execute(ledger.insert(), [row._asdict()])
        return row

    async def _head(self) -> Head:
        last = select(ledger).where(ledger.c.node == self._chain.node).order_by(ledger.c.seq.desc()).limit(1)
        found = (await self._connection.execute(last)).one_or_none()
        if found is None:
            return Head()
        row = Row(**found._mapping)
        if self._chain.signer.knows(row) is False:
            log.critical("ledger.head_not_ours", node=row.node, seq=row.seq)
        self._last_kind = row.kind
        return Head(row.seq, row.hash)


def _goes_on(record: Call | Conference) -> bool:
    """Calls and conferences stand on the ledger once they are over."""
    return record.live if isinstance(record, Call) else not (record.parties and record.over)
