"""Any single edit of a database that holds records, by whoever has its password, is found."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column

import records.audit
from linkage.order_store import SqlOrderStore
from linkage.orders import Act, advance
from records.accounts import Accounts, Role, User
from records.audit import Audit
from records.calldetail import detail_of
from records.calldetail_store import CallDetails
from records.chain import Head, Signer
from records.database import engine_for, migrate
from records.mapping import call_back_row, call_row, conference_row, handoff_row
from records.notes import Note
from records.store import SqlRecordStore
from records.tables import OF_KIND, api_keys, call_details, handoffs, ledger, ledger_salts, leg_details, orders, users
from records.verify_ledger import Fault
from telephony.conference import PartyState
from telephony.handoff import Decision
from tests.support.ledgers import KEY, a_ledger, rows_of
from tests.support.orders import an_order, step
from tests.support.records import NOON, a_call, a_call_back, a_conference, a_handoff, ended

HANDOFF = ended(a_handoff(reason="噪音", decision=Decision("12345", "归 12345", "fang", NOON)))
CALL = a_call(ended_at=NOON + timedelta(minutes=9))
ROOM = a_conference(HANDOFF)
ROOM = replace(ROOM, parties=tuple(replace(party, state=PartyState.LEFT) for party in ROOM.parties))
CALL_BACK = a_call_back()
MADE = {
    "handoff": handoff_row(HANDOFF),
    "call": call_row(CALL),
    "conference": conference_row(ROOM),
    "callback": call_back_row(CALL_BACK),
}
BESIDE = (call_details, leg_details, users, api_keys, orders)
COLUMNS: list[Column[Any]] = [
    *(column for kind, table in OF_KIND.items() for column in table.c if column.name in MADE[kind]),
    *(column for table in (*BESIDE, ledger, ledger_salts) for column in table.c),
]


async def _fill(path: Path) -> Head:
    engine = engine_for(f"sqlite:///{path}")
    await migrate(engine)
    ledger = a_ledger(engine)
    store = SqlRecordStore(engine, ledger)
    await store.save_all((HANDOFF, CALL, ROOM, CALL_BACK, ended(a_handoff())))
    await CallDetails(engine, ledger).save([detail_of(CALL, (HANDOFF,), (ROOM,), (), ())])
    accounts = Accounts(engine, ledger)
    await accounts.add_user(User("fang", "方", Role.SEAT, ("2101",)), "one")
    await accounts.add_key("city", Role.INTEGRATOR)
    book = SqlOrderStore(engine, ledger)
    order = an_order(caller="13800001111", call_id=CALL.id, place="人民路 3 号", category_id="byn-a01")
    await book.create(order)
    await book.change(order.id, lambda found: advance(found, step(Act.DISPUTE)), actor="fang")
    await store.save_all([Note(NOON, "sign-in", "fang", "fang", {"numbers": {"n": str(n)}}) for n in range(3)])
    last = (await rows_of(engine))[-1]
    await engine.dispose()
    return Head(last.seq, last.hash)


async def _faults(path: Path, head: Head) -> list[Fault]:
    engine = engine_for(f"sqlite:///{path}", any_text=True)
    try:
        return [fault async for fault in Audit(engine, node="n1", signer=Signer(KEY), head=head).faults()]
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Head]:
    path = tmp_path_factory.mktemp("honest") / "records.db"
    return path, asyncio.run(_fill(path))


def _edit(path: Path, column: Column[Any], which: int, value: str | int | bytes | None) -> bool:
    """Whether it changed anything; the database itself refuses some."""
    table = column.table
    with closing(sqlite3.connect(path)) as connection:
        rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY 1")]  # type: ignore[str-bytes-safe]  # a table
        rowid = rows[which % len(rows)]
        before = connection.execute(f'SELECT "{column.name}" FROM {table} WHERE rowid = ?', (rowid,)).fetchone()
        try:
            connection.execute(f'UPDATE {table} SET "{column.name}" = ? WHERE rowid = ?', (value, rowid))
        except sqlite3.Error:
            return False
        after = connection.execute(f'SELECT "{column.name}" FROM {table} WHERE rowid = ?', (rowid,)).fetchone()
        connection.commit()
    return bool(before != after)


values = (
    st.none() | st.integers(-9, 2**40) | st.text(max_size=8) | st.binary(max_size=4) | st.sampled_from(["[]", "{}"])
)


@example(handoffs.c.id, 0, b"\x80")
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(COLUMNS), st.integers(0, 20), values)
def test_any_single_edit_is_found(
    honest: tuple[Path, Head],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    column: Column[Any],
    which: int,
    value: str | int | bytes | None,
) -> None:
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))
    path, head = honest
    copy = Path(shutil.copy(path, tmp_path / "copy.db"))
    if _edit(copy, column, which, value):
        assert asyncio.run(_faults(copy, head))


def test_any_text_that_is_no_utf_8_is_found(
    honest: tuple[Path, Head], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))
    path, head = honest
    for column in COLUMNS:
        copy = Path(shutil.copy(path, tmp_path / "copy.db"))
        with closing(sqlite3.connect(copy)) as connection:
            try:
                connection.execute(f"UPDATE {column.table} SET \"{column.name}\" = CAST(x'ff31' AS TEXT)")
            except sqlite3.IntegrityError:
                continue
            connection.commit()
        assert asyncio.run(_faults(copy, head)), column


@pytest.mark.parametrize("table", [*OF_KIND.values(), *BESIDE, ledger, ledger_salts], ids=str)
def test_any_row_that_is_deleted_is_found(
    honest: tuple[Path, Head], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Any
) -> None:
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))
    path, head = honest
    with closing(sqlite3.connect(path)) as connection:
        rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]
    for rowid in rows:
        copy = Path(shutil.copy(path, tmp_path / "copy.db"))
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
            connection.commit()
        assert asyncio.run(_faults(copy, head)), (table, rowid)
