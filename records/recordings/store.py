"""The rows of recordings, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.database import Change, transaction
from records.paging import cursor_after, position
from records.tables import calls, ledger, recordings
from telephony.errors import RecordingNotFound
from telephony.ports import Page
from telephony.recordings import Pause, Recording


class RecordingState(StrEnum):
    """``recording``: the call goes on, or its file is being made. ``truncated``: shorter than the call was."""

    RECORDING = "recording"
    WHOLE = "whole"
    TRUNCATED = "truncated"
    MISSING = "missing"
    DELETED = "deleted"


PLAYABLE = (RecordingState.WHOLE, RecordingState.TRUNCATED)
FAULTY = (RecordingState.TRUNCATED, RecordingState.MISSING)
CHANNELS = 2
"""The caller left, the others right."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One recording as it is on record. ``problem``: why it is truncated or missing. ``seconds``: of sound."""

    id: str
    call_id: str
    node: str
    path: str
    started_at: datetime
    ended_at: datetime | None
    pauses: tuple[Pause, ...]
    state: RecordingState
    problem: str | None
    channels: int
    seconds: float | None
    bytes: int | None
    sha256: str | None
    hold: bool
    hold_reason: str | None
    held_by: str | None
    delete_after: datetime | None
    deleted_at: datetime | None

    @property
    def playable(self) -> bool:
        return self.state in PLAYABLE


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of it when its call was over."""

    state: RecordingState
    ended_at: datetime
    delete_after: datetime
    problem: str | None = None
    seconds: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """All given conditions hold; times are half-open [since, until), of the beginning. ``call_ids``: of any of them."""

    since: datetime | None = None
    until: datetime | None = None
    call_ids: Sequence[str] | None = None
    state: RecordingState | None = None
    hold: bool | None = None


_KEPT = TypeAdapter(Kept)
_PAUSES = TypeAdapter(tuple[Pause, ...])
_OPEN = recordings.c.state == RecordingState.RECORDING
_THERE = recordings.c.state != RecordingState.DELETED


def pauses_as_json(pauses: tuple[Pause, ...]) -> list[dict[str, Any]]:
    """As they stand in the row and on the ledger."""
    found: list[dict[str, Any]] = _PAUSES.dump_python(pauses, mode="json")
    return found


class RecordingStore:
    """Every method raises RecordStoreUnavailable when the database is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    async def save(self, recording: Recording) -> None:
        """What is known while it is being made; one that is finished stays as it is."""
        live = {
            "ended_at": recording.ended_at,
            "pauses": pauses_as_json(recording.pauses),
        }
        first = {
            "id": recording.id,
            "call_id": recording.call_id,
            "node": recording.node,
            "path": recording.path,
            "started_at": recording.started_at,
            "state": RecordingState.RECORDING.value,
            "channels": CHANNELS,
            "hold": False,
        }
        statement = self._insert(recordings).values(first | live)
        changed = {name: statement.excluded[name] for name in live}
        changed["ended_at"] = func.coalesce(statement.excluded.ended_at, recordings.c.ended_at)
        await self._execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=_OPEN))

    def finishing(self, recording_id: str, finished: Finished) -> Change:
        """Of one that is being made."""
        values = {
            "state": finished.state.value,
            "ended_at": finished.ended_at,
            "delete_after": finished.delete_after,
            "problem": finished.problem,
            "seconds": finished.seconds,
            "bytes": finished.bytes,
            "sha256": finished.sha256,
            "pauses": pauses_as_json(finished.pauses),
        }
        return _changing(recording_id, _OPEN, values)

    def forgetting(self, recording_id: str) -> Change:
        """It cannot be played or held any more, and its files are to be deleted. One on hold stays as it is."""
        return _changing(recording_id, and_(~recordings.c.hold, _THERE), {"state": RecordingState.DELETED.value})

    async def forgotten(self, recording_id: str, at: datetime) -> None:
        """Its files are gone."""
        await self._execute(update(recordings).where(recordings.c.id == recording_id).values(deleted_at=at))

    def holding(self, recording_id: str, by: str, reason: str) -> Change:
        """Changes nothing where nothing is left to hold."""
        return _changing(recording_id, _THERE, {"hold": True, "hold_reason": reason, "held_by": by})

    def releasing(self, recording_id: str) -> Change:
        return _changing(recording_id, _THERE, {"hold": False, "hold_reason": None, "held_by": None})

    async def find(self, recording_id: str) -> Kept:
        """Raises RecordingNotFound."""
        found = await self._rows(select(recordings).where(recordings.c.id == recording_id))
        if not found:
            raise RecordingNotFound(f"no recording {recording_id}")
        return found[0]

    async def of_call(self, call_id: str) -> Sequence[Kept]:
        query = select(recordings).where(recordings.c.call_id == call_id)
        return await self._rows(query.order_by(recordings.c.started_at))

    async def open_ones(self, node: str) -> Sequence[Kept]:
        """Those of this node that are being made."""
        return await self._rows(select(recordings).where(recordings.c.node == node, _OPEN))

    async def expired(self, node: str, now: datetime, limit: int) -> Sequence[Kept]:
        """Whose time is over and which nobody holds, the oldest first."""
        c = recordings.c
        due = select(recordings).where(c.node == node, c.delete_after < now, ~c.hold, c.deleted_at.is_(None))
        return await self._rows(due.order_by(c.delete_after).limit(limit))

    async def page(self, where: RecordingFilter, *, limit: int, cursor: str | None) -> Page[Kept]:
        """Newest first. Raises BadCursor."""
        c = recordings.c
        query = select(recordings).where(*_conditions(where))
        if cursor is not None:
            query = query.where(tuple_(c.started_at, c.id) < tuple_(*position(cursor)))
        rows = await self._rows(query.order_by(c.started_at.desc(), c.id.desc()).limit(limit + 1))
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(tuple(rows[:limit]), cursor_after(last.started_at, last.id) if last else None)

    async def playable(self, since: datetime, until: datetime) -> Sequence[Kept]:
        """Whose file should be there, of those that began then, oldest first."""
        c = recordings.c
        there = select(recordings).where(c.state.in_(PLAYABLE), c.started_at >= since, c.started_at < until)
        return await self._rows(there.order_by(c.started_at))

    async def faulty(self, since: datetime, until: datetime) -> Sequence[Kept]:
        """Truncated and missing ones that began then, oldest first."""
        c = recordings.c
        bad = select(recordings).where(c.state.in_(FAULTY), c.started_at >= since, c.started_at < until)
        return await self._rows(bad.order_by(c.started_at))

    async def count(self) -> Mapping[RecordingState, int]:
        """Of the states that are faults, or not finished."""
        c = recordings.c
        of = (RecordingState.RECORDING, *FAULTY)
        query = select(c.state, func.count()).where(c.state.in_(of)).group_by(c.state)
        async with transaction(self._engine) as connection:
            found = {row[0]: row[1] for row in await connection.execute(query)}
        return {state: found.get(state.value, 0) for state in of}

    async def unrecorded(self, lines: Sequence[str], since: datetime, until: datetime) -> Sequence[str]:
        """Calls that ended, had been answered, began at one of these lines and of which there is no recording."""
        c = calls.c
        recorded = select(recordings.c.id).where(recordings.c.call_id == c.id)
        query = select(c.id).where(
            c.arrived_at >= since,
            c.arrived_at < until,
            c.ended_at.is_not(None),
            c.answered_at.is_not(None),
            c.first_line.in_(lines),
            ~recorded.exists(),
        )
        async with transaction(self._engine) as connection:
            return list((await connection.execute(query.order_by(c.arrived_at))).scalars())

    async def hash_on_ledger(self, recording_id: str) -> str | None:
        """SHA-256 of the finished file, as the ledger has it; None while it does not stand there."""
        c = ledger.c
        query = select(c.body).where(c.subject == recording_id, c.kind == "recording").order_by(c.at, c.seq)
        async with transaction(self._engine) as connection:
            bodies = [orjson.loads(body) for body in (await connection.execute(query)).scalars()]
        return next((body["sha256"] for body in reversed(bodies) if body.get("event") == "finished"), None)

    async def call_ended(self, call_id: str) -> datetime | None:
        """When its caller hung up, as the call's own record says; None while it does not."""
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(select(calls.c.legs, calls.c.ended_at).where(calls.c.id == call_id))
            ).first()
        if row is None:
            return None
        ended = (row.legs.get(call_id) or {}).get("ended_at")
        return datetime.fromisoformat(ended) if ended else row.ended_at

    async def _execute(self, statement: Any) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(statement)

    async def _rows(self, query: Select[Any]) -> Sequence[Kept]:
        async with transaction(self._engine) as connection:
            return [_KEPT.validate_python(row._asdict()) for row in await connection.execute(query)]


def _changing(recording_id: str, condition: ColumnElement[bool], values: Mapping[str, Any]) -> Change:
    statement = update(recordings).where(recordings.c.id == recording_id, condition).values(values)

    async def change(connection: AsyncConnection) -> bool:
        return bool((await connection.execute(statement)).rowcount)

    return change


def _conditions(where: RecordingFilter) -> list[ColumnElement[bool]]:
    c = recordings.c
    given: list[ColumnElement[bool] | None] = [
        c.started_at >= where.since if where.since else None,
        c.started_at < where.until if where.until else None,
        c.call_id.in_(where.call_ids) if where.call_ids is not None else None,
        c.state == where.state if where.state else None,
        c.hold == where.hold if where.hold is not None else None,
    ]
    return [condition for condition in given if condition is not None]
