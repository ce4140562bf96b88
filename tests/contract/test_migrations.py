"""Migrations fill in what is derived, for the records that were there before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from records import tables
from records.database import alembic_config, engine_for, migrate
from records.mapping import call_row, handoff_row
from tests.support import traffic

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
HANDOFFS = [handoff_row(each) for each in traffic.handoffs(1, 40, SINCE, SINCE + timedelta(days=2))]
CALLS = [call_row(each) for each in traffic.calls(2, 40, SINCE, SINCE + timedelta(days=2))]
MEASURES = {
    tables.handoffs: ("answer_ms", "talk_ms", "number_proof", "accepted_by", "decided_automatically"),
    tables.calls: ("answer_ms", "talk_ms"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_given_records_of_before_then_they_have_the_measures_of_reports_as_well(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    if kind == "postgresql":
        url = await request.getfixturevalue("postgres").new_database()
    engine = engine_for(url)
    await _at_revision(engine, "0001")
    async with engine.begin() as connection:
        for table, rows in ((tables.handoffs, HANDOFFS), (tables.calls, CALLS)):
            await connection.run_sync(_insert_as_it_was, table, rows)

    await migrate(engine)

    async with engine.begin() as connection:
        for table, rows in ((tables.handoffs, HANDOFFS), (tables.calls, CALLS)):
            names = MEASURES[table]
            found = await connection.execute(select(table.c.id, *(table.c[name] for name in names)))
            assert {row[0]: tuple(row[1:]) for row in found} == {r["id"]: tuple(r[n] for n in names) for r in rows}
    await engine.dispose()


async def _at_revision(engine: AsyncEngine, revision: str) -> None:
    def upgrade(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)


def _insert_as_it_was(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Only the columns that the table had."""
    there = {row[0] for row in connection.exec_driver_sql(_COLUMNS[connection.dialect.name].format(table.name))}
    kept = [{name: value for name, value in row.items() if name in there} for row in rows]
    connection.execute(insert(table), kept)


_COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('{}')",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = '{}'",
}
