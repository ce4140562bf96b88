"""What Asterisk itself wrote down of our handoffs while we were not listening (CEL, ``cel-custom/Master.csv``)."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import orjson

from telephony import events

_USER_EVENT = "HandoffStep"
_FIELDS = 19
_FEWER = ("",) * 9
_TAIL_BYTES = 8 * 1024 * 1024


def steps(path: Path, handoff_ids: Collection[str]) -> Iterator[events.HandoffReported]:
    """The steps of these handoffs in the order they happened, from the last 8 MiB of the file.

    A record that is not whole, as after a crash of Asterisk or on a full disk, is passed over. No file: no steps.
    """
    if not handoff_ids:
        return
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        start = max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES)
        stream.seek(start)
        if start:
            stream.readline()
        for line in stream:
            step = _step(_row(line.decode("utf-8", "replace")), handoff_ids)
            if step is not None:
                yield step


def _row(line: str) -> list[str]:
    """One record a line, read by itself: a quote that was never closed costs its own record only."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _step(row: list[str], handoff_ids: Collection[str]) -> events.HandoffReported | None:
    if len(row) != _FIELDS or row[0] != _USER_EVENT:
        return None
    try:
        words = str(orjson.loads(row[18])["extra"]).split(" ")
        at = datetime.strptime(row[1], "%Y-%m-%d %H:%M:%S.%f").astimezone(UTC)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    step, handoff_id, target, status, uniqueid, seat, sip_code, cause, shown = (*words, *_FEWER)[:9]
    if handoff_id not in handoff_ids:
        return None
    return events.HandoffReported(
        at,
        step,
        handoff_id,
        uniqueid or row[12],
        row[13],
        target=target,
        status=status,
        seat=seat,
        sip_code=int(sip_code) if sip_code.isdecimal() else None,
        cause=int(cause) if cause.isdecimal() else None,
        shown=unquote(shown),
    )
