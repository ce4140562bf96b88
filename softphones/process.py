"""`PhoneHost`: a child process with one SIP stack, and the parent's side of the talk with it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

from softphones.errors import HostDied, error_for
from softphones.phones import WAIT_S, Call, IncomingCall, Phone
from softphones.wire import Notice, Reply, Request, decode, encode

DEFAULT_HEADERS = (
    "P-Asserted-Identity",
    "Privacy",
    "X-Handoff-Id",
    "X-Handoff-From-Line",
    "Diversion",
    "History-Info",
    "Call-Info",
    "Reason",
)
_ALWAYS = ("From", "To")
_START_S = 60.0
_CLOSE_S = 10.0


class PhoneHost:
    """Phones that share one SIP socket, `ip`:`port` (UDP; port 0 takes a free one), in one process of their own.

    The process ends with `async with`, or with the parent, however that ends. `expose_headers` (at most 14)
    are those an IncomingCall can show.
    """

    def __init__(self, ip: str = "127.0.0.1", port: int = 0, expose_headers: tuple[str, ...] = DEFAULT_HEADERS) -> None:
        self.ip = ip
        self.port = port
        self._headers = (*_ALWAYS, *expose_headers)
        self._phones: dict[str, Phone] = {}
        self._calls: dict[str, Call] = {}
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._serial = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._process: asyncio.subprocess.Process | None = None
        self._death: HostDied | None = None

    async def __aenter__(self) -> Self:
        # Both sides remove it: whichever of the two is killed, nothing stays.
        self._scratch = tempfile.TemporaryDirectory(prefix="softphones-", ignore_cleanup_errors=True)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (read when the process has ended)
        home = Path(__file__).parent.parent
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "softphones.host", "--ip", self.ip, "--port", str(self.port)),
            *("--headers", json.dumps(self._headers), "--scratch", self._scratch.name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": str(home)},
            limit=1 << 20,
        )
        started = self._expect(0)
        self._reader = asyncio.create_task(self._read(self._process))
        try:
            bound = await asyncio.wait_for(started, _START_S)
        except BaseException:
            await self.close()
            raise
        self.port = bound["port"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up, unregister, end the process; kills it when that takes more than 10 s."""
        process = self._process
        if process is None:
            return
        self._process = None
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _CLOSE_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader
        self._scratch.cleanup()

    def kill(self) -> None:
        """Kill the process as a power cut would: no BYE, no unregistration. `close` is still due."""
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def phone(
        self,
        user: str | None,
        password: str = "",
        registrar: str | None = None,
        domain: str | None = None,
        display_name: str | bytes | None = None,
        register_timeout: float = WAIT_S,
        catch_all: bool = False,
    ) -> Phone:
        """A phone. With `registrar` ("host:port") it registers there; with `domain` it calls unregistered.

        `user` and `display_name` are what its From shows; user None leaves the user part out (no number).
        A display name in bytes is sent as it is (a trunk that writes GBK, say). `catch_all` takes every call to
        this host that no other phone's user part claims: the far side of a trunk.
        Raises RegistrationFailed, and ValueError when neither or both of registrar and domain are given.
        """
        target = registrar or domain
        if target is None or (registrar and domain):
            raise ValueError("give a registrar or a domain")
        phone = Phone(self, f"p{len(self._phones) + 1}", target)
        self._phones[phone.name] = phone
        if isinstance(display_name, bytes):
            display_name = display_name.decode(errors="surrogateescape")
        identity = {"user": user, "password": password, "domain": target, "display": display_name}
        within = register_timeout if registrar else None
        await self.request("phone", phone=phone.name, register=within, catch_all=catch_all, **identity)
        return phone

    async def request(self, op: str, **args: Any) -> Any:
        """Have the child do `op` (softphones.host) and return its result; raises what it reports."""
        if self._death or self._process is None:
            raise self._death or HostDied("the host is not running")
        assert self._process.stdin is not None
        self._serial += 1
        reply = self._expect(self._serial)
        self._process.stdin.write(encode(Request(self._serial, op, args)))
        return await reply

    @property
    def calls(self) -> tuple[Call, ...]:
        """All there ever were, over or not."""
        return tuple(self._calls.values())

    def outgoing(self, phone: Phone) -> Call:
        """For Phone: a call about to be dialled, known before its first notice can come."""
        call = Call(phone, f"out{len(self._calls) + 1}")
        self._calls[call.name] = call
        return call

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that ends with this host at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _expect(self, serial: int) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._replies[serial] = future
        return future

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            message = decode(line)
            if isinstance(message, Reply):
                self._on_reply(message)
            elif isinstance(message, Notice):
                self._on_notice(message)
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip()
        self._errors.close()
        self._death = HostDied(words[-2000:] or "the phone host has ended")
        for future in self._replies.values():
            if not future.done():
                future.set_exception(self._death)
        for call in self._calls.values():
            call.fail(self._death)

    def _on_reply(self, reply: Reply) -> None:
        future = self._replies.pop(reply.id)
        if future.done():
            return  # whoever asked was cancelled
        if reply.error is None:
            future.set_result(reply.result)
        elif reply.error == "ValueError":
            future.set_exception(ValueError(reply.reason))
        else:
            future.set_exception(error_for(reply.error, reply.reason, reply.status))

    def _on_notice(self, notice: Notice) -> None:
        if notice.kind == "incoming":
            phone = self._phones[notice.phone]
            call = IncomingCall(phone, notice.call, notice.at, notice.detail)
            self._calls[notice.call] = call
            phone.on_incoming(call)
        else:
            self._calls[notice.call].on_notice(notice)
