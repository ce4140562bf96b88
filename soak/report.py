"""What came of the soak: a table for people, ``soak.json`` for programs, ``losses.jsonl`` to find out why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from soak.engine import Outcome
from soak.judge import BROKEN, DROPPED, NO_OUTCOME, RANG_TWICE, WRONG_NUMBER, WRONG_OUTCOME
from soak.sheet import Fault, Sheet

_LOSSES = {
    "callers_dropped_by_us": ("被我方挂断的来电人 · callers dropped by us", DROPPED),
    "wrong_numbers": ("错误的来电号码 · wrong numbers shown", WRONG_NUMBER),
    "without_outcome": ("没有唯一结果的转接 · handoffs without exactly one outcome", NO_OUTCOME),
    "wrong_outcomes": ("结果与话机所见不符 · outcomes that the phones contradict", WRONG_OUTCOME),
    "rang_twice": ("一次指令振铃两次 · phones rung twice for one command", RANG_TWICE),
    "broken_stories": ("该来的没有来 · what had to come and did not", BROKEN),
}
_LEFT = {
    "unexplained_differences": "与 Asterisk 自身记录不符 · unexplained differences from Asterisk's own record",
    "channels_left": "残留通道 · channels left",
    "bridges_left": "残留桥接 · bridges left",
    "asterisk_deaths": "Asterisk 自身崩溃 · deaths of Asterisk itself, with its calls",
}
_SHOWN = 20
_AROUND = 2.0


def as_json(out: Outcome) -> dict[str, Any]:
    """``rss_*_kb`` is service plus Asterisk."""
    kinds = Counter(loss.kind for loss in out.losses)
    return {
        "handoffs": out.asked,
        **{name: kinds[kind] for name, (_, kind) in _LOSSES.items()},
        "unexplained_differences": len(out.differences),
        "channels_left": len(out.channels_left),
        "bridges_left": len(out.bridges_left),
        "asterisk_deaths": out.asterisk_deaths,
        "rss_start_kb": sum(out.rss_start.values()),
        "rss_end_kb": sum(out.rss_end.values()),
        "seconds": round(out.seconds, 1),
        "seed": out.plan.seed,
        "calls": len(out.sheets),
        "handoffs_per_second": round(out.asked / max(out.seconds, 1.0), 2),
        "rss_start_each_kb": out.rss_start,
        "rss_end_each_kb": out.rss_end,
        "outcomes": _counted(record["outcome"] for record in out.records),
        "resolutions": _counted(record["resolution"] for record in out.records),
        "via": _counted(ask.via for sheet in out.sheets for ask in sheet.asks),
        "stories": _counted(sheet.story for sheet in out.sheets),
        "faults": _counted(fault.name for fault in out.faults),
        "clicks_repeated": out.repeated,
        "stories_overtaken": out.overtaken,
    }


def _counted(values: Iterable[object]) -> dict[str, int]:
    return dict(Counter(str(value) for value in values).most_common())


def is_clean(report: dict[str, Any]) -> bool:
    """Whether all loss columns are zero, and anything was done at all."""
    return report["handoffs"] > 0 and not any(report[name] for name in (*_LOSSES, *_LEFT))


def print_table(report: dict[str, Any], out: Outcome, console: Console) -> None:
    table = Table(title="故障下的连续转接 · handoffs under faults", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("转接 · handoffs", f"{report['handoffs']:,}")
    table.add_row("来电 · calls", f"{report['calls']:,}")
    table.add_row("用时 · time", f"{report['seconds']:,.0f} s, {report['handoffs_per_second']:.1f}/s")
    table.add_row("故障 · faults", _listed(report["faults"]))
    table.add_row("结果 · outcomes", _listed(report["outcomes"]))
    table.add_row("去向 · resolutions", _listed(report["resolutions"]))
    table.add_section()
    for name, words in {**{name: words for name, (words, _) in _LOSSES.items()}, **_LEFT}.items():
        table.add_row(words, f"[green]{report[name]}" if not report[name] else f"[bold red]{report[name]}")
    table.add_section()
    for name in out.rss_end:
        start, end = out.rss_start[name] / 1024, out.rss_end[name] / 1024
        table.add_row(f"内存 · memory, {name}", f"{start:.0f} → {end:.0f} MB")
    table.add_row("种子 · seed", report["seed"])
    console.print(table)
    for loss in out.losses[:_SHOWN]:
        sheet = loss.sheet
        console.print(
            f"[red]✗ {loss.kind}[/red] #{sheet.serial} {sheet.story}: {loss.words}"
            f" [dim](call {sheet.call_id}, handoff {loss.handoff_id})"
        )
    for words in [*out.differences, *out.channels_left, *out.bridges_left][:_SHOWN]:
        console.print(f"[red]✗[/red] {words}")
    if len(out.losses) > _SHOWN:
        console.print(f"… 另有 · and {len(out.losses) - _SHOWN} more: losses.jsonl")


def _listed(counts: dict[str, int]) -> str:
    return "\n".join(f"{name} {count:,}" for name, count in counts.items()) or "-"


def write(report: dict[str, Any], out: Outcome, folder: Path) -> None:
    """``soak.json`` in ``folder``; in ``soak/`` below it ``losses.jsonl``, and ``stories.jsonl`` with every story."""
    (folder / "soak.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    for name, rows in (("losses.jsonl", losses(out)), ("stories.jsonl", _stories(out))):
        lines = (orjson.dumps(row, default=str) for row in rows)
        (folder / "soak" / name).write_bytes(b"".join(line + b"\n" for line in lines))


def _stories(out: Outcome) -> Iterator[dict[str, Any]]:
    for sheet in out.sheets:
        yield _told(sheet, out.faults)


def losses(out: Outcome) -> Iterator[dict[str, Any]]:
    """Each with its whole story."""
    by_id = {record["id"]: record for record in out.records}
    for loss in out.losses:
        record = by_id.get(loss.handoff_id or "")
        why = {"kind": loss.kind, "words": loss.words, "handoff_id": loss.handoff_id}
        yield {**why, **_told(loss.sheet, out.faults), "record": record}
    for difference in out.differences:
        yield {"kind": "unexplained_difference", "words": difference}
    for kind, left in (("channel_left", out.channels_left), ("bridge_left", out.bridges_left)):
        yield from ({"kind": kind, "words": words} for words in left)


def _told(sheet: Sheet, faults: Sequence[Fault]) -> dict[str, Any]:
    """The whole story with its times from its own beginning, and the faults that touched it."""
    began, ended = sheet.began_at, sheet.ended_at or sheet.began_at
    return {
        "story": sheet.story,
        "serial": sheet.serial,
        "call_id": sheet.call_id,
        "faults": [
            [fault.name, round(fault.began_at - began, 3), round(fault.ended_at - began, 3)]
            for fault in faults
            if fault.touches(began - _AROUND, ended + _AROUND)
        ],
        "timeline": [[round(at - began, 3), words] for at, words in sheet.notes],
        "sheet": {name: value for name, value in asdict(sheet).items() if name != "notes"},
    }
