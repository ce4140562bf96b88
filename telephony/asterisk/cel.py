"""Reads what Asterisk itself wrote down (CEL, ``cel-custom/Master.csv``), also while nobody listened.

A row that is not whole, as after a crash of Asterisk or on a full disk, is passed over. No file: nothing was written.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from telephony.asterisk.logfiles import archives_of
from telephony.cel import (
    CALL_BACK_PROMISED,
    CALL_BACK_STEP,
    CONFERENCE_STEP,
    HANDOFF_STEP,
    Row,
    Written,
    facts,
    row_of,
    step_of,
)
from telephony.events import Event

MOST_BYTES = 8 * 1024 * 1024
"""Of the file's end, for a reader that holds others up."""

_COARSE_BYTES = 64 * 1024
_OUT_OF_ORDER = timedelta(seconds=60)
_SOME_LINES = 50
_STEPS = (f'"{HANDOFF_STEP}"'.encode(), f'"{CONFERENCE_STEP}"'.encode())
_OF_CALL_BACKS = (f'"{CALL_BACK_PROMISED}"'.encode(), f'"{CALL_BACK_STEP}"'.encode())
_BORN = re.compile(r"(?:^|-)([0-9]{10})\.[0-9]+$")
_ASTERISK_BEGAN = re.compile(r"(?:^|-)[0-9]{10}\.0$")


def rows(path: Path, since: datetime | None = None, *, most_bytes: int | None = None) -> Iterator[Row]:
    """From ``since`` to the end, in the order written, of the last ``most_bytes`` if given."""
    for row in _lines(path, since, most_bytes):
        if row is not None and (since is None or row.at >= since):
            yield row


def of_handoffs(path: Path, since: datetime, until: datetime) -> Written:
    """Every row of the calls in which something of a handoff was written between the two, from their beginning on.

    The file is passed through twice, so that nothing but these rows is held. A row that was torn may belong to any.
    """
    calls = _calls_with_handoffs(path, since, until)
    begin = min([since, *(born for born in map(_born, calls) if born)])
    kept: list[Row] = []
    torn: list[datetime] = []
    last = begin
    for row in _lines(path, begin - _OUT_OF_ORDER, None):
        if row is None:
            torn.append(last)
            continue
        last = row.at
        if row.linkedid in calls or row.uniqueid in calls or _is_first_of_asterisk(row):
            kept.append(row)
    return Written(tuple(kept), next((row.at for row in rows(path)), None), tuple(torn))


def of_call_backs(path: Path, since: datetime | None) -> tuple[Event, ...]:
    """What was promised, and what came of it, from ``since`` (None: ever) to the end, in the order written."""
    found = _lines(path, since, None, only=_OF_CALL_BACKS)
    return tuple(fact for row in found if row is not None and (since is None or row.at >= since) for fact in facts(row))


def _calls_with_handoffs(path: Path, since: datetime, until: datetime) -> set[str]:
    calls: set[str] = set()
    for row in _lines(path, since, None, only=_STEPS):
        step = step_of(row) if row is not None and since <= row.at < until else None
        if step is not None:
            calls |= {step.linkedid, step.call_id or step.linkedid}
    return calls


def _born(call_id: str) -> datetime | None:
    """A Uniqueid that Asterisk made holds the second in which it was made."""
    found = _BORN.search(call_id)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _is_first_of_asterisk(row: Row) -> bool:
    """Asterisk counts the channels of its life from 0: what had not ended before has ended with the life before."""
    return row.event == "CHAN_START" and _ASTERISK_BEGAN.search(row.uniqueid) is not None


def _lines(
    path: Path, since: datetime | None, most_bytes: int | None, *, only: tuple[bytes, ...] = (b"",)
) -> Iterator[Row | None]:
    """None for each line that is no row; the last may still be on its way into the file and is left out then.

    ``only``: how the lines begin that are wanted. Earlier months have files of their own (``logfiles``).
    """
    for archive in archives_of(path):
        last = datetime.fromtimestamp(archive.stat().st_mtime, UTC)
        if since is None or last >= since - _OUT_OF_ORDER:
            yield from _lines_of(archive, since, most_bytes, only)
    yield from _lines_of(path, since, most_bytes, only)


def _lines_of(
    path: Path, since: datetime | None, most_bytes: int | None, only: tuple[bytes, ...]
) -> Iterator[Row | None]:
    with _opened(path) as stream:
        if stream is None:
            return
        size = stream.seek(0, os.SEEK_END)
        begin = max(0, size - most_bytes) if most_bytes is not None else 0
        _go_to(stream, begin, size, since)
        for line in stream:
            if line.startswith(only) and line.endswith(b"\n"):
                yield _row(line)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | None]:
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with stream:
        yield stream


def _go_to(stream: BinaryIO, begin: int, end: int, since: datetime | None) -> None:
    """To the beginning of a line at or before ``since``: rows are in order, but for a moment."""
    low, high = begin, end
    while since is not None and high - low > _COARSE_BYTES:
        middle = (low + high) // 2
        at = _time_at(stream, middle)
        if at is not None and at < since - _OUT_OF_ORDER:
            low = middle
        else:
            high = middle
    stream.seek(low)
    if low:
        stream.readline()


def _time_at(stream: BinaryIO, offset: int) -> datetime | None:
    stream.seek(offset)
    stream.readline()
    for _ in range(_SOME_LINES):
        row = _row(stream.readline())
        if row is not None:
            return row.at
    return None


def _row(line: bytes) -> Row | None:
    """Read by itself: a quote that was never closed costs its own row only."""
    try:
        return row_of(next(csv.reader([line.decode("utf-8", "replace")]), []))
    except csv.Error:
        return None
