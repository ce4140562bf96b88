"""Log files by period: each day's apart, what is too old deleted. Blocking; call it in a thread.

Not logrotate: it is another daemon's job on a machine that may have none, and Asterisk, the service and Redis each keep
their file open. Those are copied and cut (all of them append, so that they go on at the new end). What Asterisk opens
anew for each row, CEL and CDR (``cel_custom.c``, ``cdr_csv.c``), is renamed once a month: no row can be lost.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_KEPT_OPEN = ("asterisk-console.log", "service.log", "redis.log", "messages", "queue_log")
_ROWS = ("cel-custom/Master.csv", "cdr-csv/Master.csv")
_STAMP = ".rotated"


def keep_logs(folder: Path, days: int, now: datetime) -> None:
    """Once or more a day; harmless when there is nothing to do. ``now`` in UTC. A file that fails is told and left."""
    today = now.astimezone(UTC).date()
    last = _last(folder)
    if last is not None and last < today:
        for name in _KEPT_OPEN:
            _tried(folder / name, last, _cut)
        if (last.year, last.month) != (today.year, today.month):
            for name in _ROWS:
                _tried(folder / name, last, _rename)
    if last != today:
        (folder / _STAMP).write_text(today.isoformat(), encoding="ascii")
    for old in _archives(folder):
        if datetime.fromtimestamp(old.stat().st_mtime, UTC) < now - timedelta(days=days):
            old.unlink(missing_ok=True)
            log.info("logs.deleted", file=str(old))


def _last(folder: Path) -> date | None:
    """The day that the files are of; None at the first look."""
    try:
        return date.fromisoformat((folder / _STAMP).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _tried(path: Path, day: date, step: Callable[[Path, date], None]) -> None:
    try:
        if path.exists() and path.stat().st_size:
            step(path, day)
    except OSError as error:
        log.error("logs.not_rotated", file=str(path), problem=str(error))


def _cut(path: Path, day: date) -> None:
    target = path.with_name(f"{path.name}.{day.isoformat()}")
    with path.open("rb") as source, target.open("ab") as copy:
        os.fchmod(copy.fileno(), 0o600)
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
    os.truncate(path, 0)


def _rename(path: Path, day: date) -> None:
    target = path.with_name(f"{path.stem}-{day:%Y-%m}{path.suffix}")
    if not target.exists():  # else the clock went back: next month is soon enough
        path.rename(target)


def _archives(folder: Path) -> Iterator[Path]:
    for name in _KEPT_OPEN:
        yield from folder.glob(f"{name}.[0-9]*")
    for name in _ROWS:
        rows = folder / name
        yield from archives_of(rows)


def archives_of(path: Path) -> list[Path]:
    """What was written before ``path``, oldest first."""
    return sorted(path.parent.glob(f"{path.stem}-[0-9]*{path.suffix}"))
