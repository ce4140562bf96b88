"""One export from the database to a file or a stream, with its manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import orjson
from uuid6 import uuid7

from records.export.files import Counted, whole
from records.export.pages import Reader, reader
from records.export.shape import Shape
from records.export.spec import Spec
from records.export.writers import writer_for

MANIFEST = ".manifest.json"
Progress = Callable[[int, int], None]
"""Is told how many rows are written, and of how many."""


@dataclass(frozen=True, slots=True)
class Done:
    """``headers``: the columns as they are called in the file."""

    id: str
    spec: Spec
    rows: int
    bytes: int
    sha256: str
    headers: tuple[str, ...]
    at: datetime

    def manifest(self, file: str, actor: str) -> dict[str, Any]:
        """What goes with the file: how to tell that it is whole, and what was asked for."""
        return {
            "manifest": 1,
            "export": self.id,
            "file": file,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "rows": self.rows,
            "columns": list(self.headers),
            "made_at": self.at,
            "made_by": actor,
            "numbers": "whole" if self.spec.clear else "masked",
            "asked_for": {name: value for name, value in self.spec.plain().items() if value is not None},
        }


def to_file(
    spec: Spec, url: str, target: Path, *, actor: str, overwrite: bool = False, progress: Progress = lambda *_: None
) -> Done:
    """The file and, beside it, its manifest (``FILE.manifest.json``), which is there first.

    Raises ExportRefused, ExportFailed, RecordStoreUnavailable; none of them leaves a file.
    """
    beside = target.with_name(target.name + MANIFEST)
    with whole(target, overwrite=overwrite) as data:
        done = _written(spec, url, cast(IO[bytes], data.sink), data.scratch, progress)
        content = orjson.dumps(
            done.manifest(target.name, actor), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )
        with whole(beside, overwrite=True) as manifest:
            manifest.sink.write(content)
    return done


def to_stream(spec: Spec, url: str, stream: IO[bytes], scratch: Path, progress: Progress = lambda *_: None) -> Done:
    """Raises RecordStoreUnavailable, and OSError when the receiver has gone."""
    return _written(spec, url, cast(IO[bytes], Counted(stream)), scratch, progress)


def _written(spec: Spec, url: str, sink: IO[bytes], scratch: Path, progress: Progress) -> Done:
    with reader(url) as database:
        rows, headers = _rows(spec, database, sink, scratch, progress)
    counted = cast(Counted, sink)
    return Done(str(uuid7()), spec, rows, counted.bytes, counted.sha256, headers, datetime.now(UTC))


def _rows(
    spec: Spec, database: Reader, sink: IO[bytes], scratch: Path, progress: Progress
) -> tuple[int, tuple[str, ...]]:
    shape = Shape(spec)
    total, rows = database.count(spec), 0
    progress(0, total)
    writer = writer_for(spec.format, spec.kind, sink, shape, scratch)
    for page in database.tables(spec):
        writer.write(shape.of(page))
        rows += page.num_rows
        progress(rows, total)
    writer.close()
    return rows, tuple(shape.headers)
