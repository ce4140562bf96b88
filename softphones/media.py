# mypy: disable-error-code="no-untyped-call"
# (baresip says it is typed, yet leaves most functions without annotations)
"""Sound of the calls in one host: one loop feeds and empties them all every 20 ms."""

from __future__ import annotations

import asyncio
import time
import wave
from collections import deque

import numpy as np
from baresip import AudioNotActive, AudioRestarted
from baresip.audio import CallAudio

from softphones.tones import MIN_RUN, SILENCE_DBFS, WINDOWS_PER_SECOND, Samples, level_dbfs, runs, tone

FRAME_S = 0.02
# Enough to bridge a busy machine's late wake-ups; a changed tone flushes it.
AHEAD_S = 0.1
KEEP_S = 10.0
LEVEL_S = 0.2


class Ear:
    """What was received lately, oldest first; the last KEEP_S seconds."""

    def __init__(self, rate: int = 8000) -> None:
        self.rate = rate
        self.position = 0
        self._chunks: deque[tuple[float, Samples]] = deque()
        self._kept = 0

    def feed(self, samples: Samples, at: float) -> None:
        self._chunks.append((at, samples))
        self.position += len(samples)
        self._kept += len(samples)
        while self._kept - len(self._chunks[0][1]) > KEEP_S * self.rate:
            self._kept -= len(self._chunks.popleft()[1])

    def since(self, position: int) -> Samples:
        wanted = min(self._kept, self.position - position)
        if wanted <= 0:
            return np.empty(0, np.int16)
        newest: list[Samples] = []
        missing = wanted
        for _, samples in reversed(self._chunks):
            newest.append(samples)
            missing -= len(samples)
            if missing <= 0:
                break
        return np.concatenate(newest[::-1])[-wanted:]

    async def hears(self, frequency: float, within: float) -> bool:
        """True as soon as the tone, sent from now on, is heard for 300 ms; False after `within` seconds."""
        at, run, deadline = self.position, 0, time.monotonic() + within
        while True:
            for count in runs(self.since(at), self.rate, frequency, run):
                at, run = at + self.rate // WINDOWS_PER_SECOND, count
                if run == MIN_RUN:
                    return True
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(0.5 / WINDOWS_PER_SECOND)

    def level(self, now: float) -> float:
        recent = [samples for at, samples in self._chunks if at >= now - LEVEL_S]
        return level_dbfs(np.concatenate(recent)) if recent else SILENCE_DBFS


class Line:
    """The sound of one call: what it says (a tone or silence) and what it hears."""

    def __init__(self, audio: CallAudio) -> None:
        self._audio = audio
        self.ear = Ear()
        self._frequency: float | None = None
        self._spoken = 0
        self._file: wave.Wave_write | None = None

    def play(self, frequency: float | None) -> None:
        """None is silence (which is still sent: RTP never stops)."""
        self._frequency = frequency
        try:
            self._audio.flush_tx()
        except (AudioNotActive, AudioRestarted):
            return  # nothing was queued

    def record(self, path: str) -> None:
        """Write what is heard from now on to a WAV file, complete once the call ends."""
        self.close()
        self._file = wave.open(path, "wb")  # noqa: SIM115 (kept open until the call ends)
        self._file.setparams((1, 2, self.ear.rate, 0, "NONE", ""))

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def pump(self) -> None:
        """Read what came, write what is due; a call without media (held, ending, renegotiating) is left be."""
        try:
            info = self._audio.info()
            if info.rx_ready:
                self._listen(info.rx_sample_rate)
            if info.tx_ready and self._frequency is not None:
                self._speak(self._frequency, info.tx_sample_rate, info.tx_buffered)
        except (AudioNotActive, AudioRestarted):
            return

    def _listen(self, rate: int) -> None:
        if rate != self.ear.rate:
            self.ear = Ear(rate)
        pcm = self._audio.read(1 << 16)
        if pcm:
            self.ear.feed(np.frombuffer(pcm, np.int16), time.monotonic())
            if self._file:
                self._file.writeframes(pcm)

    def _speak(self, frequency: float, rate: int, buffered_bytes: int) -> None:
        due = int(AHEAD_S * rate) - buffered_bytes // 2
        if due > 0:
            self._spoken += self._audio.write(tone(frequency, rate, self._spoken, due).tobytes()) // 2

    async def hears(self, frequency: float, within: float) -> bool:
        """As `Ear.hears`."""
        return await self.ear.hears(frequency, within)


async def pump_all(lines: dict[str, Line]) -> None:
    """Serve all lines until cancelled."""
    while True:
        for line in lines.values():
            line.pump()
        await asyncio.sleep(FRAME_S)
