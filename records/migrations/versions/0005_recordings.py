"""recordings"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "recordings",
        Column("id", sa.String, nullable=False),
        Column("call_id", sa.String, nullable=False),
        Column("node", sa.String, nullable=False),
        Column("path", sa.String, nullable=False),
        Column("started_at", TIME, nullable=False),
        Column("ended_at", TIME),
        Column("pauses", JSON, nullable=False),
        Column("state", sa.String, nullable=False),
        Column("problem", sa.String),
        Column("channels", sa.Integer, nullable=False),
        Column("seconds", sa.Float),
        Column("bytes", sa.BigInteger),
        Column("sha256", sa.String),
        Column("hold", sa.Boolean, nullable=False),
        Column("hold_reason", sa.String),
        Column("held_by", sa.String),
        Column("delete_after", TIME),
        Column("deleted_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
    )
    op.create_index("ix_recordings_call_id", "recordings", ["call_id"])
    op.create_index("ix_recordings_started_at_id", "recordings", ["started_at", "id"])
    op.create_index("ix_recordings_delete_after", "recordings", ["delete_after"])
    for name, column, condition in (
        ("ix_recordings_open", "node", "state = 'recording'"),
        ("ix_recordings_bad", "started_at", "state IN ('missing', 'truncated')"),
    ):
        where = sa.text(condition)
        op.create_index(name, "recordings", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("recordings")
