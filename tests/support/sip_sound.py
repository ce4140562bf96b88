"""Sound of a test peer's call: G.711 A-law in RTP (RFC 3550, 3551), a tone out, whatever comes in."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softphones.media import Ear
from softphones.tones import Samples, tone

_RATE = 8000
_FRAME = 160
_PCMA = 8
_EVENT = 101
_KEYS = "0123456789*#ABCD"
_HEADER = struct.Struct("!BBHII")
_ADDRESS = re.compile(rb"c=IN IP4 (\S+)")
_PORT = re.compile(rb"m=audio (\d+)")


def _a_law_values() -> NDArray[np.int16]:
    """What each of the 256 codes stands for (ITU-T G.711)."""
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, size, -size).astype(np.int16)


_VALUES = _a_law_values()
_ORDER = np.argsort(_VALUES)
_BORDERS = (_VALUES[_ORDER][1:].astype(np.int32) + _VALUES[_ORDER][:-1]) // 2


def encode(samples: Samples) -> bytes:
    """The nearest code of each sample."""
    return bytes(_ORDER[np.searchsorted(_BORDERS, samples)].astype(np.uint8))


def decode(payload: bytes) -> Samples:
    return _VALUES[np.frombuffer(payload, np.uint8)]


class Sound(asyncio.DatagramProtocol):
    """Made by ``open_sound``. Sends nothing until told to, and nothing after ``close``."""

    def __init__(self) -> None:
        self.ear = Ear(_RATE)
        self.frequency: float | None = None
        self._peer: tuple[str, int] | None = None
        self._events = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if data[1] & 0x7F == _PCMA:
            self.ear.feed(decode(data[_HEADER.size :]), time.monotonic())

    def send_to(self, sdp: bytes) -> None:
        """Where the other side wants its sound, from its session description."""
        address, port = _ADDRESS.search(sdp), _PORT.search(sdp)
        if address and port:
            self._peer = address[1].decode(), int(port[1])

    async def speak(self) -> None:
        """The tone, 50 packets a second, until cancelled."""
        began = time.monotonic()
        for number in range(1 << 16):
            if self._peer and self.frequency is not None:
                header = _HEADER.pack(0x80, _PCMA, number, number * _FRAME, 0x110)
                frame = tone(self.frequency, _RATE, number * _FRAME, _FRAME)
                self._transport.sendto(header + encode(frame), self._peer)
            await asyncio.sleep(max(0.0, began + number * 0.02 - time.monotonic()))

    async def press(self, keys: str) -> None:
        """Telephone events (RFC 4733) of 100 ms each, 100 ms apart."""
        for number, key in enumerate(keys):
            for sent in (1, 2, 3, 4, 5, 5, 5):
                header = _HEADER.pack(0x80, _EVENT | (0x80 if sent == 1 else 0), self._events, number * 1600, 0x111)
                ended = 0x80 if sent == 5 else 0
                self._transport.sendto(
                    header + struct.pack("!BBH", _KEYS.index(key), ended | 10, sent * _FRAME), self._peer
                )
                self._events += 1
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)

    async def hears(self, frequency: float, within: float) -> bool:
        return await self.ear.hears(frequency, within)

    def close(self) -> None:
        self._transport.close()


async def open_sound(ip: str) -> Sound:
    _, sound = await asyncio.get_running_loop().create_datagram_endpoint(Sound, local_addr=(ip, 0))
    return sound
