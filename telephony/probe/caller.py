"""The probe's phone: ``python -m telephony.probe.caller``, an Order as JSON in, Facts as JSON out. Nothing imports it.

pyVoIP 1.6.8 places the call, with these faults of it worked around, each where it is:
waits without end; one branch for every INVITE, and the same one in the next process; an answer that comes before it
has noted the call is lost; ACK with a To tag of its own making; no CANCEL, no ACK of a refusal; no RFC 4733 out; in, a
key is lost with its first packet; it registers, which this phone must not: nobody is to ring it.
"""

from __future__ import annotations

import audioop
import json
import math
import os
import random
import re
import signal
import socket
import struct
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

from pyVoIP.VoIP import CallState, VoIPCall, VoIPPhone  # first, for they import each other in a circle

# isort: split
from pyVoIP.RTP import PayloadType, RTPClient, RTPMessage, TransmitType
from pyVoIP.SIP import SIPClient, SIPMessage, SIPMessageType

from telephony.probe.port import MARK, Facts, Order, Sound, Trouble

_LIFE_SECONDS = 85
_SIP_WAIT_S = 10.0
_KEYS_WAIT_S = 16.0
_NOTHING_HEARD_S = 5.0
_PAUSE_S = 0.4
_LATE_S = 4.0
_POLL_S = 0.01
_BYE_S = 1.0
_RATE, _FRAME = 8000, 160
_FRAME_S = _FRAME / _RATE
_LOUD_DBFS = -45.0
_SILENCE = b"\xff" * _FRAME
_KEYS = "0123456789*#ABCD"
_KEY_FRAMES, _KEY_ENDS, _KEY_VOLUME, _KEY_END = 8, 3, 10, 0x80  # RFC 4733 section 2.3: -10 dBm0; E bit


class _Socket(socket.socket):
    """Never waits without end: pyVoIP sets its socket to blocking before it waits for a reply."""

    def setblocking(self, flag: bool) -> None:
        self.settimeout(_SIP_WAIT_S if flag else 0.0)


def _bound(address: str) -> _Socket:
    """Raises OSError."""
    found = _Socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((address, 0))
    found.setblocking(True)
    return found


class _Sip(SIPClient):
    """``refused``: the final answer to the INVITE, where it was no answer."""

    def __init__(self, order: Order, phone: VoIPPhone, on_message: Callable[[SIPMessage], None]) -> None:
        super().__init__(
            order.server,
            order.port,
            order.username,
            order.secret,
            phone=phone,
            myIP=order.source,
            callCallback=on_message,
        )
        self.caller = order.caller
        self.refused: int | None = None
        self.replied = False
        self.over = threading.Event()

    def start(self) -> None:
        """Only bound; it listens once the call is noted (``listen``)."""
        self.NSD = True
        self.s = self.out = _bound(self.myIP)
        self.myPort = self.s.getsockname()[1]

    def listen(self) -> None:
        threading.Thread(target=self.recv_loop, name="sip", daemon=True).start()

    def parse_message(self, message: SIPMessage) -> None:
        self.replied = True
        if message.type == SIPMessageType.MESSAGE:
            super().parse_message(message)
            if message.method == "BYE":
                self.over.set()
            return
        status = int(message.status)
        if message.headers["CSeq"]["method"] == "INVITE" and status >= 300:
            self.refused = status
            self.out.sendto(self.gen_ack(message).encode(), (self.server, self.port))
        else:
            super().parse_message(message)

    def gen_call_id(self) -> str:
        return f"{uuid4()}@{self.myIP}"

    def gen_invite(self, number: str, sess_id: str, ms: Any, sendtype: Any, branch: str, call_id: str) -> str:
        text = str(super().gen_invite(number, sess_id, ms, sendtype, self.gen_branch(), call_id))
        ours = f"{MARK}: yes\r\nP-Asserted-Identity: <sip:{self.caller}@{self.server}>\r\n"
        return text.replace("Content-Type:", f"{ours}Content-Type:", 1)

    def gen_ack(self, request: SIPMessage) -> str:
        to = request.headers["To"]
        return re.sub(r"(?m)^To: [^\r\n]*", lambda _: f"To: {to['raw']};tag={to['tag']}", super().gen_ack(request))

    def cancel(self, request: SIPMessage) -> None:
        lines = request.raw.decode().split("\r\n")
        kept = [line for line in lines if line.startswith(("Via:", "Max-Forwards:", "To:", "From:", "Call-ID:"))]
        head = f"CANCEL {lines[0].split()[1]} SIP/2.0"
        ends = [f"CSeq: {request.headers['CSeq']['check']} CANCEL", "Content-Length: 0", "", ""]
        self.out.sendto("\r\n".join([head, *kept, *ends]).encode(), (self.server, self.port))


class _Rtp(RTPClient):
    """``frames``: audio as it came, 20 ms each; ``loud_from``: the first loud one's place; ``loud_at``: when the last
    one came, monotonic. ``keys``: what was pressed over there.
    """

    def __init__(self, media: socket.socket, *about: Any) -> None:
        super().__init__(*about)
        self._media = media
        self._event = next(number for number, kind in self.assoc.items() if kind == PayloadType.EVENT)
        self._pressed: SimpleQueue[str] = SimpleQueue()
        self._heard: dict[int, str] = {}
        self.frames: list[bytes] = []
        self.loud_from: int | None = None
        self.loud_at = 0.0

    @property
    def keys(self) -> str:
        return "".join(list(self._heard.values()))

    def press(self, key: str) -> None:
        self._pressed.put(key)

    def start(self) -> None:
        """On the socket that was bound before the INVITE: what comes with the answer is not lost."""
        self.sin = self.sout = self._media
        self.sin.setblocking(False)
        threading.Thread(target=self.recv, name="hears", daemon=True).start()
        threading.Thread(target=self.trans, name="speaks", daemon=True).start()

    def parse_packet(self, packet: bytes) -> None:
        message = RTPMessage(packet, self.assoc)
        if message.payload_type == PayloadType.PCMU:
            frame = audioop.ulaw2lin(message.payload, 2)
            self.frames.append(frame)
            if _dbfs(frame) > _LOUD_DBFS:
                self.loud_at = time.monotonic()
                self.loud_from = len(self.frames) - 1 if self.loud_from is None else self.loud_from
        elif message.payload_type == PayloadType.EVENT:
            self._heard.setdefault(message.timestamp, _KEYS[message.payload[0]])

    def trans(self) -> None:
        sequence, at = random.randrange(1000), time.monotonic()
        for kind, marker, timestamp, payload in self._stream():
            if not self.NSD:
                return
            head = struct.pack("!BBHII", 0x80, kind | marker << 7, sequence & 0xFFFF, timestamp, self.outSSRC)
            try:
                self.sout.sendto(head + payload, (self.outIP, self.outPort))
            except BlockingIOError:
                pass  # a full buffer costs this packet
            except OSError:
                return  # closed by `stop`
            sequence, at = sequence + 1, at + _FRAME_S
            time.sleep(max(0.0, at - time.monotonic()))

    def _stream(self) -> Iterator[tuple[int, bool, int, bytes]]:
        """Payload type, marker, timestamp and payload, one every 20 ms: silence, and keys as RFC 4733 wants them."""
        timestamp = random.randrange(1_000_000)
        while True:
            try:
                code = _KEYS.index(self._pressed.get_nowait())
            except Empty:
                yield 0, False, timestamp, _SILENCE
                timestamp += _FRAME
                continue
            for step in range(1, _KEY_FRAMES + _KEY_ENDS + 1):
                end = _KEY_END if step > _KEY_FRAMES else 0
                lasted = min(step, _KEY_FRAMES) * _FRAME
                yield self._event, step == 1, timestamp, struct.pack("!BBH", code, end | _KEY_VOLUME, lasted)
            timestamp += (_KEY_FRAMES + _KEY_ENDS) * _FRAME


class _Call(VoIPCall):
    """``media``: the socket that sound comes to. ``rtp``: there when it is answered."""

    media: socket.socket
    rtp: _Rtp

    def create_rtp_clients(self, codecs: Any, ip: str, port: int, request: SIPMessage, baseport: int) -> None:
        """Media goes where the signalling went: what stands in the SDP may be meant for phones behind a router."""
        self.rtp = _Rtp(self.media, codecs, ip, port, self.phone.server, baseport, self.sendmode)
        self.RTPClients.append(self.rtp)


class _Phone(VoIPPhone):
    """Raises OSError when it gets no port."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.server, order.port, order.username, order.secret, myIP=order.source)
        self.sip = self.signalling = _Sip(order, self, self.callback)
        self.media = _bound(order.source)
        self.sip.start()

    def call(self, number: str) -> _Call:
        """Raises TimeoutError when nothing answers."""
        port = self.media.getsockname()[1]
        medias: dict[Any, Any] = {port: {0: PayloadType.PCMU, 101: PayloadType.EVENT}}
        request, call_id, session = self.sip.invite(number, medias, TransmitType.SENDRECV)
        call = _Call(self, CallState.DIALING, request, session, self.myIP, ms=medias, sendmode=self.sendmode)
        call.media = self.media
        self.calls[call_id] = call
        self.signalling.listen()
        return call

    def release_ports(self, call: VoIPCall | None = None) -> None:
        """They are the kernel's."""


# --- what is heard ---------------------------------------------------------------------------------------------------


def sound_of(frames: Sequence[bytes]) -> Sound | None:
    """None when nothing in it is loud. Frames of 20 ms, 16 bit, 8 kHz."""
    loud = [place for place, frame in enumerate(frames) if _dbfs(frame) > _LOUD_DBFS]
    if not loud:
        return None
    span = frames[loud[0] : loud[-1] + 1]
    return Sound(round(len(span) * _FRAME_S, 2), round(_dbfs(b"".join(span)), 1))


def _dbfs(samples: bytes) -> float:
    rms = audioop.rms(samples, 2)
    return 20 * math.log10(rms / 32768) if rms else -96.0


def _of_file(path: str) -> Sound | None:
    try:
        with wave.open(path, "rb") as file:
            samples = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error):
        return None
    size = 2 * _FRAME
    return sound_of([samples[begin : begin + size] for begin in range(0, len(samples) - size + 1, size)])


# --- the call --------------------------------------------------------------------------------------------------------


def _until(reached: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def place(order: Order) -> Facts:
    try:
        phone = _Phone(order)
    except OSError:
        return Facts(trouble=Trouble.NO_PORT)
    sip, began = phone.signalling, time.monotonic()
    try:
        call = phone.call(order.number)
    except (TimeoutError, ConnectionError):
        return Facts(sip_code=sip.refused, trouble=None if sip.replied else Trouble.UNREACHABLE)
    _until(lambda: call.state is CallState.ANSWERED or sip.refused, order.patience)
    if call.state is not CallState.ANSWERED:
        if sip.refused is None:
            sip.cancel(call.request)
            _until(lambda: sip.refused, _BYE_S)
            return Facts()
        return Facts(sip_code=sip.refused)
    return _talk(order, sip, call, round(time.monotonic() - began, 3))


def _talk(order: Order, sip: _Sip, call: _Call, answered_after: float) -> Facts:
    media, wanted = call.rtp, _of_file(order.prompt)
    _hear_out(media, sip.over, wanted.seconds if wanted else 0.0)
    prompt = sound_of(media.frames)
    media.press(order.key)
    _until(lambda: media.keys.endswith("#") or sip.over.is_set(), _KEYS_WAIT_S)
    facts = Facts(answered_after=answered_after, prompt=prompt, wanted=wanted, key=order.key, keys=media.keys)
    if not _until(sip.over.is_set, _BYE_S):
        call.hangup()
        time.sleep(_BYE_S / 10)
    return facts


def _hear_out(media: _Rtp, over: threading.Event, seconds: float) -> None:
    """Until the prompt is over, or none has come. Asterisk sends silence after it (``transmit_silence``)."""
    if not _until(lambda: media.loud_from is not None or over.is_set(), _NOTHING_HEARD_S):
        return

    def quiet() -> bool:
        enough = (len(media.frames) - (media.loud_from or 0)) * _FRAME_S >= seconds
        return over.is_set() or (enough and time.monotonic() - media.loud_at > _PAUSE_S)

    _until(quiet, seconds + _LATE_S)


def main() -> None:
    """Whatever hangs: SIGALRM ends the process, also when nobody is left who would kill it."""
    signal.alarm(_LIFE_SECONDS)
    os.nice(5)
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # pyVoIP prints
    facts = place(Order(**json.load(sys.stdin)))
    json.dump(asdict(facts), told)
    told.flush()
    os._exit(0)  # its threads may never end


if __name__ == "__main__":
    main()
