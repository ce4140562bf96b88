"""One row a figure: a table for people, ``bench/results.json`` for programs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"
COMMAND = "make bench"


@dataclass(frozen=True, slots=True)
class Figure:
    """``floor``: the same thing measured without us in the same run; ``goal``: what we want it to be."""

    name: str
    value: float
    unit: str
    better: str
    floor: float | None = None
    goal: float | None = None
    command: str = COMMAND


def percentile(values: Sequence[float], share: float) -> float:
    """Of at least two values, by linear interpolation."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


def publish(figures: Sequence[Figure]) -> None:
    RESULTS.write_bytes(orjson.dumps([asdict(figure) for figure in figures], option=orjson.OPT_INDENT_2) + b"\n")
    show(figures)


def show(figures: Sequence[Figure]) -> None:
    table = Table()
    for column in ("figure", "value", "floor", "goal", "unit", "better", "command"):
        table.add_column(column, justify="left" if column in ("figure", "command") else "right")
    for figure in figures:
        table.add_row(
            figure.name,
            *("-" if value is None else _shown(value) for value in (figure.value, figure.floor, figure.goal)),
            figure.unit,
            figure.better,
            figure.command,
        )
    Console(width=120).print(table)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}"
