"""``python -m bench.synthetic``: fills a database with made-up handoffs, for trying and measuring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.synthetic.load import load
from bench.synthetic.stories import Story, stories
from records.database import engine_for, migrate
from telephony.errors import HotlineError

_CHINA = ZoneInfo("Asia/Shanghai")


def main(
    handoffs: Annotated[int, typer.Option(min=1, help="转接次数 · how many handoffs")] = 1_000_000,
    database: Annotated[
        str, typer.Option(help="sqlite:///文件 或 postgresql://…，须为空库 · an empty database")
    ] = "sqlite:///.local/synthetic.db",
    seed: Annotated[int, typer.Option(help="同一种子，同样的数据 · the same seed makes the same rows")] = 1,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="第一天 · the first day")] = datetime(
        2026, 1, 1
    ),
    days: Annotated[int, typer.Option(min=1, help="天数 · how many days they are spread over")] = 365,
) -> None:
    """造出大量逼真的转接、通话与话路记录，用于试用和测速 · made-up records of handoffs, calls and legs."""
    Path(".local").mkdir(exist_ok=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    try:
        with bar:
            task = bar.add_task("转接 · handoffs", total=handoffs)
            told = stories(handoffs, seed, since.replace(tzinfo=_CHINA), days)
            asyncio.run(_fill(database, told, lambda more: bar.advance(task, more)))
    except HotlineError as failure:
        raise SystemExit(failure.message) from failure


async def _fill(url: str, told: Iterable[Story], progress: Callable[[int], None]) -> None:
    engine = engine_for(url)
    try:
        await migrate(engine)
        await _must_be_empty(engine)
    finally:
        await engine.dispose()
    await load(url, told, progress)


async def _must_be_empty(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        if (await connection.execute(text("SELECT 1 FROM handoffs LIMIT 1"))).first() is not None:
            raise SystemExit(
                "库中已有转接记录，未写入 · there are handoffs in this database already: nothing was written"
            )


if __name__ == "__main__":
    typer.run(main)
