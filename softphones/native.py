# mypy: disable-error-code="no-untyped-call,import-not-found,misc"
# (baresip says it is typed, yet leaves most functions without annotations, and its C module without a stub)
"""What baresip-python 0.5.2a3 leaves out, done through the C functions its library exports.

It binds only to addresses that an interface lists (127.0.0.2 is usable but never listed), and refuses calls
with 486 only. Both need a call into the stack *on its own thread*, where command completions are reported.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections import deque
from collections.abc import Callable

from baresip import BaresipError, Runtime, _native
from baresip._native import lib

_stack = ctypes.CDLL(_native.__file__)
_stack.baresip_network.restype = ctypes.c_void_p
_stack.uag_call_find.restype = ctypes.c_void_p
_stack.call_get_ua.restype = ctypes.c_void_p

_LOOPBACK_INTERFACE = b"lo"
_SOCKADDR_ROOM = 256


class SipRuntime(Runtime):
    """A Runtime that can run a job on the SIP thread."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: deque[Callable[[], None]] = deque()

    async def cmd(
        self, cmd_id: int, *, args: str | bytes | None = None, timeout: float | None = None
    ) -> tuple[int, bytes | None]:
        # Surrogates stand for raw bytes (PEP 383): a display name in GBK goes out as it is.
        raw = args.encode(errors="surrogateescape") if isinstance(args, str) else args
        done: tuple[int, bytes | None] = await super().cmd(cmd_id, args=raw, timeout=timeout)
        return done

    def _on_native_event(self, ev: int, handle: int, payload: bytes | None) -> None:
        # Only command completions: they come from the stack's queue, never from inside a call's own handler.
        if ev < lib.BP_EV_BASE:
            while self._jobs:
                self._jobs.popleft()()
        super()._on_native_event(ev, handle, payload)

    async def _on_sip_thread(self, action: Callable[[], int]) -> None:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[int] = loop.create_future()

        def job() -> None:
            loop.call_soon_threadsafe(outcome.set_result, action())

        self._jobs.append(job)
        await self.cmd(lib.BP_CMD_PING)
        error = await asyncio.wait_for(outcome, 5)
        if error:
            raise BaresipError(f"SIP stack refused: error {error}")

    async def listen_on(self, ip: str) -> None:
        """Take `ip`, any address of 127.0.0.0/8, as a local address and bind the SIP socket there."""

        def action() -> int:
            address = ctypes.create_string_buffer(_SOCKADDR_ROOM)
            network = ctypes.c_void_p(_stack.baresip_network())
            return int(
                _stack.sa_set_str(address, ip.encode(), 0)
                or _stack.net_add_address_ifname(network, address, _LOOPBACK_INTERFACE)
                or _stack.uag_reset_transp(False, False)
            )

        await self._on_sip_thread(action)

    async def refuse(self, call_id: str, status: int, reason: str) -> None:
        """Answer a ringing call, named by its Call-ID, with any 4xx to 6xx."""

        def action() -> int:
            call = _stack.uag_call_find(call_id.encode())
            if call:
                agent = ctypes.c_void_p(_stack.call_get_ua(ctypes.c_void_p(call)))
                _stack.ua_hangup(agent, ctypes.c_void_p(call), ctypes.c_uint16(status), reason.encode())
            return 0

        await self._on_sip_thread(action)
