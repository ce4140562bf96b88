"""Where records wait on disk while the database is away: JSON lines, the last line of an id counts.

A file of our own and not a library's queue: operators read it with a text editor, and it must be writable when nothing
else is. Blocking; call it in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import orjson
import structlog
from pydantic import ValidationError

from records.mapping import Record, kind_of, plain, record_of

log = structlog.get_logger(__name__)


class Spool:
    """``folder`` is created when it is needed; its files are for their owner alone.

    ``rejected.jsonl`` beside the spool keeps what the database refused for good and lines that nobody can read.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "records.jsonl"
        self._rejected = folder / "rejected.jsonl"

    @property
    def path(self) -> Path:
        return self._file

    def read(self) -> list[Record]:
        """What waits, each id once in its newest state, oldest id first."""
        if not self._file.exists():
            return []
        content = self._file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # the process died in the middle of this line
            log.warning("spool.torn_line_dropped", file=str(self._file), bytes=len(content) - whole)
            os.truncate(self._file, whole)
        newest: dict[tuple[str, str], Record] = {}
        for number, line in enumerate(content[:whole].splitlines(), start=1):
            try:
                entry = orjson.loads(line)
                record = record_of(entry["kind"], entry["record"])
            except (ValidationError, ValueError, KeyError, TypeError):
                log.error("spool.line_unreadable", file=str(self._file), line=number, kept_in=str(self._rejected))
                _append(self._rejected, line + b"\n")
                continue
            newest[entry["kind"], record.id] = record
        return list(newest.values())

    def append(self, records: Iterable[Record]) -> None:
        """On disk when it returns. Raises OSError; the file is as it was then."""
        _append(self._file, b"".join(_line(record) for record in records))

    def reject(self, record: Record) -> None:
        _append(self._rejected, _line(record))

    def clear(self) -> None:
        """All is in the database."""
        self._file.unlink(missing_ok=True)


def _line(record: Record) -> bytes:
    return orjson.dumps({"kind": kind_of(record), "record": plain(record)}, option=orjson.OPT_APPEND_NEWLINE)


def _append(path: Path, lines: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            with os.fdopen(os.dup(descriptor), "ab") as file:
                file.write(lines)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)
    if new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new file's name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
