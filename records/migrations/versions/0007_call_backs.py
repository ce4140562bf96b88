"""call-backs that were promised"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
CALLER_KEY = "coalesce(original_caller_e164, original_caller)"


def upgrade() -> None:
    op.create_table(
        "call_backs",
        Column("id", sa.String, nullable=False),
        Column("node", sa.String, nullable=False),
        Column("line", sa.String, nullable=False),
        Column("original_caller", sa.String),
        Column("original_caller_e164", sa.String),
        Column("trunk", sa.String, nullable=False),
        Column("reason", sa.String, nullable=False),
        Column("call_id", sa.String, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("since", TIME, nullable=False),
        Column("handoff_id", sa.String),
        Column("state", sa.String, nullable=False),
        Column("dialled", sa.Integer, nullable=False),
        Column("tries", sa.Integer, nullable=False),
        Column("not_before", TIME),
        Column("wanted_by", sa.String),
        Column("served_call_id", sa.String),
        Column("served_seat", sa.String),
        Column("ended_at", TIME),
        Column("timeline", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_backs"),
    )
    op.create_index("ix_call_backs_call_id", "call_backs", ["call_id"])
    op.create_index("ix_call_backs_handoff_id", "call_backs", ["handoff_id"])
    op.create_index("ix_call_backs_served_call_id", "call_backs", ["served_call_id"])
    op.create_index("ix_call_backs_caller", "call_backs", [sa.text(CALLER_KEY), "created_at", "id"])
    op.create_index("ix_call_backs_created_at_id", "call_backs", ["created_at", "id"])
    op.create_index("ix_call_backs_node_state", "call_backs", ["node", "state"])


def downgrade() -> None:
    op.drop_table("call_backs")
