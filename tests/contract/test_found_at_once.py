"""What an auditor asks for is found through an index, however much is on record: by the planners' own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Select, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.synthetic.load import load
from bench.synthetic.stories import stories
from records import tables
from records.database import engine_for, migrate
from records.filters import caller_is
from tests.support.records import NOON
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer
) -> AsyncIterator[AsyncEngine]:
    url = f"sqlite:///{tmp_path}/records.db" if request.param == "sqlite" else await postgres.new_migrated_database()
    engine = engine_for(url)
    await migrate(engine)
    await load(url, stories(500, 5, NOON, 30), lambda more: None)
    yield engine
    await engine.dispose()


async def plan(engine: AsyncEngine, query: Select[tuple[object]]) -> str:
    """In the planner's own words; PostgreSQL would read and sort so small a table if it were let."""
    on_sqlite = engine.dialect.name == "sqlite"
    dialect = sqlite.dialect() if on_sqlite else postgresql.dialect()
    sql = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    async with engine.begin() as connection:
        if not on_sqlite:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            await connection.execute(text("SET LOCAL enable_sort = off"))
        rows = await connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' if on_sqlite else ''} {sql}")
        return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(("table", "at"), [("handoffs", "created_at"), ("calls", "arrived_at")])
async def test_by_caller_and_day_the_index_gives_the_rows_in_order(engine: AsyncEngine, table: str, at: str) -> None:
    t = tables.metadata.tables[table]
    day = text(f"{at} >= '2026-11-21 00:00:00+00' AND {at} < '2026-11-22 00:00:00+00'")
    query = select(t.c.id).where(caller_is("13800001111"), day).order_by(t.c[at].desc(), t.c.id.desc()).limit(51)
    said = await plan(engine, query)

    assert f"ix_{table}_caller" in said
    assert "Sort" not in said
    assert "TEMP B-TREE" not in said


async def test_a_page_of_an_export_begins_where_the_one_before_ended(engine: AsyncEngine) -> None:
    h = tables.handoffs.c
    last = text("(created_at, id) > ('2026-11-21 00:00:00+00', 'x') AND created_at < '2027-01-01 00:00:00+00'")
    said = await plan(engine, select(h.id).where(last).order_by(h.created_at, h.id).limit(1000))

    assert "ix_handoffs_created_at_id" in said
    assert "Sort" not in said
    assert "(created_at,id)>" in said or "ROW(created_at" in said
