"""``hotline export``: what is on record, as a file for auditors."""

from __future__ import annotations

import asyncio
import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from records.export.spec import Format, Kind, Language, Spec, language_for
from telephony.errors import ExportRefused, HotlineError
from telephony.handoff import Outcome

if TYPE_CHECKING:
    from api.exporting import Exporting

_INTERRUPTED = 130  # as shells say it of SIGINT


def export(
    format: Annotated[Format, typer.Option(help="文件格式 · of the file")],
    since: Annotated[
        str, typer.Option("--from", help="从何时起：2026-11-01、2026-11-01T08:00、…+08:00 · from when, inclusive")
    ],
    until: Annotated[str, typer.Option("--to", help="到何时止（不含） · until when, exclusive")],
    output: Annotated[Path, typer.Option("--output", "-o", help="写入的文件 · the file to write")],
    kind: Annotated[Kind, typer.Option(help="每行一次转接、一个通话或一路话路 · one row for each")] = Kind.HANDOFFS,
    line: Annotated[str | None, typer.Option(help="热线 · a line")] = None,
    seat: Annotated[str | None, typer.Option(help="坐席 · a seat")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="结果 · an outcome")] = None,
    number: Annotated[str | None, typer.Option(help="主叫号码（完整） · the caller's whole number")] = None,
    category: Annotated[str | None, typer.Option(help="事项类别 · a category")] = None,
    full_numbers: Annotated[
        bool, typer.Option("--full-numbers", help="号码不掩码（记入台账） · numbers unmasked; the ledger says so")
    ] = False,
    language: Annotated[
        Language | None, typer.Option(help="zh：中文表头、词语与北京时间；xlsx 默认 zh，其余 en · of headers and words")
    ] = None,
    zone: Annotated[str, typer.Option(help="未带时区的时间属于哪个时区 · of times without one")] = "Asia/Shanghai",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="覆盖已有文件 · replace a file that is there")] = False,
) -> None:
    """导出转接、通话或话路明细，附签名清单 · export records for an audit, with a signed manifest beside the file."""
    try:
        spec = Spec(
            kind=kind,
            format=format,
            since=_moment(since, "--from", zone),
            until=_moment(until, "--to", zone),
            language=language_for(language, format),
            clear=full_numbers,
            line=line,
            seat=seat,
            outcome=outcome,
            number=number,
            category=category,
        )
        rows = _exported(spec, output, overwrite)
    except HotlineError as failure:
        sys.exit(failure.message)
    except KeyboardInterrupt:
        Console(stderr=True).print("已中断，未留下文件 · interrupted; no file was left")
        sys.exit(_INTERRUPTED)
    there = ZoneInfo(zone)
    Console(stderr=True).print(
        f"{output}: {rows} 行 · rows, {spec.since.astimezone(there).isoformat()} … "
        f"{spec.until.astimezone(there).isoformat()}（不含 · exclusive）",
        soft_wrap=True,
    )


def _moment(text: str, option: str, zone: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ExportRefused(
            f"{option} 看不懂：{text!r}，例 2026-11-01 或 2026-11-01T08:00:00+08:00 · {option} is no time: {text!r}"
        ) from error
    try:
        own = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ExportRefused(f"没有时区 {zone!r}，例 Asia/Shanghai · there is no time zone {zone!r}") from error
    try:
        return (at if at.tzinfo else at.replace(tzinfo=own)).astimezone(UTC)
    except OverflowError as error:
        raise ExportRefused(f"{option} 超出范围：{text} · {option} is out of range") from error


def _exported(spec: Spec, output: Path, overwrite: bool) -> int:
    from api.exporting import exporting

    with exporting() as service:
        return _in_steps(service, spec, output, overwrite)


def _in_steps(service: Exporting, spec: Spec, output: Path, overwrite: bool) -> int:
    """The rows. What waits for the database runs in a loop of its own, so that Ctrl-C ends the export itself."""
    from records.export.run import sealed, to_file

    service.known(spec)
    entered = asyncio.run(service.begun(spec, f"os:{getpass.getuser()}"))
    try:
        with _progress() as bar:
            task = bar.add_task("导出 · exporting", total=None)
            done = to_file(
                spec,
                service.url,
                output,
                overwrite=overwrite,
                progress=lambda rows, total: bar.update(task, completed=rows, total=total),
            )
        sealed(output, done.about(entered.id, entered.actor), service.seal)
        entered.result = done.result
        return done.rows
    except HotlineError as failure:
        entered.problem = failure.slug
        raise
    finally:
        asyncio.run(service.ended(entered))


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
