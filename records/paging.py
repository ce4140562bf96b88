"""Keyset pages, newest first: a cursor is the place of the last row seen, so rows added later never shift a page."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import orjson

from telephony.errors import BadCursor


def cursor_after(at: datetime, row_id: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([at.isoformat(), row_id])).decode().rstrip("=")


def position(cursor: str) -> tuple[datetime, str]:
    """The place that ``cursor_after`` made the cursor of. Raises BadCursor."""
    try:
        at, row_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadCursor("the cursor is not one of ours") from error
    if moment.tzinfo is None or not isinstance(row_id, str):
        raise BadCursor("the cursor is not one of ours")
    return moment, row_id
