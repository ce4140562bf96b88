"""The service process as a part under supervision."""

import asyncio
import http.client
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from telephony.asterisk.daemon import Daemon
from telephony.asterisk.errors import PartNotStarted

_POLL = 0.2
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 2.0


class ServiceProcess:
    """`hotline serve` as a child; it ends with this process, so that a stray one never keeps the port.

    `health_url` must answer 200 before it counts as started; `environment` comes on top of ours.
    """

    name = "hotline serve"

    def __init__(
        self, health_url: str, log_file: Path, *, environment: Mapping[str, str], boot_seconds: float = 90.0
    ) -> None:
        self._health_url = health_url
        self._log = log_file
        self._environment = environment
        self._boot_seconds = boot_seconds
        self._daemon: Daemon | None = None

    @property
    def pid(self) -> int | None:
        return self._daemon.pid if self._daemon else None

    async def start(self) -> bool:
        """True, always: it is never taken over. Raises PartNotStarted with the last lines of its log."""
        self._daemon = Daemon.spawn(
            [sys.executable, "-m", "api.cli", "serve"],
            log=self._log,
            environment=self._environment,
            die_with_parent=True,
        )
        try:
            await self._healthy(self._daemon)
        except BaseException:
            self._daemon.kill()
            await self._daemon.ended()
            raise
        return True

    async def ended(self) -> None:
        """Returns when it is gone; at once when it was never started."""
        if self._daemon:
            await self._daemon.ended()

    async def answers(self) -> bool:
        return await asyncio.to_thread(_answers, self._health_url)

    async def stop(self) -> None:
        if self._daemon:
            await self._daemon.terminate(_STOP_SECONDS)

    def kill(self) -> None:
        if self._daemon:
            self._daemon.kill()

    async def _healthy(self, daemon: Daemon) -> None:
        deadline = time.monotonic() + self._boot_seconds
        while time.monotonic() < deadline:
            if not daemon.running:
                raise PartNotStarted(self.name, f"ended with {daemon.exit_code}", self._log)
            if await self.answers():
                return
            await asyncio.sleep(_POLL)
        raise PartNotStarted(self.name, f"not ready after {self._boot_seconds:g} s", self._log)


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the machine is not for loopback
    try:
        with direct.open(url, timeout=_ANSWER_SECONDS) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False
