"""the first tables"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def _only(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _handoffs()
    _idempotency_keys()
    _calls()
    _conferences()
    _users()
    _api_keys()


def _handoffs() -> None:
    op.create_table(
        "handoffs",
        Column("id", sa.String, nullable=False),
        Column("call_id", sa.String, nullable=False),
        Column("node", sa.String, nullable=False),
        Column("mode", sa.String, nullable=False),
        Column("target", sa.String, nullable=False),
        Column("state", sa.String, nullable=False),
        Column("outcome", sa.String),
        Column("resolution", sa.String),
        Column("release", sa.String, nullable=False),
        Column("via", sa.String, nullable=False),
        Column("original_caller", sa.String),
        Column("original_caller_e164", sa.String),
        Column("caller_seen_by_target", sa.String),
        Column("number_mismatch", sa.Boolean, nullable=False),
        Column("from_line", sa.String),
        Column("from_seat", sa.String),
        Column("target_channel", sa.String),
        Column("target_seat", sa.String),
        Column("category_id", sa.String),
        Column("reason", sa.String),
        Column("hangup_cause", sa.Integer),
        Column("sip_code", sa.Integer),
        Column("requested_by", sa.String),
        Column("returning", sa.String, quote=True),
        Column("rung", sa.String),
        Column("created_at", TIME, nullable=False),
        Column("ended_at", TIME),
        Column("decision", JSON),
        Column("order_ids", JSON, nullable=False),
        Column("timeline", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_handoffs"),
    )
    op.create_index("ix_handoffs_call_id", "handoffs", ["call_id"])
    op.create_index("ix_handoffs_created_at_id", "handoffs", ["created_at", "id"])
    op.create_index("ix_handoffs_from_line_created_at", "handoffs", ["from_line", "created_at"])
    op.create_index("ix_handoffs_from_seat_created_at", "handoffs", ["from_seat", "created_at"])
    op.create_index("ix_handoffs_live", "handoffs", ["node"], **_only("state <> 'ended'"))
    op.create_index("ix_handoffs_original_caller", "handoffs", ["original_caller"])
    op.create_index("ix_handoffs_original_caller_e164", "handoffs", ["original_caller_e164"])


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        Column("principal", sa.String, nullable=False),
        Column("key", sa.String, nullable=False),
        Column("fingerprint", sa.String, nullable=False),
        Column("handoff_id", sa.String, nullable=False),
        Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _calls() -> None:
    op.create_table(
        "calls",
        Column("id", sa.String, nullable=False),
        Column("node", sa.String, nullable=False),
        Column("caller_channel", sa.String, nullable=False),
        Column("original_caller", sa.String),
        Column("original_caller_e164", sa.String),
        Column("caller_name", sa.String),
        Column("presentation", sa.String, nullable=False),
        Column("dialled", sa.String, nullable=False),
        Column("trunk", sa.String, nullable=False),
        Column("first_line", sa.String),
        Column("line", sa.String),
        Column("seat", sa.String),
        Column("seat_channel", sa.String),
        Column("arrived_at", TIME, nullable=False),
        Column("answered_at", TIME),
        Column("ended_at", TIME),
        Column("legs", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_arrived_at_id", "calls", ["arrived_at", "id"])
    op.create_index("ix_calls_live", "calls", ["node"], **_only("ended_at IS NULL"))
    op.create_index("ix_calls_original_caller", "calls", ["original_caller"])
    op.create_index("ix_calls_original_caller_e164", "calls", ["original_caller_e164"])


def _conferences() -> None:
    op.create_table(
        "conferences",
        Column("id", sa.String, nullable=False),
        Column("call_id", sa.String, nullable=False),
        Column("started_at", TIME, nullable=False),
        Column("over", sa.Boolean, nullable=False),
        Column("parties", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conferences"),
    )
    op.create_index("ix_conferences_call_id", "conferences", ["call_id"])
    op.create_index("ix_conferences_live", "conferences", ["id"], **_only("NOT over"))


def _users() -> None:
    op.create_table(
        "users",
        Column("id", sa.String, nullable=False),
        Column("name", sa.String, nullable=False),
        Column("role", sa.String, nullable=False),
        Column("password_hash", sa.String),
        Column("seats", JSON, nullable=False),
        Column("disabled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        Column("id", sa.String, nullable=False),
        Column("name", sa.String, nullable=False),
        Column("role", sa.String, nullable=False),
        Column("line", sa.String),
        Column("key_hash", sa.String, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )


def downgrade() -> None:
    for table in ("api_keys", "users", "conferences", "calls", "idempotency_keys", "handoffs"):
        op.drop_table(table)
