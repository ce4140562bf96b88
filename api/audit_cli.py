"""``hotline audit``: verify the ledger, take it along, and forget what must be forgotten."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.applier import who_runs
from telephony.errors import HotlineError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from api.loaded import Loaded
    from records.erasure import Erased
    from records.ledger import Ledger
    from records.verify_ledger import Report

T = TypeVar("T")

audit = typer.Typer(no_args_is_help=True, help="台账：核验、导出、抹除 · the ledger: verify, export, erase")

Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="另外可信的公钥（其他节点或旧密钥），可多次 · another trusted public key; repeatable"),
]
Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象 · print one JSON object")]
Dry = Annotated[bool, typer.Option("--dry-run", help="只统计，不改动 · count only, change nothing")]


@audit.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="导出文件；省略则核验数据库 · an exported file; the database if left out")
    ] = None,
    key: Keys = None,
    json: Json = False,
) -> None:
    """重新计算台账链并逐条核对记录 · re-compute the chain and compare every record; exit 0 only if unbroken."""
    with _explained():
        report, trusted = _verify_file(file, key or []) if file else _run(partial(_verify_all, key or []))
    if json:
        found = [{"name": fault.name, "where": fault.where, "why": fault.why} for fault in report.faults]
        content = {"ok": report.unbroken, "rows": report.rows, "keys": report.keys, "faults": found}
        content["remarks"] = report.remarks
        typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in report.lines(trusted):
            typer.echo(line)
    raise typer.Exit(0 if report.unbroken else 1)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _verify_file(file: Path, keys: list[str]) -> tuple[Report, list[str]]:
    from records.verify_ledger import verify_file

    trusted = [*keys, *_own_key()]
    size = file.stat().st_size
    with _progress("核验 · verifying") as tell:
        return verify_file(file, trusted, lambda done: tell(done, size)), trusted


def _own_key() -> list[str]:
    """None where there is no instance: an auditor's machine."""
    from api.loaded import load
    from api.settings import SettingsRejected
    from records.chain import Signer

    try:
        return [Signer(load().secrets.ledger_key).public_key]
    except SettingsRejected:
        return []


async def _verify_all(keys: list[str], _: Loaded, engine: AsyncEngine, ledger: Ledger) -> tuple[Report, list[str]]:
    from records.audit import Audit
    from records.verify_ledger import Report

    report = Report()
    with _progress("核验 · verifying") as tell:
        signer = ledger.chain.signer
        found = Audit(engine, node=ledger.chain.node, signer=signer, head=ledger.kept_head(), trusted=keys, tell=tell)
        async for fault in found.faults():
            report.faults.append(fault)
    report.rows = found.rows
    report.remarks = [
        f"{kind}: {count} 条早于台账，无从比对 · older than its ledger, not compared"
        for kind, count in found.older.items()
    ]
    report.keys = {key: seq for key, (_, seq) in found.keys.items()}
    return report, [*keys, signer.public_key]


@audit.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="目标文件（.jsonl） · where to; .jsonl")],
) -> None:
    """导出整个台账及清单，可离线核验 · the whole ledger with its manifest, to be verified anywhere."""
    from records.ledger_export import export_ledger

    if output.suffix != ".jsonl":
        raise typer.BadParameter("须为 .jsonl 文件 · must end in .jsonl")

    async def work(_: Loaded, engine: AsyncEngine, ledger: Ledger) -> int:
        await ledger.append("export", output.name, {"what": "ledger"}, actor=who_runs())
        with _progress("导出 · exporting") as tell:
            return await export_ledger(engine, ledger.chain, output, by=who_runs(), tell=lambda rows: tell(rows, rows))

    with _explained():
        rows = _run(work)
    typer.echo(f"{output}: {rows} 行 · rows")


@audit.command("key")
def public_key() -> None:
    """显示本节点的签名公钥 · this node's public key, for whoever verifies."""
    with _explained():
        typer.echo("\n".join(_own_key()))


@audit.command()
def erase(
    number: Annotated[str, typer.Option(help="来电号码 · the caller's number")],
    reason: Annotated[str, typer.Option(help="依据，写入台账 · why; it stands on the ledger")],
    dry_run: Dry = False,
) -> None:
    """抹除一个来电者的个人信息，台账仍可核验 · forget a caller; the chain stays verifiable."""
    from records.erasure import Eraser

    async def work(_: Loaded, engine: AsyncEngine, ledger: Ledger) -> Erased:
        return await Eraser(engine, ledger, dry=dry_run).person(number, actor=who_runs(), reason=reason)

    with _explained():
        _tell(_run(work), dry_run)


@audit.command()
def retention(dry_run: Dry = False) -> None:
    """按保存期限清理，服务也会自动进行 · erase what is older than its period; the service does so by itself."""
    from records.erasure import Eraser

    async def work(loaded: Loaded, engine: AsyncEngine, ledger: Ledger) -> Erased:
        return await Eraser(engine, ledger, dry=dry_run).expired(loaded.settings.retention.periods, datetime.now(UTC))

    with _explained():
        _tell(_run(work), dry_run)


def _tell(found: Erased, dry: bool) -> None:
    done = "将抹除 · would erase" if dry else "已抹除 · erased"
    if found.nothing:
        typer.echo("没有可抹除的 · there is nothing to erase")
    else:
        typer.echo(
            f"{done}: 转接 · handoffs {found.handoffs}, 通话 · calls {found.calls}, 工单警单 · orders {found.orders}, "
            f"台账中的号码 · numbers on the ledger {found.notes}, "
            f"幂等键 · idempotency keys {found.keys}, 台账条目 · ledger entries {found.entries}"
        )
    if found.live:
        typer.echo(f"未结束，未抹除 · not over, left as they are: {found.live}")


def _run(work: Callable[[Any, Any, Any], Awaitable[T]]) -> T:
    from api.bootstrap import ledger_of
    from api.loaded import load
    from records.database import engine_for, migrate

    async def run() -> T:
        loaded = load()
        engine = engine_for(loaded.database_url, any_text=True)
        try:
            await migrate(engine)
            return await work(loaded, engine, ledger_of(engine, loaded))
        finally:
            await engine.dispose()

    return asyncio.run(run())


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except HotlineError as failure:
        sys.exit(failure.message)
    except OSError as failure:
        sys.exit(str(failure))
