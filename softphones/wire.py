"""Lines of JSON between a phone host (child process) and its parent.

One object per line, ASCII, so that even unpaired surrogates, which stand for raw bytes, get through. Parent to
child: `Request`. Child to parent: `Reply` (same `id`) or `Notice` (something happened to a phone or a call).
`at` is CLOCK_MONOTONIC seconds, one clock for the whole machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


class WireError(ValueError):
    """A line that is no message of this protocol."""


@dataclass(frozen=True)
class Request:
    id: int
    op: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """`error` is None on success; otherwise its class name, with the SIP `status` where one was received."""

    id: int
    result: Any = None
    error: str | None = None
    reason: str = ""
    status: int | None = None


@dataclass(frozen=True)
class Notice:
    """`kind`: incoming, ringing, progress, established, held, resumed, dtmf or closed; `detail` differs by kind."""

    kind: str
    call: str
    at: float
    phone: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


Message = Request | Reply | Notice
_TYPES: dict[str, type[Message]] = {"request": Request, "reply": Reply, "notice": Notice}
_NAMES = {cls: name for name, cls in _TYPES.items()}


def encode(message: Message) -> bytes:
    body = {"type": _NAMES[type(message)], **asdict(message)}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Raises WireError when the line is not JSON, or not one of the three messages."""
    try:
        body = json.loads(line)
        return _TYPES[body.pop("type")](**body)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise WireError(f"not a phone host message: {line[:80]!r}") from exc
