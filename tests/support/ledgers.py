"""Ledgers for tests: a signer, a database with a store that writes one, and how the chain is read back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.chain import Chain, Signer
from records.database import engine_for, migrate
from records.ledger import Ledger
from records.tables import ledger
from records.verify_ledger import ChainChecker, Fault, Row

KEY = "5e" * 32
OTHER_KEY = "0d" * 32


def a_ledger(engine: AsyncEngine, folder: Path | None = None, *, node: str = "n1", algorithm: str = "sha256") -> Ledger:
    return Ledger(engine, Chain(node, Signer(KEY), algorithm), folder / "head.json" if folder else None)


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Migrated and empty, of either kind."""
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/records.db")
        await migrate(engine)
    else:
        engine = engine_for(await request.getfixturevalue("postgres").new_migrated_database())
    yield engine
    await engine.dispose()


async def rows_of(engine: AsyncEngine, node: str = "n1") -> list[Row]:
    query = select(ledger).where(ledger.c.node == node).order_by(ledger.c.seq)
    async with engine.connect() as connection:
        return [Row(**row._mapping) for row in await connection.execute(query)]


def bodies(rows: list[Row], kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(row.body) for row in rows if row.kind == kind]


def faults_of(rows: list[Row], *, node: str = "n1", key: str = KEY) -> list[Fault]:
    signer = Signer(key)
    checker = ChainChecker(node, {signer.public_key}, signer.knows)
    return [*(fault for row in rows for fault in checker.take(row)), *checker.end()]
