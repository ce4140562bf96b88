"""Where one instance keeps its files: everything below its home, and sockets where their path is short enough."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from telephony.asterisk.errors import SetupError

LONGEST_SOCKET_PATH = 107
"""Bytes, without the closing NUL (`sun_path` in unix(7))."""

_LONGEST_SOCKET_NAME = len("/asterisk.ctl")


@dataclass(frozen=True, slots=True)
class Layout:
    """All paths absolute. The folders hold secrets and callers' numbers: `create` makes them for their owner only."""

    home: Path
    etc: Path
    var: Path
    log: Path
    spool: Path
    redis: Path
    run: Path

    @classmethod
    def of(cls, home: Path) -> "Layout":
        home = home.resolve()
        return cls(
            home=home,
            etc=home / "etc",
            var=home / "var",
            log=home / "log",
            spool=home / "spool",
            redis=home / "redis",
            run=socket_dir(home),
        )

    @property
    def asterisk_conf(self) -> Path:
        return self.etc / "asterisk.conf"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def lock(self) -> Path:
        return self.home / "instance.lock"

    def create(self) -> None:
        """Idempotent. Raises SetupError when a folder belongs to someone else."""
        self.home.mkdir(parents=True, exist_ok=True)
        for folder in (self.etc, self.var, self.log, self.spool, self.redis, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.lstat().st_uid != os.geteuid() or folder.is_symlink():
                raise SetupError(f"{folder} 不属于当前用户 · {folder} is not this user's own folder: remove it")


def socket_dir(home: Path) -> Path:
    """`home`/run, or a folder under the temporary directory, always the same for one home, where that is too long."""
    inside = home / "run"
    if len(os.fsencode(inside)) + _LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hotline-{os.geteuid()}-{digest}"
