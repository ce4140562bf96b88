"""Real SIP phones for tests, the demo and the probe: `PhoneHost`, its `Phone`s and their `Call`s.

    async with PhoneHost(ip="127.0.0.1") as seats, PhoneHost(ip="127.0.0.2") as trunk:
        seat = await seats.phone("1101", password="secret", registrar="127.0.0.1:5060")
        citizen = await trunk.phone("13800001111", domain="127.0.0.1:5060")
        call = await citizen.dial("110")
        incoming = await seat.incoming()
        await incoming.answer()
        await call.answered()
        call.play_tone(440)
        assert await incoming.hears(440)

Every address of 127.0.0.0/8 will do. All times are CLOCK_MONOTONIC seconds. Waiting longer than a `timeout`
raises TimeoutError; every method may raise HostDied.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softphones.errors import CallFailed, CallGone, HostDied, PhoneError
from softphones.identity import Identity, parse_identity
from softphones.wire import Notice

if TYPE_CHECKING:
    from softphones.process import PhoneHost

WAIT_S = 20.0
RING_LIMIT_S = 60.0


class Headers(Mapping[str, str]):
    """SIP headers by name, in any case. Only those the host exposes are there."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values})"


@dataclass(frozen=True)
class Ended:
    """How a call ended.

    `by` is "us" (our hangup or reject), "peer" (their BYE or CANCEL), "transfer" (a REFER of ours came true),
    "refused" (with SIP `status`; `cause` is the Q.850 cause of the Reason header, RFC 3326) or "failed" (no
    answer from the network, no RTP, …). `reason` holds the stack's words, `stats` its RTP counters.
    """

    by: str
    status: int | None
    reason: str
    cause: int | None
    at: float
    stats: dict[str, Any]


# The stack's words, its spelling.
_ENDED_BY = {
    "Rejected by user": "us",
    "Connection reset by user": "us",
    "Connection reset by peer [104]": "peer",
    "Call transfered": "transfer",
}
_CLOSE_TEXT = re.compile(r"(?:(\d{3}) )?(.*?)(?:,?Q\.850;cause=(\d+).*)?", re.DOTALL)


def parse_close_text(text: str) -> tuple[int | None, str, int | None]:
    """Status, reason and cause from the stack's words, such as "486 Busy Here,Q.850;cause=17"."""
    match = _CLOSE_TEXT.fullmatch(text)
    assert match  # it matches everything
    status, reason, cause = match.groups()
    return (int(status) if status else None, reason, int(cause) if cause else None)


class Call:
    """One call of a phone. `*_at` is None until it happened."""

    def __init__(self, phone: Phone, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.phone = phone
        self.name = name
        self.sent_at: float | None = None
        self.held_by_peer = False
        self._we_end = False
        self._host = phone.host
        self._ringing: asyncio.Future[float] = loop.create_future()
        self._answered: asyncio.Future[float] = loop.create_future()
        self._ended: asyncio.Future[Ended] = loop.create_future()
        self._digits: asyncio.Queue[str] = asyncio.Queue()

    @property
    def ringing_at(self) -> float | None:
        return _result(self._ringing)

    @property
    def answered_at(self) -> float | None:
        return _result(self._answered)

    @property
    def is_over(self) -> bool:
        return self._ended.done()

    async def ringing(self, timeout: float = WAIT_S) -> float:
        """Until 180 or 183 came; returns when. CallFailed when the call ended first."""
        return await asyncio.wait_for(asyncio.shield(self._ringing), timeout)

    async def answered(self, timeout: float = WAIT_S) -> float:
        """Until the call is up; returns when. CallFailed(status, reason) when it was refused or ended."""
        return await asyncio.wait_for(asyncio.shield(self._answered), timeout)

    async def ended(self, timeout: float = WAIT_S) -> Ended:
        return await asyncio.wait_for(asyncio.shield(self._ended), timeout)

    async def hangup(self) -> None:
        """BYE, CANCEL or refusal, whichever fits. A call that is over already is left be."""
        self._we_end = True
        try:
            await self._do("hangup")
        except CallGone:
            return

    async def hold(self) -> None:
        """Sends the re-INVITE (a=sendonly); returns when it is on its way."""
        await self._do("hold", on=True)

    async def resume(self) -> None:
        await self._do("hold", on=False)

    async def dtmf(self, digits: str) -> None:
        """RFC 4733 events, 100 ms each and 120 ms apart; returns when all are sent."""
        await self._do("dtmf", digits=digits)

    async def next_digit(self, timeout: float = WAIT_S) -> str:
        return await asyncio.wait_for(self._digits.get(), timeout)

    async def refer(self, target: str, timeout: float = RING_LIMIT_S) -> None:
        """Blind transfer; returns when the far end reports the target's answer (this call is then over).

        `target` is a number at this phone's domain, or a SIP URI. ReferFailed(status) otherwise.
        """
        uri = target if ":" in target else f"sip:{target}@{self.phone.domain}"
        await self._do("refer", target=uri, timeout=timeout)

    async def refer_attended(self, other: Call, timeout: float = RING_LIMIT_S) -> None:
        """Attended transfer (REFER with Replaces): joins this call's far end to that of `other`."""
        await self._do("attend", other=other.name, timeout=timeout)

    async def play_tone(self, frequency: float) -> None:
        """Send a sine, from now until told otherwise; multiples of 10 Hz (see softphones.tones)."""
        await self._do("play", frequency=frequency)

    async def silence(self) -> None:
        await self._do("play", frequency=None)

    async def hears(self, frequency: float, within: float = 3.0) -> bool:
        """True as soon as the tone arrives for 300 ms on end (sound that came before this call does not
        count), False after `within` seconds (at most 10)."""
        return bool(await self._do("hears", frequency=frequency, within=within))

    async def level(self) -> float:
        """Level of the last 200 ms received, dBFS; -96 for silence or when nothing arrives at all."""
        return float(await self._do("level"))

    async def record(self, path: str) -> None:
        """Write what is heard from now on to a WAV file (8 kHz, 16 bit), complete once the call ended."""
        await self._do("record", path=path)

    async def _do(self, op: str, **args: Any) -> Any:
        return await self._host.request(op, call=self.name, **args)

    def on_notice(self, notice: Notice) -> None:
        """For the host: something happened to this call."""
        match notice.kind:
            case "ringing" | "progress":
                _settle(self._ringing, notice.at)
            case "established":
                _settle(self._ringing, notice.at)
                _settle(self._answered, notice.at)
            case "held" | "resumed":
                self.held_by_peer = notice.kind == "held"
            case "dtmf":
                self._digits.put_nowait(notice.detail["digit"])
            case "closed":
                status, reason, cause = parse_close_text(notice.detail["text"])
                by = "us" if self._we_end else _ENDED_BY.get(reason, "refused" if status else "failed")
                _settle(self._ended, Ended(by, status, reason, cause, notice.at, notice.detail["stats"]))
                self.fail(CallFailed(reason or "the call ended", status))

    def fail(self, error: PhoneError) -> None:
        """For the host: nobody shall wait any longer."""
        futures: tuple[asyncio.Future[Any], ...] = (self._ringing, self._answered, self._ended)
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody need be waiting for it


class IncomingCall(Call):
    """A call that rings at one of our phones. To let it ring, do nothing.

    Bytes of a header that are not UTF-8 show as Latin-1 characters.
    """

    def __init__(self, phone: Phone, name: str, received_at: float, detail: Mapping[str, Any]) -> None:
        super().__init__(phone, name)
        self.received_at = received_at
        self.headers = Headers(detail["headers"])
        self.call_id: str = detail["call_id"]
        caller = parse_identity(self.headers.get("From") or detail["from"])
        self.from_number = caller.number
        self.from_uri = caller.uri
        self.from_display = caller.display

    @property
    def asserted_identity(self) -> Identity | None:
        """Who P-Asserted-Identity names; None without that header."""
        header = self.headers.get("P-Asserted-Identity")
        return parse_identity(header) if header else None

    async def answer(self) -> None:
        """200 OK; `answered()` tells when the call is up. CallGone when the caller hung up first."""
        await self._do("answer")

    async def reject(self, status: int = 486, reason: str = "") -> None:
        """Refuse with any status from 400 to 699."""
        if not 400 <= status <= 699:
            raise ValueError(f"a refusal is 400 to 699, not {status}")
        self._we_end = True
        await self._do("reject", status=status, reason=reason or "Refused")


class Phone:
    """One SIP identity; made by `PhoneHost.phone`."""

    def __init__(self, host: PhoneHost, name: str, domain: str) -> None:
        self.host = host
        self.name = name
        self.domain = domain
        self._rung: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self._answer_after: float | None = None

    async def dial(self, target: str, headers: Mapping[str, str] | None = None) -> Call:
        """Call a number at this phone's domain, or a SIP URI. Returns when the INVITE is on its way."""
        call = self.host.outgoing(self)
        args = {"target": target, "headers": dict(headers or {})}
        call.sent_at = await self.host.request("dial", phone=self.name, call=call.name, **args)
        return call

    async def incoming(self, timeout: float = WAIT_S) -> IncomingCall:
        """The next call that rings here, oldest first, also one that has ended meanwhile."""
        return await asyncio.wait_for(self._rung.get(), timeout)

    def auto_answer(self, after: float | None = 0.0) -> None:
        """Answer every later call after so many seconds; None to stop. `incoming` reports them as well."""
        self._answer_after = after

    def forget_rings(self) -> None:
        """Drop what `incoming` was never asked for."""
        while not self._rung.empty():
            self._rung.get_nowait()

    async def register(self, timeout: float = WAIT_S) -> None:
        """Once more, after `unregister`. Raises RegistrationFailed."""
        await self.host.request("register", phone=self.name, timeout=timeout)

    async def unregister(self) -> None:
        await self.host.request("unregister", phone=self.name)

    def on_incoming(self, call: IncomingCall) -> None:
        """For the host: a call rings."""
        self._rung.put_nowait(call)
        if self._answer_after is not None:
            self.host.spawn(self._answer(call, self._answer_after))

    async def _answer(self, call: IncomingCall, after: float) -> None:
        await asyncio.sleep(after)
        try:
            await call.answer()
        except (CallGone, HostDied):
            return  # the caller was faster, or everything is over


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _result(future: asyncio.Future[float]) -> float | None:
    return future.result() if future.done() and future.exception() is None else None
