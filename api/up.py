"""One instance brought up whole: Redis, Asterisk and the service."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.serving import ServiceProcess
from api.supervisor import Part, Port, instance_lock, require_free, supervise
from api.valkey import ValkeyServer
from telephony.asterisk.install import AsteriskBinary, find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess


@dataclass(frozen=True, slots=True)
class Instance:
    """What `up` must know. `redis_url` None: the embedded server is started and its URL given to the service.

    `configure` writes Asterisk's files into the layout's `etc`; `announce` prints the address and how to
    sign in.
    """

    home: Path
    service_ports: tuple[Port, ...]
    asterisk_ports: tuple[Port, ...]
    health_url: str
    redis_url: str | None
    configure: Callable[[Layout, AsteriskBinary], None]
    announce: Callable[[], None]


def run_instance(instance: Instance) -> None:
    """Returns after an orderly stop. Raises SetupError, its text fit for the terminal, if the start fails."""
    with _held(instance, instance.service_ports) as (layout, binary):
        asterisk = AsteriskProcess(binary, layout.asterisk_conf, layout.run, layout.log)
        _configure(instance, layout, asterisk)
        asyncio.run(supervise(_parts(instance, layout, asterisk), instance.announce))


def run_asterisk(instance: Instance) -> None:
    """Asterisk alone, its console on our output: for a container beside that of the service, on the same home.

    Returns after an orderly stop. Raises SetupError.
    """
    with _held(instance) as (layout, binary):
        asterisk = AsteriskProcess(binary, layout.asterisk_conf, layout.run, layout.log, own_console=False)
        _configure(instance, layout, asterisk)
        asyncio.run(supervise([asterisk], lambda: None))


@contextmanager
def _held(instance: Instance, needed: Sequence[Port] = ()) -> Iterator[tuple[Layout, AsteriskBinary]]:
    os.umask(0o077)  # databases and recordings, of all parts, are for this user alone
    layout = Layout.of(instance.home)
    layout.create()
    with instance_lock(layout.lock):
        binary = find_asterisk(layout.home)
        require_free(needed)
        yield layout, binary


def _configure(instance: Instance, layout: Layout, asterisk: AsteriskProcess) -> None:
    if not asterisk.find_running():
        require_free(instance.asterisk_ports)
    instance.configure(layout, asterisk.binary)


def _parts(instance: Instance, layout: Layout, asterisk: AsteriskProcess) -> list[Part]:
    embedded = [] if instance.redis_url else [ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log")]
    redis_url = instance.redis_url or embedded[0].url
    service = ServiceProcess(
        instance.health_url, layout.log / "service.log", environment={"HOTLINE_REDIS_URL": redis_url}
    )
    return [*embedded, asterisk, service]
