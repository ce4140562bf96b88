"""What stands in another table and goes into a call's one row: a list as JSON, in the words of either database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from records import tables


class listed(GenericFunction[str]):
    """The values of a group as a JSON list, as text; of none the empty list."""

    type = String()
    inherit_cache = True


@compiles(listed, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **more)})"


@compiles(listed, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return f"coalesce(json_agg({compiler.process(element.clauses, **more)})::text, '[]')"


def of_recordings(value: ColumnElement[Any]) -> ColumnElement[str]:
    """Of each of the call's recordings, in the order they began; an empty text where it is not known."""
    r = tables.recordings.c
    word = func.coalesce(cast(value, String), "").label("word")
    theirs = select(word).where(r.call_id == tables.call_details.c.call_id).order_by(r.started_at, r.id)
    each = theirs.correlate(tables.call_details).subquery()
    return select(listed(each.c.word)).scalar_subquery()
