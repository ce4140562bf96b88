"""``hotline report``, ``reconcile`` and ``proofs``: what an auditor asks of the records."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.messages import UNSEEN
from records.reports.formats import file_name, keep, laid_out
from records.reports.layout.table import table_page, table_workbook
from records.reports.model import Format
from records.reports.periods import Kind, Period, newest_closed
from telephony.errors import HotlineError

if TYPE_CHECKING:
    from api.checking import Checked
    from telephony.proof import ProofOfDay
    from telephony.service.proofs import Proofs
    from telephony.service.reconciliation import Reconciler

T = TypeVar("T")


class Form(StrEnum):
    SCREEN = "screen"
    PAGE = "page"
    XLSX = "xlsx"


_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

From = Annotated[
    datetime | None,
    typer.Option("--from", formats=_TIMES, help="从何时起，本机时间；默认前一天 · from when; a day before by default"),
]
To = Annotated[datetime | None, typer.Option("--to", formats=_TIMES, help="到何时止；默认现在 · until when; now")]
Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="哪一天（北京时间）；默认今天 · a day in China; today")
]
Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象 · print one JSON object")]


def reconcile(
    since: From = None,
    until: To = None,
    json: Json = False,
    list_file: Annotated[
        Path | None,
        typer.Option("--list", help="对方清单（csv、jsonl、xlsx） · the other side's list"),
    ] = None,
    line: Annotated[str | None, typer.Option(help="对方热线编号，如 12345 · the other side's line")] = None,
    format: Annotated[Form, typer.Option(help="屏幕、网页或表格 · screen, page or xlsx")] = Form.SCREEN,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="写入此文件 · into this file")] = None,
    numbers: Annotated[
        bool, typer.Option(help="显示完整号码（须配置允许，并记入台账） · whole numbers, where allowed; on the ledger")
    ] = False,
) -> None:
    """逐条核对转接记录与交换机或对方清单 · our records against Asterisk's or another list; exit 1 if they disagree."""
    end = (until or datetime.now()).astimezone(UTC)
    begin = since.astimezone(UTC) if since else end - timedelta(days=1)
    if begin >= end:
        raise typer.BadParameter("--from 须早于 --to · --from must be before --to")
    if (list_file is None) != (line is None):
        raise typer.BadParameter("--list 与 --line 须同时给出 · --list and --line go together")
    if (format is Form.SCREEN) != (output is None):
        raise typer.BadParameter("--format page|xlsx 与 -o 须同时给出 · --format page|xlsx and -o go together")
    from api import checking  # the whole service: seconds that `--help` should not take

    checked = _carried_through(checking.checked(begin, end, list_file, line, whole_numbers=numbers))
    if json:
        _print_json(checked.plain)
    elif output is not None:
        content = table_page(checked.table).encode() if format is Form.PAGE else table_workbook(checked.table)
        _carried_through(asyncio.to_thread(keep, output, content))
        typer.echo(f"{output}: {checked.summary}", err=True)
    else:
        _print_table(checked)
    raise typer.Exit(0 if checked.ok else 1)


def report(
    kind: Annotated[Kind, typer.Argument(help="日、周、半月、月、季、年 · of which period", show_choices=True)],
    day: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help="时段内任一天；默认刚结束的时段 · a day in it; else the last one"),
    ] = None,
    format: Annotated[Format, typer.Option(help="网页、表格、文档或 JSON · what it comes as")] = Format.JSON,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="写入此文件或文件夹；JSON 默认输出到屏幕 · file or folder")
    ] = None,
) -> None:
    """日报、周报、半月报、月报、季报、年报 · the report of a period."""
    period, content = _carried_through(_made(kind, day.date() if day else None, format))
    if output is None and format is Format.JSON:
        typer.echo(content.decode())
        return
    path = output or Path()
    if path.is_dir():
        path /= file_name(period, format)
    _carried_through(asyncio.to_thread(keep, path, content))
    typer.echo(f"{path}: {period.title} · {period.name}", err=True)


async def _made(kind: Kind, day: date | None, format: Format) -> tuple[Period, bytes]:
    from api.bootstrap import period_reports

    async with period_reports() as (reports, root):
        period = reports.period(kind, day) if day else newest_closed(kind, reports.clock.now(), reports.zone)
        return period, laid_out(await reports.of(period), format, root)


def proofs(day: Day = None, json: Json = False) -> None:
    """主叫号码一致性日报 · whether targets were shown the numbers that arrived; exit 1 on a mismatch."""

    async def of_day(_: Reconciler, proofs: Proofs) -> ProofOfDay:
        return await proofs.of(day.date() if day else proofs.today())

    found = _asked(of_day)
    if json:
        _print_json({"ok": not found.mismatched, **_plain(found)})
    else:
        _print_proofs(found)
    raise typer.Exit(1 if found.mismatched else 0)


def _asked(what: Callable[[Reconciler, Proofs], Awaitable[T]]) -> T:
    async def ask() -> T:
        from api.bootstrap import reports  # the whole service: seconds that `--help` should not take

        async with reports() as (reconciler, proofs):
            return await what(reconciler, proofs)

    return _carried_through(ask())


def _carried_through(work: Coroutine[Any, Any, T]) -> T:
    """Its result; a failure of ours ends the command with its own words."""
    try:
        return asyncio.run(work)
    except HotlineError as failure:
        sys.exit(failure.message)
    except OSError as failure:
        sys.exit(str(failure))


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())


def _print_table(checked: Checked) -> None:
    console = Console()
    if checked.table.rows:
        table = Table()
        for title in checked.table.columns:
            table.add_column(str(title), overflow="fold")
        for row in checked.table.rows:
            table.add_row(*map(escape, row))
        console.print(table)
    console.print(checked.summary)


def _plain(found: ProofOfDay) -> dict[str, Any]:
    return {
        "day": found.day,
        "handoffs": found.handoffs,
        "reached": found.reached,
        "equal": found.equal,
        "mismatched": found.mismatched,
        "withheld": found.withheld,
        "not_observed": {why.value: count for why, count in found.not_observed.items()},
    }


def _print_proofs(found: ProofOfDay) -> None:
    console = Console()
    if not found.handoffs:
        console.print(f"{found.day} 没有转接 · no handoff on that day")
        return
    table = Table(title=f"{found.day}（北京时间 · UTC+8）")
    table.add_column("主叫号码 · caller number")
    table.add_column("次数 · handoffs", justify="right")
    table.add_row("转接 · handoffs", str(found.handoffs))
    table.add_row("目标已振铃或接听 · the target rang or answered", str(found.reached))
    table.add_row("一致 · the same as arrived", str(found.equal))
    table.add_row("不一致 · another one", str(len(found.mismatched)), style="red" if found.mismatched else None)
    table.add_row("来电未显示号码 · none had arrived", str(found.withheld))
    for why, count in found.not_observed.items():
        table.add_row(f"未能观察 · not observed: {' · '.join(UNSEEN[why])}", str(count))
    console.print(table)
    for handoff_id in found.mismatched:
        console.print(f"[red]不一致 · mismatch: {handoff_id}[/red]")
