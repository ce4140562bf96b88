"""``hotline probe``: a synthetic call through a line, and what it shows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from telephony.errors import HotlineError, UnknownTarget

if TYPE_CHECKING:
    from telephony.lines import Directory, Line
    from telephony.probe.judge import Probed

_NOT_PLACED = 2
_CHECKS = {
    "answer": "接听 · answered",
    "prompt": "语音 · prompt",
    "key": "按键 · key",
    "caller": "主叫号码 · caller number",
}
_FOUND = {
    "unreachable": "SIP 无应答，Asterisk 未运行？ · nothing answers SIP there: is Asterisk running?",
    "no-port": "本机没有可用端口 · no UDP port to be had at the phone's address",
    "hung": "探测话机无响应，已终止 · the phone hung and was ended",
    "broken": "探测话机出错，见日志 · the phone failed by itself, see the log",
}


def probe(
    line: Annotated[
        list[str] | None, typer.Option("--line", help="只测这些热线，可多次 · these lines only; repeatable")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="只输出一个 JSON 对象 · print one JSON object")] = False,
) -> None:
    """拨测热线 · call the lines' test numbers; exit 1: something is wrong, 2: no call could be placed."""
    try:
        found = asyncio.run(_probed(line or []))
    except (HotlineError, OSError) as failure:
        typer.echo(failure.message if isinstance(failure, HotlineError) else str(failure), err=True)
        sys.exit(_NOT_PLACED)
    if json:
        typer.echo(orjson.dumps(_plain(found), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
    else:
        Console().print(_table(found))
    placed = any(probed.facts.trouble is None for probed in found)
    raise typer.Exit(0 if all(probed.ok for probed in found) else 1 if placed else _NOT_PLACED)


async def _probed(wanted: Sequence[str]) -> list[Probed]:
    from api.clock import SystemClock
    from api.loaded import load  # much of the service: seconds that `--help` should not take
    from api.logs import configure_logs
    from api.probe_parts import prober_of

    configure_logs()
    loaded = load()
    lines = _lines(loaded.directory, wanted)
    prober = prober_of(loaded, SystemClock())
    return [await prober.probe(line) for line in lines]


def _lines(directory: Directory, wanted: Sequence[str]) -> list[Line]:
    """Raises UnknownTarget, ProbeImpossible."""
    from telephony.probe.apart import ProbeImpossible

    lines = []
    for line_id in wanted:
        line = directory.line(line_id)
        if line is None:
            known = ", ".join(each.id for each in directory.lines)
            raise UnknownTarget(f"没有热线 {line_id} · no line {line_id}: 可用 · known: {known}")
        lines.append(line)
    lines = lines or [line for line in directory.lines if line.probe_number]
    if not lines:
        raise ProbeImpossible(
            "没有热线设了测试号码 · no line has a test number: 在 hotline.yaml 中设置 · set lines[].probe_number"
        )
    return lines


def _plain(found: Sequence[Probed]) -> dict[str, Any]:
    return {
        "ok": all(probed.ok for probed in found),
        "lines": [
            {
                "line": probed.line,
                "number": probed.number,
                "at": probed.at,
                "ok": probed.ok,
                "checks": {
                    finding.check.value: {"ok": finding.ok, "wanted": finding.wanted, "found": finding.found}
                    for finding in probed.findings
                },
                "facts": asdict(probed.facts),
            }
            for probed in found
        ],
    }


def _table(found: Sequence[Probed]) -> Table:
    table = Table("热线 · line", "检查 · check", "应为 · wanted", "实测 · found", "")
    for probed in found:
        for finding in probed.findings:
            shown = _FOUND.get(finding.found, finding.found) or "无 · nothing"
            mark = "[green]✓[/green]" if finding.ok else "[red]✗[/red]"
            table.add_row(probed.line, _CHECKS[finding.check.value], escape(finding.wanted), escape(shown), mark)
        table.add_section()
    return table
