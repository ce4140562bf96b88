"""The `hotline` command."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api import (
    accounts_cli,
    audit_cli,
    export_cli,
    ivr_cli,
    linkage_cli,
    probe_cli,
    recordings_cli,
    reports_cli,
    triage_cli,
    units_cli,
)
from telephony.errors import HotlineError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(accounts_cli.people, name="people")
app.add_typer(accounts_cli.keys, name="keys")
app.add_typer(audit_cli.audit, name="audit")
app.add_typer(ivr_cli.ivr, name="ivr")
app.add_typer(linkage_cli.catalogue, name="catalogue")
app.add_typer(units_cli.units, name="units")
app.add_typer(recordings_cli.app, name="recordings")
app.command()(reports_cli.report)
app.command()(reports_cli.reconcile)
app.command()(reports_cli.proofs)
app.command()(export_cli.export)
app.command()(probe_cli.probe)
app.command()(triage_cli.triage)


@app.callback()
def main() -> None:
    """110 与 12345 热线一键转接 · one-key transfer between the 110 and 12345 hotlines."""


@contextmanager
def explained() -> Iterator[None]:
    """A failure of ours ends the command with its own words instead of a traceback."""
    try:
        yield
    except HotlineError as failure:
        sys.exit(failure.message)
    except OSError as failure:
        sys.exit(str(failure))


@app.command()
def up() -> None:
    """启动整套系统，Ctrl-C 停止 · start Redis, Asterisk and the service; Ctrl-C stops all."""
    from api.bootstrap import instance
    from api.up import run_instance

    with explained():
        run_instance(instance())


@app.command()
def serve() -> None:
    """只运行服务进程 · run the service process alone."""
    from api.bootstrap import serve as run_service

    with explained():
        run_service()


@app.command()
def asterisk() -> None:
    """只运行 Asterisk · run Asterisk alone."""
    from api.bootstrap import instance
    from api.logs import configure_logs
    from api.up import run_asterisk

    configure_logs()
    with explained():
        run_asterisk(instance())


@app.command()
def passwords() -> None:
    """显示初始口令与话机口令 · show the first passwords and those of the phones."""
    from api.announcement import passwords as known

    with explained():
        typer.echo(known())


@app.command()
def apply() -> None:
    """采用改过的 hotline.yaml，不影响通话 · take up a changed hotline.yaml; calls go on."""
    from api.apply import apply as apply_now

    with explained():
        taken, restart = apply_now()
    typer.echo(f"已生效 · in force: {', '.join(taken) or '无变化 · nothing changed'}")
    if restart:
        typer.echo(f"需重启才生效 · only after a restart: {', '.join(restart)}")


@app.command()
def demo(
    json: Annotated[bool, typer.Option("--json", help="只输出一个 JSON 对象 · print one JSON object")] = False,
) -> None:
    """真实 SIP 呼叫走遍主要流程 · real SIP calls through every main path."""
    from demo.run import run_demo

    raise typer.Exit(run_demo(Path(".local/demo"), json=json))


@app.command()
def record(
    output: Annotated[Path, typer.Option("--output", "-o", help="每行一个事件 · one event a line; appended to")],
    seconds: Annotated[
        float | None, typer.Option(help="录制秒数；省略则到 Ctrl-C · for so long; else till Ctrl-C")
    ] = None,
) -> None:
    """录制交换机事件（含来电号码，文件仅本人可读） · record Asterisk's events; callers' numbers are in it: mode 600."""
    from api.bootstrap import manager_client
    from api.replaying import record as record_events

    with explained():
        written = record_events(manager_client, output, seconds)
    typer.echo(
        f"{output}: {written} 个事件 · events（含来电号码，权限 600 · callers' numbers are in it, mode 600）", err=True
    )


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="每行一个事件的 JSON 对象 · a JSON object of headers a line")],
    json: Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象 · print one JSON object")] = False,
    skip_broken: Annotated[
        bool, typer.Option(help="跳过坏行并计数 · leave out broken lines, counted on stderr")
    ] = False,
    lose: Annotated[float, typer.Option(min=0, max=1, help="丢失比例 · share of events to lose")] = 0.0,
    double: Annotated[float, typer.Option(min=0, max=1, help="重复比例 · share of events to double")] = 0.0,
    reorder: Annotated[int, typer.Option(min=0, help="最多迟到几位 · places an event may come late")] = 0,
    seed: Annotated[int, typer.Option(help="同一种子，同样的损坏 · the same seed does the same harm")] = 0,
) -> None:
    """录制的事件说明了什么 · what recorded events say, from any dialplan: calls and handoffs."""
    from api import replaying

    with explained():
        seen = replaying.replay(file, skip_broken=skip_broken, harmed=replaying.Harm(lose, double, reorder, seed))
    typer.echo(replaying.as_json(seen) if json else replaying.as_text(seen))


if __name__ == "__main__":
    app()
