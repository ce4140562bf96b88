"""What is on record, held against the last entry about it: one way for each kind of entry. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Column, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records import mapping
from records.accounts import API_KEY, PERSON, account_body
from records.calldetail_store import CALL_DETAIL
from records.orders import ORDER, order_body
from records.seals import Body, Seal, bare, body_of, detail_body, salt_digest, sealing
from records.tables import OF_KIND, api_keys, call_details, ledger, ledger_salts, leg_details, orders, recordings, users
from records.verify_ledger import Fault, Row, algorithm_of

RECORDING = "recording"
KINDS: Mapping[str, Table] = {
    **OF_KIND,
    CALL_DETAIL: call_details,
    RECORDING: recordings,
    PERSON: users,
    API_KEY: api_keys,
    ORDER: orders,
}
"""Where what an entry of each kind is about stands."""

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
    "callback": mapping.call_back_of,
}
_LEGS = "legs"


@dataclass(frozen=True, slots=True)
class Around:
    """What is needed to judge a page of entries. ``told``: of recordings, who wrote what, in order."""

    last: Mapping[tuple[str, str], tuple[str, int]]
    records: Mapping[tuple[str, str], mapping.Row]
    salts: Mapping[str, str | None]
    erased: Mapping[str, Collection[str]]
    told: Mapping[str, Sequence[tuple[str, Body]]] = field(default_factory=dict)


def id_of(table: Table) -> Column[Any]:
    (column,) = table.primary_key.columns
    return column


def fault(name: str, kind: str, id: str, *fields: str) -> Fault:
    named = f": {', '.join(fields)}" if fields else ""
    return Fault(name, f"{kind} {id}", RECORD_FAULTS[name] + named)


def parsed(body: str) -> dict[str, Any]:
    """Empty when it is no object of JSON: the chain's own check names such an entry."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def concerns(entry: Row) -> bool:
    """Whether there is anything to compare an entry with."""
    readable = isinstance(entry.body, str) and isinstance(entry.subject, str)
    return readable and (entry.kind in KINDS or '"salt"' in entry.body)


def judged(about: Sequence[Row], around: Around) -> list[Fault]:
    found = (_of_record(row, around) if row.kind in KINDS else _of_salt(row, around) for row in about)
    return [each for each in found if each]


# --- reading ----------------------------------------------------------------------------------------------------------


async def read_around(connection: AsyncConnection, about: Sequence[Row]) -> Around:
    subjects = {row.subject for row in about if row.kind in KINDS}
    refs = {row.ref for row in about if row.ref}
    c = ledger.c
    last: dict[tuple[str, str], tuple[str, int]] = {}
    entries = select(c.kind, c.subject, c.node, c.seq).where(c.subject.in_(subjects), c.kind.in_(KINDS))
    for kind, subject, node, seq in await connection.execute(entries.order_by(c.at, c.node, c.seq)):
        last[kind, subject] = node, seq
    ids: dict[str, set[str]] = {}
    for row in about:
        if last.get((row.kind, row.subject)) == (row.node, row.seq):
            ids.setdefault(row.kind, set()).add(row.subject)
    records: dict[tuple[str, str], mapping.Row] = {}
    for kind, wanted in ids.items():
        key = id_of(KINDS[kind])
        records |= {(kind, row[key.name]): row for row in await _rows(connection, key, wanted)}
    await _add_legs(connection, records, ids.get(CALL_DETAIL, set()))
    salts = await connection.execute(select(ledger_salts).where(ledger_salts.c.id.in_(subjects | refs)))
    erased: dict[str, set[str]] = {}
    of_erasures = select(c.subject, c.body).where(c.kind == "erasure", c.subject.in_(subjects | refs))
    for subject, body in await connection.execute(of_erasures):
        erased.setdefault(subject, set()).add(str(parsed(body).get("what")))
    told = await _told(connection, ids.get(RECORDING, set()))
    return Around(last, records, {row.id: row.salt for row in salts}, erased, told)


async def _rows(connection: AsyncConnection, key: Column[Any], wanted: set[str]) -> list[mapping.Row]:
    """One that cannot be read at all has its key only."""
    try:
        found = await connection.execute(select(key.table).where(key.in_(wanted)))
        names = list(found.keys())
        return [dict(zip(names, row, strict=True)) for row in found]
    except (ValueError, TypeError):
        if len(wanted) > 1:
            return [row for each in wanted for row in await _rows(connection, key, {each})]
        return [{key.name: each} for each in wanted]


async def _add_legs(
    connection: AsyncConnection, records: Mapping[tuple[str, str], mapping.Row], call_ids: set[str]
) -> None:
    if call_ids:
        legs: dict[str, list[mapping.Row]] = {id: [] for id in call_ids}
        for leg in await _rows(connection, leg_details.c.call_id, call_ids):
            legs[leg["call_id"]].append(leg)
        for (kind, id), row in records.items():
            if kind == CALL_DETAIL:
                row[_LEGS] = legs[id]


async def _told(connection: AsyncConnection, ids: set[str]) -> Mapping[str, Sequence[tuple[str, Body]]]:
    told: dict[str, list[tuple[str, Body]]] = {}
    if ids:
        c = ledger.c
        query = select(c.subject, c.actor, c.body).where(c.kind == RECORDING, c.subject.in_(ids))
        for subject, actor, body in await connection.execute(query.order_by(c.at, c.node, c.seq)):
            told.setdefault(subject, []).append((actor, parsed(body)))
    return told


# --- comparing --------------------------------------------------------------------------------------------------------


def _of_record(entry: Row, around: Around) -> Fault | None:
    """What is wrong with the record that an entry is the last word on."""
    key = entry.kind, entry.subject
    if around.last.get(key) != (entry.node, entry.seq):
        return None
    row, erased = around.records.get(key), around.erased.get(entry.subject, ())
    if "record" in erased:
        return fault("erasure-undone", *key) if row is not None else None
    if row is None:
        return fault("record-deleted", *key)
    void = around.salts.get(entry.subject, "") is None
    if void and not erased:
        return fault("salt-changed", *key)
    try:
        return _compared(entry, row, around, void)
    except (ValidationError, ValueError, TypeError, AttributeError, KeyError):
        return fault("record-changed", *key)


def _compared(entry: Row, row: mapping.Row, around: Around, void: bool) -> Fault | None:
    salt = around.salts.get(entry.subject)
    if not void and salt is None and "hmac-" in entry.body:
        return fault("salt-changed", entry.kind, entry.subject)
    was: Body = orjson.loads(entry.body)
    seal: Seal = _as_it_is if void else sealing(bytes.fromhex(salt or ""), algorithm_of(entry.hash) or "sha256")
    match entry.kind:
        case "call-detail":
            changed = _differing(*_detail(was, row, seal, void))
        case "recording":
            changed = _differing(*_recording(around.told.get(entry.subject, ()), row))
        case "person" | "api-key":
            was.pop("event", None)
            changed = _differing(was, account_body(entry.kind, row))
        case "order":
            was.pop("event", None)
            now = order_body(row, seal)
            changed = _differing(bare(was) or {}, bare(now) or {}) if void else _differing(was, now)
        case _:
            record = _OF_ROW[entry.kind](row)
            now = body_of(record, seal, mapping.as_it_is)
            changed = _differing(bare(was) or {}, bare(now) or {}) if void else _differing(was, now)
            changed += [name for name, value in mapping.derived(record).items() if value != row[name]]
    name = "erasure-undone" if void and changed else "record-changed"
    return fault(name, entry.kind, entry.subject, *sorted(changed)) if changed else None


def _as_it_is(value: Any) -> Any:
    return value


def _differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name in was.keys() | now.keys() if was.get(name) != now.get(name)]


def _detail(was: Body, row: mapping.Row, seal: Seal, void: bool) -> tuple[Body, Body]:
    """By the name of what may differ: ``call``, ``caller``, ``numbers``, ``leg UNIQUEID``."""
    of_call = {name: value for name, value in row.items() if name != _LEGS}
    now = detail_body(of_call, row[_LEGS], seal)
    if void:
        was, now = bare(was) or {}, bare(now) or {}
    return _by_leg(was), _by_leg(now)


def _by_leg(body: Body) -> Body:
    legs = body.get(_LEGS) or {}
    return {name: value for name, value in body.items() if name != _LEGS} | {f"leg {id}": legs[id] for id in legs}


def _recording(told: Iterable[tuple[str, Body]], row: mapping.Row) -> tuple[Body, Body]:
    """What all entries about it come to, and the same of the row."""
    was: Body = {"hold": False, "hold_reason": None, "held_by": None, "state": "recording", "deleted_at": None}
    for actor, body in told:
        match body.get("event"):
            case "finished":
                was |= {name: body[name] for name in _FINISHED if name in body}
            case "missing":
                was |= {name: body[name] for name in _FINISHED if name in body}
                was |= {"state": "missing", "problem": "no-file", "sha256": None}
            case "deleted":
                was |= {"state": "deleted"}
                was.pop("deleted_at", None)  # its files go after this entry, at once or when the service is back
            case "held":
                was |= {"hold": True, "hold_reason": body.get("reason"), "held_by": actor}
            case "released":
                was |= {"hold": False, "hold_reason": None, "held_by": None}
    was |= {name: _moment(was[name]) for name in _TIMES if name in was}
    return was, {name: row[name] for name in was}


_TIMES = ("started_at", "ended_at", "delete_after")
_FINISHED = (
    *("call_id", "node", "channels", "state", "problem", "path", "seconds", "bytes", "pauses", "sha256"),
    *_TIMES,
)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _of_salt(entry: Row, around: Around) -> Fault | None:
    """Of an entry that has salted hashes and is no record."""
    named = parsed(entry.body).get("salt")
    if not isinstance(named, dict):
        return None
    salt = around.salts.get(entry.ref or "", "")
    if salt is None and entry.ref in around.erased:
        return None
    try:
        genuine = bool(salt) and salt_digest(str(salt)) == named.get("digest")
    except ValueError:
        genuine = False
    return None if genuine else fault("salt-changed", f"{entry.kind} {entry.node}", f"#{entry.seq}")
