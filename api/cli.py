"""The `hotline` command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from telephony.errors import HotlineError

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """110 与 12345 热线一键转接 · one-key transfer between the 110 and 12345 hotlines."""


@app.command()
def up() -> None:
    """启动整套系统，Ctrl-C 停止 · start Redis, Asterisk and the service; Ctrl-C stops all."""
    from api.bootstrap import instance
    from api.up import run_instance

    try:
        run_instance(instance())
    except HotlineError as failure:
        sys.exit(failure.message)


@app.command()
def serve() -> None:
    """只运行服务进程 · run the service process alone."""
    from api.bootstrap import serve as run_service

    run_service()


@app.command()
def apply() -> None:
    """采用改过的 hotline.yaml，不影响通话 · take up a changed hotline.yaml; calls go on."""
    from api.apply import apply as apply_now

    try:
        taken, restart = apply_now()
    except HotlineError as failure:
        sys.exit(failure.message)
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


if __name__ == "__main__":
    app()
