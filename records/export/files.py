"""A file that is whole or not there: written beside its place, on the disk before it gets its name.

Who holds the partial file's lock is its writer; what a dead one left is written over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from cryptography.hazmat.primitives import hashes

from records.verify_ledger import ALGORITHMS
from telephony.errors import ExportFailed, ExportRefused

_IN_WORDS = {
    errno.ENOSPC: "磁盘已满 · the disk is full",
    errno.EDQUOT: "磁盘配额已满 · the disk quota is used up",
    errno.EACCES: "没有写权限 · no permission to write",
    errno.EPERM: "没有写权限 · no permission to write",
    errno.EROFS: "文件系统只读 · the file system is read-only",
    errno.ENOENT: "没有这个文件夹 · there is no such folder",
    errno.ENOTDIR: "路径不是文件夹 · not a folder",
    errno.ENAMETOOLONG: "文件名过长 · the name is too long",
    errno.EFBIG: "文件过大 · the file is too large",
    errno.EPIPE: "接收方已断开 · the receiver has gone",
}


class Counted:
    """A binary file that knows how much went through it, and its digests. Written from front to back.

    ``algorithm``: of ``digest``, as the ledger has it; ``sha256`` is there with any.
    """

    def __init__(self, file: IO[bytes], algorithm: str = "sha256") -> None:
        self._file = file
        self._algorithm = algorithm
        self._hashes = {name: hashes.Hash(ALGORITHMS[name]()) for name in {"sha256", algorithm}}
        self.bytes = 0
        self.closed = False

    @property
    def sha256(self) -> str:
        return self._hex("sha256")

    @property
    def digest(self) -> str:
        """``algorithm:HEX``"""
        return f"{self._algorithm}:{self._hex(self._algorithm)}"

    def _hex(self, algorithm: str) -> str:
        return self._hashes[algorithm].copy().finalize().hex()

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._file.write(view)
        for each in self._hashes.values():
            each.update(view)
        self.bytes += len(view)
        return len(view)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """The file belongs to whoever opened it."""


def why(error: OSError) -> str:
    """What went wrong with a file, in words."""
    return _IN_WORDS.get(error.errno or 0, error.strerror or str(error))


class Partial:
    """``sink`` takes the content; ``scratch`` is a folder for what else must be put aside meanwhile."""

    def __init__(self, file: IO[bytes], scratch: Path) -> None:
        self.sink = Counted(file)
        self.scratch = scratch


@contextmanager
def whole(target: Path, *, overwrite: bool = False) -> Iterator[Partial]:
    """What is written in the block becomes the file at its end, unless the block raises.

    Raises ExportRefused when there is a file already, when it cannot be written there or somebody else is writing it;
    ExportFailed when the disk gives up.
    """
    _may_be_written(target, overwrite)
    partial, scratch = _beside(target, ".partial"), _beside(target, ".scratch")
    file = _locked(partial, target)
    try:
        with file:
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            yield Partial(file, scratch)
            file.flush()
            os.fsync(file.fileno())
            _name(partial, target, overwrite)
    except OSError as error:
        raise ExportFailed(f"{target}: {why(error)}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def _may_be_written(target: Path, overwrite: bool) -> None:
    try:
        folder, there = target.is_dir(), target.exists()
    except OSError as error:
        raise ExportRefused(f"{target}: {why(error)}") from error
    if folder:
        raise ExportRefused(f"{target} 是文件夹，请写明文件名 · is a folder: name a file in it")
    if there and not overwrite:
        raise ExportRefused(f"{target} 已存在，加 --overwrite 可覆盖 · is there already; --overwrite replaces it")


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(f".{target.name}{suffix}")


def _locked(partial: Path, target: Path) -> IO[bytes]:
    try:
        file = cast(IO[bytes], partial.open("ab", buffering=0))
    except OSError as error:
        raise ExportRefused(f"{target}: {why(error)}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ExportRefused(f"{target} 正由另一个导出写入 · another export is writing it") from error
    os.ftruncate(file.fileno(), 0)
    return file


def _name(partial: Path, target: Path, overwrite: bool) -> None:
    """The file gets its name, and the folder's entry is on the disk too."""
    if overwrite:
        partial.replace(target)
    else:
        try:
            target.hardlink_to(partial)
        except FileExistsError as error:
            raise ExportRefused(f"{target} 已存在 · is there already") from error
        except OSError:  # a file system without links: nothing but the moment between the two is unguarded
            partial.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
