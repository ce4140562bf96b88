"""What must not stand in ``hotline.yaml``: made at the first start, kept in ``secrets.json`` for the owner only."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from api.settings import SettingsRejected

_FILE = "secrets.json"
_LOCK = "secrets.lock"


@dataclass(frozen=True, slots=True)
class Secrets:
    """``token_key``, ``ledger_key`` (the private one): hex; ``seats``: SIP digest passwords by seat, ``probe``: that of
    the probe; ``people``: first passwords by user.
    """

    ami: str
    token_key: str
    ledger_key: str
    probe: str
    seats: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)


def load_secrets(home: Path, *, seats: tuple[str, ...], people: tuple[str, ...]) -> Secrets:
    """Those of this home, with what is missing made and kept. Raises SettingsRejected when the file is damaged."""
    with _alone(home):  # two that start at once on a new home must not each make their own
        return _load(home / _FILE, seats, people)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _load(path: Path, seats: tuple[str, ...], people: tuple[str, ...]) -> Secrets:
    kept = _read(path)
    found = Secrets(
        ami=kept.get("ami") or secrets.token_urlsafe(24),
        token_key=kept.get("token_key") or secrets.token_hex(32),
        ledger_key=kept.get("ledger_key") or secrets.token_hex(32),
        probe=kept.get("probe") or secrets.token_urlsafe(24),
        seats={seat: kept.get("seats", {}).get(seat) or secrets.token_urlsafe(12) for seat in seats},
        people={name: kept.get("people", {}).get(name) or secrets.token_urlsafe(9) for name in people},
    )
    whole = {
        "ami": found.ami,
        "token_key": found.token_key,
        "ledger_key": found.ledger_key,
        "probe": found.probe,
        # a seat that was taken out and comes back keeps its phone's password
        "seats": {**kept.get("seats", {}), **found.seats},
        "people": {**kept.get("people", {}), **found.people},
    }
    if whole != kept:
        _write(path, whole)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise SettingsRejected(f"{path} 已损坏，请从备份恢复或删除 · is damaged: restore or remove it") from error
    return content


def _write(path: Path, content: object) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
