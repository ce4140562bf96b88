"""What the ways to an export share: which lines and seats there are, the ledger, the node's signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from records.chain import Signer
from records.database import engine_for, migrate
from records.export.book import Entered, ExportBook
from records.export.pages import reader
from records.export.run import Seal
from records.export.spec import Spec
from records.ledger import Ledger
from records.manifest import write_manifest
from telephony.errors import ExportRefused
from telephony.lines import Directory


@dataclass(frozen=True, slots=True)
class Exporting:
    """For a command, beside a service that runs or not. ``ledger_on`` gives the node's ledger on an engine."""

    url: str
    directory: Directory
    seal: Seal
    ledger_on: Callable[[AsyncEngine], Ledger]

    def known(self, spec: Spec) -> None:
        """Raises ExportRefused for a line or seat that is neither configured nor on record, RecordStoreUnavailable."""
        check_known(spec, self.url, self.directory)

    async def begun(self, spec: Spec, actor: str) -> Entered:
        """Raises RecordStoreUnavailable."""
        engine = engine_for(self.url)
        try:
            return await ExportBook(self.ledger_on(engine)).begun(spec, actor)
        finally:
            await engine.dispose()

    async def ended(self, entered: Entered) -> None:
        """Raises RecordStoreUnavailable."""
        engine = engine_for(self.url)
        try:
            await ExportBook(self.ledger_on(engine)).ended(entered)
        finally:
            await engine.dispose()


@contextmanager
def exporting() -> Iterator[Exporting]:
    """On a migrated database. Raises SettingsRejected, RecordStoreUnavailable, DatabaseIsNewer."""
    from api.bootstrap import ledger_of  # the whole service: seconds that `--help` should not take
    from api.loaded import load

    loaded = load()

    async def prepare() -> None:
        engine = engine_for(loaded.database_url)
        try:
            await migrate(engine)
        finally:
            await engine.dispose()

    asyncio.run(prepare())
    seal = partial(write_manifest, signer=Signer(loaded.secrets.ledger_key), algorithm=loaded.settings.ledger.algorithm)
    yield Exporting(loaded.database_url, loaded.directory, seal, lambda engine: ledger_of(engine, loaded))


def _configured(name: str, directory: Directory) -> tuple[str, list[str]]:
    if name == "seat":
        return "坐席", [seat.id for seat in directory.seats]
    return "热线", [*(line.id for line in directory.lines), *(linked.id for linked in directory.linked_numbers)]


def check_known(spec: Spec, url: str, directory: Directory) -> None:
    """Raises ExportRefused, RecordStoreUnavailable. Blocking."""
    unknown = {
        "line": spec.line if spec.line and directory.target(spec.line) is None else None,
        "seat": spec.seat if spec.seat and directory.seat(spec.seat) is None else None,
    }
    if not any(unknown.values()):
        return
    with reader(url) as database:
        for name, value in unknown.items():
            if value and not database.on_record(name, value):
                word, there = _configured(name, directory)
                raise ExportRefused(f"没有{word} {value}，可用：{', '.join(there)} · there is no {name} {value}")
