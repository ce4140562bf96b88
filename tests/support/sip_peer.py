"""A SIP phone that does just what a test says, for what a real phone cannot be made to do.

It answers OPTIONS, BYE, CANCEL and whatever comes inside a call; to a call that rings here it says nothing, not even
100, until ``Leg.say``. With ``silent`` it is dead on the wire. UDP, one socket, G.711 A-law.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sipmessage import URI, Address, AuthCredentials, AuthParameters, CSeq, Message, Request, Response

from softphones.identity import Identity, parse_identity
from tests.support.sip_sound import open_sound

_WAIT_S = 20.0
_RESEND_S = 0.5


class Leg:
    """One call of a peer. ``over`` is how it ended: "BYE", "CANCEL" (theirs), "us", or the status that refused it."""

    def __init__(self, peer: Peer, invite: Request, sound: Any, *, ours: bool) -> None:
        loop = asyncio.get_running_loop()
        self.peer, self.invite, self.sound = peer, invite, sound
        self.name = f"raw {invite.call_id}"
        self.seen: list[str] = []
        """Methods received inside the call, in order."""
        self.over: asyncio.Future[str] = loop.create_future()
        self.answered: asyncio.Future[Response] = loop.create_future()
        self.confirmed = asyncio.Event()
        """Their ACK is here."""
        self._ours = ours
        self._tag = invite.from_address.parameters["tag"] if ours else uuid.uuid4().hex[:8]
        self._remote = invite.to_address if ours else invite.from_address
        self._local = invite.from_address if ours else _tagged(invite.to_address, self._tag)
        self._contact = invite.uri if ours else invite.contact[0].uri
        self._cseq = invite.cseq.sequence if ours else 1
        self._version = 0
        self.last: Response | None = None
        self._speaking = asyncio.create_task(sound.speak())
        if not ours:
            sound.send_to(invite.body)

    # -------------------------------------------------------------- what a test reads

    @property
    def is_over(self) -> bool:
        return self.over.done()

    @property
    def from_number(self) -> str | None:
        return parse_identity(self.invite.headers["From"]).number

    @property
    def asserted_identity(self) -> Identity | None:
        header = self.invite.headers.get("P-Asserted-Identity")
        return parse_identity(header) if header else None

    @property
    def headers(self) -> Any:
        return self.invite.headers

    async def ended(self, timeout: float = _WAIT_S) -> str:
        return await asyncio.wait_for(asyncio.shield(self.over), timeout)

    # -------------------------------------------------------------- sound, as a softphone's call has it

    async def play_tone(self, frequency: float) -> None:
        self.sound.frequency = frequency

    async def hears(self, frequency: float, within: float = 3.0) -> bool:
        return bool(await self.sound.hears(frequency, within))

    async def dtmf(self, digits: str) -> None:
        await self.sound.press(digits)

    async def level(self) -> float:
        return float(self.sound.ear.level(time.monotonic()))

    # -------------------------------------------------------------- what a test does

    def say(self, status: int, description: bytes = b"") -> None:
        """Answer the INVITE: 1xx as often as one likes, then one final status."""
        reply = self._reply(self.invite, status, description)
        self.last = reply
        self.peer.send(reply)
        if status >= 300:
            self.close(str(status))

    def answer(self, description: bytes | None = None) -> None:
        """200, with ``describe()`` when no other is given; ``confirmed`` tells when their ACK is here."""
        self.say(200, self.describe() if description is None else description)

    async def ask(self, method: str, body: bytes = b"", **headers: str) -> Response:
        """A request inside the call; its final answer, whatever it is. An INVITE is confirmed by itself.

        It waits for their ACK of our 200 first (RFC 3261, 14.1: no re-INVITE while the first one is not confirmed).
        """
        if method == "INVITE" and not self._ours:
            await asyncio.wait_for(self.confirmed.wait(), _WAIT_S)
        request = self._request(method, body)
        for name, value in headers.items():
            request.headers.set(name.replace("_", "-"), value)
        reply = await self.peer.ask(request)
        if method == "INVITE" and reply.body:
            self.sound.send_to(reply.body)
        return reply

    async def hangup(self) -> None:
        """BYE, CANCEL or 603, whichever fits. A call that is over already is left be."""
        if self.is_over:
            return
        if not self._ours and (self.last is None or self.last.code < 200):
            self.say(603)
            return
        self.close("us")
        await (self.ask("BYE") if self.answered.done() or not self._ours else self.peer.cancel(self.invite))

    def describe(self, direction: str = "sendrecv") -> bytes:
        """This side's session description (RFC 8866), a new version each time."""
        self._version += 1
        lines = (
            "v=0",
            f"o=- 1 {self._version} IN IP4 {self.peer.ip}",
            "s=-",
            f"c=IN IP4 {self.peer.ip}",
            "t=0 0",
            f"m=audio {self.sound.port} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            f"a={direction}",
        )
        return "".join(f"{line}\r\n" for line in lines).encode()

    # -------------------------------------------------------------- for the peer

    def on_request(self, request: Request) -> None:
        self.seen.append(request.method)
        match request.method:
            case "ACK":
                self.confirmed.set()
            case "CANCEL":
                self.peer.send(self._reply(request, 200))
                if not self.is_over:
                    self.close("CANCEL")
                    self.say(487)
            case "INVITE":
                self.sound.send_to(request.body)
                self.peer.send(self._reply(request, 200, self.describe()))
            case _:
                self.peer.send(self._reply(request, 200))
                if request.method == "BYE":
                    self.close("BYE")

    def on_reply(self, reply: Response) -> None:
        """To the INVITE that this side has sent."""
        if reply.body:
            self.sound.send_to(reply.body)
        if reply.code >= 200 and not self.answered.done():
            self._remote, self._contact = reply.to_address, (reply.contact or [self._remote])[0].uri
            self.answered.set_result(reply)
            if reply.code >= 300:
                self.close(str(reply.code))

    def close(self, how: str) -> None:
        if not self.over.done():
            self.over.set_result(how)
        self._speaking.cancel()
        self.sound.close()

    def _request(self, method: str, body: bytes) -> Request:
        self._cseq += 1
        request = Request(method, self._contact, body)
        request.from_address, request.to_address = self._local, self._remote
        request.call_id, request.cseq = self.invite.call_id, CSeq(self._cseq, method)
        return request

    def _reply(self, request: Request, status: int, body: bytes = b"") -> Response:
        reply = reply_to(request, status, body)
        if "tag" not in request.to_address.parameters and status > 100:
            reply.to_address = _tagged(request.to_address, self._tag)
        return reply


class Peer(asyncio.DatagramProtocol):
    """Made by ``open_peer``."""

    def __init__(self) -> None:
        self.silent = False
        self._rung: asyncio.Queue[Leg] = asyncio.Queue()
        self._legs: dict[str, Leg] = {}
        self._arriving: set[str] = set()
        self._asked: dict[str, asyncio.Future[Response]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.ip, self.port = transport.get_extra_info("sockname")
        self._server: tuple[str, int] | None = None

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = Message.parse(data) if data.strip() else None  # else a keep-alive
        if self.silent or message is None:
            return
        self._server = addr
        leg = self._legs.get(message.call_id)
        if isinstance(message, Response):
            self._on_reply(message, leg)
        elif leg is None and message.method == "INVITE":
            if message.call_id not in self._arriving:  # else sent again
                self._arriving.add(message.call_id)
                self._spawn(self._ring(message))
        elif leg is None:
            self.send(reply_to(message, 200))
        elif message.method == "INVITE" and "tag" not in message.to_address.parameters:
            if leg.last:  # sent again: they have not seen it
                self.send(leg.last)
        else:
            leg.on_request(message)

    async def _ring(self, invite: Request) -> None:
        self._legs[invite.call_id] = leg = Leg(self, invite, await open_sound(self.ip), ours=False)
        self._rung.put_nowait(leg)

    def _on_reply(self, reply: Response, leg: Leg | None) -> None:
        if leg and reply.cseq == leg.invite.cseq:
            leg.on_reply(reply)
        if reply.code >= 200:
            if reply.cseq.method == "INVITE":
                self._confirm(reply)
            waiting = self._asked.pop(reply.via[0].parameters["branch"] or "", None)
            if waiting and not waiting.done():
                waiting.set_result(reply)

    def _confirm(self, reply: Response) -> None:
        target = (reply.contact or [reply.to_address])[0].uri
        ack = Request("ACK", target)
        ack.from_address, ack.to_address = reply.from_address, reply.to_address
        ack.call_id, ack.cseq = reply.call_id, CSeq(reply.cseq.sequence, "ACK")
        self._complete(ack, branch=None if reply.code < 300 else reply.via[0].parameters["branch"])
        self.send(ack)

    # -------------------------------------------------------------- what a test does

    async def incoming(self, timeout: float = _WAIT_S) -> Leg:
        """The next call that rings here."""
        return await asyncio.wait_for(self._rung.get(), timeout)

    async def hang_up_all(self) -> None:
        """What is up or rings is ended, what rang is forgotten, and nothing is dead any more."""
        self.silent = False
        for leg in self._legs.values():
            await leg.hangup()
        self._legs.clear()
        while not self._rung.empty():
            self._rung.get_nowait()

    async def register(self, user: str, password: str, registrar: str, expires: int = 300) -> None:
        """With digest authentication (RFC 2617, qop auth); raises AssertionError when it is refused."""
        uri = URI.parse(f"sip:{registrar}")
        me = Address(URI.parse(f"sip:{user}@{registrar}"))
        register = self._first("REGISTER", uri, me, me)
        register.headers.set("Expires", str(expires))
        challenge = (await self.ask(register)).www_authenticate
        assert challenge is not None
        again = self._first("REGISTER", uri, me, me)
        again.headers.set("Expires", str(expires))
        again.cseq = CSeq(2, "REGISTER")
        again.authorization = _credentials(challenge.parameters, user, password, "REGISTER", str(uri))
        assert (await self.ask(again)).code == 200

    async def dial(self, number: str, caller: str, server: str, **headers: str) -> Leg:
        """Call as ``caller``, who is believed on a trunk; ``Leg.answered`` is the final answer."""
        uri = URI.parse(f"sip:{number}@{server}")
        invite = self._first("INVITE", uri, Address(URI.parse(f"sip:{caller}@{self.ip}")), Address(uri))
        for name, value in headers.items():
            invite.headers.set(name.replace("_", "-"), value)
        leg = Leg(self, invite, await open_sound(self.ip), ours=True)
        invite.body = leg.describe()
        self._legs[invite.call_id] = leg
        self._complete(invite)
        self.send(invite)
        return leg

    async def cancel(self, invite: Request) -> Response:
        cancel = Request("CANCEL", invite.uri)
        cancel.from_address, cancel.to_address = invite.from_address, invite.to_address
        cancel.call_id, cancel.cseq = invite.call_id, CSeq(invite.cseq.sequence, "CANCEL")
        return await self.ask(cancel, invite.via[0].parameters["branch"])

    async def ask(self, request: Request, branch: str | None = None) -> Response:
        """Send it, again and again as UDP wants it, until a final answer comes."""
        self._complete(request, branch)
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._asked[request.via[0].parameters["branch"] or ""] = answer
        async with asyncio.timeout(_WAIT_S):
            while not answer.done():
                self.send(request)
                await asyncio.wait((answer,), timeout=_RESEND_S)
        return answer.result()

    def send(self, message: Request | Response) -> None:
        if self.silent:
            return
        message.headers.set("Contact", f"<sip:raw@{self.ip}:{self.port}>")
        message.headers.set("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO")
        if message.body:
            message.headers.set("Content-Type", "application/sdp")
        message.headers.set("Content-Length", str(len(message.body)))
        self._transport.sendto(bytes(message), self._server)

    def _first(self, method: str, uri: URI, sender: Address, to: Address) -> Request:
        """Outside of any call."""
        self._server = uri.host, uri.port or 5060
        request = Request(method, uri)
        request.from_address = _tagged(sender, uuid.uuid4().hex[:8])
        request.to_address, request.call_id, request.cseq = to, uuid.uuid4().hex, CSeq(1, method)
        return request

    def _complete(self, request: Request, branch: str | None = None) -> None:
        branch = branch or f"z9hG4bK{uuid.uuid4().hex}"
        request.headers.set("Via", f"SIP/2.0/UDP {self.ip}:{self.port};rport;branch={branch}")
        request.headers.set("Max-Forwards", "70")

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for leg in self._legs.values():
            leg.close("us")
        self._transport.close()


@asynccontextmanager
async def open_peer(ip: str) -> AsyncIterator[Peer]:
    """A peer on a free port of ``ip``."""
    _, peer = await asyncio.get_running_loop().create_datagram_endpoint(Peer, local_addr=(ip, 0))
    try:
        yield peer
    finally:
        peer.close()


def reply_to(request: Request, status: int, body: bytes = b"") -> Response:
    reply = Response(status, "Said by a test", body)
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        reply.headers.setlist(name, list(request.headers.getlist(name)))
    return reply


def _tagged(address: Address, tag: str | None) -> Address:
    return replace(address, parameters=address.parameters.replace(tag=tag))


def _credentials(challenge: AuthParameters, user: str, password: str, method: str, uri: str) -> AuthCredentials:
    def digest(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    realm, nonce, count, cnonce = challenge["realm"], challenge["nonce"], "00000001", uuid.uuid4().hex
    secret = digest(user, realm, password)
    response = digest(secret, nonce, count, cnonce, "auth", digest(method, uri))
    given = {"username": user, "realm": realm, "nonce": nonce, "uri": uri, "response": response, "nc": count}
    given |= {"cnonce": cnonce, "qop": "auth", "algorithm": "MD5"}
    if "opaque" in challenge:
        given["opaque"] = challenge["opaque"]
    return AuthCredentials("Digest", AuthParameters(**given))
