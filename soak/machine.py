"""What is left in Asterisk, and what the programs take of memory."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from demo.stage import Stage
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess

_RSS = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_DIED = '"event": "part_died"'
_POLL = 0.5


class Machine:
    def __init__(self, stage: Stage) -> None:
        assert stage.parts is not None
        layout = Layout.of(stage.home)
        self._keepers_log = stage.home / "asterisk.log"
        self._parts = stage.parts
        self._asterisk = AsteriskProcess(find_asterisk(layout.home), layout.asterisk_conf, layout.run, layout.log)

    def rss_kb(self) -> dict[str, int]:
        """Resident memory of the service and of Asterisk; 0 of one that is just not there."""
        self._asterisk.find_running()  # its keeper may have started another since
        parts = {"service": self._parts.service.pid, "asterisk": self._asterisk.pid}
        return {name: _rss(pid) if pid else 0 for name, pid in parts.items()}

    def asterisk_deaths(self) -> int:
        """How often its keeper had to start it again: no fault of ours, and the end of the calls on it."""
        return self._keepers_log.read_text(encoding="utf-8", errors="replace").count(_DIED)

    async def left(self, patience: float) -> tuple[list[str], list[str]]:
        """Channels and bridges in Asterisk, each in its words, once there are none, else after so many seconds."""
        until = time.monotonic() + patience
        while True:
            channels = await self._lines("core show channels concise")
            bridges = [line for line in await self._lines("bridge show all") if not line.startswith("Bridge-ID")]
            if not channels + bridges or time.monotonic() >= until:
                return channels, bridges
            await asyncio.sleep(_POLL)

    async def _lines(self, command: str) -> list[str]:
        return [line for line in (await self._asterisk.rx(command)).splitlines() if line.strip()]


def _rss(pid: int) -> int:
    try:
        found = _RSS.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
    return int(found.group(1)) if found else 0
