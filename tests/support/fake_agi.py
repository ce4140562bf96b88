"""Asterisk's side of a FastAGI session: it says who calls, then answers each command as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

ENVIRONMENT = {
    "agi_network": "yes",
    "agi_request": "agi://127.0.0.1:4573/menu",
    "agi_channel": "PJSIP/pstn-00000001",
    "agi_callerid": "13800001111",
    "agi_uniqueid": "n1-1.1",
    "agi_arg_1": "12345",
    "agi_arg_2": "12345",
    "agi_arg_3": "4",
    "agi_arg_4": "90",
}

Answer = Callable[[str], str | None]
"""What is answered to a command; None: nothing at all."""


def heard(*keys: str) -> Answer:
    """Prompts are played to their end; each wait for a key gets the next of these: `-` is silence, `!` a hang-up."""
    left = iter(keys)

    def answer(command: str) -> str | None:
        if command.startswith("STREAM FILE"):
            return "200 result=0 endpos=8000\n"
        if not command.startswith("WAIT FOR DIGIT"):
            return "200 result=1\n"
        key = next(left, "-")
        return "HANGUP\n" if key == "!" else f"200 result={0 if key == '-' else ord(key)}\n"

    return answer


class FakeCall:
    """One call at the menus. ``said``: every command that came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.said: list[str] = []
        self._reader, self._writer = reader, writer

    @classmethod
    async def comes(cls, port: int, environment: dict[str, str] | None = None) -> FakeCall:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        call = cls(reader, writer)
        lines = (f"{name}: {value}\n" for name, value in (ENVIRONMENT if environment is None else environment).items())
        call.send("".join(lines) + "\n")
        return call

    def send(self, text: str) -> None:
        self._writer.write(text.encode())

    async def plays(self, answer: Answer) -> str:
        """To the end of the session; returns where the caller goes then, "" when that was not said."""
        where = ""
        while line := await self._line():
            self.said.append(line)
            if line.startswith("SET VARIABLE IVR_NEXT "):
                where = line.split()[-1]
            reply = answer(line)
            if reply is not None:
                self.send(f"100 result=0 Trying...\n{reply}" if line.startswith("GOSUB ") else reply)
        self._writer.close()
        return where

    async def _line(self) -> str:
        try:
            return (await self._reader.readline()).decode().rstrip("\n")
        except ConnectionError:
            return ""

    def leaves(self) -> None:
        self._writer.transport.abort()
