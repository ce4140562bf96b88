"""Who is at the terminal, for the ledger."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

_FILE = "applied-by"


def who_runs() -> str:
    """The person, behind sudo too."""
    try:
        return f"os:{os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (OSError, KeyError):  # a user id without a name, as in a container
        return f"os:{os.getuid()}"


def leave_name(run: Path) -> None:
    """For the service, which learns of a new configuration by a signal that carries nothing."""
    (run / _FILE).write_text(who_runs(), encoding="utf-8")


def taken_name(run: Path) -> str | None:
    """Once."""
    try:
        name = (run / _FILE).read_text(encoding="utf-8")
        (run / _FILE).unlink()
    except (OSError, UnicodeDecodeError):
        return None
    return name
