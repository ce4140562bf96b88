"""What is written on the ledger without being a record of its own: a sign-in, an export, a read of a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from uuid6 import uuid7


@dataclass(frozen=True, slots=True)
class Note:
    """``id`` makes it stand on the ledger once, however often it is written.

    ``body`` is JSON. Telephone numbers and names of callers may stand in it under ``numbers`` only (``{field: text}``):
    the ledger keeps salted hashes of them.
    """

    at: datetime
    kind: str
    subject: str
    actor: str
    body: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid7()))
