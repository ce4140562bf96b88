"""People and API keys, on both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import select

from records import tables
from records.accounts import Accounts, KeyNotFound, Role, User, UserExists, UserNotFound
from records.database import engine_for, migrate
from tests.support.ledgers import a_ledger, rows_of
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.asyncio

SEAT = User("8001", "张三", Role.SEAT, ("8001", "8002"))


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def accounts(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> AsyncIterator[Accounts]:
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path}/records.db")
        await migrate(engine)
    else:
        engine = engine_for(await postgres.new_migrated_database())
    yield Accounts(engine)
    await engine.dispose()


async def test_given_the_right_password_then_the_user_else_nobody(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "对的密码")

    assert await accounts.verify("8001", "对的密码") == SEAT
    assert await accounts.verify("8001", "wrong") is None
    assert await accounts.verify("8009", "对的密码") is None
    assert await accounts.user("8001") == SEAT
    assert await accounts.user("8009") is None
    assert await accounts.users() == [SEAT]


async def test_given_a_user_twice_then_the_first_stays(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "one")
    with pytest.raises(UserExists):
        await accounts.add_user(SEAT, "two")

    assert await accounts.verify("8001", "one") == SEAT


async def test_given_a_new_password_then_the_old_one_is_void(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "old")
    await accounts.set_password("8001", "new")

    assert await accounts.verify("8001", "old") is None
    assert await accounts.verify("8001", "new") == SEAT
    with pytest.raises(UserNotFound):
        await accounts.set_password("8009", "new")


async def test_given_a_disabled_user_then_nobody_until_enabled_again(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "right")
    await accounts.set_disabled("8001", True)
    assert await accounts.verify("8001", "right") is None

    await accounts.set_disabled("8001", False)
    assert await accounts.verify("8001", "right") == SEAT


async def test_an_unknown_user_takes_the_time_of_a_wrong_password(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "right")

    async def seconds(user: str) -> float:
        began = time.process_time()
        await accounts.verify(user, "wrong")
        return time.process_time() - began

    known = median([await seconds("8001") for _ in range(5)])
    unknown = median([await seconds("8009") for _ in range(5)])
    assert 0.5 < known / unknown < 2


async def test_hashing_leaves_the_event_loop_free(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "right")
    turns = 0
    sign_ins = asyncio.gather(*(accounts.verify("8001", "right") for _ in range(6)))
    while not sign_ins.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert await sign_ins == [SEAT] * 6
    # hashed on the loop itself, it would get a turn or two between one sign-in and the next
    assert turns > 20


async def test_given_a_key_then_it_opens_until_it_is_revoked(accounts: Accounts) -> None:
    before = datetime.now(UTC)
    key_id, token = await accounts.add_key("市长热线平台", Role.INTEGRATOR, line="12345")
    key = await accounts.verify_key(token)

    assert key is not None
    assert (key.id, key.name, key.role, key.line) == (key_id, "市长热线平台", Role.INTEGRATOR, "12345")
    assert key.created_at >= before
    assert await accounts.verify_key(token + "x") is None
    await accounts.revoke_key(key_id)
    await accounts.revoke_key(key_id)
    assert await accounts.verify_key(token) is None
    assert [kept.revoked_at is not None for kept in await accounts.keys()] == [True]
    with pytest.raises(KeyNotFound):
        await accounts.revoke_key("nobody")


async def test_given_a_ledger_then_each_change_is_an_entry_that_says_who_made_it_and_holds_no_secret(
    accounts: Accounts,
) -> None:
    kept = Accounts(accounts._engine, a_ledger(accounts._engine))
    await kept.add_user(SEAT, "one", by="os:root")
    await kept.set_password("8001", "two", by="os:li")
    await kept.set_role("8001", Role.SUPERVISOR, by="os:root")
    await kept.set_disabled("8001", True, by="os:root")
    await kept.set_disabled("8001", False, by="os:root")
    key_id, token = await kept.add_key("city", Role.INTEGRATOR, by="os:root")
    await kept.revoke_key(key_id, by="os:li")
    await kept.revoke_key(key_id, by="os:root")
    with pytest.raises(UserExists):
        await kept.add_user(SEAT, "one", by="os:root")
    with pytest.raises(UserNotFound):
        await kept.set_role("8009", Role.ADMIN, by="os:root")

    user = await kept.verify("8001", "two")
    assert user is not None and user.role is Role.SUPERVISOR
    rows = [row for row in await rows_of(accounts._engine) if row.kind in ("person", "api-key")]
    assert [(row.subject, row.actor, orjson.loads(row.body)["event"]) for row in rows] == [
        ("8001", "os:root", "added"),
        ("8001", "os:li", "password"),
        ("8001", "os:root", "role"),
        ("8001", "os:root", "disabled"),
        ("8001", "os:root", "enabled"),
        (key_id, "os:root", "added"),
        (key_id, "os:li", "revoked"),
    ]
    assert not [row for row in rows if "张三" in row.body or token in row.body or "argon2" in row.body]


async def test_neither_passwords_nor_keys_are_kept(accounts: Accounts) -> None:
    await accounts.add_user(SEAT, "secret-password")
    _, token = await accounts.add_key("k", Role.ADMIN)
    async with accounts._engine.connect() as connection:
        kept = [row for table in (tables.users, tables.api_keys) for row in await connection.execute(select(table))]

    assert len(token) > 43
    assert "$argon2id$" in str(kept)
    assert token not in str(kept)
    assert "secret-password" not in str(kept)
