"""The command: ``python -m soak --handoffs 500``."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from soak.engine import Outcome, Plan, soak
from soak.report import as_json, is_clean, print_table, write

FOLDER = Path(".local")
_DESKS = 16
_PLAIN_WIDTH = 120
_HANDOFFS = 500


def plan_from(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--handoffs", type=int, help="until so many handoffs were asked for")
    parser.add_argument("--seconds", type=float, help="for so long")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="the same seed chooses the same stories")
    parser.add_argument("--desks", type=int, default=_DESKS, help="how many calls at a time")
    parser.add_argument("--without-faults", action="store_true")
    parser.add_argument("--only", default="", help="only stories in whose name this stands")
    given = parser.parse_args(arguments)
    handoffs = given.handoffs or (None if given.seconds else _HANDOFFS)
    return Plan(given.seed, handoffs, given.seconds, given.desks, not given.without_faults, given.only)


def main() -> int:
    plan = plan_from(sys.argv[1:])
    console = Console()
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    console.print(f"种子 · seed {plan.seed}")
    FOLDER.mkdir(exist_ok=True)
    out = asyncio.run(_run(plan, console))
    report = as_json(out)
    write(report, out, FOLDER)
    print_table(report, out, console)
    return 0 if is_clean(report) else 1


async def _run(plan: Plan, console: Console) -> Outcome:
    """Ctrl-C ends it in order."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    bar = Progress(BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    with bar:
        task = bar.add_task("", total=1.0)
        return await soak(
            FOLDER / "soak", plan, stop, lambda share, words: bar.update(task, completed=share, description=words)
        )


if __name__ == "__main__":
    sys.exit(main())
