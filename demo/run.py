"""``hotline demo``: an instance of its own, every scene, the report."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from demo.report import as_json, print_table
from demo.scenes import Result, play
from demo.stage import stage

_PLAIN_WIDTH = 120


def run_demo(home: Path, *, json: bool) -> int:
    """0 only if everything was as it should be. With ``json`` nothing but the object goes to standard output."""
    console = Console(stderr=json)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    began = time.monotonic()
    results = asyncio.run(_play(home, console))
    report = as_json(results)
    if json:
        print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())  # noqa: T201 - this is the output
    else:
        print_table(results, console)
        console.print(f"{len(results)} 个场景 · scenes, {time.monotonic() - began:.0f} s, ok: {report['ok']}")
    return 0 if report["ok"] else 1


async def _play(home: Path, console: Console) -> list[Result]:
    bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    with bar:
        task = bar.add_task("启动系统并注册话机 · starting the system and its phones")
        async with stage(home) as ours:
            return await play(ours, lambda text: bar.update(task, description=text))
