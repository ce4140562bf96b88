"""Each export on the ledger: who asked for what, and what came of it. Nothing goes out before that is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from uuid6 import uuid7

from records.export.run import Done
from records.export.spec import Spec
from records.ledger import Ledger
from telephony.errors import HotlineError

KIND = "export"


@dataclass(slots=True)
class Entered:
    """An export that is on the ledger as begun. ``done`` is set when it is whole, ``problem`` when it is not."""

    spec: Spec
    actor: str
    id: str = field(default_factory=lambda: str(uuid7()))
    done: Done | None = None
    problem: str = "interrupted"


class ExportBook:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def begun(self, spec: Spec, actor: str) -> Entered:
        """Raises RecordStoreUnavailable: then nothing may go out."""
        entered = Entered(spec, actor)
        asked = {name: value for name, value in spec.plain().items() if value is not None}
        number = asked.pop("number", None)
        body = {"phase": "begun", **asked} | ({"numbers": {"number": number}} if number else {})
        await self._ledger.append(KIND, entered.id, body, actor=actor)
        return entered

    async def ended(self, entered: Entered) -> None:
        """Raises RecordStoreUnavailable."""
        done = entered.done
        body = (
            {"phase": "done", "rows": done.rows, "bytes": done.bytes, "sha256": done.sha256}
            if done
            else {"phase": "broken-off", "problem": entered.problem}
        )
        await self._ledger.append(KIND, entered.id, body, actor=entered.actor)

    @asynccontextmanager
    async def entry(self, spec: Spec, actor: str) -> AsyncIterator[Entered]:
        """Around the export. Raises RecordStoreUnavailable, and whatever the block does."""
        entered = await self.begun(spec, actor)
        try:
            yield entered
        except HotlineError as failure:
            entered.problem = failure.slug
            raise
        finally:
            await self.ended(entered)
