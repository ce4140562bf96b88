"""Who may sign in: people with passwords, programs with API keys, and their roles."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from uuid6 import uuid7

from records.database import transaction
from records.ledger import Ledger, Pen
from records.notes import Note
from records.seals import row_digest
from records.tables import api_keys, ledger, users
from telephony.errors import RecordsError

_KEY_PREFIX = "hotline_"  # lets scanners of leaked secrets find one
_KEY_BYTES = 32
SYSTEM = "system"
PERSON, API_KEY = "person", "api-key"
TAKEN_UP = "accounts"
"""Kind and subject of the entry that says: from here on each person and key has entries."""
TABLES = {PERSON: users, API_KEY: api_keys}
_SHOWN = {PERSON: ("role", "seats", "disabled"), API_KEY: ("role", "line")}
_HASHES_AT_ONCE = 2  # each takes 64 MiB and a core for tens of milliseconds


class Role(StrEnum):
    SEAT = "seat"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"
    INTEGRATOR = "integrator"


class UserExists(RecordsError):
    slug = "user-exists"


class UserNotFound(RecordsError):
    slug = "user-not-found"


class KeyNotFound(RecordsError):
    slug = "api-key-not-found"


@dataclass(frozen=True, slots=True)
class User:
    """``seats``: the seats this person may sign in at."""

    id: str
    name: str
    role: Role
    seats: tuple[str, ...] = ()
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``line``: the only line the program may act for; None for all."""

    id: str
    name: str
    role: Role
    created_at: datetime
    line: str | None = None
    revoked_at: datetime | None = None


_HASHER = PasswordHasher()  # argon2id, RFC 9106's second recommended setting


@cache
def _hash_of_nobody() -> str:
    """What an unknown user's password is held against; slow to make, on purpose."""
    return _HASHER.hash(secrets.token_urlsafe())


class Accounts:
    """Needs a migrated database. Every method raises RecordStoreUnavailable when it is away.

    Each change is an entry of the ledger in the same transaction; ``by``: who makes it. Without a ``ledger`` it is for
    who only reads: what it changes is found to be missing on the chain.
    """

    def __init__(self, engine: AsyncEngine, ledger: Ledger | None = None) -> None:
        self._engine, self._ledger = engine, ledger
        self._nobody = _hash_of_nobody()
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)

    async def take_up(self) -> None:
        """Puts who was there before the ledger had people and keys on it, once; harmless when repeated."""
        if self._ledger is None:
            return
        async with transaction(self._engine) as connection:
            pen = await self._ledger.pen(connection, ())
            await _take_up(connection, pen)
            last = await pen.write()
        await self._ledger.written(last)

    async def add_user(self, user: User, password: str, *, by: str = SYSTEM) -> None:
        """Raises UserExists."""
        row = {
            "id": user.id,
            "name": user.name,
            "role": user.role.value,
            "seats": list(user.seats),
            "disabled": user.disabled,
            "password_hash": await self._hash(password),
        }
        try:
            await self._change(PERSON, user.id, "added", by, users.insert().values(row))
        except IntegrityError as error:
            raise UserExists(f"there is a user {user.id!r} already") from error

    async def set_password(self, user_id: str, password: str, *, by: str = SYSTEM) -> None:
        """Raises UserNotFound."""
        await self._change_user(user_id, "password", by, password_hash=await self._hash(password))

    async def set_disabled(self, user_id: str, disabled: bool, *, by: str = SYSTEM) -> None:
        """Raises UserNotFound."""
        await self._change_user(user_id, "disabled" if disabled else "enabled", by, disabled=disabled)

    async def set_role(self, user_id: str, role: Role, *, by: str = SYSTEM) -> None:
        """Holds from the next sign-in on. Raises UserNotFound."""
        await self._change_user(user_id, "role", by, role=role.value)

    async def verify(self, user_id: str, password: str) -> User | None:
        """The user when the password is right and the account open.

        An unknown user costs the same time as a wrong password, so that nobody can learn who exists.
        """
        row = await self._one(select(users).where(users.c.id == user_id))
        known_hash = row["password_hash"] if row and row["password_hash"] else None
        right = await self._matches(known_hash or self._nobody, password)
        if not right or row is None or known_hash is None or row["disabled"]:
            return None
        if _HASHER.check_needs_rehash(known_hash):
            await self._change_user(user_id, "rehashed", SYSTEM, password_hash=await self._hash(password))
        return _user(row)

    async def user(self, user_id: str) -> User | None:
        row = await self._one(select(users).where(users.c.id == user_id))
        return _user(row) if row else None

    async def users(self) -> Sequence[User]:
        """By id."""
        return [_user(row) for row in await self._all(select(users).order_by(users.c.id))]

    async def add_key(self, name: str, role: Role, *, line: str | None = None, by: str = SYSTEM) -> tuple[str, str]:
        """A new key's id and the key itself, which is not kept and cannot be shown again."""
        key_id, token = str(uuid7()), _KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        row = {
            "id": key_id,
            "name": name,
            "role": role.value,
            "line": line,
            "key_hash": _digest(token),
            "created_at": datetime.now(UTC),
        }
        await self._change(API_KEY, key_id, "added", by, api_keys.insert().values(row))
        return key_id, token

    async def verify_key(self, token: str) -> ApiKey | None:
        """The key when it is one of ours and not revoked."""
        wanted = select(api_keys).where(api_keys.c.key_hash == _digest(token), api_keys.c.revoked_at.is_(None))
        row = await self._one(wanted)
        return _api_key(row) if row else None

    async def revoke_key(self, key_id: str, *, by: str = SYSTEM) -> None:
        """At once and for good; harmless when it is revoked. Raises KeyNotFound."""
        revoke = api_keys.update().where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        if await self._change(API_KEY, key_id, "revoked", by, revoke.values(revoked_at=datetime.now(UTC))):
            return
        if await self._one(select(api_keys).where(api_keys.c.id == key_id)) is None:
            raise KeyNotFound(f"there is no API key {key_id!r}")

    async def keys(self) -> Sequence[ApiKey]:
        """Oldest first, the revoked ones too."""
        return [_api_key(row) for row in await self._all(select(api_keys).order_by(api_keys.c.created_at))]

    async def _change_user(self, user_id: str, event: str, by: str, **values: Any) -> None:
        change = users.update().where(users.c.id == user_id).values(**values)
        if not await self._change(PERSON, user_id, event, by, change):
            raise UserNotFound(f"there is no user {user_id!r}")

    async def _change(self, kind: str, id: str, event: str, by: str, statement: Any) -> bool:
        """Whether there was anything to change."""
        if self._ledger is None:
            async with transaction(self._engine) as connection:
                return bool((await connection.execute(statement)).rowcount)
        async with transaction(self._engine) as connection:
            pen = await self._ledger.pen(connection, ())
            await _take_up(connection, pen)
            changed = bool((await connection.execute(statement)).rowcount)
            if changed:
                table = TABLES[kind]
                row = (await connection.execute(select(table).where(table.c.id == id))).one()
                pen.note(_entry(kind, event, by, row._asdict()))
            last = await pen.write()
        await self._ledger.written(last)
        return changed

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def _matches(self, known_hash: str, password: str) -> bool:
        async with self._hashing:
            try:
                return await asyncio.to_thread(_HASHER.verify, known_hash, password)
            except (VerifyMismatchError, InvalidHashError):
                return False

    async def _one(self, query: Select[Any]) -> Mapping[str, Any] | None:
        rows = await self._all(query)
        return rows[0] if rows else None

    async def _all(self, query: Select[Any]) -> list[Mapping[str, Any]]:
        async with transaction(self._engine) as connection:
            return [row._asdict() for row in await connection.execute(query)]


def account_body(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A person or key as the ledger has it: who may do what in the open; a name and hashes in the digest only."""
    shown = {name: row[name] for name in _SHOWN[kind]}
    if kind == API_KEY:
        shown["revoked"] = row["revoked_at"] is not None
    return {**shown, "digest": row_digest(row)}


def _entry(kind: str, event: str, by: str, row: Mapping[str, Any]) -> Note:
    return Note(datetime.now(UTC), kind, row["id"], by, {"event": event, **account_body(kind, row)})


async def _take_up(connection: AsyncConnection, pen: Pen) -> None:
    """Before the first entry of all: those that are there already. From then on one without an entry is inserted."""
    begun = select(ledger.c.seq).where(ledger.c.subject == TAKEN_UP, ledger.c.kind == TAKEN_UP)
    if (await connection.execute(begun.limit(1))).first() is not None:
        return
    for kind, table in TABLES.items():
        for row in (await connection.execute(select(table).order_by(table.c.id))).all():
            pen.note(_entry(kind, "found", SYSTEM, row._asdict()))
    pen.note(Note(datetime.now(UTC), TAKEN_UP, TAKEN_UP, SYSTEM))


def _digest(token: str) -> str:
    """A plain hash is enough: a key has 256 random bits, and nobody guesses those."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _user(row: Mapping[str, Any]) -> User:
    return User(row["id"], row["name"], Role(row["role"]), tuple(row["seats"]), row["disabled"])


def _api_key(row: Mapping[str, Any]) -> ApiKey:
    return ApiKey(row["id"], row["name"], Role(row["role"]), row["created_at"], row["line"], row["revoked_at"])
