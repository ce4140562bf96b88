"""Records as the ledger holds them: who called, and what people wrote, as salted hashes that can be made void. Pure.

The salt stands in a table of its own (``ledger_salts``). When it is erased nobody can tell any more what was hashed,
not by trying all telephone numbers either; the chain stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from cryptography.hazmat.primitives import hmac

from records.mapping import Kept, kind_of, plain, times_of
from records.verify_ledger import ALGORITHMS, canonical, digest
from telephony.call import Call
from telephony.callback import CallBack
from telephony.handoff import Handoff

R = TypeVar("R", bound=Kept)
Body = dict[str, Any]
Seal = Callable[[Any], Any]

_PERSONAL: Mapping[str, tuple[str, ...]] = {
    "handoff": ("original_caller", "caller_seen_by_target", "reason"),
    "call": ("original_caller", "caller_name"),
    "conference": (),
    "callback": ("original_caller",),
}
CALLER_FIELDS = ("original_caller", "original_caller_e164", "caller_name")
_MARK = "hmac-"


def sealing(salt: bytes, algorithm: str) -> Seal:
    """What is empty stays as it is; all else becomes ``hmac-ALGORITHM:HEX`` of its canonical JSON."""

    def seal(value: Any) -> Any:
        if not value:
            return value
        keyed = hmac.HMAC(salt, ALGORITHMS[algorithm]())
        keyed.update(canonical(value).encode("utf-8", "surrogatepass"))
        return f"{_MARK}{algorithm}:{keyed.finalize().hex()}"

    return seal


def salt_digest(salt: str) -> str:
    """Stands in a note's entry, so that a changed salt is seen although nobody has the number any more."""
    return digest("sha256", bytes.fromhex(salt))


def row_digest(row: Mapping[str, Any]) -> str:
    """Of all that stands in a row. What is NULL is left out, so that a column that comes later changes nothing."""
    there = {str(name): value for name, value in row.items() if value is not None}
    there |= {name: value.astimezone(UTC) for name, value in there.items() if isinstance(value, datetime)}
    return digest("sha256", orjson.dumps(there, option=orjson.OPT_SORT_KEYS))


def detail_body(row: Mapping[str, Any], legs: Iterable[Mapping[str, Any]], seal: Seal) -> Body:
    """A call's detail: a digest of each row without who called, and that sealed: the caller, and numbers of others."""
    phones = {leg["uniqueid"]: dict(leg) for leg in legs}
    outside = {uniqueid: leg.pop("number") for uniqueid, leg in phones.items() if leg["outside"]}
    return {
        "call": row_digest({name: value for name, value in row.items() if name not in CALLER_FIELDS}),
        "caller": seal({name: row[name] for name in CALLER_FIELDS if row[name] is not None}),
        "legs": {uniqueid: row_digest(leg) for uniqueid, leg in phones.items()},
        "numbers": seal({uniqueid: number for uniqueid, number in outside.items() if number is not None}),
    }


def body_of(record: Kept, seal: Seal, as_json: Callable[[Kept], Body] = plain) -> Body:
    """The record as JSON, its personal parts sealed."""
    kind = kind_of(record)
    body = as_json(_in_utc(record))
    for name in _PERSONAL[kind]:
        body[name] = seal(body[name])
    match kind:
        case "handoff":
            body["timeline"] = [step | {"detail": seal(step["detail"])} for step in body["timeline"]]
            if body["decision"] is not None:
                body["decision"] = body["decision"] | {"reason": seal(body["decision"]["reason"])}
        case "callback":
            body["timeline"] = [step | {"detail": seal(step["detail"])} for step in body["timeline"]]
        case "call":
            body["legs"] = {id: leg | {"number": seal(leg["number"])} for id, leg in body["legs"].items()}
    return body


def bare(value: Any) -> Any:
    """What can still be compared when the salt is erased: without what was sealed, empty or not there."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()} or None
    if isinstance(value, list):
        return [bare(item) for item in value]
    return None if value == "" or (isinstance(value, str) and value.startswith(_MARK)) else value


def blanked(record: Kept) -> Kept:
    """Without anything that says who called, or that a person wrote."""
    if isinstance(record, Handoff):
        decision = record.decision and replace(record.decision, reason="")
        timeline = tuple(replace(step, detail={}) for step in record.timeline)
        return replace(
            record, original_caller=None, caller_seen_by_target=None, reason=None, decision=decision, timeline=timeline
        )
    if isinstance(record, Call):
        legs = {id: replace(leg, number="") for id, leg in record.legs.items()}
        return replace(record, original_caller=None, caller_name=None, legs=legs)
    if isinstance(record, CallBack):
        return replace(
            record, original_caller=None, timeline=tuple(replace(step, detail={}) for step in record.timeline)
        )
    return record


def _in_utc(record: R) -> R:
    """As a database gives it back."""
    others = {name: at for name, at in times_of(record).items() if at is not None and at.tzinfo is not UTC}
    in_utc: dict[str, Any] = {name: at.astimezone(UTC) for name, at in others.items()}
    return replace(record, **in_utc) if in_utc else record
