"""The probe's phone in a process of its own, which is killed when it does not come to an end."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from dataclasses import asdict

import orjson
import structlog

from telephony.errors import TelephonyError
from telephony.probe.port import Facts, Order, Trouble, facts_of

log = structlog.get_logger(__name__)

_LONGEST_S = 90.0
_CALLER = "telephony.probe.caller"


class ProbeImpossible(TelephonyError):
    """No synthetic call can be placed here; the message says what is missing."""

    slug = "probe-impossible"


class PhoneApart:
    async def call(self, order: Order) -> Facts:
        """Raises ProbeImpossible when pyVoIP is not installed, OSError when no process can be started."""
        if importlib.util.find_spec("pyVoIP") is None:
            raise ProbeImpossible(
                "未安装 pyVoIP（可选组件 probe） · pyVoIP is not installed: pip install 'hotline-linkage[probe]'"
            )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-m", _CALLER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_LONGEST_S):
                told, said = await process.communicate(orjson.dumps(asdict(order)))
        except TimeoutError:
            log.error("probe.phone_hung", number=order.number, seconds=_LONGEST_S)
            return Facts(trouble=Trouble.HUNG)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _read(told, said, process.returncode)


def _read(told: bytes, said: bytes, code: int | None) -> Facts:
    try:
        return facts_of(orjson.loads(told))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        log.error("probe.phone_broke", code=code, said=said.decode(errors="replace")[-500:])
        return Facts(trouble=Trouble.BROKEN)
