"""The two clients that face the same scripted peer: ours, and panoramisk as it comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from panoramisk import Manager

from telephony.ami.client import AmiClient
from tests.support.scripted_ami import (
    SECRET,
    ScriptedAmi,
    eventually,
)


@contextlib.asynccontextmanager
async def safe(peer: ScriptedAmi, **options: Any) -> AsyncIterator[AmiClient]:
    client = AmiClient("127.0.0.1", peer.port, "hotline", options.pop("secret", SECRET), **options)
    try:
        await client.connect()
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def stock(peer: ScriptedAmi, **config: Any) -> AsyncIterator[Any]:
    config = {"username": "hotline", "secret": SECRET, "reconnect_timeout": 0, **config}
    manager = Manager(host="127.0.0.1", port=peer.port, loop=asyncio.get_running_loop(), **config)
    heard: list[Any] = []
    manager.heard = heard
    manager.register_event("*", lambda _, event: heard.append(event))
    await manager.connect()
    await eventually(lambda: manager.authenticated or peer.links > 1)
    try:
        yield manager
    finally:
        manager.connect = lambda: None  # or it would go on connecting after close()
        manager.close()
        await asyncio.sleep(0)


async def next_event(client: AmiClient, name: str) -> Any:
    async with asyncio.timeout(20):
        async for event in client.events():
            if event.name == name:
                return event
    raise AssertionError(f"the link ended before {name}")
