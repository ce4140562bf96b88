"""What lets a browser's player read one recording, range by range: a cookie, for a player cannot send a header.

It counts for one recording, only at the address of its sound, and an address never holds it: addresses end up in logs.
"""

from __future__ import annotations

from datetime import timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from telephony.ports import Clock

COOKIE = "playback"
LIFETIME = timedelta(hours=4)

_ISSUER = "hotline-playback"
_ALGORITHM = "HS256"


class PlaybackTickets:
    """``secret``: that of the sign-in tokens; what is made here is no sign-in (RFC 7519 ``iss``)."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._key = OctKey.import_key(secret)
        self._clock = clock

    def issue(self, recording_id: str, user: str) -> str:
        now = self._clock.now()
        claims = {
            "iss": _ISSUER,
            "sub": recording_id,
            "user": user,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key, algorithms=[_ALGORITHM])

    def opens(self, ticket: str, recording_id: str) -> bool:
        """Whether it was issued for this recording and has not expired."""
        rules = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            iss={"essential": True, "value": _ISSUER},
            sub={"essential": True, "value": recording_id},
            exp={"essential": True},
        )
        try:
            rules.validate(jwt.decode(ticket, self._key, algorithms=[_ALGORITHM]).claims)
        except (JoseError, ValueError):
            return False
        return True
