"""call detail; callers found by one index"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
CALLER_KEY = sa.text("coalesce(original_caller_e164, original_caller)")
NOT_DETAILED = sa.text("ended_at IS NOT NULL AND NOT detailed")


def upgrade() -> None:
    op.add_column("calls", Column("detailed", sa.Boolean, nullable=False, server_default=sa.false()))
    _call_details()
    _leg_details()
    _indexes()


def _call_details() -> None:
    op.create_table(
        "call_details",
        Column("call_id", sa.String, nullable=False),
        Column("node", sa.String, nullable=False),
        Column("arrived_at", TIME, nullable=False),
        Column("answered_at", TIME),
        Column("ended_at", TIME, nullable=False),
        Column("original_caller", sa.String),
        Column("original_caller_e164", sa.String),
        Column("caller_name", sa.String),
        Column("presentation", sa.String, nullable=False),
        Column("dialled", sa.String, nullable=False),
        Column("trunk", sa.String, nullable=False),
        Column("first_line", sa.String),
        Column("first_seat", sa.String),
        Column("last_line", sa.String),
        Column("last_seat", sa.String),
        Column("accepted_by", sa.String),
        Column("accepted_seat", sa.String),
        Column("total_ms", sa.Integer, nullable=False),
        Column("wait_ms", sa.Integer),
        Column("queue_ms", sa.Integer),
        Column("ring_ms", sa.Integer),
        Column("talk_ms", sa.Integer),
        Column("hold_ms", sa.Integer),
        Column("handoffs", sa.Integer, nullable=False),
        Column("handoff_ids", JSON, nullable=False),
        Column("conference_parties", JSON, nullable=False),
        Column("ivr_path", JSON, nullable=False),
        Column("order_ids", JSON, nullable=False),
        Column("leg_count", sa.Integer, nullable=False),
        Column("hangup_cause", sa.Integer),
        Column("source", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_call_details"),
    )
    op.create_index("ix_call_details_caller", "call_details", [CALLER_KEY, "arrived_at", "call_id"])
    op.create_index("ix_call_details_arrived_at_call_id", "call_details", ["arrived_at", "call_id"])


def _leg_details() -> None:
    op.create_table(
        "leg_details",
        Column("uniqueid", sa.String, nullable=False),
        Column("call_id", sa.String, nullable=False),
        Column("position", sa.Integer, nullable=False),
        Column("role", sa.String, nullable=False),
        Column("line", sa.String),
        Column("seat", sa.String),
        Column("handoff_id", sa.String),
        Column("channel", sa.String, nullable=False),
        Column("number", sa.String),
        Column("outside", sa.Boolean, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("answered_at", TIME),
        Column("ended_at", TIME),
        Column("queue_ms", sa.Integer),
        Column("ring_ms", sa.Integer),
        Column("talk_ms", sa.Integer),
        Column("hold_ms", sa.Integer),
        Column("hangup_cause", sa.Integer),
        Column("sip_code", sa.Integer),
        sa.PrimaryKeyConstraint("uniqueid", name="pk_leg_details"),
    )
    op.create_index("ix_leg_details_call_id", "leg_details", ["call_id"])
    op.create_index("ix_leg_details_created_at_uniqueid", "leg_details", ["created_at", "uniqueid"])


def _indexes() -> None:
    for table, at in (("handoffs", "created_at"), ("calls", "arrived_at")):
        op.create_index(f"ix_{table}_caller", table, [CALLER_KEY, at, "id"])
        op.drop_index(f"ix_{table}_original_caller", table)
        op.drop_index(f"ix_{table}_original_caller_e164", table)
    op.create_index(
        "ix_calls_not_detailed",
        "calls",
        ["node", "ended_at"],
        sqlite_where=NOT_DETAILED,
        postgresql_where=NOT_DETAILED,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_not_detailed", "calls")
    for table in ("handoffs", "calls"):
        op.create_index(f"ix_{table}_original_caller", table, ["original_caller"])
        op.create_index(f"ix_{table}_original_caller_e164", table, ["original_caller_e164"])
        op.drop_index(f"ix_{table}_caller", table)
    op.drop_table("leg_details")
    op.drop_table("call_details")
    op.drop_column("calls", "detailed")
