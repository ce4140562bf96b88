"""Domain records ⇄ rows and JSON, both ways without loss. Pure.

pydantic reads the dataclasses' own types, so that a field added there is carried along (and its column demanded by the
tests). Text loses only what no database and no JSON can hold: NUL and half surrogate pairs become U+FFFD.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from records import tables
from records.notes import Note
from telephony import numbers
from telephony.call import Call
from telephony.callback import CallBack
from telephony.conference import Conference
from telephony.handoff import Handoff, durations_ms
from telephony.proof import finding

_LONGEST_MS = 2**31 - 1

Kept: TypeAlias = Handoff | Call | Conference | CallBack
"""What has a table of its own."""
Record: TypeAlias = Kept | Note
Row: TypeAlias = dict[str, Any]

_HANDOFF, _CALL, _CONFERENCE = TypeAdapter(Handoff), TypeAdapter(Call), TypeAdapter(Conference)
_CALL_BACK = TypeAdapter(CallBack)
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "handoff": _HANDOFF,
    "call": _CALL,
    "conference": _CONFERENCE,
    "callback": _CALL_BACK,
    "note": TypeAdapter(Note),
}


def handoff_row(handoff: Handoff) -> Row:
    return _row(handoff) | derived(handoff)


def derived(record: Kept) -> Row:
    """What stands in a row beside the record itself, and can be made again of it."""
    match record:
        case Handoff():
            return {"original_caller_e164": _e164_of(record)} | measured(record)
        case Call():
            return {
                "original_caller_e164": _e164_of(record),
                "answer_ms": _span_ms(record.arrived_at, record.answered_at),
                "talk_ms": _span_ms(record.answered_at, record.ended_at),
            }
        case CallBack():
            return {"original_caller_e164": _e164_of(record)}
        case Conference():
            return {"over": bool(record.parties) and record.over}


def _e164_of(record: Handoff | Call | CallBack) -> str | None:
    return _e164(clean(record.original_caller))


_e164 = lru_cache(10_000)(numbers.e164)
"""A call, its handoffs and its detail have the same caller."""


def measured(handoff: Handoff) -> Row:
    """What lists and reports filter and count by, derived from the record."""
    took, decision = durations_ms(handoff), handoff.decision
    return {
        "answer_ms": _ms(took.get("to_answer")),
        "talk_ms": _ms(took.get("talking")),
        "number_proof": finding(handoff).value,
        "accepted_by": clean(decision.accepted_by) if decision else None,
        "decided_automatically": decision.automatic if decision else None,
    }


def call_row(call: Call) -> Row:
    return _row(call) | derived(call)


def _span_ms(begin: datetime | None, end: datetime | None) -> int | None:
    return _ms(round((end - begin).total_seconds() * 1000)) if begin and end else None


def _ms(span: int | None) -> int | None:
    """From nothing to 24 days, which is what an integer column holds."""
    return None if span is None else min(max(span, 0), _LONGEST_MS)


def conference_row(conference: Conference) -> Row:
    return _row(conference) | derived(conference)


def call_back_row(order: CallBack) -> Row:
    return _row(order) | derived(order)


def handoff_of(row: Mapping[str, Any]) -> Handoff:
    return _HANDOFF.validate_python(dict(row))


def call_of(row: Mapping[str, Any]) -> Call:
    return _CALL.validate_python(dict(row))


def conference_of(row: Mapping[str, Any]) -> Conference:
    return _CONFERENCE.validate_python(dict(row))


def call_back_of(row: Mapping[str, Any]) -> CallBack:
    return _CALL_BACK.validate_python(dict(row))


def kind_of(record: Record) -> str:
    """``handoff``, ``call``, ``conference``, ``callback`` or ``note``."""
    return type(record).__name__.lower()


def plain(record: Record) -> Row:
    """The record as JSON takes it: times as ISO 8601 text."""
    return clean(as_it_is(record))  # type: ignore[no-any-return]  # a dict


def as_it_is(record: Record) -> Row:
    """As ``plain``, its text as it is: of what a database gave back nothing has to be cleaned."""
    return _ADAPTERS[kind_of(record)].dump_python(record, mode="json")  # type: ignore[no-any-return]  # a dict


def record_of(kind: str, data: Any) -> Record:
    """The record that ``plain`` made ``data`` of. Raises ValueError when it is not one of that ``kind``."""
    if kind not in _ADAPTERS:
        raise ValueError(f"no record is of kind {kind!r}")
    return _ADAPTERS[kind].validate_python(data)  # type: ignore[no-any-return]  # one of Record


def times_of(record: Kept) -> Mapping[str, datetime | None]:
    """Those of its own moments, by name, that have a column each."""
    return {name: getattr(record, name) for name in _TIMES[kind_of(record)]}


_TIMES = {
    kind: [column.name for column in table.c if isinstance(column.type, tables.UtcTime)]
    for kind, table in tables.OF_KIND.items()
}


def _row(record: Kept) -> Row:
    return {**plain(record), **times_of(record)}


def clean(value: Any) -> Any:
    """The same with U+FFFD for what JSON and databases cannot hold."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value
