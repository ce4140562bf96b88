"""Tones and levels of 16-bit mono PCM: made for one party, looked for at another.

Give the tones of different parties frequencies that are multiples of 10 Hz: over the 100 ms window used
here those do not leak into each other, so each is found while others sound (a conference mixes them).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

FULL_SCALE = 32768.0
SILENCE_DBFS = -96.0
WINDOWS_PER_SECOND = 10
# A tone counts when it holds this much of the window's energy, this loud, in this many windows on end.
# Four equal parties mixed leave 0.25 each; recorded music does not hold one frequency for 300 ms.
MIN_SHARE = 0.15
MIN_DBFS = -45.0
MIN_RUN = 3


def tone(frequency: float, rate: int, start: int, count: int, amplitude: float = 0.25) -> Samples:
    """`count` samples of a sine from sample `start` on, so that successive pieces join without a click."""
    index = np.arange(start, start + count, dtype=np.float64)
    wave = np.sin(2 * np.pi * frequency / rate * index) * (amplitude * (FULL_SCALE - 1))
    return wave.astype(np.int16)


def level_dbfs(samples: Samples) -> float:
    """RMS level; a full-scale sine is -3.0, nothing at all is SILENCE_DBFS."""
    if not len(samples):
        return SILENCE_DBFS
    rms = float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) / FULL_SCALE
    return max(SILENCE_DBFS, 20 * float(np.log10(rms))) if rms > 0 else SILENCE_DBFS


def tone_share(samples: Samples, rate: int, frequency: float) -> float:
    """Share (0 to 1) of the energy that lies at `frequency` (Goertzel: one bin of the Fourier transform)."""
    signal = samples.astype(np.float64)
    energy = float(np.dot(signal, signal))
    if energy == 0:
        return 0.0
    probe = np.exp(-2j * np.pi * frequency / rate * np.arange(len(signal)))
    return float(2 * np.abs(np.dot(signal, probe)) ** 2 / (len(signal) * energy))


def runs(samples: Samples, rate: int, frequency: float, run: int = 0) -> Iterator[int]:
    """For each whole window, on how many of them on end the tone has sounded; `run` is how many did before."""
    size = rate // WINDOWS_PER_SECOND
    for start in range(0, len(samples) - size + 1, size):
        window = samples[start : start + size]
        loud = level_dbfs(window) >= MIN_DBFS
        run = run + 1 if loud and tone_share(window, rate, frequency) >= MIN_SHARE else 0
        yield run


def has_tone(samples: Samples, rate: int, frequency: float) -> bool:
    """True when the tone sounds for 300 ms on end anywhere in `samples`."""
    return MIN_RUN in runs(samples, rate, frequency)
