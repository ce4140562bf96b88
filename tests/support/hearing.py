"""Whether a recording of what a phone heard contains an announcement."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softphones.tones import MIN_DBFS, MIN_SHARE, WINDOWS_PER_SECOND, level_dbfs, tone_share

PROMPTS = Path("asterisk-config/prompts/zh")
_RATE = 8000


def samples(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), np.int16).astype(np.float64)


def likeness(heard: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """How much of ``wanted`` is in ``heard`` at the best place for it: 1 is all of it, noise is near 0."""
    size = len(heard) + len(wanted)
    across = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size)
    at = int(np.argmax(across[: len(heard)]))
    part = heard[at : at + len(wanted)]
    return float(across[at] / (np.linalg.norm(part) * np.linalg.norm(wanted)))


def share_heard(heard: NDArray[np.float64], prompt: str) -> float:
    """Of the half seconds in which ``prompt`` says something, those that are in ``heard``.

    A recording on a busy machine may lack a frame here and there, which puts the rest out of step. Of any other prompt
    it is 0.
    """
    wanted = samples(PROMPTS / f"{prompt}.wav")
    pieces = [wanted[begin : begin + _RATE // 2] for begin in range(0, len(wanted) - _RATE // 2, _RATE // 2)]
    loud = [piece for piece in pieces if np.linalg.norm(piece) > 0.3 * max(map(np.linalg.norm, pieces))]
    return sum(likeness(heard, piece) > 0.7 for piece in loud) / len(loud)


def announced(heard: Path, *prompts: str) -> list[str]:
    """Those of ``prompts`` that are in the recording."""
    sound = samples(heard)
    return [prompt for prompt in prompts if likeness(sound, samples(PROMPTS / f"{prompt}.wav")) > 0.6]


def with_tone(side: NDArray[np.int16], frequency: float) -> list[bool]:
    """For each 100 ms of a recording at 8 kHz, whether the tone is in it."""
    size = _RATE // WINDOWS_PER_SECOND
    windows = (side[begin : begin + size] for begin in range(0, len(side) - size + 1, size))
    return [level_dbfs(each) >= MIN_DBFS and tone_share(each, _RATE, frequency) >= MIN_SHARE for each in windows]


def longest_gap(heard: list[bool]) -> float:
    """Seconds on end without it, from where it is heard first to the end."""
    longest = gap = 0
    for there in heard[heard.index(True) :]:
        gap = 0 if there else gap + 1
        longest = max(longest, gap)
    return longest / WINDOWS_PER_SECOND
