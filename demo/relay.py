"""A TCP relay in front of Asterisk's manager port, whose two directions can be cut, refused and held up."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK = 65536
_FRAME_END = b"\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: the peer gets RST, not FIN


@dataclass(slots=True)
class _Lane:
    """One direction of all connections. While it stands, what comes in is taken and goes nowhere."""

    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[tuple[asyncio.StreamWriter, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flowing.set()

    def resume(self, deliver: bool) -> None:
        for writer, data in self.held:
            if deliver and not writer.is_closing():
                writer.write(data)
        self.held.clear()
        self.flowing.set()


class Relay:
    """Between ``start`` and ``close``. ``actions`` holds each manager action that the service sent, as text, in order,
    whether or not it got through."""

    def __init__(self, port: int, upstream: int) -> None:
        self.actions: list[str] = []
        self._port = port
        self._upstream = upstream
        self._to_asterisk = _Lane()
        self._to_service = _Lane()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self.accept()

    async def close(self) -> None:
        await self.refuse()
        self.cut()
        self.resume(deliver=False)
        await asyncio.gather(*self._serving, return_exceptions=True)

    # -------------------------------------------------------------- harm

    def cut(self) -> None:
        """Each connection is reset on both sides; a new one may be made at once."""
        for writer in self._writers:
            sock: socket.socket = writer.get_extra_info("socket")
            if sock.fileno() != -1:  # else it is closed, and its task is about to say so
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def refuse(self) -> None:
        """No new connection; those that are there stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    def stall(self, *, to_asterisk: bool = True, to_service: bool = True) -> None:
        """Half-open: what is sent in these directions is taken and goes nowhere, and no end learns of the other's."""
        if to_asterisk:
            self._to_asterisk.flowing.clear()
        if to_service:
            self._to_service.flowing.clear()

    def resume(self, *, deliver: bool = True) -> None:
        """Both directions flow; what was held arrives late with ``deliver``, else never."""
        self._to_asterisk.resume(deliver)
        self._to_service.resume(deliver)

    # -------------------------------------------------------------- what went through

    def sent(self, action: str, about: str = "") -> int:
        """How many actions of this name the service sent in which ``about`` stands, such as a handoff's id."""
        return sum(f"Action: {action}\r\n" in f"{text}\r\n" and about in text for text in self.actions)

    # -------------------------------------------------------------- relaying

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:  # nobody listens there
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, self._to_asterisk, noted=True),
                self._pump(far_reader, writer, self._to_service),
            )
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lane: _Lane, *, noted: bool = False
    ) -> None:
        """What one end still says is read, also when the other has gone: a reset would lose what it was told."""
        begun = b""
        with suppress(ConnectionError):  # as good as its end
            while data := await reader.read(_CHUNK):
                if noted:
                    *whole, begun = (begun + data).split(_FRAME_END)
                    self.actions += [frame.decode("utf-8", "replace") for frame in whole]
                if not lane.flowing.is_set():
                    lane.held.append((writer, data))
                elif not writer.is_closing():
                    with suppress(ConnectionError):
                        writer.write(data)
                        await writer.drain()
        await lane.flowing.wait()
        if not writer.is_closing():
            with suppress(OSError):  # it has gone just now
                writer.write_eof()
