"""The demo's report: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.scenes import Result


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "ok": bool(results) and all(result.ok for result in results),
        "handoffs": [result.record for result in results if result.record],
        "scenes": [
            {
                "name": result.name,
                "name_en": result.name_en,
                "ok": result.ok,
                "shown_from": result.shown.from_number,
                "shown_pai": result.shown.asserted,
                "to_ringing_ms": result.shown.to_ringing_ms and round(result.shown.to_ringing_ms, 1),
                "differences": result.differences,
            }
            for result in results
        ],
    }


def print_table(results: Sequence[Result], console: Console) -> None:
    table = Table(title="真实 SIP 呼叫演示 · real SIP calls", title_justify="left")
    table.add_column("场景 · scene")
    table.add_column("对方所见号码 · shown\n(From, PAI)")
    table.add_column("结果 · outcome")
    table.add_column("去向 · resolution")
    table.add_column("到振铃 · to ringing", justify="right")
    table.add_column("")
    for result in results:
        record, shown = result.record or {}, result.shown
        table.add_row(
            f"{result.name}\n[dim]{result.name_en}",
            f"{shown.from_number or '-'}\n{shown.asserted or '-'}",
            record.get("outcome") or "-",
            record.get("resolution") or "-",
            f"{shown.to_ringing_ms:.1f} ms" if shown.to_ringing_ms is not None else "-",
            "[green]✓" if result.ok else "[red]✗",
        )
    console.print(table)
    for result in results:
        for difference in result.differences:
            console.print(f"[red]✗ {result.name}: {difference}")
