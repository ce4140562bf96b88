"""indexes that hold all that reports count: their passes never touch the wide rows"""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_HANDOFFS = (
    *("created_at", "from_line", "target", "mode", "outcome", "resolution", "number_proof", "accepted_by"),
    *("decided_automatically", "answer_ms", "talk_ms"),
)
_CALLS = ("arrived_at", "first_line", "answer_ms", "talk_ms", "original_caller_e164", "original_caller")


def upgrade() -> None:
    op.create_index("ix_handoffs_counted", "handoffs", _HANDOFFS)
    op.create_index("ix_calls_counted", "calls", _CALLS)
