"""Whether a recording of what a phone heard contains an announcement."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PROMPTS = Path("asterisk-config/prompts/zh")


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


def announced(heard: Path, *prompts: str) -> list[str]:
    """Those of ``prompts`` that are in the recording."""
    sound = samples(heard)
    return [prompt for prompt in prompts if likeness(sound, samples(PROMPTS / f"{prompt}.wav")) > 0.6]
