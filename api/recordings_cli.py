"""``hotline recordings``: what an auditor asks of them."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from api.reports_cli import From, Json, To
from telephony.errors import HotlineError

if TYPE_CHECKING:
    from records.recordings.shelf import Faults

app = typer.Typer(help="录音 · recordings", no_args_is_help=True)

Read = Annotated[
    bool, typer.Option("--read", help="逐个读取文件，与台账比对 · read every file and compare it with the ledger")
]
_WORDS = {
    "cut": "结尾缺失 · its end is missing",
    "short": "比通话短 · shorter than the call",
    "no-file": "没有文件 · no file",
}


@app.callback()
def _group() -> None:
    """Keeps ``check`` a command of its own."""


@app.command()
def check(since: From = None, until: To = None, read: Read = False, json: Json = False) -> None:
    """缺失、不完整或被改动的录音 · recordings that are missing, truncated or altered; exit 1 if there is one."""
    end = (until or datetime.now()).astimezone(UTC)
    begin = since.astimezone(UTC) if since else end - timedelta(days=1)
    if begin >= end:
        raise typer.BadParameter("--from 须早于 --to · --from must be before --to")
    found = _checked(begin, end, read)
    if json:
        typer.echo(orjson.dumps(_plain(found), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(found, read)
    raise typer.Exit(0 if found.none else 1)


def _checked(begin: datetime, end: datetime, read: bool) -> Faults:
    async def ask() -> Faults:
        from api.bootstrap import recording_shelf  # the whole service: seconds that `--help` should not take

        async with recording_shelf() as (shelf, lines):
            return await shelf.check(lines, begin, end, read=read)

    try:
        return asyncio.run(ask())
    except HotlineError as failure:
        sys.exit(failure.message)
    except OSError as failure:
        sys.exit(str(failure))


def _plain(found: Faults) -> dict[str, Any]:
    def named(group: Any) -> list[dict[str, Any]]:
        return [
            {"id": each.id, "call_id": each.call_id, "state": each.state.value, "problem": each.problem}
            for each in group
        ]

    return {
        "ok": found.none,
        "faulty": named(found.faulty),
        "unrecorded": list(found.unrecorded),
        "altered": named(found.altered),
        "lost": named(found.lost),
        "read": found.read,
    }


def _print(found: Faults, read: bool) -> None:
    console = Console()
    if found.none:
        told = f"，已读取 {found.read} 个文件 · , {found.read} files read" if read else ""
        console.print(f"录音没有问题 · nothing is wrong with the recordings{told}")
        return
    table = Table()
    for title in ("录音或通话 · recording or call", "开始 · began", "问题 · what is wrong"):
        table.add_column(title, overflow="fold")
    rows = [
        *((each, _WORDS.get(each.problem or "", each.state.value)) for each in found.faulty),
        *((each, "[red]与台账不符 · not what the ledger says[/red]") for each in found.altered),
        *((each, "[red]文件不见了 · its file has gone[/red]") for each in found.lost),
    ]
    for each, problem in rows:
        table.add_row(each.id, f"{each.started_at.astimezone():%Y-%m-%d %H:%M:%S}", problem)
    for call_id in found.unrecorded:
        table.add_row(call_id, "", "没有录音 · not recorded")
    console.print(table)
