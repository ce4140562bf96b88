"""``hotline reconcile``: our records against Asterisk's own."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from api.messages import WHY
from telephony.errors import HotlineError

if TYPE_CHECKING:
    from telephony.service.reconciliation import Reconciliation

From = Annotated[
    datetime | None, typer.Option("--from", help="从何时起，本机时间；默认前一天 · from when; a day before by default")
]
To = Annotated[datetime | None, typer.Option("--to", help="到何时止；默认现在 · until when; now by default")]
Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象 · print one JSON object")]


def reconcile(since: From = None, until: To = None, json: Json = False) -> None:
    """逐条核对转接记录与交换机的记录 · hold our records against Asterisk's own; exit 1 if one is not explained."""
    end = (until or datetime.now()).astimezone(UTC)
    begin = since.astimezone(UTC) if since else end - timedelta(days=1)
    if begin >= end:
        raise typer.BadParameter("--from 须早于 --to · --from must be before --to")
    try:
        found = asyncio.run(_compare(begin, end))
    except (HotlineError, OSError) as failure:
        sys.exit(getattr(failure, "message", str(failure)))
    if json:
        typer.echo(orjson.dumps(as_plain(found), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(found)
    raise typer.Exit(1 if found.unexplained else 0)


async def _compare(since: datetime, until: datetime) -> Reconciliation:
    from api.bootstrap import reconciler  # the whole service: seconds that `--help` should not take

    async with reconciler() as ours:
        return await ours.compare(since, until)


def as_plain(found: Reconciliation) -> dict[str, object]:
    return {
        "ok": not found.unexplained,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "compared": found.compared,
        "unexplained": len(found.unexplained),
        "differences": [
            {
                "handoff_id": each.handoff_id,
                "call_id": each.call_id,
                "field": each.field,
                "ours": each.ours,
                "cels": each.cels,
                "why": each.why.value if each.why else None,
            }
            for each in found.differences
        ],
    }


def _print(found: Reconciliation) -> None:
    console = Console()
    if not found.compared:
        console.print("这段时间没有转接 · no handoff ended in that time")
        return
    if not found.differences:
        console.print(f"{found.compared} 次转接，全部一致 · {found.compared} handoffs, all alike")
        return
    table = Table("转接 · handoff", "项目 · field", "本系统 · ours", "交换机 · Asterisk's", "原因 · why")
    for each in found.differences:
        why = "[red]无法解释 · unexplained[/red]" if each.why is None else " · ".join(WHY[each.why])
        table.add_row(each.handoff_id, each.field, each.ours or "–", each.cels or "–", why)
    console.print(table)
    unexplained = len(found.unexplained)
    console.print(
        f"{found.compared} 次转接，{len(found.differences)} 处不同，其中 {unexplained} 处无法解释 · "
        f"{found.compared} handoffs, {len(found.differences)} differences, {unexplained} unexplained"
    )
