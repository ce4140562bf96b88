"""One export from the database to a file or a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from records.export.files import Counted, whole, why
from records.export.pages import Reader, reader
from records.export.shape import Shape
from records.export.spec import Spec
from records.export.writers import writer_for
from telephony import numbers
from telephony.errors import ExportFailed

Progress = Callable[[int, int], None]
"""Is told how many rows are written, and of how many."""
Seal = Callable[[Path, Mapping[str, Any]], object]
"""Writes the signed manifest beside a file (``records.manifest.write_manifest``)."""


@dataclass(frozen=True, slots=True)
class Done:
    """``headers``: the columns as they are called in the file; ``digest``: of all of it, ``algorithm:HEX``."""

    spec: Spec
    rows: int
    bytes: int
    sha256: str
    digest: str
    headers: tuple[str, ...]
    at: datetime

    @property
    def result(self) -> dict[str, Any]:
        """For the ledger."""
        return {"rows": self.rows, "bytes": self.bytes, "sha256": self.sha256}

    def manifest(self, export: str, actor: str) -> dict[str, Any]:
        """What is to be signed of a file that went out under ``spec.file_name``. It stands on the ledger, which holds
        no caller's number: that one was asked for is said, the begun entry proves which.
        """
        about = self.about(export, actor)
        if self.spec.number is not None:
            about["asked_for"]["number"] = numbers.mask(None)
        return about | {"file": self.spec.file_name, "bytes": self.bytes, "digest": self.digest}

    def about(self, export: str, actor: str) -> dict[str, Any]:
        """For the manifest, as JSON: what the file is and what was asked for. ``export``: its id on the ledger."""
        return {
            "manifest": 1,
            "export": export,
            "kind": self.spec.kind.value,
            "format": self.spec.format.value,
            "rows": self.rows,
            "columns": list(self.headers),
            "sha256": self.sha256,
            "made_at": self.at.isoformat(timespec="milliseconds"),
            "made_by": actor,
            "numbers": "whole" if self.spec.clear else "masked",
            "asked_for": {name: value for name, value in self.spec.plain().items() if value is not None},
        }


def to_file(
    spec: Spec, url: str, target: Path, *, overwrite: bool = False, progress: Progress = lambda *_: None
) -> Done:
    """Raises ExportRefused, ExportFailed, RecordStoreUnavailable; none of them leaves a file."""
    with whole(target, overwrite=overwrite) as data:
        return _written(spec, url, cast(IO[bytes], data.sink), data.scratch, progress)


def sealed(target: Path, about: Mapping[str, Any], seal: Seal) -> None:
    """The manifest beside a file that was just written. Raises ExportFailed; the file is gone then."""
    try:
        seal(target, about)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise ExportFailed(f"{target}: {why(error)}") from error


def to_stream(spec: Spec, url: str, stream: IO[bytes], scratch: Path, algorithm: str = "sha256") -> Done:
    """``algorithm``: of the digest. Raises RecordStoreUnavailable, and OSError when the receiver has gone."""
    return _written(spec, url, cast(IO[bytes], Counted(stream, algorithm)), scratch, lambda *_: None)


def _written(spec: Spec, url: str, sink: IO[bytes], scratch: Path, progress: Progress) -> Done:
    with reader(url) as database:
        rows, headers = _rows(spec, database, sink, scratch, progress)
    counted = cast(Counted, sink)
    return Done(spec, rows, counted.bytes, counted.sha256, counted.digest, headers, datetime.now(UTC))


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
