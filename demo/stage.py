"""A whole instance of the system with phones around it: seats, citizens on the trunk, numbers outside."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import yaml

from api.supervisor import Port, instance_lock, is_free
from demo.asking import printed
from demo.parts import AMI_PORT, HTTP_PORT, RELAY_PORT, Parts, running_parts
from softphones import Call, IncomingCall, Phone, PhoneHost
from softphones.phones import WAIT_S
from telephony.asterisk.errors import SetupError

TRUNK_IP = "127.0.0.2"
_BOOT_SECONDS = 180.0
_STOP_SECONDS = 25.0
_POLL_SECONDS = 0.1
AGI_PORT = 4573
WEB_PORTS = 8088, 8089
_OFFSETS = range(3000, 15000, 1000)  # SIP and HTTP stay below the media ports, which are as wide as a step


class StageFailed(Exception):
    """The instance did not come up; the message holds the end of its output."""


@contextmanager
def reserved_offset() -> Iterator[int]:
    """A port offset that no other stage on this machine has, with everything that an instance listens on free there."""
    for offset in random.sample(_OFFSETS, len(_OFFSETS)):
        lock = Path(tempfile.gettempdir()) / f"hotline-stage-{os.geteuid()}-{offset}.lock"
        with ExitStack() as held:
            try:
                held.enter_context(instance_lock(lock))
            except SetupError:
                continue  # another stage has it
            if all(is_free(port) for port in _ports(offset)):
                yield offset
                return
    raise StageFailed("no free range of ports")


def _ports(offset: int) -> Iterator[Port]:
    for base in (5060, AMI_PORT, RELAY_PORT, HTTP_PORT, AGI_PORT, *WEB_PORTS):
        yield Port("tcp", "127.0.0.1", base + offset, socket.SOCK_STREAM)
    yield Port("udp", "127.0.0.1", 5060 + offset, socket.SOCK_DGRAM)
    yield Port("udp", TRUNK_IP, 5080 + offset, socket.SOCK_DGRAM)


class Stage:
    """Made by ``stage``. ``api`` is signed in as administrator; ``seat`` gives registered phones.

    ``parts``: the instance's programs, where they were asked for apart.
    """

    def __init__(
        self,
        home: Path,
        offset: int,
        api: httpx.AsyncClient,
        seats: PhoneHost,
        trunk: PhoneHost,
        parts: Parts | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.parts = parts
        self.poll_seconds = _POLL_SECONDS
        self.environment = environment or {}
        self.home = home
        self.offset = offset
        self.api = api
        self.sip = f"127.0.0.1:{5060 + offset}"
        self.secrets: dict[str, Any] = orjson.loads((home / "secrets.json").read_bytes())
        self._seats = seats
        self._trunk = trunk
        self._phones: dict[str, Phone] = {}
        self._switched_off: set[str] = set()
        self._citizens: dict[tuple[str | None, str | None], Phone] = {}
        self._outside: Phone | None = None

    # -------------------------------------------------------------- phones

    async def seat(self, seat: str) -> Phone:
        """The registered phone of a seat, free to be rung."""
        if seat not in self._phones:
            self._phones[seat] = await self._seats.phone(seat, password=self.secrets["seats"][seat], registrar=self.sip)
            await self.until(lambda: self._is(seat, "idle"))
        elif seat in self._switched_off:
            self._switched_off.discard(seat)
            await self._phones[seat].register()
            await self.until(lambda: self._is(seat, "idle"))
        return self._phones[seat]

    async def _is(self, seat: str, *states: str) -> bool:
        seats = (await self.api.get("/v1/seats")).json()
        found = next(each for each in seats if each["id"] == seat)
        return bool(found["state"] in states)

    async def seat_goes(self, seat: str) -> None:
        """Its phone is switched off in order."""
        if seat in self._phones and seat not in self._switched_off:
            self._switched_off.add(seat)
            await self._phones[seat].unregister()

    async def citizen(self, number: str | None, display_name: str | None = None) -> Phone:
        """Somebody who calls in over the trusted trunk with this number."""
        key = number, display_name
        if key not in self._citizens:
            self._citizens[key] = await self._trunk.phone(number, domain=self.sip, display_name=display_name)
        return self._citizens[key]

    async def outside(self) -> Phone:
        """The far side of the trunk: 120, a utility."""
        if self._outside is None:
            self._outside = await self._trunk.phone("outside", domain=self.sip, catch_all=True)
        return self._outside

    def rang(self, handoff_id: str) -> list[IncomingCall]:
        """Every INVITE of this handoff that a phone got, in the order they came."""
        calls = (call for call in self._seats.calls + self._trunk.calls if isinstance(call, IncomingCall))
        of_handoff = (call for call in calls if call.headers.get("X-Handoff-Id") == handoff_id)
        return sorted(of_handoff, key=lambda call: call.received_at)

    # -------------------------------------------------------------- doing and seeing

    async def talk(
        self,
        number: str | None,
        line: str,
        seat: str,
        *,
        headers: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> Conversation:
        """A citizen calls ``line``, ``seat`` answers, both are connected."""
        phone = await self.seat(seat)
        citizen = await self.citizen(number, name)
        call = await citizen.dial(line, headers)
        incoming = await phone.incoming()
        await incoming.answer()
        await call.answered()
        call_id = await self.call_of_seat(seat)
        return Conversation(self, call, incoming, call_id)

    async def call_of_seat(self, seat: str) -> str:
        found: list[str] = []

        async def connected() -> bool:
            calls = (await self.api.get("/v1/calls/live")).json()
            found[:] = [call["id"] for call in calls if call["seat"] == seat and call["state"] == "talking"]
            return bool(found)

        await self.until(connected)
        return found[0]

    async def hand_over(self, call_id: str, target: str, mode: str = "transfer", **more: Any) -> dict[str, Any]:
        """``POST /v1/handoffs``; raises HTTPStatusError when it is refused."""
        reply = await self.api.post(
            "/v1/handoffs",
            json={"call_id": call_id, "mode": mode, "target": target, **more},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        reply.raise_for_status()
        record: dict[str, Any] = reply.json()
        return record

    async def record(self, handoff_id: str) -> dict[str, Any]:
        reply = await self.api.get(f"/v1/handoffs/{handoff_id}")
        reply.raise_for_status()
        record: dict[str, Any] = reply.json()
        return record

    async def handoff_when(self, handoff_id: str, timeout: float = WAIT_S, **wanted: Any) -> dict[str, Any]:
        """The record as soon as these fields have these values; else as it is after ``timeout`` seconds."""
        last: dict[str, Any] = {}

        async def reached() -> bool:
            reply = await self.api.get(f"/v1/handoffs/{handoff_id}")
            if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return False  # its database is away or slow for the moment
            last.update(reply.raise_for_status().json())
            return all(last[name] == value for name, value in wanted.items())

        try:
            await self.until(reached, timeout)
        except TimeoutError:
            return last
        return last

    async def until(self, reached: Any, timeout: float = WAIT_S) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not await reached():
                await asyncio.sleep(self.poll_seconds)

    async def quiet(self, timeout: float = WAIT_S) -> None:
        """Until no call is live."""

        async def nothing() -> bool:
            return not (await self.api.get("/v1/calls/live")).json()

        await self.until(nothing, timeout)

    async def hang_up_all(self) -> None:
        """The end of a scene: whatever is still up is ended from here, callers first, and phones are idle again."""
        for call in self._trunk.calls + self._seats.calls:
            if not call.is_over:
                await call.hangup()
        await self.quiet()
        for seat in self._phones.keys() - self._switched_off:
            await self.until(lambda seat=seat: self._is(seat, "idle", "paused", "signed_out", "offline"))

    async def clear(self) -> None:
        """As it was at first: no call, no phone switched on, no ring that nobody has looked at."""
        await self.hang_up_all()
        for seat in self._phones:
            await self.seat_goes(seat)
        self.forget_rings()

    def forget_rings(self) -> None:
        """Nobody has looked at them, and nobody will."""
        for phone in (*self._phones.values(), *([self._outside] if self._outside else [])):
            phone.forget_rings()

    # -------------------------------------------------------------- harm

    def service_pid(self) -> int:
        pid_file = next(iter(self.home.glob("run/service.pid")))
        return int(pid_file.read_text(encoding="ascii"))

    async def kill_service(self) -> None:
        """``kill -9``; the supervisor starts it again."""
        os.kill(self.service_pid(), signal.SIGKILL)

    async def ready(self, timeout: float = _BOOT_SECONDS) -> None:
        async def answering() -> bool:
            try:
                return (await self.api.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await self.until(answering, timeout)

    # -------------------------------------------------------------- afterwards

    async def reconcile(self, timeout: float = 90.0) -> list[dict[str, Any]]:
        """What ``hotline reconcile`` finds and cannot explain, once no record is on its way; [] is right."""
        async with asyncio.timeout(timeout + _BOOT_SECONDS):
            deadline = asyncio.get_running_loop().time() + timeout
            while True:
                found = await self.differences()
                open_ones = [each for each in found if each["why"] in (None, "going-on")]
                if not open_ones or asyncio.get_running_loop().time() > deadline:
                    return [each for each in open_ones if each["why"] is None]
                await asyncio.sleep(1.0)

    async def differences(self) -> list[dict[str, Any]]:
        return list((await printed(self.environment, "reconcile"))["differences"])

    async def broken(self) -> list[dict[str, Any]]:
        """What ``hotline audit verify`` names; [] is what it should be."""
        return list((await printed(self.environment, "audit", "verify"))["faults"])


class Conversation:
    """A citizen and a seat, talking."""

    def __init__(self, stage: Stage, citizen: Call, seat: IncomingCall, call_id: str) -> None:
        self.stage = stage
        self.citizen = citizen
        self.seat = seat
        self.call_id = call_id

    async def end(self) -> None:
        await self.citizen.hangup()
        await self.stage.quiet()


@asynccontextmanager
async def stage(
    home: Path,
    *,
    changes: Mapping[str, Any] | None = None,
    browsers: Collection[str] = (),
    apart: bool = False,
    database_url: str | None = None,
) -> AsyncIterator[Stage]:
    """An instance in ``home``, which is emptied first, with its own ports and ``hotline.yaml`` plus ``changes``.

    ``trunks`` of ``changes`` are there beside the stage's own. ``browsers``: seats whose phone is a console's.
    ``apart``: its programs run as children of ours that can be harmed one by one, instead of under ``hotline up``.
    """
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True, mode=0o700)
    config = home / "hotline.yaml"
    async with AsyncExitStack() as stack:
        offset = stack.enter_context(reserved_offset())
        trunk_port = 5080 + offset
        config.write_text(_config(trunk_port, changes or {}, browsers), encoding="utf-8")
        environment = {
            "HOTLINE_HOME": str(home),
            "HOTLINE_PORT_OFFSET": str(offset),
            "HOTLINE_CONFIG": str(config),
            **({"HOTLINE_DATABASE_URL": database_url} if database_url else {}),
        }
        base = f"http://127.0.0.1:{HTTP_PORT + offset}"
        api = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=20.0, trust_env=False))
        parts = None
        if apart:
            parts = await stack.enter_async_context(running_parts(home, offset, environment))
        else:
            await stack.enter_async_context(_whole(home, environment, api))
        seats = await stack.enter_async_context(PhoneHost(ip="127.0.0.1"))
        trunk = await stack.enter_async_context(PhoneHost(ip=TRUNK_IP, port=trunk_port))
        ours = Stage(home, offset, api, seats, trunk, parts, environment)
        await ours.ready()
        await _sign_in(ours)
        yield ours


def _config(trunk_port: int, changes: Mapping[str, Any], browsers: Collection[str]) -> str:
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    content["network"]["bind"] = "127.0.0.1"
    content["trunks"] = [{"id": "pstn", "match": [TRUNK_IP], "contact": f"sip:{TRUNK_IP}:{trunk_port}"}]
    for line in content["lines"]:
        line["ring_seconds"] = 4
        line["ladder_wait_seconds"] = 4
    content["call_backs"] = {"automatic": False}  # a phone that rings by itself is a surprise to everybody else
    trunks = [*content["trunks"], *changes.get("trunks", ())]
    content.update(changes, trunks=trunks)
    content["seats"] = [{**seat, "phone": "browser" if seat["id"] in browsers else "desk"} for seat in content["seats"]]
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))


@asynccontextmanager
async def _whole(home: Path, environment: Mapping[str, str], api: httpx.AsyncClient) -> AsyncIterator[None]:
    """``hotline up``, stopped in order at the end."""
    with (home / "up.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api.cli", "up"),
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
        )
    try:
        await _booted(process, api, home)
        yield
    finally:
        await _stop(process)


async def _booted(process: asyncio.subprocess.Process, api: httpx.AsyncClient, home: Path) -> None:
    async with asyncio.timeout(_BOOT_SECONDS):
        while True:
            if process.returncode is not None:
                raise StageFailed((home / "up.log").read_text(encoding="utf-8", errors="replace")[-3000:])
            try:
                if (await api.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(_POLL_SECONDS)
            await asyncio.sleep(_POLL_SECONDS)


async def _sign_in(ours: Stage) -> None:
    reply = await ours.api.post("/v1/sessions", json={"user": "admin", "password": ours.secrets["people"]["admin"]})
    reply.raise_for_status()
    ours.api.headers["Authorization"] = f"Bearer {reply.json()['token']}"


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
