"""The ledger as a file that an auditor takes along: a JSON object a row, with its manifest; ``.jsonl``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.chain import Chain, moment
from records.database import transaction
from records.manifest import write_manifest
from records.tables import ledger
from records.verify_ledger import Row

_PAGE = 1000


async def export_ledger(
    engine: AsyncEngine, chain: Chain, file: Path, *, by: str, tell: Callable[[int], None] = lambda rows: None
) -> int:
    """How many rows were written. Nothing that looks whole is left when it fails.

    Raises RecordStoreUnavailable, OSError.
    """
    fresh = file.with_name(f".{file.name}.part")
    heads: dict[str, dict[str, object]] = {}
    count, after = 0, ("", 0)
    try:
        with fresh.open("wb") as stream:
            while page := await _page(engine, after):
                await asyncio.to_thread(stream.write, b"".join(_line(row) for row in page))
                heads |= {row.node: {"seq": row.seq, "hash": row.hash} for row in page}
                count, after = count + len(page), (page[-1].node, page[-1].seq)
                tell(count)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    about = {"kind": "ledger", "rows": count, "heads": heads, "made_at": moment(datetime.now(UTC)), "made_by": by}
    await asyncio.to_thread(write_manifest, file, about, chain.signer, chain.algorithm)
    return count


async def _page(engine: AsyncEngine, after: tuple[str, int]) -> list[Row]:
    c = ledger.c
    further = (c.node > after[0]) | ((c.node == after[0]) & (c.seq > after[1]))
    query = select(ledger).where(further).order_by(c.node, c.seq).limit(_PAGE)
    async with transaction(engine, 60.0) as connection:
        return [Row(**row._mapping) for row in await connection.execute(query)]


def _line(row: Row) -> bytes:
    return orjson.dumps(row._asdict(), option=orjson.OPT_APPEND_NEWLINE)
