"""Each export on the ledger: who asked for what, and what came of it. Nothing goes out before that is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from uuid6 import uuid7

from records.export.spec import Spec
from records.ledger import Ledger
from records.manifest import signed
from telephony.errors import ExportNotFound

KIND = "export"


@dataclass(slots=True)
class Entered:
    """An export that is on the ledger as begun. ``result`` is set when it is whole, ``problem`` when it is not."""

    spec: Spec
    actor: str
    id: str = field(default_factory=lambda: str(uuid7()))
    result: Mapping[str, Any] | None = None
    problem: str = "interrupted"


class ExportBook:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def algorithm(self) -> str:
        """In force on the ledger."""
        return self._ledger.chain.algorithm

    def signed(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        return signed(manifest, self._ledger.chain.signer)

    async def manifest(self, export: str) -> dict[str, Any]:
        """Of one that this node sent out whole, signed then. Raises ExportNotFound, RecordStoreUnavailable."""
        body = await self._ledger.last(KIND, export)
        if body is None or "manifest" not in body:
            raise ExportNotFound(f"there is no export {export} that went out whole")
        return dict(body["manifest"])

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
        broken = {"phase": "broken-off", "problem": entered.problem}
        body = {"phase": "done", **entered.result} if entered.result is not None else broken
        await self._ledger.append(KIND, entered.id, body, actor=entered.actor)
