"""measures for reports: how long until the answer, how long the talk, the number proof, who accepted"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from records.mapping import call_of, call_row, handoff_of, handoff_row

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BATCH = 500
_HANDOFFS = ("answer_ms", "talk_ms", "number_proof", "accepted_by", "decided_automatically")
_CALLS = ("answer_ms", "talk_ms")


def upgrade() -> None:
    for name in ("answer_ms", "talk_ms"):
        op.add_column("calls", sa.Column(name, sa.Integer))
        op.add_column("handoffs", sa.Column(name, sa.Integer))
    for name in ("number_proof", "accepted_by"):
        op.add_column("handoffs", sa.Column(name, sa.String))
    op.add_column("handoffs", sa.Column("decided_automatically", sa.Boolean))
    _fill("handoffs", _HANDOFFS, lambda row: handoff_row(handoff_of(row)))
    _fill("calls", _CALLS, lambda row: call_row(call_of(row)))


def _fill(table: str, columns: Sequence[str], derive: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Of the rows that are there; as derived from a record that is written today."""
    connection = op.get_bind()
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    change = sa.text(f"UPDATE {table} SET {assignments} WHERE id = :row_id")
    for rows in _batches(connection, table):
        derived = [derive(row) for row in rows]
        values = [{"row_id": row["id"], **{name: row[name] for name in columns}} for row in derived]
        connection.execute(change, values)


def _batches(connection: sa.Connection, table: str) -> Iterator[list[dict[str, Any]]]:
    page = sa.text(f"SELECT * FROM {table} WHERE id > :after ORDER BY id LIMIT {_BATCH}")
    after = ""
    while rows := [_plain(row._asdict()) for row in connection.execute(page, {"after": after})]:
        yield rows
        after = rows[-1]["id"]


_JSON = {"decision", "order_ids", "timeline", "legs"}
_TIMES = {"created_at", "arrived_at", "answered_at", "ended_at"}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """SQLite gives JSON and times as text, the times in UTC without saying so."""
    for name in _JSON & row.keys():
        if isinstance(row[name], str):
            row[name] = orjson.loads(row[name])
    for name in _TIMES & row.keys():
        if isinstance(row[name], str):
            row[name] += "Z"
    return row
