"""The linkage's tables, beside those of ``records.tables`` and with the same rules."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from records.tables import UtcTime, metadata

_json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_OPEN = text("state NOT IN ('closed', 'called_back', 'rated')")

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("from_line", String, nullable=False),
    Column("to_line", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("evaluated_by", String, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("ordered", Boolean, nullable=False),
    Column("urban", Boolean),
    Column("content", Text, nullable=False),
    Column("place", String),
    Column("caller", String),
    Column("handoff_id", String, index=True),
    Column("call_id", String),
    Column("category_id", String),
    Column("catalogue", String),
    Column("rule", String),
    Column("linked_id", String, index=True),
    Column("peer_reference", String),
    Column("assignments", Integer, nullable=False),
    Column("due_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("history", _json, nullable=False),
    Column("revision", Integer, nullable=False),
    Index(None, "created_at", "id"),
    Index("ix_orders_open", "to_line", "created_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
)
"""``revision`` counts up with each change: what was read is written back only where nobody was faster."""
