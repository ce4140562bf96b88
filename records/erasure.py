"""What is forgotten, and how that stays provable: by the number of a caller, and by age.

A person is erased by emptying the record's personal fields and voiding the salt of their hashes; a record by deleting
it. Either is an entry of the ledger under the record's own id, in the same transaction: the chain stays unbroken and
tells who erased what, when and why. Only what is over is erased.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import structlog
from sqlalchemy import ColumnElement, String, and_, cast, delete, exists, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records import mapping
from records.database import transaction
from records.ledger import Ledger
from records.notes import Note
from records.orders import OVER, without_caller
from records.periods import Periods
from records.seals import CALLER_FIELDS, blanked, sealing
from records.tables import (
    OF_KIND,
    call_backs,
    call_details,
    calls,
    conferences,
    handoffs,
    idempotency_keys,
    ledger,
    ledger_salts,
    leg_details,
    orders,
)
from records.verify_ledger import algorithm_of
from telephony import numbers

log = structlog.get_logger(__name__)

_BATCH = 100
_PAUSE_SECONDS = 0.05
_NOBODY: dict[str, Any] = dict.fromkeys(CALLER_FIELDS)
_TABLES = {**OF_KIND, "order": orders}
_BEGUN = {
    "handoff": handoffs.c.created_at,
    "call": calls.c.arrived_at,
    "callback": call_backs.c.created_at,
    "order": orders.c.changed_at,
}
"""What a period is counted from; of an order, which is worked on for long, from the last that was done with it."""
_OVER: dict[str, ColumnElement[bool]] = {
    "handoff": handoffs.c.ended_at.is_not(None),
    "call": calls.c.ended_at.is_not(None),
    "callback": call_backs.c.ended_at.is_not(None),
    "order": orders.c.state.in_(OVER),
}
_OF_ROW: dict[str, Callable[[Any], mapping.Kept]] = {
    "handoff": mapping.handoff_of,
    "call": mapping.call_of,
    "callback": mapping.call_back_of,
}
_TO_ROW: dict[str, Callable[[Any], mapping.Row]] = {
    "handoff": mapping.handoff_row,
    "call": mapping.call_row,
    "callback": mapping.call_back_row,
}


@dataclass
class Erased:
    """How many of each; ``live``: those that are not over and were left alone."""

    handoffs: int = 0
    calls: int = 0
    callbacks: int = 0
    orders: int = 0
    notes: int = 0
    live: int = 0
    keys: int = 0
    entries: int = 0

    @property
    def nothing(self) -> bool:
        return not any((self.handoffs, self.calls, self.callbacks, self.orders, self.notes, self.keys, self.entries))


class Eraser:
    """``dry``: only counts. Every method raises RecordStoreUnavailable; what was erased before stays erased."""

    def __init__(self, engine: AsyncEngine, ledger: Ledger, *, dry: bool = False) -> None:
        self._engine, self._ledger, self._dry = engine, ledger, dry
        self._node = ledger.chain.node

    async def person(self, number: str, *, actor: str, reason: str) -> Erased:
        """Everything about the caller with this number, on all nodes."""
        found = Erased()
        normal = numbers.e164(number)
        written = {number, normal, normal.removeprefix("+86")} if normal else {number}
        for kind, over in _OVER.items():
            theirs = _theirs(kind, number, normal) if kind != "order" else _orders_about(written)
            id = _TABLES[kind].c.id
            found.live += len(await self._ids(select(id).where(theirs, ~over)))
            ended = select(id).where(theirs, over)
            count = await self._in_batches(ended, partial(self._blank, kind, actor, reason))
            setattr(found, f"{kind}s", count)
        found.notes = await self._notes_of(written, actor, reason)
        return found

    async def expired(self, periods: Periods, now: datetime) -> Erased:
        """What is older than its period, of this node."""
        found, actor, why = Erased(), self._node, "retention"
        for kind, begun in _BEGUN.items():
            table = _TABLES[kind]
            old = select(table.c.id).where(table.c.node == self._node, _OVER[kind])
            count = 0
            if periods.records is not None:
                gone = old.where(begun < now - periods.records)
                count += await self._in_batches(gone, partial(self._delete, kind, actor, why))
            if periods.personal is not None:
                named = old.where(begun < now - periods.personal, ~_is_void(table.c.id))
                count += await self._in_batches(named, partial(self._blank, kind, actor, why))
            setattr(found, f"{kind}s", count)
        if periods.personal is not None:
            found.notes = await self._old_notes(now - periods.personal, actor, why)
        found.keys = await self._old_keys(now - periods.idempotency)
        if periods.ledger is not None and periods.records is not None:
            found.entries = await self._cut_ledger(now - max(periods.ledger, periods.records), actor)
        return found

    # --- how ---------------------------------------------------------------------------------------------------------

    async def _in_batches(self, wanted: Any, erase: Callable[[Sequence[str]], Any]) -> int:
        """Each batch is a transaction, so that no call waits for long."""
        count, after = 0, ""
        column = wanted.selected_columns[0]
        while ids := await self._ids(wanted.where(column > after).order_by(column).limit(_BATCH)):
            if not self._dry:
                await erase(ids)
                await asyncio.sleep(_PAUSE_SECONDS)
            count, after = count + len(ids), ids[-1]
        return count

    async def _ids(self, query: Any) -> list[str]:
        async with transaction(self._engine) as connection:
            return list((await connection.execute(query)).scalars())

    async def _blank(self, kind: str, actor: str, why: str, ids: Sequence[str]) -> None:
        table = _TABLES[kind]

        async def work(connection: AsyncConnection) -> None:
            rows = select(table).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update()
            for row in (await connection.execute(rows)).all():
                fresh = _nobodys(kind, row._asdict())
                await connection.execute(update(table).where(table.c.id == row.id).values(fresh))
            if kind == "call":
                theirs, outside = call_details.c.call_id.in_(ids), leg_details.c.outside
                await connection.execute(update(call_details).where(theirs).values(_NOBODY))
                legs = update(leg_details).where(leg_details.c.call_id.in_(ids), outside)
                await connection.execute(legs.values(number=None))

        await self._void(ids, work, "person", actor, why)

    async def _delete(self, kind: str, actor: str, why: str, ids: Sequence[str]) -> None:
        table = _TABLES[kind]

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(table).where(table.c.id.in_(ids)))
            if kind == "call":
                await connection.execute(delete(call_details).where(call_details.c.call_id.in_(ids)))
                await connection.execute(delete(leg_details).where(leg_details.c.call_id.in_(ids)))
            if kind == "handoff":
                await connection.execute(delete(conferences).where(conferences.c.id.in_(ids)))
                await connection.execute(delete(idempotency_keys).where(idempotency_keys.c.handoff_id.in_(ids)))

        await self._void(ids, work, "record", actor, why)

    async def _void(
        self, ids: Collection[str], work: Callable[[AsyncConnection], Any] | None, what: str, actor: str, why: str
    ) -> None:
        now = datetime.now(UTC)
        notes = [Note(now, "erasure", id, actor, {"what": what, "why": why}) for id in ids]
        async with transaction(self._engine) as connection:
            pen = await self._ledger.pen(connection, notes)
            if work is not None:
                await work(connection)
            await connection.execute(delete(ledger_salts).where(ledger_salts.c.id.in_(ids)))
            await connection.execute(ledger_salts.insert(), [{"id": id, "salt": None} for id in ids])
            for note in notes:
                pen.note(note)
            last = await pen.write()
        await self._ledger.written(last)

    # --- notes: entries with numbers that are no records -------------------------------------------------------------

    async def _notes_of(self, written: Collection[str], actor: str, why: str) -> int:
        """Nobody knows which they are but by trying the number on each salt."""
        count = 0
        async for page in self._notes(None):
            theirs = [ref for ref, salt, body, algorithm in page if _holds(body, salt, algorithm, written)]
            if theirs and not self._dry:
                await self._void(theirs, None, "person", actor, why)
            count += len(theirs)
        return count

    async def _old_notes(self, before: datetime, actor: str, why: str) -> int:
        count = 0
        async for page in self._notes(before):
            if not self._dry:
                await self._void([ref for ref, *_ in page], None, "person", actor, why)
            count += len(page)
        return count

    async def _notes(self, before: datetime | None) -> AsyncIterator[list[tuple[str, bytes, dict[str, Any], str]]]:
        """Those whose salt is there: their reference, salt, body and algorithm."""
        joined = select(ledger.c.ref, ledger_salts.c.salt, ledger.c.body, ledger.c.hash).join(
            ledger_salts, ledger_salts.c.id == ledger.c.ref
        )
        wanted = joined.where(ledger_salts.c.salt.is_not(None))
        if before is not None:
            wanted = wanted.where(ledger.c.node == self._node, ledger.c.at < before.isoformat())
        after = ""
        while True:
            query = wanted.where(ledger.c.ref > after).order_by(ledger.c.ref).limit(_BATCH)
            async with transaction(self._engine) as connection:
                rows = (await connection.execute(query)).all()
            if not rows:
                return
            after = rows[-1].ref
            yield [
                (row.ref, bytes.fromhex(row.salt), orjson.loads(row.body), algorithm_of(row.hash) or "sha256")
                for row in rows
            ]

    # --- what is no record -------------------------------------------------------------------------------------------

    async def _old_keys(self, before: datetime) -> int:
        count = 0
        old = select(idempotency_keys.c.principal, idempotency_keys.c.key).where(idempotency_keys.c.created_at < before)
        while True:
            async with transaction(self._engine) as connection:
                if self._dry:
                    return len((await connection.execute(old)).all())
                found = (await connection.execute(old.limit(_BATCH))).all()
                for principal, key in found:
                    gone = delete(idempotency_keys).where(
                        idempotency_keys.c.principal == principal, idempotency_keys.c.key == key
                    )
                    await connection.execute(gone)
            count += len(found)
            if len(found) < _BATCH:
                return count
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _cut_ledger(self, before: datetime, actor: str) -> int:
        """Entries before the last checkpoint of that time; the chain then begins at this checkpoint, and says so."""
        c = ledger.c
        ours = c.node == self._node
        place = select(c.seq, c.previous).where(ours, c.kind == "checkpoint", c.at < before.isoformat())
        async with transaction(self._engine) as connection:
            begin = (await connection.execute(place.order_by(c.seq.desc()).limit(1))).one_or_none()
            first = (await connection.execute(select(c.seq).where(ours).order_by(c.seq).limit(1))).scalar()
        if begin is None or first is None or first >= begin.seq:
            return 0
        if not self._dry:
            body = {"ledger": {"before": begin.seq, "hash": begin.previous}, "why": "retention"}
            await self._ledger.append("erasure", self._node, body, actor=actor)
            await self._delete_entries(begin.seq, first)
        return int(begin.seq - first)

    async def _delete_entries(self, before: int, first: int) -> None:
        for start in range(first, before, _BATCH):
            stop = min(start + _BATCH, before)
            async with transaction(self._engine) as connection:
                gone = (ledger.c.node == self._node, ledger.c.seq < stop)
                await connection.execute(delete(ledger).where(*gone))
            await asyncio.sleep(_PAUSE_SECONDS)
        of_none = ~exists().where(or_(ledger.c.subject == ledger_salts.c.id, ledger.c.ref == ledger_salts.c.id))
        async with transaction(self._engine, 60.0) as connection:
            await connection.execute(delete(ledger_salts).where(ledger_salts.c.salt.is_(None), of_none))


def _nobodys(kind: str, row: mapping.Row) -> mapping.Row:
    return without_caller(row) if kind == "order" else _TO_ROW[kind](blanked(_OF_ROW[kind](row)))


def _theirs(kind: str, number: str, normal: str | None) -> ColumnElement[bool]:
    c = _TABLES[kind].c
    return or_(c.original_caller == number, false() if normal is None else c.original_caller_e164 == normal)


def _orders_about(written: Collection[str]) -> ColumnElement[bool]:
    """Theirs, and those of no caller whose words hold the number."""
    c = orders.c
    words = (c.content, c.place, cast(c.history, String))
    told = or_(*(each.contains(number, autoescape=True) for each in words for number in written))
    return or_(c.caller.in_(written), c.caller_e164.in_(written), and_(c.caller.is_(None), told))


def _is_void(id: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(ledger_salts.c.id == id, ledger_salts.c.salt.is_(None))


def _holds(body: dict[str, Any], salt: bytes, algorithm: str, written: Collection[str]) -> bool:
    seal = sealing(salt, algorithm)
    return bool({seal(number) for number in written} & set(body.get("numbers", {}).values()))
