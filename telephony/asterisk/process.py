"""Starts one Asterisk for an instance directory, finds it again, asks it, stops it."""

import asyncio
import time
from pathlib import Path

import structlog

from telephony.asterisk.daemon import Daemon
from telephony.asterisk.errors import ControlFailed, PartNotStarted, SetupError
from telephony.asterisk.install import AsteriskBinary

log = structlog.get_logger(__name__)

_BOOT_POLL = 0.1
_STOP_SECONDS = 20.0  # it gives hung-up channels 15 s to go


class AsteriskProcess:
    """One Asterisk, told apart from others by its configuration folder.

    `config` is its asterisk.conf, `run_dir` what that names as `astrundir`, `log_dir` gets `asterisk-console.log`;
    without `own_console` the console goes to our own output.
    By default it outlives this process, since calls must go on; the next `start` takes it over.
    With `die_with_parent` (tests, benchmarks) it gets SIGTERM when this process is gone.
    """

    name = "Asterisk"

    def __init__(
        self,
        binary: AsteriskBinary,
        config: Path,
        run_dir: Path,
        log_dir: Path,
        *,
        die_with_parent: bool = False,
        own_console: bool = True,
        boot_seconds: float = 30.0,
    ) -> None:
        self.binary = binary
        self._config = config
        self._run_dir = run_dir
        self._console_log = log_dir / "asterisk-console.log" if own_console else None
        self._quoted = self._console_log or log_dir / "messages"
        self._die_with_parent = die_with_parent
        self._boot_seconds = boot_seconds
        self._daemon: Daemon | None = None

    def find_running(self) -> bool:
        """Whether this instance's Asterisk runs, whoever started it."""
        if self._daemon is None or not self._daemon.running:
            self._daemon = self._attach()
        return self._daemon is not None

    async def start(self) -> bool:
        """Returns when Asterisk has fully booted: True if it was started, False if a running one was taken over.

        The one taken over is told to reload its configuration, which may have changed since; calls go on.
        Raises PartNotStarted with the last lines of its output; nothing is left running then.
        """
        if self.find_running():
            try:
                await self._booted()
                await self.rx("core reload")
                return False
            except SetupError as failure:
                log.error("asterisk_hung", pid=self.pid, problem=failure.message)
                await self._remove()
        command = [*self.binary.command, "-f", "-C", str(self._config)]
        try:
            self._daemon = Daemon.spawn(command, log=self._console_log, die_with_parent=self._die_with_parent)
        except OSError as error:
            raise PartNotStarted(self.name, str(error), self._quoted) from error
        try:
            await self._booted()
        except BaseException:
            await self._remove()
            raise
        return True

    @property
    def pid(self) -> int | None:
        return self._daemon.pid if self._daemon else None

    async def rx(self, command: str, *, seconds: float = 5.0) -> str:
        """The output of one CLI command. Raises ControlFailed when Asterisk is away or silent for `seconds`.

        After a time-out the command may still have been carried out.
        """
        asking = await asyncio.create_subprocess_exec(
            *self.binary.command,
            *("-C", str(self._config), "-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(seconds):
                output, _ = await asking.communicate()
        except TimeoutError:
            raise ControlFailed(f"asterisk -rx {command!r}: no answer within {seconds:g} s") from None
        finally:
            if asking.returncode is None:
                asking.kill()
                await asking.wait()
        text = output.decode(errors="replace").strip()
        if asking.returncode != 0:
            raise ControlFailed(f"asterisk -rx {command!r}: {text}")
        return text

    async def ended(self) -> None:
        """Returns when Asterisk is gone; at once when it was never started."""
        if self._daemon:
            await self._daemon.ended()

    async def answers(self) -> bool:
        """True: a kill would end the calls on it, which may well go on while its console is silent."""
        return True

    async def stop(self) -> None:
        """Hangs up the calls in progress, ends Asterisk, by force when it does not comply. Returns when it is gone.

        Not `core stop gracefully`: it waits for the last call, and its clean-up of all modules can take 10 s
        (seen on 22.10.1: "Taskprocessor shutdown: Still waiting for 1 taskprocessor(s)").
        """
        if self._daemon is None or not self._daemon.running:
            return
        try:
            await self.rx("core stop now")
        except ControlFailed as failure:
            log.debug("asterisk_stop", problem=failure.message)
        if not await self._daemon.ended_within(_STOP_SECONDS):
            log.error("asterisk_killed", pid=self.pid)
            await self._remove()

    def kill(self) -> None:
        if self._daemon:
            self._daemon.kill()

    async def _booted(self) -> None:
        deadline = time.monotonic() + self._boot_seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._daemon is None or not self._daemon.running:
                raise PartNotStarted(self.name, f"ended with {self._exit_code()}", self._quoted)
            try:
                answer = await self.rx("core waitfullybooted", seconds=left)
            except ControlFailed:  # its socket is not there yet
                await asyncio.sleep(_BOOT_POLL)
                continue
            if "fully booted" in answer:  # nothing is said, with exit code 0, when it ends while we wait
                return
        raise PartNotStarted(self.name, f"not ready after {self._boot_seconds:g} s", self._quoted)

    def _exit_code(self) -> int | None:
        return self._daemon.exit_code if self._daemon else None

    async def _remove(self) -> None:
        if self._daemon:
            self._daemon.kill()
            await self._daemon.ended()

    def _attach(self) -> Daemon | None:
        try:
            pid = int((self._run_dir / "asterisk.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return Daemon.attach(pid, marker=str(self._config))
