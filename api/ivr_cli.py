"""``hotline ivr``: check, draw and try the flows of the menus."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from telephony.errors import HotlineError

if TYPE_CHECKING:
    from ivr.check import Surroundings
    from ivr.flow import Flow, History
    from ivr.prompts import Text
    from ivr.rehearsal import Moment
    from ivr.shelf import Places

ivr = typer.Typer(no_args_is_help=True, help="语音菜单 · the menus that callers hear")

_WARN_DAYS = 30

FlowName = Annotated[str, typer.Argument(help="流程文件或热线编号 · a file, or the id of a line")]


@dataclass(frozen=True, slots=True)
class _Known:
    places: Places
    around: Surroundings
    texts: Mapping[str, Text]


def _known() -> _Known:
    from api.menus import places, surroundings
    from api.settings import load_settings
    from ivr.prompts import catalogue

    try:
        settings = load_settings()
        where = places(settings)
        return _Known(where, surroundings(settings, where.lengths()), catalogue(where.shipped_prompts))
    except HotlineError as failure:
        sys.exit(failure.message)
    except OSError as failure:
        sys.exit(str(failure))


@ivr.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="省略则检查全部 · all of them by default")
    ] = None,
) -> None:
    """检查流程：文件:行:列: 错误 · check flows; exit 0 only if all are sound, else file:line:column: what is wrong."""
    from ivr.prompts import check_recordings
    from ivr.shelf import look

    known = _known()
    reads, mistakes = look(files or known.places.flow_files(), known.around)
    if not files and known.places.city_prompts is not None:
        mistakes += check_recordings(known.places.city_prompts, known.texts)
    for mistake in mistakes:
        typer.echo(str(mistake))
    if mistakes:
        typer.echo(f"{len(mistakes)} 处错误 · mistakes", err=True)
        raise typer.Exit(1)
    _warn_of_calendar([each.flow for each in reads if each.flow is not None])
    typer.echo(f"{len(reads)} 个流程，全部通过 · flows, all sound", err=True)


def _warn_of_calendar(flows: list[Flow]) -> None:
    from ivr.calendar import known_until
    from ivr.flow import ByDay

    if not any(isinstance(step, ByDay) for flow in flows for step in flow.steps.values()):
        return
    today = datetime.now().date()
    until = known_until(today)
    if until is None or until - today < timedelta(days=_WARN_DAYS):
        end = f"{until}" if until else f"{today.year - 1}-12-31"
        typer.echo(
            f"注意：节假日数据到 {end} 为止，之后按 otherwise 处理 · holidays are known until {end}; after that day "
            "branches by day take `otherwise`: 升级 chinesecalendar · upgrade it",
            err=True,
        )


@ivr.command()
def draw(
    flow: FlowName,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="SVG 文件；默认标准输出 · or stdout")] = None,
) -> None:
    """画出流程（SVG） · draw a flow as SVG."""
    from ivr.draw import draw as drawn

    known = _known()
    svg = drawn(_flow(flow, known), known.texts, known.around.lengths)
    if output is None:
        sys.stdout.buffer.write(svg)
        return
    try:
        output.write_bytes(svg)
    except OSError as failure:
        sys.exit(f"{output}: {failure.strerror}")
    typer.echo(f"{output}: {len(svg)} 字节 · bytes", err=True)


@ivr.command(name="try")
def try_flow(
    flow: FlowName,
    keys: Annotated[
        str | None, typer.Option(help="依次按键，_ 为不按，h 挂机 · keys in turn, _ for none, h hangs up")
    ] = None,
    at: Annotated[datetime | None, typer.Option(help="来电时间；默认现在 · when the call comes; now")] = None,
    waiting: Annotated[int | None, typer.Option(min=0, help="排队人数 · callers in the queue")] = None,
    wait: Annotated[float | None, typer.Option(min=0, help="预计等待秒数 · expected wait in seconds")] = None,
    history: Annotated[list[str] | None, typer.Option(help="repeat 或 silent · repeat or silent")] = None,
) -> None:
    """在终端走一遍流程 · go through a flow in the terminal; nothing is waited for, the clock is a virtual one."""
    from ivr.branching import Facts
    from ivr.calendar import day_kind
    from ivr.menu import Engine
    from ivr.rehearsal import keys as typed
    from ivr.rehearsal import rehearse

    known = _known()
    chosen = _flow(flow, known)
    now = at or datetime.now()
    facts = Facts(now, day_kind(now.date()), waiting, wait, _history(history))
    console = Console(highlight=False)
    console.print(f"{escape(chosen.name)} · {chosen.version} · {now:%Y-%m-%d %H:%M} {facts.day}")
    engine = Engine(chosen, facts, known.around.lengths, may_ask=chosen.line not in known.around.no_menu)
    try:
        for moment in rehearse(engine, typed(keys) if keys is not None else _asked(console)):
            _show(console, moment, known.texts)
    except ValueError as failure:
        sys.exit(f"没有这个键 · no such key: {failure}")


def _flow(name: str, known: _Known) -> Flow:
    """Raises SystemExit with the mistakes of a flow that is not sound."""
    from ivr.check import check as checked
    from ivr.load import read

    files = {path.stem: path for path in known.places.flow_files()}
    path = Path(name) if Path(name).is_file() else files.get(name)
    if path is None:
        sys.exit(f"没有流程 {name} · no such flow（可用 · known: {', '.join(files)}）")
    found = read(path)
    mistakes = checked(found, known.around)
    if mistakes or found.flow is None:
        sys.exit("\n".join(str(mistake) for mistake in mistakes))
    return found.flow


def _history(given: list[str] | None) -> frozenset[History] | None:
    from ivr.flow import History

    try:
        return None if given is None else frozenset(History(each) for each in given)
    except ValueError as failure:
        raise typer.BadParameter(str(failure)) from failure


def _asked(console: Console) -> Callable[[], str]:
    """What is typed, a symbol at a time: several keys in one go are taken in turn; Enter alone is silence."""
    from ivr.rehearsal import HANG_UP, SILENCE, SYMBOLS

    left: list[str] = []

    def symbol() -> str:
        while not left:
            try:
                line = console.input("[bold]按键 · key[/bold]（回车：不按 · Enter: none，h：挂机 · hang up）> ").strip()
            except (EOFError, KeyboardInterrupt):
                return HANG_UP
            left.extend(each for each in line or SILENCE if each in SYMBOLS)
            if not left:
                console.print("只能按 0–9 * # · only these keys: 0–9 * # _ h x")
        return left.pop(0)

    return symbol


def _show(console: Console, moment: Moment, texts: Mapping[str, Text]) -> None:
    from ivr import menu

    event = {
        menu.Silence: "（未按键 · no key）",
        menu.HungUp: "（挂机 · hung up）",
        menu.Failed: "（出错 · failed）",
        menu.Done: "（完成 · done）",
    }
    if isinstance(moment.event, menu.Pressed):
        console.print(f"        ← {moment.event.key}")
    elif moment.event is not None:
        console.print(f"        ← {event[type(moment.event)]}")
    at = f"{moment.at:5.1f} s"
    match moment.action:
        case menu.Ask() | menu.OrderCallBack() | menu.TakeMessage() | menu.LetGo():
            console.print(f"{at}  [cyan]{moment.caller.step}[/cyan] {_kind(moment.action)}")
            for prompt in moment.action.prompts:
                known = texts.get(prompt)
                console.print(f"         “{known.zh}” {escape(known.en)}" if known else f"         {prompt}")
        case menu.ToHuman(why, line, desk):
            where = " / ".join(each for each in (line, desk) if each)
            console.print(f"{at}  [green]→ 人工 · a human[/green] {where} ({why})")
        case menu.HandOver(target, three_way, danger, why):
            ways = [word for word, on in (("三方 · three-way", three_way), ("紧急 · danger", danger)) if on]
            console.print(f"{at}  [green]→ 转接 · handed to {target}[/green] {' '.join(ways)} ({why})")
        case menu.Gone():
            console.print(f"{at}  挂机 · the caller has hung up")


def _kind(action: object) -> str:
    from ivr import menu

    if isinstance(action, menu.Ask):
        return f"（等待 · waits {action.seconds:g} s）" if action.seconds else ""
    names = {menu.OrderCallBack: "回电 · call back", menu.TakeMessage: "留言 · message", menu.LetGo: "挂机 · hangs up"}
    return names[type(action)]
