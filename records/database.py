"""The way to the database: engines for SQLite and PostgreSQL, what counts as "away", and the schema's migrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import stamina
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from telephony.errors import RecordsError, RecordStoreUnavailable

Change: TypeAlias = Callable[[AsyncConnection], Awaitable[bool]]
"""Something done within a transaction; whether it changed anything."""

DEADLINE_SECONDS = 3.0
MIGRATION_SECONDS = 600.0

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_WAIT_SECONDS = 2.0  # SQLite: for another writer's lock; PostgreSQL: for a connection
_MIGRATION_LOCK = 0x686F746C696E65  # "hotline": the key of PostgreSQL's advisory lock

# Result codes (sqlite.org/rescode.html) and SQLSTATE classes (PostgreSQL, appendix A) that blame the database's
# condition and not the statement: they may pass by themselves.
_SQLITE_BUSY = 5
_SQLITE_AWAY = frozenset({_SQLITE_BUSY, 6, 8, 10, 11, 13, 14, 15, 26})
_SQLSTATE_AWAY = ("08", "53", "57", "58", "40", "25006", "3D000", "28", "55P03")


class DatabaseUrlNotSupported(RecordsError):
    slug = "database-url-not-supported"


class DatabaseIsNewer(RecordsError):
    """A later version of the program has migrated this database; going back needs that version's backup."""

    slug = "database-is-newer"


def engine_for(url: str, *, pool_size: int = 5, any_text: bool = False) -> AsyncEngine:
    """The engine for ``sqlite:///FILE`` or ``postgresql://…``; nothing is opened yet.

    Every commit is on disk before it returns. ``any_text``: text that is no UTF-8, which SQLite may hold, is read with
    U+FFFD in its place instead of failing the query (slower). Raises DatabaseUrlNotSupported.
    """
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.drivername]
    except (ArgumentError, KeyError) as error:
        raise DatabaseUrlNotSupported("the database is given as sqlite:///FILE or postgresql://…") from error
    sqlite = driver == "sqlite+aiosqlite"
    if sqlite and not parsed.database:
        raise DatabaseUrlNotSupported("SQLite needs a file: sqlite:///FILE")
    engine = create_async_engine(
        parsed.set(drivername=driver),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=DEADLINE_SECONDS,
        pool_pre_ping=not sqlite,
        connect_args={"timeout": _WAIT_SECONDS},
        hide_parameters=True,  # an error's text goes to the log; callers' numbers do not
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    if sqlite:
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        if any_text:
            event.listen(engine.sync_engine, "connect", _read_any_text)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _read_any_text(connection: Any, _record: object) -> None:
    connection.driver_connection.text_factory = _text


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


@asynccontextmanager
async def transaction(engine: AsyncEngine, seconds: float = DEADLINE_SECONDS) -> AsyncIterator[AsyncConnection]:
    """A transaction that is committed at the end of the block.

    Raises RecordStoreUnavailable when the database is away or does not answer in time: whether what was sent has
    been committed is unknown then, so only what may be repeated belongs in here. Errors of our own pass as they are.
    """
    try:
        async with asyncio.timeout(seconds), engine.begin() as connection:
            yield connection
    except (PoolTimeout, TimeoutError) as error:
        raise RecordStoreUnavailable("the database does not answer in time") from error
    except DBAPIError as error:
        if not _away(error):
            raise
        raise RecordStoreUnavailable(f"the database is away: {type(error.orig).__name__}") from error
    except OSError as error:
        raise RecordStoreUnavailable(f"the database cannot be reached: {error.strerror or error}") from error


def _away(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    code = _sqlite_code(error)
    if code is not None:
        return code in _SQLITE_AWAY
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(_SQLSTATE_AWAY)


def _sqlite_code(error: DBAPIError) -> int | None:
    """The primary result code; None when the error is not SQLite's."""
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


async def migrate(engine: AsyncEngine) -> None:
    """Bring the database to this program's schema; harmless when it is there, and when two processes start at once.

    Raises RecordStoreUnavailable, DatabaseIsNewer.
    """
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        folder = Path(engine.url.database or "").parent
        if not folder.is_dir():
            raise RecordStoreUnavailable(f"there is no folder {folder} for the database")
        await _write_ahead(engine)
    async with transaction(engine) as connection:
        if await connection.run_sync(_is_current):
            return  # without the lock, which a process that hangs in mid-write may have
    async with transaction(engine, MIGRATION_SECONDS) as connection:
        if sqlite:  # another process that migrates has the lock for longer than a statement may wait otherwise
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={int(MIGRATION_SECONDS * 1000)}")
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        await connection.run_sync(_upgrade)
        if sqlite:
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={int(_WAIT_SECONDS * 1000)}")


def _locked(error: Exception) -> bool:
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and _sqlite_code(cause) == _SQLITE_BUSY


async def _write_ahead(engine: AsyncEngine) -> None:
    """Kept in the file. The switch does not wait for another process's lock as other statements do."""
    async for attempt in stamina.retry_context(on=_locked, attempts=20, timeout=10, wait_max=0.5):
        with attempt:
            async with transaction(engine) as connection:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def _is_current(connection: Connection) -> bool:
    newest = ScriptDirectory.from_config(alembic_config()).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(newest)


def _upgrade(connection: Connection) -> None:
    config = alembic_config()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    heads = MigrationContext.configure(connection).get_current_heads()
    if not known.issuperset(heads):
        raise DatabaseIsNewer(f"the database is at revision {', '.join(heads)}, which this version does not know")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def alembic_config() -> Config:
    """For alembic's commands; ``attributes["connection"]`` must hold an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
