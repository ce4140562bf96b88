"""One instance as separate children, each of which can be harmed alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import structlog

from api.serving import ServiceProcess
from api.valkey import ValkeyServer
from demo.relay import Relay
from telephony.asterisk.daemon import Daemon
from telephony.asterisk.errors import ControlFailed, PartNotStarted, SetupError
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess

log = structlog.get_logger()

AMI_PORT, RELAY_PORT, HTTP_PORT = 5038, 5039, 8110
"""Before the offset."""

_BOOT_SECONDS = 120.0
_POLL_SECONDS = 0.1
_RESTART_SECONDS = 0.5


class _Startable(Protocol):
    @property
    def pid(self) -> int | None: ...

    async def start(self) -> bool: ...

    async def ended(self) -> None: ...

    async def stop(self) -> None: ...

    def kill(self) -> None: ...


class _AsteriskAlone:
    """``hotline asterisk`` and the Asterisk that it runs; killed together, since the first would restart the second."""

    def __init__(self, layout: Layout, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._log = layout.home / "asterisk.log"
        self._keeper: Daemon | None = None
        self._asterisk = AsteriskProcess(find_asterisk(layout.home), layout.asterisk_conf, layout.run, layout.log)

    @property
    def pid(self) -> int | None:
        return self._asterisk.pid

    async def start(self) -> bool:
        command = [sys.executable, "-m", "api.cli", "asterisk"]
        self._keeper = Daemon.spawn(command, log=self._log, environment=self._environment, die_with_parent=True)
        try:
            async with asyncio.timeout(_BOOT_SECONDS):
                while not await self._booted():
                    if not self._keeper.running:
                        raise PartNotStarted("hotline asterisk", f"ended with {self._keeper.exit_code}", self._log)
                    await asyncio.sleep(_POLL_SECONDS)
        except BaseException:
            self.kill()
            raise
        return True

    async def _booted(self) -> bool:
        if not self._asterisk.find_running():
            return False
        try:
            return "fully booted" in await self._asterisk.rx("core waitfullybooted", seconds=_BOOT_SECONDS)
        except ControlFailed:  # its socket is not there yet
            return False

    async def ended(self) -> None:
        if self._keeper:
            await self._keeper.ended()
        await self._asterisk.ended()

    async def stop(self) -> None:
        if self._keeper:
            await self._keeper.terminate(_BOOT_SECONDS)

    def kill(self) -> None:
        if self._keeper:
            self._keeper.kill()
        self._asterisk.find_running()  # the keeper may have started another since
        self._asterisk.kill()


class HarmedPart:
    """One child: the service, Asterisk or Redis."""

    def __init__(self, program: _Startable) -> None:
        self._program = program
        self.starting = asyncio.Lock()

    @property
    def pid(self) -> int:
        pid = self._program.pid
        assert pid is not None, "not started yet"
        return pid

    @property
    def running(self) -> bool:
        daemon = Daemon.attach(self._program.pid, marker="") if self._program.pid else None
        return daemon is not None and daemon.running

    async def start(self) -> None:
        """Returns when it is ready; the service when it answers, whether or not it reaches the others."""
        async with self.starting:
            await self._program.start()

    async def kill(self) -> None:
        """``kill -9``; returns when it is gone."""
        self._program.kill()
        await self._program.ended()

    def freeze(self) -> None:
        """Alive and silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """In order, also when it is frozen or gone already."""
        if self.running:
            self.thaw()
            await self._program.stop()

    async def keep(self) -> None:
        """Until cancelled: it is started again whenever it has ended."""
        while True:
            await self._program.ended()
            await asyncio.sleep(_RESTART_SECONDS)
            try:
                await self.start()
            except SetupError as failure:
                log.error("part_not_restarted", problem=failure.message)


class Parts:
    """Made by ``stage(…, apart=True)``. ``link`` is what the service's connection to Asterisk runs through.

    Nothing that was killed comes back by itself, but inside ``keep_alive``.
    """

    def __init__(self, home: Path, offset: int, environment: Mapping[str, str]) -> None:
        layout = Layout.of(home)
        layout.create()
        redis = ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log")
        service = ServiceProcess(
            f"http://127.0.0.1:{HTTP_PORT + offset}/healthz",
            home / "up.log",
            environment={
                "HOTLINE_REDIS_URL": redis.url,
                "HOTLINE_NETWORK__AMI_PORT": str(RELAY_PORT),
                **environment,
            },
            boot_seconds=_BOOT_SECONDS,
        )
        self.redis = HarmedPart(redis)
        self.asterisk = HarmedPart(_AsteriskAlone(layout, environment))
        self.service = HarmedPart(service)
        self.link = Relay(RELAY_PORT + offset, AMI_PORT + offset)

    @asynccontextmanager
    async def keep_alive(self, *parts: HarmedPart) -> AsyncIterator[None]:
        """These parts (none named: the service) come back by themselves half a second after their end, as under
        ``hotline up``; do not ``start`` them meanwhile. A start under way is completed before this ends."""
        kept = parts or (self.service,)
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(part.keep()) for part in kept]
            try:
                yield
            finally:
                for part, keeper in zip(kept, keepers, strict=True):
                    async with part.starting:
                        keeper.cancel()


@asynccontextmanager
async def running_parts(home: Path, offset: int, environment: Mapping[str, str]) -> AsyncIterator[Parts]:
    """All of them started; stopped at the end, whatever was done to them. Raises SetupError."""
    parts = Parts(home, offset, environment)
    async with AsyncExitStack() as stack:
        await parts.link.start()
        stack.push_async_callback(parts.link.close)
        for part in (parts.redis, parts.asterisk, parts.service):
            stack.push_async_callback(part.stop)
            await part.start()
        yield parts
