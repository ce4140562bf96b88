"""Who a SIP header names: `"display" <sip:user@host>;params` taken apart (RFC 3261 section 20.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_NAME_ADDR = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^>]*)>')
_USER = re.compile(r"(?:sips?:([^@;>]*)@|tel:([^;>]+))", re.IGNORECASE)


@dataclass(frozen=True)
class Identity:
    """`number` is the user part, unescaped; None when the URI has no user. `display` None when absent."""

    display: str | None
    uri: str
    number: str | None


def parse_identity(header: str) -> Identity:
    """Reads From, To, P-Asserted-Identity and the like; of a list, the first entry."""
    match = _NAME_ADDR.match(header)
    if match:
        quoted, plain, uri = match.groups()
        display = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    else:
        display, uri = "", re.split(r"[;,]", header.strip(), maxsplit=1)[0]
    user = _USER.match(uri)
    number = unquote(user.group(1) or user.group(2) or "") if user else ""
    return Identity(display or None, uri, number or None)
