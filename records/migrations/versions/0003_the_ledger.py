"""the ledger"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "ledger",
        Column("node", sa.String, nullable=False),
        Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        Column("at", sa.String, nullable=False),
        Column("kind", sa.String, nullable=False),
        Column("subject", sa.String, nullable=False),
        Column("actor", sa.String, nullable=False),
        Column("ref", sa.String),
        Column("body", sa.Text, nullable=False),
        Column("previous", sa.String, nullable=False),
        Column("hash", sa.String, nullable=False),
        Column("seal", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("node", "seq", name="pk_ledger"),
        sa.UniqueConstraint("ref", name="uq_ledger_ref"),
    )
    op.create_index("ix_ledger_subject_kind", "ledger", ["subject", "kind"])
    op.create_table(
        "ledger_salts",
        Column("id", sa.String, nullable=False),
        Column("salt", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_salts"),
    )


def downgrade() -> None:
    op.drop_table("ledger_salts")
    op.drop_table("ledger")
