"""Between bytes and headers, without I/O: cutting frames, reading them, vetting headers before they are sent.

By hand, because panoramisk decodes chunk by chunk (a character cut at a border is lost), searches its
unbounded buffer again for each chunk, and reads ``Name: value`` only with the space.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from telephony.errors import AmiProtocolError, UnsafeHeader

Headers = Mapping[str, str | list[str]]
"""As received: names as Asterisk writes them, a repeated header (``ChanVariable``) as a list, in order."""

Request = Mapping[str, str | Sequence[str]]
"""As asked by us: a sequence is sent as one header line per item (``Variable``)."""

GREETING = b"Asterisk Call Manager/"
# An empty line ends a frame; "\r\n\n" was seen too (asterisk #761). A lone "\n\n" may be inside a value.
FRAME_END = re.compile(rb"\r\n\r?\n")
# A frame has one type and one id: where a UserEvent adds another, the first (Asterisk's own) counts.
ONCE_ONLY = frozenset({"event", "response", "actionid", "eventlist"})

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_()-]*", re.ASCII)
LINE_BREAKERS = re.compile(r"[\r\n\0]")
# Asterisk reads a line into 1024 bytes (manager.c, inbuf), CR LF included, and discards longer ones.
MAX_LINE_BYTES = 1022


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """One event as it came; nothing is interpreted."""

    name: str
    headers: Headers

    def get(self, header: str, default: str = "") -> str:
        """The value of a header; the first one where it is repeated."""
        values = self.values(header)
        return values[0] if values else default

    def values(self, header: str) -> list[str]:
        """All values of a header that may be repeated, in wire order; empty where it is missing."""
        found = self.headers.get(header, [])
        return [found] if isinstance(found, str) else list(found)


class FrameCutter:
    """Cuts a byte stream into whole frames, in time linear in its length, holding at most about one frame.

    ``feed`` yields each completed frame without its end, and raises AmiProtocolError (after the frames before
    it) for a frame larger than ``max_frame_bytes`` or a stream that does not start with Asterisk's greeting.
    """

    def __init__(self, max_frame_bytes: int) -> None:
        self._max = max_frame_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._greeted = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        if not self._greeted and not self._take_greeting():
            return
        start = 0
        while end := FRAME_END.search(self._buffer, max(start, self._searched)):
            self._check_size(end.start() - start)
            yield bytes(self._buffer[start : end.start()])
            start = self._searched = end.end()
        del self._buffer[:start]
        self._searched = max(0, len(self._buffer) - len(b"\r\n\r"))
        self._check_size(len(self._buffer))

    def _take_greeting(self) -> bool:
        known = min(len(self._buffer), len(GREETING))
        if self._buffer[:known] != GREETING[:known]:
            raise AmiProtocolError("the peer does not greet as an Asterisk manager")
        line_end = self._buffer.find(b"\n")
        self._check_size(len(self._buffer) if line_end < 0 else line_end)
        del self._buffer[: line_end + 1]
        self._greeted = line_end >= 0
        return self._greeted

    def _check_size(self, size: int) -> None:
        if size > self._max:
            raise AmiProtocolError(f"the peer sent a frame of more than {self._max} bytes")


def read_frame(frame: bytes) -> dict[str, str | list[str]]:
    """The headers of one whole frame, in wire order. Bytes that are not UTF-8 become U+FFFD; lines without a
    colon (Asterisk 22 sends none) are left out."""
    headers: dict[str, str | list[str]] = {}
    spelling: dict[str, str] = {}
    for line in frame.decode("utf-8", "replace").strip("\r\n").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            continue
        name = spelling.setdefault(name.lower(), name)
        value = value.removeprefix(" ")
        known = headers.get(name)
        if known is None:
            headers[name] = value
        elif isinstance(known, list):
            known.append(value)
        elif name.lower() not in ONCE_ONLY:
            headers[name] = [known, value]
    return headers


def check_request(headers: Request) -> None:
    """Raises UnsafeHeader unless every header surely stays one line, and one header, on Asterisk's side."""
    seen: set[str] = set()
    for name, value in headers.items():
        if not SAFE_NAME.fullmatch(name):
            raise UnsafeHeader(name, "is not a header name")
        if name.lower() in seen:
            raise UnsafeHeader(name, "is there twice, differing in case")
        seen.add(name.lower())
        for item in (value,) if isinstance(value, str) else value:
            _check_value(name, item)


def _check_value(name: str, value: str) -> None:
    if LINE_BREAKERS.search(value):
        raise UnsafeHeader(name, "has a CR, LF or NUL in its value")
    try:
        line = f"{name}: {value}".encode()
    except UnicodeEncodeError:
        raise UnsafeHeader(name, "has a value that is not valid Unicode") from None
    if len(line) > MAX_LINE_BYTES:
        raise UnsafeHeader(name, f"makes a line of more than {MAX_LINE_BYTES} bytes")
