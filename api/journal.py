"""What the service itself puts on the ledger: who signed in, who read a caller's number, what was configured.

Nobody waits for it: a note is on its way to the database, or to the spool, when the method returns.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from records.menus import MENU
from records.notes import Note
from telephony.ports import Clock

_BATCH_SECONDS = 1.0
_SAME_READING = timedelta(minutes=10)
_REMEMBERED = 50_000

SIGN_IN, NUMBER_READ, CONFIGURATION = "sign-in", "number-read", "configuration"


class Journal:
    """``put`` takes a note without waiting (``records.writer.RecordWriter.put_note``)."""

    def __init__(self, put: Callable[[Note], None], clock: Clock) -> None:
        self._put, self._clock = put, clock
        self._read: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()
        self._fresh: dict[str, dict[str, list[str]]] = {}

    def signed_in(self, user: str, *, address: str, seat: str | None = None) -> None:
        self._note(SIGN_IN, user, user, {"event": "in", "address": address, "seat": seat})

    def sign_in_failed(self, user: str | None, *, address: str) -> None:
        """``user``: None for a name that nobody has: people type passwords there."""
        self._note(SIGN_IN, user or "unknown", user or "unknown", {"event": "failed", "address": address})

    def signed_out(self, user: str, *, by: str, seat: str | None = None) -> None:
        self._note(SIGN_IN, user, by, {"event": "out", "seat": seat})

    def configured(self, subject: str, body: Mapping[str, Any], *, by: str) -> None:
        self._note(CONFIGURATION, subject, by, body)

    def passed_menus(self, call_id: str, body: Mapping[str, Any]) -> None:
        self._note(MENU, call_id, "ivr", body)

    def number_read(self, reader: str, kind: str, record_id: str) -> None:
        """That a caller's number went out unmasked. The same reader and record within ten minutes is one reading."""
        key, now = (reader, kind, record_id), self._clock.now()
        last = self._read.get(key)
        if last is not None and now - last < _SAME_READING:
            return
        self._read[key] = now
        self._read.move_to_end(key)
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        if not self._fresh:
            asyncio.get_running_loop().call_later(_BATCH_SECONDS, self.flush)
        self._fresh.setdefault(reader, defaultdict(list))[kind].append(record_id)

    def flush(self) -> None:
        """One entry for each reader and second."""
        fresh, self._fresh = self._fresh, {}
        for reader, read in fresh.items():
            self._note(NUMBER_READ, reader, reader, {"read": dict(read)})

    def _note(self, kind: str, subject: str, actor: str, body: Mapping[str, Any]) -> None:
        self._put(Note(self._clock.now(), kind, subject, actor, body))
