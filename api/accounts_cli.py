"""``hotline people`` and ``hotline keys``: who may sign in, and which programs may ask."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from api.applier import who_runs
from records.accounts import Accounts, Role, User
from records.database import engine_for, migrate
from telephony.errors import HotlineError

if TYPE_CHECKING:
    from api.loaded import Loaded

T = TypeVar("T")

people = typer.Typer(no_args_is_help=True, help="可登录的人员 · who may sign in")
keys = typer.Typer(no_args_is_help=True, help="程序用的接口密钥 · API keys of programs")

SeatsOption = Annotated[
    list[str] | None, typer.Option("--seat", help="可就座的坐席，可多次 · a seat they may sit at; repeatable")
]
LineOption = Annotated[str | None, typer.Option(help="只能代表这条热线 · may act for this line only")]


def _load() -> Loaded:
    from api.loaded import load  # the whole service: seconds that `--help` should not take

    return load()


def _with_accounts(work: Callable[[Accounts], Awaitable[T]]) -> T:
    async def run() -> T:
        from api.bootstrap import ledger_of

        loaded = _load()
        engine = engine_for(loaded.database_url)
        try:
            await migrate(engine)
            return await work(Accounts(engine, ledger_of(engine, loaded)))
        finally:
            await engine.dispose()

    try:
        return asyncio.run(run())
    except HotlineError as failure:
        sys.exit(failure.message)


def _print_table(*columns: str, rows: list[tuple[str, ...]]) -> None:
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    Console().print(table if rows else "（空 · none）")


@people.command("list")
def list_people() -> None:
    """列出 · list them."""
    found = _with_accounts(lambda accounts: accounts.users())
    _print_table(
        "账号 · id",
        "姓名 · name",
        "角色 · role",
        "坐席 · seats",
        "停用 · disabled",
        rows=[(user.id, user.name, user.role.value, " ".join(user.seats), "✓" * user.disabled) for user in found],
    )


@people.command("add")
def add_person(user_id: str, name: str, role: Role, seat: SeatsOption = None) -> None:
    """新增并打印一次性口令 · add one; prints a generated password once."""
    known = {each.id for each in _load().directory.seats}
    unknown = [each for each in seat or [] if each not in known]
    if unknown:
        sys.exit(f"没有坐席 · no such seat: {', '.join(unknown)}")
    password = secrets.token_urlsafe(9)
    person = User(user_id, name, role, tuple(seat or ()))
    _with_accounts(lambda accounts: accounts.add_user(person, password, by=who_runs()))
    typer.echo(f"{user_id} {password}")


@people.command("password")
def new_password(user_id: str) -> None:
    """重设口令并打印一次 · set a new generated password; prints it once."""
    password = secrets.token_urlsafe(9)
    _with_accounts(lambda accounts: accounts.set_password(user_id, password, by=who_runs()))
    typer.echo(f"{user_id} {password}")


@people.command("disable")
def disable_person(user_id: str, undo: Annotated[bool, typer.Option(help="恢复 · enable again")] = False) -> None:
    """停用 · no further sign-in."""
    _with_accounts(lambda accounts: accounts.set_disabled(user_id, not undo, by=who_runs()))


@people.command("role")
def change_role(user_id: str, role: Role) -> None:
    """改角色，下次登录起生效 · another role, from the next sign-in on."""
    _with_accounts(lambda accounts: accounts.set_role(user_id, role, by=who_runs()))


@keys.command("list")
def list_keys() -> None:
    """列出 · list them; the keys themselves are kept nowhere."""
    found = _with_accounts(lambda accounts: accounts.keys())
    _print_table(
        "编号 · id",
        "名称 · name",
        "角色 · role",
        "热线 · line",
        "作废 · revoked",
        rows=[
            (key.id, key.name, key.role.value, key.line or "", key.revoked_at.isoformat() if key.revoked_at else "")
            for key in found
        ],
    )


@keys.command("add")
def add_key(name: str, role: Role, line: LineOption = None) -> None:
    """新增并只显示一次 · make one; it is shown only now."""
    if line is not None and _load().directory.line(line) is None:
        sys.exit(f"没有热线 · no such line: {line}")
    key_id, token = _with_accounts(lambda accounts: accounts.add_key(name, role, line=line, by=who_runs()))
    typer.echo(f"{key_id} {token}")


@keys.command("revoke")
def revoke_key(key_id: str) -> None:
    """作废 · refuse it from now on."""
    _with_accounts(lambda accounts: accounts.revoke_key(key_id, by=who_runs()))
