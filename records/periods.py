"""How long what is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Periods:
    """How long each kind of data is kept; None: for ever. ``ledger`` is never shorter than ``records``."""

    personal: timedelta | None = timedelta(days=1095)
    records: timedelta | None = timedelta(days=1825)
    ledger: timedelta | None = timedelta(days=3650)
    idempotency: timedelta = timedelta(days=7)
