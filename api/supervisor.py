"""Starts the parts of one instance in order, keeps them running, stops them in reverse.

No library fits: honcho and its like end all when one ends, circus and supervisord bring a daemon of
their own, and none of them takes over a running Asterisk with calls on it.
"""

import asyncio
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from telephony.asterisk.errors import HomeInUse, PortTaken, SetupError

log = structlog.get_logger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY_AFTER = 0.5, 15.0, 60.0
_ASK_EVERY, _SILENT_TIMES = 4.0, 3
_OFFSETS = range(1000, 20_000, 1000)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Part(Protocol):
    """A program under supervision."""

    @property
    def name(self) -> str: ...

    async def start(self) -> bool:
        """Returns when ready: True if started, False if a running one was taken over. Raises SetupError."""

    async def ended(self) -> None:
        """Returns when it is gone."""

    async def answers(self) -> bool:
        """Whether it answers now, known within seconds; True for a part that is not to be killed for its silence."""

    async def stop(self) -> None:
        """Returns when it is gone. In order, and by force when it does not comply."""

    def kill(self) -> None:
        """At once; harmless when it is gone."""


@dataclass(frozen=True, slots=True)
class Port:
    """One to listen on. `field` is the setting that holds it, `kind` SOCK_STREAM or SOCK_DGRAM."""

    field: str
    host: str
    number: int
    kind: socket.SocketKind

    @property
    def protocol(self) -> str:
        return "tcp" if self.kind is socket.SOCK_STREAM else "udp"


async def supervise(parts: Sequence[Part], ready: Callable[[], None]) -> None:
    """Starts `parts` in order, calls `ready`, keeps all running until SIGINT, SIGTERM or SIGHUP.

    Then stops them in reverse; a second signal kills. Raises SetupError when a part does not start the first
    time; then those started before it are stopped, but those taken over stay as they were found: there may be
    calls on them.
    """
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_run(parts, ready))
    asked = 0

    def on_signal() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            log.info("stopping", hint="再按一次 Ctrl-C 强制结束 · Ctrl-C again forces")
            work.cancel()
        else:
            for part in parts:
                part.kill()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        await work
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _run(parts: Sequence[Part], ready: Callable[[], None]) -> None:
    to_stop: list[Part] = []
    taken_over: list[Part] = []
    try:
        for part in parts:
            to_stop.append(part)
            if not await _start(part):
                taken_over.append(part)
        ready()
        async with asyncio.TaskGroup() as watchers:
            for part in parts:
                watchers.create_task(_keep(part))
    except Exception:
        to_stop = [part for part in to_stop if part not in taken_over]
        raise
    finally:
        for part in reversed(to_stop):
            await _stop(part)


async def _start(part: Part) -> bool:
    began = time.monotonic()
    log.info("starting", part=part.name)
    fresh = await part.start()
    log.info("started" if fresh else "taken_over", part=part.name, seconds=round(time.monotonic() - began, 2))
    return fresh


async def _stop(part: Part) -> None:
    began = time.monotonic()
    await part.stop()
    log.info("stopped", part=part.name, seconds=round(time.monotonic() - began, 2))


async def _keep(part: Part) -> None:
    """Starts `part` again whenever it ends or hangs, for ever; after a start that failed the pause is longer."""
    pause = 0.0
    began = time.monotonic()
    while True:
        await _ended(part)
        pause = next_pause(pause, time.monotonic() - began)
        log.error("part_died", part=part.name, restart_in_seconds=pause)
        await asyncio.sleep(pause)
        began = time.monotonic()
        try:
            await part.start()
            log.warning("part_restarted", part=part.name)
        except SetupError as failure:
            log.error("part_not_restarted", part=part.name, problem=failure.message)


async def _ended(part: Part) -> None:
    """Returns when it is gone; one that hangs is killed."""
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_kill_when_silent(part))
        await part.ended()
        asking.cancel()


async def _kill_when_silent(part: Part) -> None:
    silent = 0
    while silent < _SILENT_TIMES:
        await asyncio.sleep(_ASK_EVERY)
        silent = 0 if await part.answers() else silent + 1
    log.error("part_hung", part=part.name, times_silent=silent)
    part.kill()


def next_pause(previous: float, lived: float) -> float:
    """Seconds before the next start: short at first and after a steady life, doubled for each quick death."""
    if previous == 0 or lived >= _STEADY_AFTER:
        return _FIRST_PAUSE
    return min(previous * 2, _LONGEST_PAUSE)


@contextmanager
def instance_lock(path: Path) -> Iterator[None]:
    """Held while the instance runs; the kernel lets go of it when we die. Raises HomeInUse."""
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise HomeInUse(path.parent, stream.read().strip() or "?") from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


def require_free(ports: Sequence[Port]) -> None:
    """Raises PortTaken for the first of `ports` that is not free, with an offset at which all are."""
    for port in ports:
        if not is_free(port):
            free = next((offset for offset in _OFFSETS if all(is_free(port, offset) for port in ports)), None)
            raise PortTaken(port.field, port.protocol, port.number, free)


def is_free(port: Port, offset: int = 0) -> bool:
    if port.number + offset > 65_535:
        return False
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, port.kind) as probe:
        if port.kind is socket.SOCK_STREAM:  # else a connection in TIME_WAIT counts as a listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number + offset))
        except OSError:
            return False
    return True
