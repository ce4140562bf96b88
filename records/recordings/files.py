"""The files of recordings: what Asterisk writes (``monitor``), and what is kept (``folder``, which others may read)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from pydantic import TypeAdapter, ValidationError

from records.recordings.audio import Joined, join, peaks_of
from records.verify_ledger import ALGORITHMS
from telephony.recordings import CALLER, FINISHED, OTHERS, Recording, originals, recording_of

NOTE = ".note.json"
"""Beside the originals: the recording with its pauses, so that no database is needed to keep them."""

_BLOCK = 1 << 20
_NOTE = TypeAdapter(Recording)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished file, read back from the disk. ``digests`` by the algorithm's name."""

    seconds: float
    bytes: int
    cut: bool
    digests: dict[str, str]


class RecordingFiles:
    """Every method works on the disk, and may take as long as the disk does: for threads. Raises OSError."""

    def __init__(self, monitor: Path, folder: Path, node: str) -> None:
        self.monitor = monitor
        self.folder = folder
        self._node = node

    def finished(self, path: str) -> Path:
        return self.folder / path

    def unfinished(self) -> Iterator[Recording]:
        """Those whose originals are there, with what is noted of them."""
        stems = {
            str(file.relative_to(self.monitor)).removesuffix(ending)
            for ending in (CALLER, OTHERS, NOTE)
            for file in self.monitor.glob(f"*/*{ending}")
        }
        for stem in sorted(stems):
            recording = self.note(stem + FINISHED) or recording_of(stem, self._node)
            if recording is not None:
                yield recording

    def has_originals(self, path: str) -> bool:
        return any((self.monitor / each).exists() for each in originals(path))

    def quiet_seconds(self, path: str) -> float:
        """How long ago Asterisk wrote to it."""
        files = [self.monitor / each for each in originals(path)]
        written = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
        return time.time() - written

    def note(self, path: str) -> Recording | None:
        try:
            return _NOTE.validate_json(self._note(path).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def keep_note(self, recording: Recording) -> None:
        """On disk when it returns."""
        file = self._note(recording.path)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_name(file.name + ".new")
        with fresh.open("wb") as stream:
            stream.write(_NOTE.dump_json(recording))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)

    def _note(self, path: str) -> Path:
        return self.monitor / (path.removesuffix(FINISHED) + NOTE)

    def make(self, path: str, algorithms: tuple[str, ...]) -> Made:
        """The finished file of the originals, which stay. Raises FileNotFoundError when there are none."""
        caller, others = (self.monitor / each for each in originals(path))
        joined: Joined = join(caller, others, self.finished(path))
        digests = {name: self.digest(path, name) for name in algorithms}
        return Made(joined.seconds, self.finished(path).stat().st_size, joined.cut, digests)

    def digest(self, path: str, algorithm: str) -> str:
        digest = hashes.Hash(ALGORITHMS[algorithm]())
        with self.finished(path).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.finalize().hex()

    def drop_originals(self, path: str) -> None:
        files = (*(self.monitor / each for each in originals(path)), self._note(path))
        for file in files:
            file.unlink(missing_ok=True)

    def delete(self, path: str) -> None:
        """All there is of it."""
        self.drop_originals(path)
        for file in (self.finished(path), peaks_of(self.finished(path))):
            file.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """On the fuller of the two disks."""
        return min(shutil.disk_usage(_existing(folder)).free for folder in (self.monitor, self.folder))


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
