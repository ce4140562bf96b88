"""200 callers in the menus at once: how long each waits between two prompts, and whether each comes to a human.

    python -m bench.menus --sessions 200 --seconds 300

The menus' own server, the shipped flow and prompts, over TCP. Asterisk's side is played here: a prompt lasts as long as
its audio, and the callers do all that people do. What counts is the time from the end of one prompt to the command for
the next, for that is silence on the line, and whether each who stays is told where to go.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

import structlog
import typer
from rich.console import Console

from bench.report import Figure, percentile, show
from ivr import prompts
from ivr.load import parse
from ivr.server import AgiServer, Reception
from ivr.shelf import SHIPPED, Stock
from telephony.asterisk.render import config_source

_LINE = "12345"
_HABITS = ("", "1", "2", "0", "*", "77", "7", "hang up")
_GAP_GOAL_MS = 20.0
_MOST_IN_A_SPAN = 1.0  # seconds between two callers of one session, at most


@dataclass
class Seen:
    """``gaps``: seconds. ``lost``: who stayed on the line and was not told where to go."""

    gaps: list[float] = field(default_factory=list)
    callers: int = 0
    hung_up: int = 0
    lost: int = 0


def _stock() -> Stock:
    read = parse((SHIPPED / f"{_LINE}.yaml").read_bytes(), f"{_LINE}.yaml")
    assert read.flow is not None, read.mistakes
    return Stock({f"{_LINE}.yaml": read.flow}, prompts.lengths(config_source() / "prompts" / "zh"))


@asynccontextmanager
async def _serving(stock: Stock, most: int) -> AsyncIterator[int]:
    server = AgiServer(Reception(lambda: stock, lambda: frozenset({_LINE})), most_sessions=most)
    listening = await server.listen("127.0.0.1", 0)
    async with listening:
        yield int(listening.sockets[0].getsockname()[1])


async def _caller(port: int, stock: Stock, dice: random.Random, seen: Seen) -> None:
    """One caller, from the first prompt to the end of the menus."""
    habit = dice.choice(_HABITS)
    keys = iter("" if habit == "hang up" else habit)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    about = {"callerid": f"138{dice.randrange(10**8):08}", "uniqueid": f"bench-{seen.callers}", "arg_1": _LINE}
    about |= {"arg_2": _LINE, "arg_3": str(dice.randrange(30)), "arg_4": "90"}
    writer.write(("".join(f"agi_{name}: {value}\n" for name, value in about.items()) + "\n").encode())
    seen.callers += 1
    told, since = False, time.perf_counter()
    while line := (await reader.readline()).decode().rstrip("\n"):
        seen.gaps.append(time.perf_counter() - since)
        answer = "200 result=1"
        if line.startswith("STREAM FILE"):
            await asyncio.sleep(stock.lengths.get(line.split()[2], 0.0))
            if habit == "hang up" and dice.random() < 0.5:
                seen.hung_up += 1
                break
            answer = "200 result=0 endpos=1"
        elif line.startswith("WAIT FOR DIGIT"):
            key = next(keys, "")
            await asyncio.sleep(dice.uniform(0.2, 1.0) if key else int(line.split()[3]) / 1000)
            answer = f"200 result={ord(key) if key else 0}"
        told = told or line.startswith("SET VARIABLE IVR_NEXT")
        writer.write(f"{answer}\n".encode())
        since = time.perf_counter()
    else:
        seen.lost += not told
    writer.close()


async def _session(port: int, stock: Stock, dice: random.Random, seen: Seen, until: float) -> None:
    """One after the other, so that there are always as many callers as sessions."""
    await asyncio.sleep(dice.uniform(0, _MOST_IN_A_SPAN))
    while time.perf_counter() < until:
        await _caller(port, stock, dice, seen)


async def _run(sessions: int, seconds: float) -> Seen:
    stock, seen, dice = _stock(), Seen(), random.Random(1)
    until = time.perf_counter() + seconds
    async with _serving(stock, sessions + 10) as port:
        await asyncio.gather(*(_session(port, stock, dice, seen, until) for _ in range(sessions)))
    return seen


def figures(sessions: int, seconds: float) -> list[Figure]:
    # each caller's end is told otherwise
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        seen = asyncio.run(_run(sessions, seconds))
    finally:
        structlog.reset_defaults()
    gaps = [gap * 1000 for gap in seen.gaps]
    what = f"menus, {sessions} callers at once: silence between prompts"
    return [
        Figure(f"{what}, p50", percentile(gaps, 0.5), "ms", "lower"),
        Figure(f"{what}, p99", percentile(gaps, 0.99), "ms", "lower", goal=_GAP_GOAL_MS),
        Figure(f"{what}, longest", max(gaps), "ms", "lower"),
        Figure("menus: callers served", seen.callers - seen.hung_up, "callers", "higher"),
        Figure("menus: callers left without a human", seen.lost, "callers", "lower", goal=0),
    ]


def main(
    sessions: Annotated[int, typer.Option(min=1, max=450, help="同时在线 · callers at once")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="时长（秒） · for how long")] = 300.0,
) -> None:
    """菜单压力测试 · many callers in the menus."""
    with Console(stderr=True).status(f"{sessions} callers for {seconds:g} s"):
        found = figures(sessions, seconds)
    show(found)
    if found[-1].value:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
