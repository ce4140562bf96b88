"""An AMI peer on 127.0.0.1 that answers by script: a real TCP server, so that links break as they do in life."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Self

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
SECRET = "right"
HANG_UP = object()
"""In an answer: close the link here."""

Received = dict[str, str]
Answer = Callable[[Received], Iterable[object]]


def frame(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def reply(action: Received, *lines: str, response: str = "Success") -> bytes:
    return frame(f"Response: {response}", f"ActionID: {action['ActionID']}", *lines)


def silence(action: Received) -> Iterable[object]:
    return ()


def hang_up(action: Received) -> Iterable[object]:
    return (HANG_UP,)


def log_in(action: Received) -> Iterable[object]:
    if action["Secret"] == SECRET:
        return reply(action, "Message: Authentication accepted"), frame("Event: FullyBooted")
    return reply(action, "Message: Authentication failed", response="Error"), HANG_UP


def succeed(action: Received) -> Iterable[object]:
    return (reply(action, "Message: Fine"),)


def refuse(message: str) -> Answer:
    return lambda action: (reply(action, f"Message: {message}", response="Error"),)


class ScriptedAmi:
    """``answers`` maps action names to what is written in return; unnamed actions succeed.

    ``received`` holds every action of every link, in order, read as Asterisk reads them: frame by frame;
    ``lines`` the same as they came, with repeated headers.
    """

    def __init__(self, *, greeting: bytes = GREETING, port: int = 0, **answers: Answer) -> None:
        self.port = port
        self.greeting = greeting
        self.answers: dict[str, Answer] = {"Login": log_in, **answers}
        self.received: list[Received] = []
        self.lines: list[list[str]] = []
        self.links = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await eventually(lambda: self.open_links == 0)

    def send(self, data: bytes) -> None:
        """Writes to the newest link."""
        self._writers[-1].write(data)

    def break_link(self) -> None:
        self._writers[-1].transport.abort()

    def stop_reading(self) -> None:
        transport = self._writers[-1].transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()

    @property
    def open_links(self) -> int:
        return len(self._writers)

    def count(self, name: str) -> int:
        return sum(action["Action"] == name for action in self.received)

    async def until_received(self, name: str, count: int = 1) -> None:
        await eventually(lambda: self.count(name) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links += 1
        self._writers.append(writer)
        writer.write(self.greeting)
        try:
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                self.lines.append(raw.decode().strip().split("\r\n"))
                action = dict(line.split(": ", 1) for line in self.lines[-1])
                self.received.append(action)
                self._answer(action, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side left
        finally:
            writer.transport.abort()
            self._writers.remove(writer)

    def _answer(self, action: Received, writer: asyncio.StreamWriter) -> None:
        for part in self.answers.get(action["Action"], succeed)(action):
            if part is HANG_UP:
                writer.close()
                return
            assert isinstance(part, bytes)
            writer.write(part)


async def eventually(condition: Callable[[], bool], within: float = 20.0) -> None:
    """Returns as soon as the condition holds; fails with TimeoutError otherwise."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)


async def settle() -> None:
    """Long enough on the loopback for anything that was going to happen, as far as a test of "never" can tell."""
    await asyncio.sleep(0.1)
