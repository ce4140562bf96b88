"""orders of the linkage"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "orders",
        Column("id", sa.String, nullable=False),
        Column("node", sa.String, nullable=False),
        Column("kind", sa.String, nullable=False),
        Column("state", sa.String, nullable=False),
        Column("from_line", sa.String, nullable=False),
        Column("to_line", sa.String, nullable=False),
        Column("unit", sa.String, nullable=False),
        Column("owner", sa.String, nullable=False),
        Column("evaluated_by", sa.String, nullable=False),
        Column("urgent", sa.Boolean, nullable=False),
        Column("ordered", sa.Boolean, nullable=False),
        Column("urban", sa.Boolean),
        Column("content", sa.Text, nullable=False),
        Column("place", sa.String),
        Column("caller", sa.String),
        Column("caller_e164", sa.String),
        Column("handoff_id", sa.String),
        Column("call_id", sa.String),
        Column("category_id", sa.String),
        Column("catalogue", sa.String),
        Column("rule", sa.String),
        Column("linked_id", sa.String),
        Column("peer_reference", sa.String),
        Column("assignments", sa.Integer, nullable=False),
        Column("due_at", TIME),
        Column("created_at", TIME, nullable=False),
        Column("created_by", sa.String, nullable=False),
        Column("changed_at", TIME, nullable=False),
        Column("history", JSON, nullable=False),
        Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_handoff_id", "orders", ["handoff_id"])
    op.create_index("ix_orders_linked_id", "orders", ["linked_id"])
    op.create_index("ix_orders_call_id", "orders", ["call_id"])
    op.create_index("ix_orders_caller", "orders", ["caller"])
    op.create_index("ix_orders_caller_e164", "orders", ["caller_e164"])
    op.create_index("ix_orders_created_at_id", "orders", ["created_at", "id"])
    where = sa.text("state NOT IN ('closed', 'called_back', 'rated', 'withdrawn')")
    columns = ["to_line", "created_at"]
    op.create_index("ix_orders_open", "orders", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("orders")
