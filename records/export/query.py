"""An export's rows in SQL, page after page: each goes on after the last row of the one before (keyset)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Dialect, Select, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import pysqlite

from records import tables
from records.export.columns import SHEETS, Sheet
from records.export.spec import Kind, Spec
from records.filters import caller_is

_DIALECTS: dict[str, Callable[[], Dialect]] = {"sqlite": pysqlite.dialect, "postgresql": asyncpg.dialect}
_H, _C, _G = tables.handoffs.c, tables.call_details.c, tables.leg_details.c


class After(NamedTuple):
    """The place of the last row that was read."""

    at: datetime
    id: str


class Statement(NamedTuple):
    """SQL in a driver's own words, with its parameters in their order."""

    sql: str
    parameters: list[Any]


def page_of(spec: Spec, after: After | None, limit: int, database: str) -> Statement:
    """``database``: ``sqlite`` or ``postgresql``."""
    sheet = SHEETS[spec.kind]
    columns = [column.sql.label(column.key) for column in sheet.shown(spec.format)]
    # one lower bound only: of two, SQLite may begin each page at the first row again
    begin = sheet.at >= spec.since if after is None else tuple_(sheet.at, sheet.id) > tuple_(*after)
    query = select(*columns).where(begin, *_conditions(spec, sheet)).order_by(sheet.at, sheet.id)
    return _compiled(query.limit(limit), database)


def count_of(spec: Spec, database: str) -> Statement:
    sheet = SHEETS[spec.kind]
    count = select(func.count()).select_from(sheet.table).where(sheet.at >= spec.since, *_conditions(spec, sheet))
    return _compiled(count, database)


def _conditions(spec: Spec, sheet: Sheet) -> list[ColumnElement[bool]]:
    given = {"line": spec.line, "seat": spec.seat, "outcome": spec.outcome, "number": spec.number}
    given["category"] = spec.category
    known = _CONDITIONS[spec.kind]
    return [
        sheet.at < spec.until,
        *(known[name](value) for name, value in given.items() if value is not None),
    ]


def _handoff_of_call(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(_H.call_id == _C.call_id, condition)


def _handoff_of_leg(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(_H.id == _G.handoff_id, condition)


_CONDITIONS: dict[Kind, dict[str, Callable[[str], ColumnElement[bool]]]] = {
    Kind.HANDOFFS: {
        "line": lambda value: or_(_H.from_line == value, _H.target == value),
        "seat": lambda value: or_(_H.from_seat == value, _H.target_seat == value),
        "outcome": lambda value: _H.outcome == value,
        "number": caller_is,
        "category": lambda value: _H.category_id == value,
    },
    Kind.CALLS: {
        "line": lambda value: or_(_C.first_line == value, _C.last_line == value, _C.accepted_by == value),
        "seat": lambda value: exists().where(_G.call_id == _C.call_id, _G.seat == value),
        "outcome": lambda value: _handoff_of_call(_H.outcome == value),
        "number": caller_is,
        "category": lambda value: _handoff_of_call(_H.category_id == value),
    },
    Kind.LEGS: {
        "line": lambda value: _G.line == value,
        "seat": lambda value: _G.seat == value,
        "outcome": lambda value: _handoff_of_leg(_H.outcome == value),
        "number": lambda value: _G.call_id.in_(select(_C.call_id).where(caller_is(value))),
        "category": lambda value: _handoff_of_leg(_H.category_id == value),
    },
}


def naming(name: str, value: str) -> Select[Any]:
    """A row when a handoff names the ``line`` or ``seat``, whether or not it is configured any more."""
    return select(_H.id).where(_CONDITIONS[Kind.HANDOFFS][name](value)).limit(1)


def on_record(name: str, value: str, database: str) -> Statement:
    return _compiled(naming(name, value), database)


def _compiled(query: Select[Any], database: str) -> Statement:
    compiled = query.compile(dialect=_DIALECTS[database]())
    values = compiled.construct_params()
    return Statement(compiled.string, [_bound(values[name], database) for name in compiled.positiontup or ()])


def _bound(value: Any, database: str) -> Any:
    """A time as ``tables.UtcTime`` stores it."""
    if not isinstance(value, datetime):
        return value
    at = value.astimezone(UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if database == "sqlite" else at
