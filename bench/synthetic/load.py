"""Many rows into either database at once, past everything that makes a single record safe."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import orjson
from pydantic import TypeAdapter
from sqlalchemy import Table, make_url

from bench.synthetic.stories import Story
from records import tables
from records.calldetail_store import detail_rows
from records.mapping import Row, measured
from telephony import numbers
from telephony.call import Call
from telephony.conference import Conference
from telephony.handoff import Handoff

_BATCH = 5_000
_TABLES = (tables.handoffs, tables.calls, tables.conferences, tables.call_details, tables.leg_details)
_JSON = {
    table.name: tuple(column.name for column in table.c if hasattr(column.type, "none_as_null")) for table in _TABLES
}
_TIMES = {
    table.name: tuple(column.name for column in table.c if isinstance(column.type, tables.UtcTime)) for table in _TABLES
}
_ADAPTERS = {kind: TypeAdapter(kind) for kind in (Handoff, Call, Conference)}
_e164 = lru_cache(200_000)(numbers.e164)

Rows = dict[Table, list[Row]]


def rows_of(story: Story) -> Iterator[tuple[Table, Row]]:
    """As ``records.mapping`` makes them, without a look at characters that no made-up text has."""
    e164 = {"original_caller_e164": _e164(story.call.original_caller)}
    for handoff in story.handoffs:
        yield tables.handoffs, _plain(handoff, tables.handoffs) | e164 | measured(handoff)
    answered, ended = story.call.answered_at, story.call.ended_at
    assert answered is not None and ended is not None
    spans = {"answer_ms": _ms(story.call.arrived_at, answered), "talk_ms": _ms(answered, ended), "detailed": True}
    yield tables.calls, _plain(story.call, tables.calls) | e164 | spans
    for room in story.conferences:
        yield tables.conferences, _plain(room, tables.conferences) | {"over": True}
    call_row, leg_rows = detail_rows(story.detail)
    yield tables.call_details, call_row | e164
    for row in leg_rows:
        yield tables.leg_details, row


def _ms(begin: datetime, end: datetime) -> int:
    return round((end - begin).total_seconds() * 1000)


def _plain(record: Handoff | Call | Conference, table: Table) -> Row:
    row: Row = _ADAPTERS[type(record)].dump_python(record, mode="json")
    return row | {name: getattr(record, name) for name in _TIMES[table.name]}


async def load(url: str, told: Iterable[Story], progress: Callable[[int], None]) -> None:
    """Into a migrated database; ``progress`` is told how many handoffs more are there."""
    parsed = make_url(url)
    into = _into_sqlite if parsed.drivername.startswith("sqlite") else _into_postgresql
    await into(url, told, progress)


def _gathered(told: Iterator[Story]) -> Rows:
    batch: Rows = {table: [] for table in _TABLES}
    for story in islice(told, _BATCH):
        for table, row in rows_of(story):
            batch[table].append(row)
    return batch


def _tuples(table: Table, rows: Sequence[Row], time: Callable[[datetime], Any]) -> tuple[list[str], Iterator[Any]]:
    """The columns' names, and each row's values in their order, as a driver takes them."""
    names = list(rows[0])
    as_json, times = _JSON[table.name], _TIMES[table.name]
    for row in rows:
        for name in as_json:
            row[name] = None if row[name] is None else orjson.dumps(row[name]).decode()
        for name in times:
            row[name] = None if row[name] is None else time(row[name])
    return names, map(itemgetter(*names), rows)


async def _into_sqlite(url: str, told: Iterable[Story], progress: Callable[[int], None]) -> None:
    stories = iter(told)
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        while (batch := _gathered(stories))[tables.handoffs]:
            with connection:
                for table, rows in batch.items():
                    if not rows:
                        continue
                    names, values = _tuples(table, rows, _sqlite_time)
                    places = ", ".join("?" * len(names))
                    quoted = ", ".join(f'"{name}"' for name in names)
                    connection.executemany(f"INSERT INTO {table.name} ({quoted}) VALUES ({places})", values)
            progress(len(batch[tables.handoffs]))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _sqlite_time(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


async def _into_postgresql(url: str, told: Iterable[Story], progress: Callable[[int], None]) -> None:
    stories = iter(told)
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        while (batch := _gathered(stories))[tables.handoffs]:
            async with connection.transaction():
                for table, rows in batch.items():
                    if rows:
                        names, values = _tuples(table, rows, lambda at: at)
                        await connection.copy_records_to_table(table.name, records=values, columns=names)
            progress(len(batch[tables.handoffs]))
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
