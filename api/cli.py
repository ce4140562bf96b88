"""The `hotline` command."""

import sys

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


if __name__ == "__main__":
    app()
