"""Reads an export's rows in columns (Arrow, through ADBC): the same pages of the same types from either database.

Each page is a short query of its own, so that a slow reader holds no transaction open. The next page is read while the
one before is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Connection, Error
from sqlalchemy import make_url

from records.export.columns import SHEETS, Holds
from records.export.query import After, Statement, count_of, on_record, page_of
from records.export.spec import Spec
from telephony.errors import RecordStoreUnavailable

PAGE = 4_000
_TYPES = {Holds.TIME: pa.timestamp("us", "UTC"), Holds.INTEGER: pa.int64(), Holds.BOOLEAN: pa.bool_()}


class Reader:
    """One database, for one export. Every method raises RecordStoreUnavailable."""

    def __init__(self, connection: Connection, database: str, page: int = PAGE) -> None:
        self._connection, self._database, self._page = connection, database, page

    def count(self, spec: Spec) -> int:
        return int(self._read(count_of(spec, self._database)).column(0)[0].as_py())

    def on_record(self, name: str, value: str) -> bool:
        """Whether a handoff names that ``line`` or ``seat``."""
        return bool(self._read(on_record(name, value, self._database)).num_rows)

    def tables(self, spec: Spec) -> Iterator[pa.Table]:
        """By the columns' keys, with the types that they hold (JSON and lists as text); none is empty."""
        with ThreadPoolExecutor(1, "export-reader") as ahead:
            coming = ahead.submit(self._page_after, spec, None)
            while (page := coming.result()).num_rows:
                if page.num_rows < self._page:
                    yield page
                    return
                coming = ahead.submit(self._page_after, spec, _last_of(page, spec))
                yield page

    def _page_after(self, spec: Spec, after: After | None) -> pa.Table:
        page = self._read(page_of(spec, after, self._page, self._database))
        columns = SHEETS[spec.kind].shown(spec.format)
        return pa.table({column.key: _of_type(page[column.key], column.holds) for column in columns})

    def _read(self, statement: Statement) -> pa.Table:
        try:
            with closing(self._connection.cursor()) as cursor:
                if self._database == "sqlite":  # a column's type is that of the first batch: let it be the whole page
                    cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(self._page)})
                cursor.execute(statement.sql, statement.parameters)
                return cursor.fetch_arrow_table()
        except Error as error:
            raise RecordStoreUnavailable(f"数据库读取失败 · the database failed: {error}") from error


def _last_of(page: pa.Table, spec: Spec) -> After:
    sheet = SHEETS[spec.kind]
    at, row_id = page[sheet.at.name][-1].as_py(), page[sheet.id.name][-1].as_py()
    return After(at, row_id)


def _of_type(column: pa.ChunkedArray, holds: Holds) -> pa.ChunkedArray:
    """SQLite has numbers and text alone, and says that an empty column holds numbers."""
    wanted = _TYPES.get(holds, pa.string())
    if isinstance(column.type, pa.ExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if column.type == wanted:
        return column
    if holds is Holds.TIME and pa.types.is_string(column.type):
        column = column.cast(pa.timestamp("us"))
    if holds is Holds.BOOLEAN and pa.types.is_integer(column.type):
        return pc.not_equal(column, 0)
    return column.cast(wanted)


@contextmanager
def reader(url: str, page: int = PAGE) -> Iterator[Reader]:
    """``url``: as in the settings. Raises RecordStoreUnavailable."""
    parsed = make_url(url)
    database = "sqlite" if parsed.drivername.startswith("sqlite") else "postgresql"
    try:
        connection: Any
        if database == "sqlite":
            connection = adbc_driver_sqlite.dbapi.connect(f"file:{parsed.database}?mode=ro")
        else:
            plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = adbc_driver_postgresql.dbapi.connect(plain)
    except Error as error:
        raise RecordStoreUnavailable(f"数据库打不开 · the database cannot be opened: {error}") from error
    with closing(connection):
        yield Reader(connection, database, page)
