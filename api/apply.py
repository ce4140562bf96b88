"""``hotline apply``: take up a changed ``hotline.yaml`` while calls go on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog

from api.applier import leave_name
from api.loaded import load
from api.settings import SettingsRejected
from telephony.asterisk.configuration import configure, reload
from telephony.asterisk.errors import ControlFailed
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.render import install
from telephony.errors import ConfigurationRejected

log = structlog.get_logger()


def apply() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the files that were taken up, and those that need a restart (ports, modules).

    Raises SettingsRejected, ConfigurationRejected; then everything is as it was.
    """
    loaded = load()
    layout = loaded.layout
    binary = find_asterisk(layout.home)
    asterisk = AsteriskProcess(binary, layout.asterisk_conf, layout.run, layout.log)
    try:
        asyncio.run(asterisk.rx("core show version"))  # it may run in another container: its process is not looked for
    except ControlFailed as away:
        problem = "系统未在运行，启动时会采用新配置 · nothing is running here; the next start takes it up"
        raise SettingsRejected(problem) from away
    before = _texts(layout.etc)
    changed = configure(loaded.directory, loaded.site(binary), binary)
    restart = asyncio.run(_reload_or_restore(changed, before, layout.etc, asterisk.rx))
    leave_name(layout.run)
    _tell_service(layout.run / "service.pid")
    return tuple(sorted(changed - set(restart))), restart


def _texts(etc: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in etc.glob("*.conf")}


async def _reload_or_restore(
    changed: set[str], before: Mapping[str, str], etc: Path, rx: Callable[[str], Awaitable[str]]
) -> tuple[str, ...]:
    try:
        return await reload(changed, rx)
    except ConfigurationRejected:
        old = {name: before[name] for name in changed if name in before}
        await reload(install(old, etc), rx)
        raise


def _tell_service(pid_file: Path) -> None:
    """The service re-reads who there is; one that is down does so when it starts."""
    try:
        os.kill(int(pid_file.read_text(encoding="ascii")), signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        log.info("service.not_running")
