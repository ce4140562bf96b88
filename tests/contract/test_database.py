"""Migrations on both databases, and what a database that is away looks like from here."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from records.database import (
    DatabaseIsNewer,
    DatabaseUrlNotSupported,
    alembic_config,
    engine_for,
    migrate,
    transaction,
)
from records.store import SqlRecordStore
from telephony.errors import RecordStoreUnavailable
from tests.support.records import a_handoff
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]
RACERS = 3
_IN_TIME = 20.0


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def new_database(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> str:
    return f"sqlite:///{tmp_path}/records.db" if request.param == "sqlite" else await postgres.new_database()


@pytest_asyncio.fixture
async def engine(new_database: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(new_database)
    yield engine
    await engine.dispose()


async def test_the_migrations_lead_to_the_tables_of_the_code(engine: AsyncEngine) -> None:
    await migrate(engine)

    def check(connection: object) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)

    async with engine.begin() as connection:
        await connection.run_sync(check)


async def test_given_a_migrated_database_when_migrated_again_then_the_records_stay(engine: AsyncEngine) -> None:
    await migrate(engine)
    store, handoff = SqlRecordStore(engine), a_handoff()
    await store.save_handoff(handoff)
    await migrate(engine)

    assert await store.handoff(handoff.id) == handoff


async def test_given_nothing_to_migrate_then_nobody_waits_for_another_process_that_writes(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.begin() as other:
        await other.execute(text("UPDATE alembic_version SET version_num = version_num"))
        async with asyncio.timeout(_IN_TIME):
            await migrate(engine)


async def test_given_a_database_of_a_newer_version_then_it_is_not_touched(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseIsNewer, match="9999"):
        await migrate(engine)


async def _race(program: str, url: str) -> list[str]:
    """What each of three processes printed; all were let go at one moment."""
    racers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", textwrap.dedent(program), url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(RACERS)
    ]
    async with asyncio.timeout(60):
        for racer in racers:
            assert racer.stdout is not None
            assert await racer.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(racer.communicate(b"go\n") for racer in racers))
    assert [racer.returncode for racer in racers] == [0] * RACERS
    return [output.decode().split()[-1] for output, _ in outputs]


_MIGRATE = """
    import asyncio, sys
    from records.database import engine_for, migrate

    async def main():
        engine = engine_for(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        await migrate(engine)
        await engine.dispose()
        print("migrated")

    asyncio.run(main())
"""

_CLAIM = """
    import asyncio, sys
    from datetime import UTC, datetime
    from uuid6 import uuid7
    from records.database import engine_for
    from records.store import SqlRecordStore
    from telephony.handoff import Handoff, Mode

    def new():
        return Handoff(str(uuid7()), "c-1", Mode.TRANSFER, "12345", datetime.now(UTC), "n1")

    async def main():
        engine = engine_for(sys.argv[1])
        store = SqlRecordStore(engine)
        await store.handoff("warm up")
        print("ready", flush=True)
        sys.stdin.readline()
        won = [n for n in range(50) if await store.claim("seat-1", f"key-{n}", "print", new()) is None]
        await engine.dispose()
        print(",".join(map(str, won)) or "none")

    asyncio.run(main())
"""


async def test_given_processes_that_start_at_once_then_one_migrates_and_all_go_on(new_database: str) -> None:
    assert await _race(_MIGRATE, new_database) == ["migrated"] * RACERS


async def test_given_processes_that_claim_the_same_keys_then_each_key_has_one_winner(
    new_database: str, engine: AsyncEngine
) -> None:
    await migrate(engine)
    won = [number for line in await _race(_CLAIM, new_database) if line != "none" for number in line.split(",")]

    assert sorted(map(int, won)) == list(range(50))


# --- away ------------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def on_postgres(postgres: PostgresServer) -> AsyncIterator[SqlRecordStore]:
    engine = engine_for(await postgres.new_migrated_database())
    yield SqlRecordStore(engine)
    await engine.dispose()


async def _unavailable_within(seconds: float, use: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(seconds):
        with pytest.raises(RecordStoreUnavailable):
            await use()


async def test_given_postgresql_died_then_unavailable_and_when_it_is_back_all_works(
    postgres: PostgresServer, on_postgres: SqlRecordStore
) -> None:
    handoff = a_handoff()
    await on_postgres.save_handoff(handoff)
    postgres.kill()
    try:
        await _unavailable_within(_IN_TIME, lambda: on_postgres.save_handoff(handoff))
        await _unavailable_within(_IN_TIME, lambda: on_postgres.claim("seat-1", "k", "print", a_handoff()))
    finally:
        postgres.start()

    assert await on_postgres.handoff(handoff.id) == handoff


async def test_given_postgresql_does_not_answer_then_unavailable_in_time(
    postgres: PostgresServer, on_postgres: SqlRecordStore
) -> None:
    await asyncio.gather(*(on_postgres.save_handoff(a_handoff()) for _ in range(5)))
    postgres.freeze()
    try:
        await _unavailable_within(_IN_TIME, lambda: on_postgres.save_handoff(a_handoff()))
    finally:
        postgres.thaw()

    await on_postgres.save_handoff(a_handoff())


async def test_given_another_program_holds_sqlite_then_unavailable_in_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    ours, other = engine_for(url), engine_for(url)
    await migrate(ours)
    store = SqlRecordStore(ours)
    async with other.connect() as connection:
        await connection.exec_driver_sql("BEGIN EXCLUSIVE")
        await _unavailable_within(_IN_TIME, lambda: store.save_handoff(a_handoff()))
        await connection.rollback()
    await store.save_handoff(a_handoff())
    await ours.dispose()
    await other.dispose()


async def test_given_no_folder_for_sqlite_then_unavailable(tmp_path: Path) -> None:
    engine = engine_for(f"sqlite:///{tmp_path}/nowhere/records.db")
    with pytest.raises(RecordStoreUnavailable, match="nowhere"):
        await migrate(engine)


async def test_given_a_mistake_of_ours_then_it_is_not_called_unavailable(engine: AsyncEngine) -> None:
    await migrate(engine)
    with pytest.raises(DBAPIError):
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT nothing FROM nowhere"))
    with pytest.raises(SQLAlchemyError):
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO handoffs (id) VALUES ('only an id')"))


@pytest.mark.parametrize("url", ["", "mysql://x/y", "records.db", "sqlite://", "postgresql:"])
async def test_given_another_kind_of_database_then_the_url_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlNotSupported):
        engine_for(url)


async def test_an_error_of_the_database_shows_no_number_of_a_caller(engine: AsyncEngine) -> None:
    await migrate(engine)
    with pytest.raises(DBAPIError) as caught:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT :number FROM nowhere"), {"number": "13800001111"})

    assert "13800001111" not in str(caught.value)
