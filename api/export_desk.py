"""Exports over HTTP: each is made by a process of its own, so that no call waits for it, and goes out as it is made."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from api.errors import TooManyRequests
from api.shield import carried_out
from records.database import transaction
from records.export.book import Entered, ExportBook
from records.export.query import naming
from records.export.spec import Spec
from telephony.errors import ExportFailed, ExportRefused, HotlineError, RecordStoreUnavailable
from telephony.lines import Directory

log = structlog.get_logger(__name__)

_AT_ONCE = 2
_RETRY_SECONDS = 30
_CHUNK = 256 * 1024
_FIRST_CHUNK_SECONDS = 5.0
_FAILURES: dict[str, type[HotlineError]] = {
    failure.slug: failure for failure in (ExportRefused, ExportFailed, RecordStoreUnavailable)
}


class ExportDesk:
    """``url``: the database's, for the process that reads it; ``engine``: the same, for a short look."""

    def __init__(self, url: str, engine: AsyncEngine, book: ExportBook, directory: Callable[[], Directory]) -> None:
        self._url, self._engine, self._book, self._directory = url, engine, book, directory
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def open(self, spec: Spec, actor: str) -> Outgoing:
        """On the ledger, and begun. To be closed. Raises ExportRefused, RecordStoreUnavailable, TooManyRequests."""
        await self._known(spec)
        if self._free.locked():
            raise TooManyRequests(_RETRY_SECONDS)
        await self._free.acquire()
        try:
            entered = await self._book.begun(spec, actor)
        except BaseException:
            self._free.release()
            raise
        outgoing = Outgoing(self._book, entered, self._free)
        try:
            asked = {"export": entered.id, "actor": actor, "algorithm": self._book.algorithm}
            await outgoing.begin({"spec": spec.plain(), "url": self._url, **asked})
        except BaseException:
            await outgoing.close()
            raise
        return outgoing

    async def manifest(self, export: str) -> dict[str, Any]:
        """Signed. Raises ExportNotFound, RecordStoreUnavailable."""
        return await self._book.manifest(export)

    async def _known(self, spec: Spec) -> None:
        directory = self._directory()
        if spec.line and directory.target(spec.line) is None:
            await self._on_record("line", spec.line)
        if spec.seat and directory.seat(spec.seat) is None:
            await self._on_record("seat", spec.seat)

    async def _on_record(self, name: str, value: str) -> None:
        async with transaction(self._engine) as connection:
            if (await connection.execute(naming(name, value))).first() is None:
                raise ExportRefused(f"there is no {name} {value}, neither configured nor on record")


class Outgoing:
    """One export on its way out. ``id`` is that on the ledger."""

    def __init__(self, book: ExportBook, entered: Entered, free: asyncio.Semaphore) -> None:
        self.id = entered.id
        self._book, self._entered, self._free = book, entered, free
        self._closed = False
        self._process: asyncio.subprocess.Process | None = None
        self._said: asyncio.Task[bytes] | None = None
        self._first: asyncio.Task[bytes] | None = None

    async def begin(self, asked: dict[str, Any]) -> None:
        """Returns when something comes, or nothing has gone wrong for a while. Raises what broke it off."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "records.export"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._process = process
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(orjson.dumps(asked))
        process.stdin.close()
        self._said = asyncio.create_task(process.stderr.read())
        self._first = asyncio.create_task(process.stdout.read(_CHUNK))
        await asyncio.wait((self._first,), timeout=_FIRST_CHUNK_SECONDS)
        if self._first.done() and not self._first.result():
            await self._ended()

    async def chunks(self) -> AsyncIterator[bytes]:
        """On the ledger before it ends. Raises what broke it off: the answer must then end without its end."""
        assert self._process and self._process.stdout and self._first
        chunk = await self._first
        while chunk:
            yield chunk
            chunk = await self._process.stdout.read(_CHUNK)
        await self._ended()
        await self.close()

    async def _ended(self) -> None:
        assert self._process and self._said
        code, said = await self._process.wait(), await self._said
        last = said.splitlines()[-1] if said else b""
        try:
            told = orjson.loads(last)
        except orjson.JSONDecodeError:
            told = {"slug": ExportFailed.slug, "message": f"the export's process ended with {code}"}
        if code == 0:
            self._entered.result = told | {"manifest": self._book.signed(told["manifest"])}
            return
        self._entered.problem = told["slug"]
        log.error("export.broke_off", export=self.id, slug=told["slug"], said=said[-2000:].decode("utf-8", "replace"))
        raise _FAILURES.get(told["slug"], ExportFailed)(told["message"])

    async def close(self) -> None:
        """Ends the process if it is there still; what came of it goes on the ledger. Harmless when repeated."""
        if not self._closed:
            self._closed = True
            self._free.release()
            await carried_out(self._close())

    async def _close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        for task in (self._said, self._first):
            if task is not None:
                task.cancel()
        await self._book.ended(self._entered)
