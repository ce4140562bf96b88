"""A call-taker's console: it clicks, waits a little, and clicks again with the same key."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

_PATIENCE = 2.0
_HURRY = (0.001, 0.05)
_AGAIN = 0.3
_SILENT = 20.0
"""How long a service is asked that takes requests and does not answer: what it has taken it may still do."""
_GONE = 2.5
"""How long one is asked that takes no requests: nothing can be under way there."""
_POLL = 0.15


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` None: the service was away. ``unclear``: it may have taken a request that it never answered."""

    status: int | None
    body: dict[str, Any]
    unclear: bool = False

    @property
    def done(self) -> bool:
        return self.status is not None and self.status < 300


class Service:
    """The way to the service, with what all consoles see. ``token`` reads the list of live calls.

    ``hurry``: requests are given up almost at once, as on a bad line, and repeated.
    """

    def __init__(self, base_url: str, token: str, rng: random.Random) -> None:
        self.client = httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=_PATIENCE)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._rng = rng
        self._talks: dict[tuple[str, str], str] = {}
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        self.hurry = False
        self.repeated = 0

    def patience(self) -> float:
        return self._rng.uniform(*_HURRY) if self.hurry else _PATIENCE

    async def talks(self) -> dict[tuple[str, str], str]:
        """The id of each call by the seat that talks and the number it talks to. One look serves all desks."""
        async with self._reading:
            if time.monotonic() - self._read_at < _POLL:
                return self._talks
            self._talks = {}
            try:
                reply = await self.client.get("/v1/calls/live", headers=self._headers)
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.is_success:
                talking = (call for call in reply.json() if call["state"] == "talking")
                self._talks = {(call["seat"], call["original_caller"]): call["id"] for call in talking}
            self._read_at = time.monotonic()
            return self._talks


class Console:
    """One desk's, signed in with ``token``."""

    def __init__(self, service: Service, token: str) -> None:
        self._service = service
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call_of(self, seat: str, caller: str, within: float = 2.5) -> str | None:
        """The call that the service sees at this seat; None when it sees another one, none, or nothing at all."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            found = (await self._service.talks()).get((seat, caller))
            if found is not None:
                return found
            await asyncio.sleep(_POLL)
        return None

    async def hand_over(self, body: dict[str, Any], key: str | None = None) -> Answer:
        return await self.ask("POST", "/v1/handoffs", body, key or str(uuid.uuid4()))

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Answer:
        """Asked again and again, in the same words, until there is an answer that is not 'try later'."""
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        began = time.monotonic()
        unclear = False
        while True:
            try:
                reply = await self._service.client.request(
                    method, path, json=body, headers=headers, timeout=self._service.patience()
                )
                if reply.status_code not in (429, 503):
                    return Answer(reply.status_code, reply.json(), unclear)
                limit = _GONE
            except (httpx.ConnectError, httpx.ConnectTimeout):
                limit = _GONE
            except httpx.TransportError:
                unclear, limit = True, _SILENT
            self._service.repeated += 1
            if time.monotonic() - began > limit:
                return Answer(None, {}, unclear)
            await asyncio.sleep(_AGAIN)

    async def look(self, path: str) -> dict[str, Any] | None:
        """What the console shows; None while the service is away."""
        try:
            reply = await self._service.client.get(path, headers=self._headers)
        except httpx.TransportError:
            return None
        found: dict[str, Any] | None = reply.json() if reply.is_success else None
        return found
