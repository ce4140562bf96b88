"""Asterisk's events as they come, one JSON object of headers a line: what ``hotline replay`` reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from telephony.ami.client import AmiClient


class Recording:
    """An open file that lines are added to. ``events`` is how many were written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.events = 0

    @classmethod
    @contextmanager
    def to(cls, path: Path) -> Iterator[Recording]:
        """Appends; for its owner alone, since callers' numbers are in it. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                os.write(descriptor, b"\n")  # an earlier recording was cut off in mid-line
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    async def take(self, client: AmiClient, seconds: float | None = None) -> None:
        """Writes every event of a connected client until the link ends or ``seconds`` have passed.

        Each line is written in one go: whatever ends this, the last line is whole.
        """
        try:
            async with asyncio.timeout(seconds):
                async for event in client.events():
                    os.write(self._descriptor, orjson.dumps(event.headers) + b"\n")
                    self.events += 1
        except TimeoutError:
            return
