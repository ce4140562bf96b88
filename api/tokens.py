"""Session tokens: JSON Web Tokens (RFC 7519) signed with HS256, good on every node that has the same secret."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from uuid6 import uuid7

from api.errors import TokenRejected
from api.limits import Counters
from records.accounts import Role
from telephony.ports import Clock

_ISSUER = "hotline"
_ALGORITHM = "HS256"
_SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True)
class Session:
    """What a token says. ``seat`` is set when it was given at a seat and counts there only.

    The role is in the token, so that a hall works on while the database is away; a changed role counts from the next
    sign-in.
    """

    user: str
    role: Role
    seat: str | None
    id: str
    expires_at: datetime


class Tokens:
    """``secret``: at least 32 bytes (RFC 7518 section 3.2), else ValueError. ``lifetime``: a shift and its handover."""

    def __init__(self, secret: bytes, lifetime: timedelta, clock: Clock, counters: Counters) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"the token secret must have at least {_SHORTEST_SECRET} bytes")
        self._key = OctKey.import_key(secret)
        self._lifetime = lifetime
        self._clock = clock
        self._counters = counters

    def issue(self, user: str, role: Role, seat: str | None) -> tuple[str, Session]:
        now = self._clock.now()
        session = Session(user, role, seat, str(uuid7()), (now + self._lifetime).replace(microsecond=0))
        claims: dict[str, Any] = {
            "iss": _ISSUER,
            "sub": user,
            "role": role.value,
            "jti": session.id,
            "iat": int(now.timestamp()),
            "exp": int(session.expires_at.timestamp()),
        }
        if seat is not None:
            claims["seat"] = seat
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key, algorithms=[_ALGORITHM]), session

    async def read(self, token: str) -> Session:
        """Raises TokenRejected: forged, expired or revoked."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            self._rules().validate(claims)
            session = Session(
                user=str(claims["sub"]),
                role=Role(claims["role"]),
                seat=claims.get("seat"),
                id=str(claims["jti"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (JoseError, ValueError) as fault:
            raise TokenRejected("the token is not valid") from fault
        if await self._counters.marked(_mark(session.id)):
            raise TokenRejected("the token is not valid")
        return session

    async def revoke(self, session: Session) -> None:
        """Kept until the token would have expired by itself."""
        await self._counters.mark(_mark(session.id), math.ceil(self.seconds_left(session)) + 1)

    def seconds_left(self, session: Session) -> float:
        return max(0.0, (session.expires_at - self._clock.now()).total_seconds())

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            iss={"essential": True, "value": _ISSUER},
            sub={"essential": True},
            jti={"essential": True},
            role={"essential": True},
            exp={"essential": True},
        )


def _mark(session_id: str) -> str:
    return f"revoked/{session_id}"
