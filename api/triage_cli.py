"""``hotline triage``: advice on what a caller says, for one text or for a file of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from linkage.catalogue import Catalogue
    from linkage.triage import Advice

_FIELDS = ("text", "received_by", "catalogue")


def triage(
    text: Annotated[str | None, typer.Argument(help="来电人的话 · what the caller says")] = None,
    city: Annotated[str | None, typer.Option(help="城市；默认 linkage.city · the city; linkage.city")] = None,
    line: Annotated[str, typer.Option(help="接听的热线 110 或 12345 · the line that received it")] = "12345",
    file: Annotated[
        Path | None,
        typer.Option(
            help="每行一个 JSON：id, text, received_by, catalogue；- 为标准输入 · a JSON object a line; - is stdin"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象 · print one JSON object")] = False,
) -> None:
    """分流建议：类别、去向、是否紧急、理由 · advice on a text: the category, what to do, whether it is urgent, why.

    只是建议，由人决定 · advice only: people decide.
    """
    from api.linkage_cli import known

    in_force, _ = known()
    if file is not None:
        if text is not None:
            raise typer.BadParameter("TEXT 与 --file 只能给一个 · give one of TEXT and --file")
        raise typer.Exit(_of_file(file, in_force))
    if text is None:
        raise typer.BadParameter("请给出 TEXT 或 --file · give TEXT or --file")
    case = {"text": text, "received_by": line, "catalogue": city or _city()}
    told = _advised(case, in_force)
    if isinstance(told, str):
        sys.exit(told)
    if json:
        typer.echo(orjson.dumps(described(told), option=orjson.OPT_INDENT_2))
    else:
        _show(told)


def _city() -> str:
    from api.settings import load_settings

    return load_settings().linkage.city


def described(advice: Advice) -> dict[str, Any]:
    """As it goes out, here and over the API."""
    return {
        "category_id": advice.category_id,
        "item_id": advice.item_id,
        "action": advice.action.value,
        "urgent": advice.urgent,
        "why": advice.why,
        "rule": advice.row.id,
        "phrase": advice.row.source.phrase,
        "document": advice.document,
        "also": advice.row.also,
        "peers": list(advice.peers),
        "catalogue": advice.catalogue,
        "candidates": [
            {
                "category_id": each.category_id,
                "item_id": each.item_id,
                "name": each.name,
                "action": each.action.value,
                "points": each.points,
                "words": list(each.words),
            }
            for each in advice.candidates
        ],
    }


def _advised(case: Mapping[str, Any], in_force: Mapping[str, Catalogue]) -> Advice | str:
    """What is wrong with the case, in words, in the place of advice."""
    from linkage.catalogue import LINES
    from linkage.triage import advise

    for name in _FIELDS:
        if not isinstance(case.get(name), str):
            return f"{name}: 缺少或不是文字 · is missing, or no text"
    if case["received_by"] not in LINES:
        return f"received_by: {case['received_by']}（须为 110 或 12345 · must be 110 or 12345）"
    catalogue = in_force.get(case["catalogue"])
    if catalogue is None:
        return f"catalogue: 没有 {case['catalogue']} · is not known（可用 · known: {', '.join(in_force)}）"
    return advise(case["text"], received_by=case["received_by"], catalogue=catalogue)


def _of_file(file: Path, in_force: Mapping[str, Catalogue]) -> int:
    """A line of advice for each line of the file, in its order; 1 when any line was wrong."""
    wrong = 0
    for number, line in _lines(file):
        case, told = _case(line)
        found = told or _advised(case, in_force)
        if isinstance(found, str):
            wrong += 1
            typer.echo(f"{file}:{number}: {found}", err=True)
            answer: dict[str, Any] = {"id": case.get("id"), "error": found}
        else:
            answer = {"id": case.get("id"), **described(found)}
        sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
    return 1 if wrong else 0


def _case(line: bytes) -> tuple[dict[str, Any], str]:
    """The case, and what is wrong with the line."""
    try:
        case = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return {}, f"不是 JSON · is not JSON: {error}"
    return (case, "") if isinstance(case, dict) else ({}, "须为 JSON 对象 · must be a JSON object")


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            yield from ((number, line) for number, line in enumerate(source, 1) if line.strip())
    except OSError as failure:
        sys.exit(f"{file}: {failure.strerror}")


def _show(advice: Advice) -> None:
    console = Console(highlight=False)
    danger = "[bold red]紧急 · danger[/bold red]  " if advice.urgent else ""
    console.print(f"{danger}[bold]{advice.category_id or '—'}[/bold]  {advice.action}  ({advice.catalogue})")
    console.print(
        f"{escape(advice.why)}\n{advice.row.id} “{escape(advice.row.source.phrase)}” {escape(advice.document)}"
    )
    if advice.row.also:
        console.print(escape(advice.row.also))
    if advice.peers:
        console.print(f"同时联动 · add: {'、'.join(advice.peers)}")
    if advice.candidates:
        table = Table("类别 · category", "", "去向 · action", "听到 · heard")
        for each in advice.candidates:
            table.add_row(each.category_id, escape(each.name), each.action, escape("、".join(each.words)))
        console.print(table)
