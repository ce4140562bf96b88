"""One long-running program in a session of its own, started by us or found running."""

import asyncio
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path


class Daemon:
    """A program that the terminal's Ctrl-C does not reach, so that its owner can stop it in order.

    Found by process id, it is watched through a pidfd like one of our own: a reused id is never mistaken for it.
    """

    def __init__(self, pid: int, pidfd: int, child: subprocess.Popen[bytes] | None) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._child = child

    @classmethod
    def spawn(
        cls,
        command: Sequence[str],
        *,
        log: Path | None,
        environment: Mapping[str, str] | None = None,
        die_with_parent: bool = False,
    ) -> "Daemon":
        """Output is appended to `log`; None: it goes where ours goes.

        `die_with_parent`: it gets SIGTERM when the calling thread's process is gone.
        Raises OSError when the program cannot be started.
        """
        prefix = ("setpriv", "--pdeathsig", "TERM", "--") if die_with_parent else ()
        with log.open("ab") if log else nullcontext() as output:
            child = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=None if environment is None else {**os.environ, **environment},
            )
        return cls(child.pid, os.pidfd_open(child.pid), child)

    @classmethod
    def attach(cls, pid: int, *, marker: str) -> "Daemon | None":
        """The running process `pid` if `marker` stands in its command line, else None."""
        try:
            found = cls(pid, os.pidfd_open(pid), None)
        except OSError:
            return None
        try:
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            command_line = b""
        return found if os.fsencode(marker) in command_line else None

    def __del__(self) -> None:
        os.close(self._pidfd)

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and for a process that somebody else started."""
        return self._child.poll() if self._child else None

    @property
    def running(self) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return not poll.poll(0)

    async def ended(self) -> None:
        """Returns when the process is gone."""
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        watched = os.dup(self._pidfd)  # several may wait at once; a loop takes one reader per descriptor
        loop.add_reader(watched, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)
        if self._child:
            self._child.wait()

    async def ended_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.ended()
        except TimeoutError:
            return False
        return True

    async def terminate(self, grace: float) -> None:
        """SIGTERM, then SIGKILL to its whole group after `grace` seconds; returns when it is gone."""
        if self.running:
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        if not await self.ended_within(grace):
            self.kill()
            await self.ended()

    def kill(self) -> None:
        """SIGKILL to the process and to all it started; harmless when it is gone."""
        if not self.running:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # not the leader of a group: somebody started it by hand
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
