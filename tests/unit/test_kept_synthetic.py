"""The databases that benchmarks are measured on: made once, and never half made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.synthetic.kept import Kept, kept

HANDOFFS = 50


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ids(database: Kept) -> list[str]:
    with closing(sqlite3.connect(database.file)) as connection:
        return [id for (id,) in connection.execute("SELECT id FROM handoffs ORDER BY id")]


@pytest.mark.asyncio
async def test_given_a_database_that_is_there_then_it_is_not_made_again() -> None:
    told: list[str] = []
    first = await kept(HANDOFFS, told.append)
    made = ids(first)

    assert (len(made), len(told)) == (HANDOFFS, 1)
    assert await kept(HANDOFFS, told.append) == first
    assert (ids(first), len(told)) == (made, 1)


@pytest.mark.asyncio
async def test_given_one_whose_making_was_interrupted_then_it_is_begun_again() -> None:
    def interrupt(what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await kept(HANDOFFS, interrupt)

    assert not list(Path(".local/bench").glob("*.db"))
    assert len(ids(await kept(HANDOFFS, lambda what: None))) == HANDOFFS
