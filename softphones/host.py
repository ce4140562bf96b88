# mypy: disable-error-code="no-untyped-call"
# (baresip says it is typed, yet leaves most functions without annotations)
"""The child process behind a `PhoneHost`: one SIP stack, many phones. Run as `python -m softphones.host`.

Requests come as lines on stdin, replies and notices leave on stdout (softphones.wire). When stdin closes,
also because the parent was killed, calls are hung up, phones unregistered, and the process ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from baresip import Account, BaresipError, Call, Config, StackEvent, StaleHandleError, UserAgent
from baresip.call import CallState
from baresip.events import Event

from softphones.media import Line, pump_all
from softphones.native import SipRuntime
from softphones.wire import Notice, Reply, Request, decode, encode

GOODBYE_S = 2.0
HOLD_RETRY_S = 0.05
HOLD_TRIES = 20

NOTICES = {
    Event.CALL_RINGING: "ringing",
    Event.CALL_PROGRESS: "progress",
    Event.CALL_ESTABLISHED: "established",
    Event.CALL_HOLD: "held",
    Event.CALL_RESUME: "resumed",
    Event.CALL_CLOSED: "closed",
}


@dataclass(frozen=True)
class Identity:
    """Who a phone is: user None for a caller without a number, display None for one without a name."""

    user: str | None
    domain: str
    password: str
    display: str | None

    def account(self, register: bool, catch_all: bool) -> str:
        """The stack's account text; Account checks the parts, but knows neither display names nor a missing user."""
        line = Account(
            user=self.user or "nobody",
            domain=self.domain,
            password=self.password,
            reg_interval=600 if register else 0,
            extra_params=("catchall=yes",) if catch_all else (),
        ).aor()
        if not self.user:
            line = line.replace("<sip:nobody@", "<sip:@", 1)
        if self.display is None:
            return line
        if any(char < " " or char == "\x7f" for char in self.display):
            raise ValueError(f"display name {self.display!r} cannot be quoted")
        quoted = self.display.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" {line}'


class Switchboard:
    """All phones and calls of this process; each `op_*` coroutine serves one request."""

    def __init__(self, runtime: SipRuntime, send: Callable[[Reply | Notice], None]) -> None:
        self._runtime = runtime
        self._send = send
        self._phones: dict[str, UserAgent] = {}
        self._domains: dict[str, str] = {}
        self._registered: set[str] = set()
        self._calls: dict[str, Call] = {}
        self._known: set[int] = set()
        self._early: dict[int, list[StackEvent]] = {}
        self._last_from: dict[int, str] = {}
        self._incoming = 0
        self.lines: dict[str, Line] = {}
        runtime.subscribe(self._keep_early)

    async def serve(self, request: Request) -> None:
        operation: Callable[..., Awaitable[Any]] = getattr(self, f"op_{request.op}")
        try:
            self._send(Reply(request.id, await operation(**request.args)))
        except (BaresipError, ValueError, OSError) as exc:
            reason = getattr(exc, "reason", "") or str(exc)
            status = getattr(exc, "status", None)
            self._send(Reply(request.id, None, type(exc).__name__, reason, status))

    async def op_phone(self, phone: str, register: float | None, catch_all: bool, **identity: Any) -> None:
        who = Identity(**identity)
        account = who.account(register is not None, catch_all)
        agent = await UserAgent.create(self._runtime, account)
        if not who.user:
            # The first gets the Contact sip:@host, which is malformed; the second, being its double, a random user.
            agent = await UserAgent.create(self._runtime, account)
        self._phones[phone], self._domains[phone] = agent, who.domain
        agent.on_incoming(lambda call: self._on_incoming(phone, call))
        if register is not None:
            await agent.register(timeout=register)
            self._registered.add(phone)

    async def op_register(self, phone: str, timeout: float) -> None:
        await self._phones[phone].register(timeout=timeout)
        self._registered.add(phone)

    async def op_unregister(self, phone: str) -> None:
        self._registered.discard(phone)
        await self._phones[phone].unregister()

    async def op_dial(self, phone: str, call: str, target: str, headers: dict[str, str]) -> float:
        uri = target if ":" in target else f"sip:{target}@{self._domains[phone]}"
        sent_at = time.monotonic()
        self._adopt(call, await self._phones[phone].dial(uri, headers))
        return sent_at

    async def op_answer(self, call: str) -> None:
        await self._call(call).answer()

    async def op_reject(self, call: str, status: int, reason: str) -> None:
        ringing = self._call(call)
        if ringing.state is not CallState.INCOMING or ringing.call_id is None:
            raise ValueError("only a call that rings here can be refused")
        await self._runtime.refuse(ringing.call_id, status, reason)

    async def op_hangup(self, call: str) -> None:
        await self._call(call).hangup()

    async def op_hold(self, call: str, on: bool) -> None:
        """The stack refuses while an earlier re-INVITE is under way (Asterisk sends some after an answer)."""
        target = self._call(call)
        for attempt in range(HOLD_TRIES):
            try:
                await (target.hold() if on else target.resume())
                return
            except StaleHandleError:
                raise
            except BaresipError:
                if attempt == HOLD_TRIES - 1:
                    raise
            await asyncio.sleep(HOLD_RETRY_S)

    async def op_dtmf(self, call: str, digits: str) -> None:
        await self._call(call).send_dtmf(digits)

    async def op_refer(self, call: str, target: str, timeout: float) -> None:
        await self._call(call).transfer(target, timeout=timeout)

    async def op_attend(self, call: str, other: str, timeout: float) -> None:
        await self._call(call).attended_transfer(self._call(other), timeout=timeout)

    async def op_play(self, call: str, frequency: float | None) -> None:
        self._line(call).play(frequency)

    async def op_hears(self, call: str, frequency: float, within: float) -> bool:
        return await self._line(call).hears(frequency, within)

    async def op_level(self, call: str) -> float:
        return self._line(call).ear.level(time.monotonic())

    async def op_record(self, call: str, path: str) -> None:
        self._line(call).record(path)

    def _call(self, name: str) -> Call:
        if name not in self._calls:
            raise StaleHandleError("call no longer exists")
        return self._calls[name]

    def _line(self, name: str) -> Line:
        if name not in self.lines:
            raise StaleHandleError("call no longer exists")
        return self.lines[name]

    def _keep_early(self, event: StackEvent) -> None:
        # On a busy machine the far end can answer before our own dial() has returned the call.
        if event.event is Event.CALL_INCOMING:
            self._last_from[event.call] = event.from_ or ""
        elif event.call and event.call not in self._known:
            self._early.setdefault(event.call, []).append(event)

    def _on_incoming(self, phone: str, call: Call) -> None:
        self._incoming += 1
        name = f"in{self._incoming}"
        detail = {
            "headers": call.headers,
            "from": self._last_from.pop(call.handle, ""),
            "call_id": call.call_id,
        }
        self._send(Notice("incoming", name, time.monotonic(), phone, detail))
        self._adopt(name, call)

    def _adopt(self, name: str, call: Call) -> None:
        self._calls[name] = call
        self._known.add(call.handle)
        self.lines[name] = Line(call.audio)
        call.on(lambda event: self._on_event(name, event))
        call.on_dtmf(lambda key: self._send(Notice("dtmf", name, time.monotonic(), "", {"digit": key.digit})))
        for event in self._early.pop(call.handle, []):
            call._on_stack_event(event)

    def _on_event(self, name: str, event: StackEvent) -> None:
        kind = NOTICES.get(event.event)
        if kind is None:
            return
        detail: dict[str, Any] = {"text": event.text or "", "headers": event.headers}
        if event.event is Event.CALL_CLOSED:
            detail["stats"] = event.stats
            self.lines.pop(name).close()
            self._known.discard(self._calls.pop(name).handle)
        self._send(Notice(kind, name, time.monotonic(), "", detail))

    async def goodbye(self) -> None:
        """Leave nothing behind: no call up, no contact that Asterisk would ring in vain."""
        hangups = [call.hangup() for call in self._calls.values()]
        leaving = [self._phones[phone].unregister(timeout=GOODBYE_S) for phone in self._registered]
        # The far end may be gone already; then there is nobody to tell.
        await asyncio.gather(*hangups, *leaving, return_exceptions=True)


def free_port(ip: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])


async def run(ip: str, port: int, headers: tuple[str, ...], out: int) -> None:
    port = port or free_port(ip)
    runtime = SipRuntime()
    await runtime.start(
        Config(
            net_interface="127.0.0.1" if ip_address(ip).is_loopback else None,  # which discovery leaves out
            expose_headers=headers,
            native_log_level="error",
            max_concurrent_calls=None,
            # The stack's jitter buffer, once timestamps have stepped back (music, then a bridge), drops all that comes.
            extra_config_text=f"sip_listen {ip}:{port}\nsip_transports udp\naudio_jitter_buffer_type off\n",
        )
    )
    await runtime.listen_on(ip)

    def send(message: Reply | Notice) -> None:
        os.write(out, encode(message))

    board = Switchboard(runtime, send)
    send(Reply(0, {"ip": ip, "port": port}))
    requests = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin.buffer)
    tasks: set[asyncio.Task[None]] = set()

    def on_done(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            requests.set_exception(error)  # a fault of ours ends the host, and the parent reads of it

    def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(on_done)
        return task

    pump = start(pump_all(board.lines))
    while line := await requests.readline():
        request = decode(line)
        assert isinstance(request, Request)
        start(board.serve(request))
    pump.cancel()
    await board.goodbye()
    await runtime.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ip", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--headers", type=json.loads, required=True)
    parser.add_argument("--scratch", required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    # Ctrl-C reaches the whole process group; the parent decides, and closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The stack prints to fd 1 at times; the protocol gets a descriptor of its own.
    out = os.dup(1)
    os.dup2(2, 1)
    tempfile.tempdir = arguments.scratch
    try:
        asyncio.run(run(arguments.ip, arguments.port, tuple(arguments.headers), out))
    finally:
        shutil.rmtree(arguments.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
