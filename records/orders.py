"""Orders as the ledger, the audit and erasure have them: which columns of a row are personal. Pure.

What an order is, and what can be done with it: ``linkage.orders``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from records.mapping import Row
from records.seals import Body, Seal

ORDER = "order"
OVER = ("closed", "called_back", "rated", "withdrawn")
"""The states in which nobody has to do anything any more."""
_PERSONAL: Row = {"caller": None, "caller_e164": None, "place": None, "content": ""}
_DECIDED = frozenset({"unit", "until", "rating", "timer", "due", "level", "measure"})
"""Of a step: what was decided and counted. All else are words that somebody wrote."""


def order_body(row: Row, seal: Seal) -> Body:
    """The row as JSON, who called and all words sealed."""
    body = {name: _plain(value) for name, value in row.items()}
    body |= {name: seal(body[name]) for name in _PERSONAL}
    body["history"] = [
        step | {"detail": _decided(step["detail"]), "words": seal(_words(step["detail"]))} for step in body["history"]
    ]
    return body


def without_caller(row: Row) -> Row:
    """Without anything that says who called, where they are, or that a person wrote."""
    return row | _PERSONAL | {"history": [step | {"detail": _decided(step["detail"])} for step in row["history"]]}


def _decided(detail: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in detail.items() if name in _DECIDED}


def _words(detail: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in detail.items() if name not in _DECIDED}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
