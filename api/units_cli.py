"""``hotline units``: whether the city's list of units is sound, and who is on duty."""

from __future__ import annotations

import json as jsonlib
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from telephony.errors import HotlineError

if TYPE_CHECKING:
    from api.settings import Settings
    from linkage.units import Units
    from telephony.lines import Directory

units = typer.Typer(no_args_is_help=True, help="联动单位与值班 · the units that join in, and who is on duty")

_MOMENT = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@units.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="省略则检查 linkage.units · the one in use by default")] = None,
) -> None:
    """检查单位名单：文件:行:列: 错误 · exit 0 only if sound, else file:line:column: what is wrong."""
    from linkage.load import read_units

    settings, directory, in_use = _loaded()
    if file is not None:
        in_use, mistakes = read_units(file, lambda target: directory.target(target) is not None)
        for mistake in mistakes:
            typer.echo(str(mistake))
        if mistakes:
            typer.echo(f"{len(mistakes)} 处错误 · mistakes", err=True)
            raise typer.Exit(1)
    elif settings.linkage.units is None:
        sys.exit("hotline.yaml 未设 linkage.units · no list of units is set")
    typer.echo(f"{len(in_use.units)} 个单位，全部通过 · units, all sound", err=True)


@units.command("on-duty")
def on_duty(
    at: Annotated[
        datetime | None, typer.Option(formats=_MOMENT, help="何时，本地时间 · when, local time; now by default")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="输出一个 JSON 值 · print one JSON value")] = False,
) -> None:
    """现在谁值班，依次拨打 · whom of each unit to call now, in this order."""
    from api.settings_linkage import worked
    from linkage.units import on_duty as called

    settings, _, in_use = _loaded()
    zone = ZoneInfo(settings.reports.time_zone)
    moment = datetime.now(zone) if at is None else at.replace(tzinfo=zone)
    found = {unit.id: called(unit, moment, zone, worked) for unit in in_use.units}
    if json:
        plain = {id: [{"name": e.name, "phone": e.phone, "why": e.why} for e in each] for id, each in found.items()}
        typer.echo(jsonlib.dumps(plain, ensure_ascii=False, indent=2))
        return
    table = Table("单位 · unit", "先拨 · first", "电话 · phone", "其次 · then", title=f"{moment:%Y-%m-%d %H:%M}")
    for unit in in_use.units:
        first, *others = found[unit.id]
        then = "，".join(f"{each.name} {each.phone}" for each in others)
        table.add_row(escape(unit.name), escape(first.name), first.phone, escape(then))
    Console().print(table)


def _loaded() -> tuple[Settings, Directory, Units]:
    """Ends the command when the settings, or the list that they name, are wrong."""
    from api.loaded import load

    try:
        loaded = load()
    except HotlineError as failure:
        sys.exit(failure.message)
    return loaded.settings, loaded.directory, loaded.units
