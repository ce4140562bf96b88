"""What is configured, as the ledger has it: every setting by its path, without secrets, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import stamina

from api.journal import CONFIGURATION, Journal
from api.settings import Settings
from records.verify_ledger import canonical, digest
from telephony.errors import RecordStoreUnavailable

SUBJECT = "hotline.yaml"
_SECRET = ("secret", "password", "url", "key")


class _Reads(Protocol):
    async def last(self, kind: str, subject: str) -> dict[str, Any] | None:
        """The newest entry's body. Raises RecordStoreUnavailable."""


class ConfigurationLog:
    """Notes each change of the settings, those too that were made while no service ran."""

    def __init__(self, ledger: _Reads, journal: Journal, settings: Settings) -> None:
        self._ledger, self._journal = ledger, journal
        self._node = settings.node
        self._now = flat(settings)

    async def note_at_start(self) -> None:
        """Waits for the database; nobody waits for it."""
        at_start, before = self._now, None
        tries = stamina.retry_context(on=RecordStoreUnavailable, attempts=None, timeout=None, wait_max=60.0)
        async for attempt in tries:
            with attempt:
                before = await self._ledger.last(CONFIGURATION, SUBJECT)
        self._note(before["settings"] if before else None, at_start, self._node)

    def take_up(self, settings: Settings, *, by: str | None) -> None:
        before, self._now = self._now, flat(settings)
        self._note(before, self._now, by or self._node)

    def _note(self, before: Mapping[str, Any] | None, after: Mapping[str, Any], by: str) -> None:
        body = change(before, after)
        if body is not None:
            self._journal.configured(SUBJECT, body, by=by)


def flat(settings: Settings) -> dict[str, Any]:
    """``lines.0.name`` → value. Secrets, and addresses that may hold one, stand there as a dot each."""
    return dict(_leaves((), settings.model_dump(mode="json")))


def change(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body of the entry; None when nothing changed. Without a ``before`` it holds everything."""
    body: dict[str, Any] = {"digest": digest("sha256", canonical(after).encode())}
    if before is None:
        return body | {"settings": dict(after)}
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if not names:
        return None
    return body | {"changed": {name: [before.get(name), after.get(name)] for name in names}, "settings": dict(after)}


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves((*path, name), item)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves((*path, str(place)), item)
    else:
        hidden = value is not None and any(word in path[-1] for word in _SECRET)
        yield ".".join(path), "•" if hidden else value
