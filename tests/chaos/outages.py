"""What is done to the instance, and how it is mended."""

from __future__ import annotations

import asyncio

import asyncpg

from demo.parts import Parts
from tests.chaos.scene import Asked, Outage
from tests.support.servers import PostgresServer


async def _service_dies(parts: Parts) -> None:
    await parts.service.kill()
    parts.link.resume(deliver=True)


async def _service_starts(parts: Parts) -> None:
    await parts.service.start()


async def _service_freezes(parts: Parts) -> None:
    parts.service.freeze()
    parts.link.resume(deliver=True)


async def _service_thaws(parts: Parts) -> None:
    parts.service.thaw()


async def _link_is_cut(parts: Parts) -> None:
    await parts.link.refuse()
    parts.link.resume(deliver=False)
    parts.link.cut()


async def _link_is_mended(parts: Parts) -> None:
    await parts.link.accept()


async def _link_goes_silent(parts: Parts) -> None:
    parts.link.stall()


async def _link_speaks_late(parts: Parts) -> None:
    parts.link.resume(deliver=True)


async def _link_has_forgotten(parts: Parts) -> None:
    parts.link.cut()
    parts.link.resume(deliver=False)


async def _asterisk_dies(parts: Parts) -> None:
    await parts.asterisk.kill()
    parts.link.resume(deliver=False)


async def _asterisk_starts(parts: Parts) -> None:
    await parts.asterisk.start()


ASTERISK_DIES = Outage("Asterisk killed", Asked.LOST, _asterisk_dies, _asterisk_starts)


_NO_ROOM = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$;
"""
_TABLES = ("calls", "handoffs", "conferences", "idempotency_keys")


def outages(postgres: PostgresServer, database_url: str) -> tuple[Outage, ...]:
    async def all_but_asterisk_die(parts: Parts) -> None:
        await parts.service.kill()
        parts.link.resume(deliver=False)
        await stores_die(parts)

    async def all_but_asterisk_start(parts: Parts) -> None:
        await stores_start(parts)
        await parts.service.start()

    async def stores_die(parts: Parts) -> None:
        await asyncio.gather(parts.redis.kill(), asyncio.to_thread(postgres.kill))

    async def stores_start(parts: Parts) -> None:
        await asyncio.gather(parts.redis.start(), asyncio.to_thread(postgres.start))

    async def postgres_is_full(parts: Parts) -> None:
        """As PostgreSQL says it, in its own code, for every row."""
        before = "".join(
            f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION no_room();"
            for table in _TABLES
        )
        await _sql(database_url, _NO_ROOM + before)

    async def postgres_has_room(parts: Parts) -> None:
        await _sql(database_url, "DROP FUNCTION no_room CASCADE")

    return (
        Outage("the service killed", Asked.ARRIVES, _service_dies, _service_starts),
        Outage("all but Asterisk killed", Asked.LOST, all_but_asterisk_die, all_but_asterisk_start),
        Outage("the service frozen", Asked.ARRIVES, _service_freezes, _service_thaws, seconds=10.0),
        Outage("the link cut", Asked.LOST, _link_is_cut, _link_is_mended),
        Outage("the link half-open", Asked.LOST, _link_goes_silent, _link_has_forgotten, seconds=12.0),
        Outage(
            "the link half-open, all delivered late", Asked.LATE, _link_goes_silent, _link_speaks_late, seconds=12.0
        ),
        Outage("Redis and PostgreSQL killed", Asked.AFTERWARDS, stores_die, stores_start),
        Outage("PostgreSQL full", Asked.AFTERWARDS, postgres_is_full, postgres_has_room),
    )


async def _sql(database_url: str, statements: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
