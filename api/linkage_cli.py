"""``hotline catalogue``: what the cities' acceptance catalogues say, whether they are sound, what differs."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from telephony.errors import HotlineError

if TYPE_CHECKING:
    from linkage.catalogue import Catalogue
    from linkage.shelf import Archive

catalogue = typer.Typer(no_args_is_help=True, help="受理目录 · the cities' acceptance catalogues")

Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 值 · print one JSON value")]
Which = Annotated[
    str, typer.Argument(help="城市、城市@版本或文件 · a city, city@version (its beginning is enough), or a file")
]


def known() -> tuple[dict[str, Catalogue], Archive]:
    """The sound catalogues by city, and those of before. Ends the command when the settings are wrong."""
    from api.linkage_parts import archive_of, catalogue_folder
    from api.settings import load_settings
    from linkage.load import read
    from linkage.shelf import files

    try:
        settings = load_settings()
        reads = [read(path) for path in files(catalogue_folder(settings))]
    except HotlineError as failure:
        sys.exit(failure.message)
    return {each.catalogue.id: each.catalogue for each in reads if each.catalogue}, archive_of(settings.home)


def found(which: str) -> Catalogue:
    """Ends the command, with what is wrong, when there is no such catalogue or it is not sound."""
    from linkage.load import read

    if which.endswith(".yaml"):
        one = read(Path(which))
        if one.catalogue is None:
            sys.exit("\n".join(str(mistake) for mistake in one.mistakes))
        return one.catalogue
    in_force, archive = known()
    city, _, version = which.partition("@")
    here = in_force.get(city)
    if version and not (here and here.version.startswith(version)):
        here = archive.version(city, version)
    if here is None:
        sys.exit(f"没有目录 {which} · no such catalogue（可用 · known: {', '.join(in_force)}）")
    return here


@catalogue.command(name="list")
def list_all(json: Json = False) -> None:
    """列出各城市的目录 · the catalogues that are in force."""
    from linkage.checks import conflicts

    in_force, archive = known()
    if json:
        typer.echo(jsonlib.dumps([_summary(each) for each in in_force.values()], ensure_ascii=False, indent=2))
        return
    table = Table("城市 · city", "版本 · edition", "version", "类 · categories", "交叉 · conflicts", "存档 · kept")
    for each in in_force.values():
        counts = (sum(len(group.categories) for group in each.lists), len(conflicts(each)))
        kept = str(len(archive.versions(each.id)))
        table.add_row(f"{each.id} {each.name}", each.edition, each.version, *map(str, counts), kept)
    Console().print(table)


def _summary(each: Catalogue) -> dict[str, str]:
    return {name: getattr(each, name) for name in ("id", "name", "region", "title", "edition", "version", "stamp")}


@catalogue.command()
def show(which: Which, json: Json = False) -> None:
    """显示目录全文与交叉事项 · a whole catalogue, and what in it stands in several categories."""
    from linkage.checks import conflicts

    here = found(which)
    if json:
        typer.echo(here.model_dump_json(indent=2, exclude_none=True))
        return
    console = Console(highlight=False)
    console.print(f"[bold]{escape(here.title)}[/bold]\n{escape(here.region)} · {here.stamp}")
    console.print(f"{escape(here.source.document)} {escape(here.source.number or '')}")
    for group in here.lists:
        table = Table("编号 · id", "类别 · category", "事项 · items", title=escape(group.heading), title_justify="left")
        for each in group.categories:
            items = "、".join(item.short or item.text for item in each.items)
            table.add_row(each.id, escape(each.name), escape(items))
        console.print(table)
        console.print(f"  110: {group.received_by_110}   12345: {group.received_by_12345}\n")
    for special in here.special:
        console.print(f"{special.id}  {special.kind}  {escape(special.text)}")
    for conflict in conflicts(here):
        ways = "；".join(f"{category} {action}" for category, action in conflict.ways)
        console.print(f"[yellow]交叉 · overlap[/yellow] {escape(conflict.text)} ({conflict.line}): {ways}")
        console.print(f"    {escape(conflict.rule or '未定 · open')}")


@catalogue.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="省略则检查全部 · all of them by default")
    ] = None,
) -> None:
    """检查目录：文件:行:列: 错误 · exit 0 only if all are sound, else file:line:column: what is wrong."""
    from api.linkage_parts import catalogue_folder
    from api.settings import load_settings
    from linkage.checks import conflicts
    from linkage.load import read
    from linkage.shelf import files as every_file

    try:
        reads = [read(path) for path in files or every_file(catalogue_folder(load_settings()))]
    except HotlineError as failure:
        sys.exit(failure.message)
    mistakes = [mistake for each in reads for mistake in each.mistakes]
    for mistake in mistakes:
        typer.echo(str(mistake))
    for each in reads:
        for conflict in conflicts(each.catalogue) if each.catalogue else ():
            if conflict.rule is None:
                typer.echo(f"{each.source.file}: {conflict.text}: 交叉未定 · in several categories, open", err=True)
    if mistakes:
        typer.echo(f"{len(mistakes)} 处错误 · mistakes", err=True)
        raise typer.Exit(1)
    typer.echo(f"{len(reads)} 份目录，全部通过 · catalogues, all sound", err=True)


@catalogue.command()
def compare(before: Which, after: Which, json: Json = False) -> None:
    """比较两个版本或两个城市 · what differs between two versions, or two cities."""
    from linkage.checks import differences

    old, new = found(before), found(after)
    rows = differences(old, new)
    if json:
        listed = [{"id": each.id, "what": each.what, "before": each.before, "after": each.after} for each in rows]
        told = {"before": old.stamp, "after": new.stamp, "differences": listed}
        typer.echo(jsonlib.dumps(told, ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo("没有差异 · no difference")
        return
    table = Table("编号 · id", "项 · what", old.stamp, new.stamp)
    for each in rows:
        table.add_row(escape(each.id), each.what, escape(each.before or "—"), escape(each.after or "—"))
    Console().print(table)
