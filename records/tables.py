"""The tables of what lasts: one column for each thing that is filtered, sorted or shown in a list, JSON for the rest.

The same definitions serve SQLite and PostgreSQL; a change here needs a revision under ``migrations/versions``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


class UtcTime(TypeDecorator[datetime]):
    """A moment, to the microsecond. Takes any aware datetime, gives it back in UTC; SQLite keeps sortable text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be put on record")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json() -> Any:
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


CALLER_KEY = "coalesce(original_caller_e164, original_caller)"
"""What a caller is found by: the number in E.164, as received where there is none. Indexed as written here."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

handoffs = Table(
    "handoffs",
    metadata,
    Column("id", String, primary_key=True),
    Column("call_id", String, nullable=False, index=True),
    Column("node", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("target", String, nullable=False),
    Column("state", String, nullable=False),
    Column("outcome", String),
    Column("resolution", String),
    Column("release", String, nullable=False),
    Column("via", String, nullable=False),
    Column("original_caller", String),
    Column("original_caller_e164", String),
    Column("caller_seen_by_target", String),
    Column("number_mismatch", Boolean, nullable=False),
    Column("from_line", String),
    Column("from_seat", String),
    Column("target_channel", String),
    Column("target_seat", String),
    Column("category_id", String),
    Column("reason", String),
    Column("hangup_cause", Integer),
    Column("sip_code", Integer),
    Column("requested_by", String),
    Column("returning", String, quote=True),
    Column("rung", String),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("decision", _json()),
    Column("order_ids", _json(), nullable=False),
    Column("timeline", _json(), nullable=False),
    # derived, for lists and reports
    Column("answer_ms", Integer),
    Column("talk_ms", Integer),
    Column("number_proof", String),
    Column("accepted_by", String),
    Column("decided_automatically", Boolean),
    Index(
        "ix_handoffs_counted",
        *("created_at", "from_line", "target", "mode", "outcome", "resolution", "number_proof", "accepted_by"),
        *("decided_automatically", "answer_ms", "talk_ms"),
    ),
    Index("ix_handoffs_caller", text(CALLER_KEY), "created_at", "id"),
    Index(None, "created_at", "id"),
    Index(None, "from_line", "created_at"),
    Index(None, "from_seat", "created_at"),
    Index(
        "ix_handoffs_live",
        "node",
        sqlite_where=text("state <> 'ended'"),
        postgresql_where=text("state <> 'ended'"),
    ),
)

calls = Table(
    "calls",
    metadata,
    Column("id", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("caller_channel", String, nullable=False),
    Column("original_caller", String),
    Column("original_caller_e164", String),
    Column("caller_name", String),
    Column("presentation", String, nullable=False),
    Column("dialled", String, nullable=False),
    Column("trunk", String, nullable=False),
    Column("first_line", String),
    Column("line", String),
    Column("seat", String),
    Column("seat_channel", String),
    Column("arrived_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("legs", _json(), nullable=False),
    # derived, for lists and reports
    Column("answer_ms", Integer),
    Column("talk_ms", Integer),
    Column("detailed", Boolean, nullable=False, server_default=false()),
    Index(
        "ix_calls_counted",
        *("arrived_at", "first_line", "answer_ms", "talk_ms", "original_caller_e164", "original_caller"),
    ),
    Index("ix_calls_caller", text(CALLER_KEY), "arrived_at", "id"),
    Index(
        "ix_calls_not_detailed",
        "node",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL AND NOT detailed"),
        postgresql_where=text("ended_at IS NOT NULL AND NOT detailed"),
    ),
    Index(None, "arrived_at", "id"),
    Index(
        "ix_calls_live",
        "node",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

call_details = Table(
    "call_details",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("arrived_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime, nullable=False),
    Column("original_caller", String),
    Column("original_caller_e164", String),
    Column("caller_name", String),
    Column("presentation", String, nullable=False),
    Column("dialled", String, nullable=False),
    Column("trunk", String, nullable=False),
    Column("first_line", String),
    Column("first_seat", String),
    Column("last_line", String),
    Column("last_seat", String),
    Column("accepted_by", String),
    Column("accepted_seat", String),
    Column("total_ms", Integer, nullable=False),
    Column("wait_ms", Integer),
    Column("queue_ms", Integer),
    Column("ring_ms", Integer),
    Column("talk_ms", Integer),
    Column("hold_ms", Integer),
    Column("handoffs", Integer, nullable=False),
    Column("handoff_ids", _json(), nullable=False),
    Column("conference_parties", _json(), nullable=False),
    Column("ivr_path", _json(), nullable=False),
    Column("order_ids", _json(), nullable=False),
    Column("leg_count", Integer, nullable=False),
    Column("hangup_cause", Integer),
    Column("source", String, nullable=False),
    Index("ix_call_details_caller", text(CALLER_KEY), "arrived_at", "call_id"),
    Index(None, "arrived_at", "call_id"),
)

leg_details = Table(
    "leg_details",
    metadata,
    Column("uniqueid", String, primary_key=True),
    Column("call_id", String, nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("role", String, nullable=False),
    Column("line", String),
    Column("seat", String),
    Column("handoff_id", String),
    Column("channel", String, nullable=False),
    Column("number", String),
    Column("outside", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("queue_ms", Integer),
    Column("ring_ms", Integer),
    Column("talk_ms", Integer),
    Column("hold_ms", Integer),
    Column("hangup_cause", Integer),
    Column("sip_code", Integer),
    Index(None, "created_at", "uniqueid"),
)

conferences = Table(
    "conferences",
    metadata,
    Column("id", String, primary_key=True),
    Column("call_id", String, nullable=False, index=True),
    Column("started_at", UtcTime, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("parties", _json(), nullable=False),
    Index(
        "ix_conferences_live",
        "id",
        sqlite_where=text("NOT over"),
        postgresql_where=text("NOT over"),
    ),
)

call_backs = Table(
    "call_backs",
    metadata,
    Column("id", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("line", String, nullable=False),
    Column("original_caller", String),
    Column("original_caller_e164", String),
    Column("trunk", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("call_id", String, nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("handoff_id", String, index=True),
    Column("state", String, nullable=False),
    Column("dialled", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", UtcTime),
    Column("wanted_by", String),
    Column("served_call_id", String, index=True),
    Column("served_seat", String),
    Column("ended_at", UtcTime),
    Column("timeline", _json(), nullable=False),
    Index("ix_call_backs_caller", text(CALLER_KEY), "created_at", "id"),
    Index(None, "created_at", "id"),
    Index(None, "node", "state"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("principal", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("handoff_id", String, nullable=False),
    Column("created_at", UtcTime, nullable=False, index=True),
)

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("password_hash", String),
    Column("seats", _json(), nullable=False),
    Column("disabled", Boolean, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("line", String),
    Column("key_hash", String, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

OF_KIND = {"handoff": handoffs, "call": calls, "conference": conferences, "callback": call_backs}
"""The table of each kind of record, by the name that it has on the ledger."""

ledger = Table(
    "ledger",
    metadata,
    Column("node", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("ref", String, unique=True),
    Column("body", Text, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("seal", String, nullable=False),
    Index(None, "subject", "kind"),
)
"""The chain, one for each node. Everything is text as it was hashed (``records.verify_ledger``)."""

ledger_salts = Table(
    "ledger_salts",
    metadata,
    Column("id", String, primary_key=True),
    Column("salt", String),
)
"""What the personal parts of ledger entries were hashed with, by record or note. NULL: erased."""

recordings = Table(
    "recordings",
    metadata,
    Column("id", String, primary_key=True),
    Column("call_id", String, nullable=False, index=True),
    Column("node", String, nullable=False),
    Column("path", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("pauses", _json(), nullable=False),
    Column("state", String, nullable=False),
    Column("problem", String),
    Column("channels", Integer, nullable=False),
    Column("seconds", Float),
    Column("bytes", BigInteger),
    Column("sha256", String),
    Column("hold", Boolean, nullable=False),
    Column("hold_reason", String),
    Column("held_by", String),
    Column("delete_after", UtcTime),
    Column("deleted_at", UtcTime),
    Index(None, "started_at", "id"),
    Index(None, "delete_after"),
    Index(
        "ix_recordings_open",
        "node",
        sqlite_where=text("state = 'recording'"),
        postgresql_where=text("state = 'recording'"),
    ),
    Index(
        "ix_recordings_bad",
        "started_at",
        sqlite_where=text("state IN ('missing', 'truncated')"),
        postgresql_where=text("state IN ('missing', 'truncated')"),
    ),
)
"""``path``: of the finished file, below the recordings folder. Who may read what: ``records.recordings``."""

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("node", String, nullable=False),
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
    Column("caller", String, index=True),
    Column("caller_e164", String, index=True),
    Column("handoff_id", String, index=True),
    Column("call_id", String, index=True),
    Column("category_id", String),
    Column("catalogue", String),
    Column("rule", String),
    Column("linked_id", String, index=True),
    Column("peer_reference", String),
    Column("assignments", Integer, nullable=False),
    Column("due_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("history", _json(), nullable=False),
    Column("revision", Integer, nullable=False),
    Index(None, "created_at", "id"),
    Index(
        "ix_orders_open",
        "to_line",
        "created_at",
        sqlite_where=text("state NOT IN ('closed', 'called_back', 'rated', 'withdrawn')"),
        postgresql_where=text("state NOT IN ('closed', 'called_back', 'rated', 'withdrawn')"),
    ),
)
"""``revision`` counts up with each change: what was read is written back only where nobody was faster. ``node``: opened
it, and erases it. What of it stands on the ledger: ``records.orders``."""
