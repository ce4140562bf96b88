"""What each condition of a list means in SQL. What a report says of its rows, it says in these conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    FunctionElement,
    Select,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from records import tables
from telephony import numbers
from telephony.errors import FilterWantsASpan
from telephony.handoff import Resolution
from telephony.ports import NONE, CallBackFilter, CallFilter, HandoffFilter

RETURNED = (Resolution.FIRST_SEAT, Resolution.QUEUE, Resolution.CALLBACK_ORDER)
"""Where a caller is who came back."""

_Condition: TypeAlias = Callable[[Any], ColumnElement[bool]]
_H, _C, _B = tables.handoffs.c, tables.calls.c, tables.call_backs.c
_HOUR = timedelta(hours=1)
_LONGEST_SPAN = timedelta(days=5 * 366)
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 2, tzinfo=UTC)


def handoff_conditions(where: HandoffFilter) -> list[ColumnElement[bool]]:
    """Raises FilterWantsASpan."""
    found = _given(where, _HANDOFF_CONDITIONS)
    if where.hour is not None:
        found.append(hour_of_day(_H.created_at, *_span(where), where.hour.zone) == where.hour.of_day)
    return found


def call_conditions(where: CallFilter) -> list[ColumnElement[bool]]:
    """Raises FilterWantsASpan."""
    found = _given(where, _CALL_CONDITIONS)
    if where.hour is not None:
        found.append(hour_of_day(_C.arrived_at, *_span(where), where.hour.zone) == where.hour.of_day)
    if where.calls_of_caller is not None:
        found.append(caller().in_(select(callers(*_span(where), where.calls_of_caller).c.caller)))
    if where.one_per_caller:
        found.append(_C.id.in_(_one_call_each(*_span(where))))
    return found


def call_back_conditions(where: CallBackFilter) -> list[ColumnElement[bool]]:
    return _given(where, _CALL_BACK_CONDITIONS)


def callers(since: datetime, until: datetime, at_least: int) -> Any:
    """Who called in that time at least so often: ``caller``, ``calls``. An index alone answers it."""
    key = caller()
    theirs = select(key.label("caller"), func.count().label("calls")).where(*_known_in(since, until))
    return theirs.group_by(key).having(func.count() >= at_least).subquery()


def _one_call_each(since: datetime, until: datetime) -> Select[Any]:
    return select(func.max(_C.id)).where(*_known_in(since, until)).group_by(caller())


def _known_in(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return _C.arrived_at >= since, _C.arrived_at < until, caller().is_not(None)


def caller(table: FromClause = tables.calls) -> ColumnElement[str | None]:
    """One value for one caller, however the number was written; NULL when it was withheld."""
    number = table.c.original_caller
    shown = func.lower(func.trim(number)).not_in(sorted(numbers.NOT_SHOWN))
    return case((shown, func.coalesce(table.c.original_caller_e164, number)))


def hour_of_day(at: Column[datetime], since: datetime, until: datetime, zone: str) -> ColumnElement[int]:
    """0 to 23 on the clocks of the zone, for times in the span; its offset may change in there."""
    *before, (_, last) = [(at < end, (epoch(at) + offset) // 3600 % 24) for end, offset in _offsets(since, until, zone)]
    return case(*before, else_=last) if before else last


def _offsets(since: datetime, until: datetime, zone: str) -> list[tuple[datetime, int]]:
    """The spans of one UTC offset each: (end, seconds). Offsets change on the quarter-hour, if ever."""
    tz = ZoneInfo(zone)
    spans: list[tuple[datetime, int]] = []
    at = since.astimezone(UTC)
    while True:
        end = _same_offset_until(at, until, tz)
        spans.append((end, _offset(at, tz)))
        if end >= until:
            return spans
        at = end


def _same_offset_until(at: datetime, until: datetime, tz: ZoneInfo) -> datetime:
    """By steps of a day, then of a quarter of an hour."""
    here = _offset(at, tz)
    while at < until and _offset(at + 24 * _HOUR, tz) == here:
        at += 24 * _HOUR
    at = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    while at < until and _offset(at, tz) == here:
        at += _HOUR / 4
    return min(at, until)


def _offset(at: datetime, tz: ZoneInfo) -> int:
    shift = at.astimezone(tz).utcoffset()
    assert shift is not None
    return round(shift.total_seconds())


class epoch(FunctionElement[int]):
    """Whole seconds since 1970 of a time that is not before it."""

    type = BigInteger()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _epoch_sqlite(element: epoch, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **kw)}) AS INTEGER)"


@compiles(epoch, "postgresql")
def _epoch_postgresql(element: epoch, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **kw)})) AS BIGINT)"


def _span(where: HandoffFilter | CallFilter) -> tuple[datetime, datetime]:
    since, until = where.since, where.until
    if since is None or until is None or until - since > _LONGEST_SPAN or not _EARLIEST <= since <= until <= _LATEST:
        raise FilterWantsASpan("since and until, at most five years apart, between 1970 and 2200")
    return since, until


def _given(
    where: HandoffFilter | CallFilter | CallBackFilter, known: Mapping[str, _Condition]
) -> list[ColumnElement[bool]]:
    return [known[name](value) for name in known if (value := getattr(where, name)) is not None]


def caller_is(number: str) -> ColumnElement[bool]:
    """As received, or the same number written otherwise; of the one table of the query that has callers.

    One equality on ``tables.CALLER_KEY``, so that the index gives the rows in the order of their times.
    """
    return literal_column(tables.CALLER_KEY) == (numbers.e164(number) or number)


def _named(column: Column[Any]) -> _Condition:
    return lambda value: column.is_(None) if value == NONE else column == value


def _there(column: Column[Any]) -> _Condition:
    return lambda wanted: column.is_not(None) if wanted else column.is_(None)


def _returned(wanted: bool) -> ColumnElement[bool]:
    came_back = _H.resolution.in_(RETURNED)
    return came_back if wanted else or_(_H.resolution.is_(None), ~came_back)


def _same_caller(call_id: str) -> ColumnElement[bool]:
    other = tables.calls.alias()
    return caller() == select(caller(other)).where(other.c.id == call_id).scalar_subquery()


_HANDOFF_CONDITIONS: Mapping[str, _Condition] = {
    "since": lambda value: _H.created_at >= value,
    "until": lambda value: _H.created_at < value,
    "call_id": lambda value: _H.call_id == value,
    "line": lambda value: or_(_H.from_line == value, _H.target == value),
    "seat": lambda value: or_(_H.from_seat == value, _H.target_seat == value),
    "state": lambda value: _H.state == value,
    "outcome": _named(_H.outcome),
    "caller": caller_is,
    "number_mismatch": lambda value: _H.number_mismatch.is_(value),
    "from_line": _named(_H.from_line),
    "target": _named(_H.target),
    "mode": _named(_H.mode),
    "resolution": _named(_H.resolution),
    "accepted_by": _named(_H.accepted_by),
    "automatic": lambda value: _H.decided_automatically.is_(value),
    "number_proof": _named(_H.number_proof),
    "returned": _returned,
    "answered": _there(_H.answer_ms),
    "answered_within_ms": lambda value: _H.answer_ms <= value,
}
_CALL_CONDITIONS: Mapping[str, _Condition] = {
    "since": lambda value: _C.arrived_at >= value,
    "until": lambda value: _C.arrived_at < value,
    "line": lambda value: or_(_C.first_line == value, _C.line == value),
    "caller": caller_is,
    "first_line": _named(_C.first_line),
    "answered": _there(_C.answer_ms),
    "answered_within_ms": lambda value: _C.answer_ms <= value,
    "same_caller_as": _same_caller,
}
_CALL_BACK_CONDITIONS: Mapping[str, _Condition] = {
    "since": lambda value: _B.created_at >= value,
    "until": lambda value: _B.created_at < value,
    "line": lambda value: _B.line == value,
    "state": lambda value: _B.state == value,
    "caller": caller_is,
    "call_id": lambda value: or_(_B.call_id == value, _B.served_call_id == value),
    "handoff_id": lambda value: _B.handoff_id == value,
}
