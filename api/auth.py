"""Who is asking, and whether they may. A route says what it needs: ``Annotated[Principal, needs(Permission.READ)]``.

Two ways in: a session token from a sign-in, or the API key of a program. Both only ever come in a header: an address
ends up in logs. A key that is bound to a line acts on that line's calls and seats only, and sees no other's numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from api.errors import CredentialsWrong, NotAllowed, NotSignedIn, TokenRejected
from api.permissions import Permission, permissions_of
from api.services import Services, Serving
from api.tokens import Session
from api.views import Viewer
from records.accounts import Role, User
from telephony.service import Actor

_DOTS_OF_A_TOKEN = 2  # RFC 7515 section 3.1; an API key has none

_bearer = HTTPBearer(
    auto_error=False, description="A session token from POST /v1/sessions, or an API key.", scheme_name="bearer"
)
_api_key = APIKeyHeader(
    name="X-API-Key", auto_error=False, description="The API key of a program.", scheme_name="apiKey"
)


@dataclass(frozen=True, slots=True)
class Principal:
    """``session`` is None for a program with an API key; ``line`` is the only one that a program may act for."""

    name: str
    role: Role
    permissions: frozenset[Permission]
    session: Session | None = None
    line: str | None = None
    saw: Callable[[str, str], None] = lambda kind, record_id: None

    @property
    def seat(self) -> str | None:
        return self.session.seat if self.session else None

    @property
    def actor(self) -> Actor:
        return Actor(self.name, seat=self.seat, any_call=Permission.ANY_CALL in self.permissions)

    @property
    def viewer(self) -> Viewer:
        return Viewer(Permission.SEE_NUMBERS in self.permissions, self.seat, self.line, self.saw)

    @property
    def expires_at(self) -> datetime:
        """Of a session only."""
        assert self.session is not None
        return self.session.expires_at

    def described(self) -> dict[str, Any]:
        """The fields of ``WhoOut``."""
        return {
            "user": self.name,
            "role": self.role.value,
            "seat": self.seat,
            "permissions": sorted(permission.value for permission in self.permissions),
        }

    def must(self, permission: Permission) -> None:
        """Raises NotAllowed."""
        if permission not in self.permissions:
            raise NotAllowed(f"the role {self.role.value} does not have the permission {permission.value}")


async def _principal(
    services: Serving,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    api_key: Annotated[str | None, Security(_api_key)],
) -> Principal | None:
    credential = api_key or (bearer.credentials if bearer else None)
    if not credential:
        return None
    is_token = api_key is None and credential.count(".") == _DOTS_OF_A_TOKEN
    found = await (_person if is_token else _program)(services, credential)
    structlog.contextvars.bind_contextvars(principal=found.name, seat=found.seat)
    await services.counters.hit(services.rate_limits.requests, "requests", found.name)
    return found


Asking = Annotated[Principal | None, Depends(_principal)]
"""Who is asking; None for somebody who has not said."""


async def _program(services: Services, token: str) -> Principal:
    key = await services.accounts.verify_key(token)
    if key is None:
        raise TokenRejected("the API key is not valid")
    granted = _granted(services, key.role)
    if key.line is not None:
        granted -= {Permission.SEE_NUMBERS}
    name = f"key:{key.name}"
    return Principal(name, key.role, granted, line=key.line, saw=partial(services.journal.number_read, name))


async def _person(services: Services, token: str) -> Principal:
    session = await services.tokens.read(token)
    saw = partial(services.journal.number_read, session.user)
    return Principal(session.user, session.role, _granted(services, session.role), session, saw=saw)


def _granted(services: Services, role: Role) -> frozenset[Permission]:
    return permissions_of(role, auditor_sees_numbers=services.settings.auditor_sees_numbers)


def session_of(services: Services, user: str, role: Role, *, seat: str | None) -> tuple[str, Principal]:
    """A new token, and who its bearer is."""
    token, session = services.tokens.issue(user, role, seat)
    return token, Principal(user, role, _granted(services, role), session)


def needs(permission: Permission) -> Any:
    """The dependency that lets a request through when it may; raises NotSignedIn or NotAllowed."""

    async def allowed(asking: Asking, services: Serving) -> Principal:
        if asking is None:
            raise NotSignedIn
        asking.must(permission)
        if permission is not Permission.READ:
            await still_seated(services, asking)
        return asking

    return Depends(allowed)


async def still_seated(services: Services, who: Principal) -> None:
    """Raises TokenRejected when somebody else has signed in at the seat since: the call there is theirs now.

    SeatNotFound when the seat was taken out of the configuration.
    """
    if who.seat is None:
        return
    sitting = (await services.switchboard.seat(who.seat)).user
    if sitting is not None and sitting != who.name:
        raise TokenRejected(f"somebody else has signed in at the seat {who.seat}")


def address_of(request: Request) -> str:
    return request.client.host if request.client else "local"


async def verified(services: Services, request: Request, user: str, password: str) -> User:
    """Who it is. Raises CredentialsWrong, or TooManyRequests after a few attempts: guessing must be slow.

    A name is counted for each address, so that nobody locks a call-taker out from elsewhere; a whole hall that signs in
    through one address at the change of shift counts only its wrong passwords.
    """
    limits, counters = services.rate_limits, services.counters
    address = address_of(request)
    await counters.hit(limits.sign_in, "sign-in", address, user)
    await counters.check(limits.sign_in_failures, "sign-in-failures", address)
    found = await services.accounts.verify(user, password)
    if found is None:
        known = await services.accounts.user(user)
        services.journal.sign_in_failed(known.id if known else None, address=address)
        await counters.hit(limits.sign_in_failures, "sign-in-failures", address)
        raise CredentialsWrong("the user name or the password is wrong")
    await counters.forgive(limits.sign_in, "sign-in", address, user)
    return found
