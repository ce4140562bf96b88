"""Two streams as Asterisk wrote them (16 bit, 24 kHz, headerless) into one stereo FLAC, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import soundfile
from numpy.typing import NDArray

RATE = 24000
WIDTH = 2
"""Bytes of a sample."""
FRAME = 320
"""Bytes that Asterisk writes at a time; a file that ends within one was never closed."""

_BUCKETS = 2000
_BLOCK = 1 << 16
_FULL = 32768

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Joined:
    """``cut``: one of the streams ends in the middle of what Asterisk writes at a time."""

    seconds: float
    cut: bool


def join(caller: Path, others: Path, target: Path) -> Joined:
    """Caller left, others right, silence where one is shorter or not there; the waveform beside it.

    The two files are whole and on disk under their names when this returns, or not there at all.
    Raises FileNotFoundError when there is neither stream, OSError when the disk refuses.
    """
    sizes = [path.stat().st_size for path in (caller, others) if path.exists()]
    if not sizes:
        raise FileNotFoundError(f"neither {caller} nor {others}")
    frames = max(*sizes, FRAME) // WIDTH  # no player takes a file without sound
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    peaks = Peaks(frames)
    fresh = target.with_name(target.name + ".new")
    try:
        with ExitStack() as opened:
            streams = [_open(path, opened) for path in (caller, others)]
            fresh.touch(mode=0o600)
            sound = opened.enter_context(
                soundfile.SoundFile(fresh, "w", samplerate=RATE, channels=2, format="FLAC", subtype="PCM_16")
            )
            for both in _blocks(streams, frames, peaks.step):
                sound.write(both)
                peaks.add(both)
        _sync(fresh)
        if _readable(fresh) != frames:
            raise OSError(f"{fresh}: not all of it was written")
        _write(peaks_of(target), peaks.json())
        fresh.replace(target)
    except soundfile.LibsndfileError as error:  # what the disk said is lost on the way through the library
        raise OSError(f"{fresh}: {error}") from error
    finally:
        fresh.unlink(missing_ok=True)
    _sync(target.parent)
    return Joined(max(sizes) / WIDTH / RATE, any(size % FRAME for size in sizes))


def _readable(path: Path) -> int:
    """Samples of each side that can be read back."""
    with soundfile.SoundFile(path) as sound:
        return sum(len(block) for block in sound.blocks(_BLOCK, dtype="int16", always_2d=True))


def _open(path: Path, opened: ExitStack) -> soundfile.SoundFile | None:
    if not path.exists():
        return None
    raw = {"samplerate": RATE, "channels": 1, "format": "RAW", "subtype": "PCM_16", "endian": "LITTLE"}
    return opened.enter_context(soundfile.SoundFile(path, **raw))


def _blocks(streams: list[soundfile.SoundFile | None], frames: int, step: int) -> Iterator[Samples]:
    """The two side by side, ``step`` samples or a multiple at a time."""
    size = step * max(1, _BLOCK // step)
    for begin in range(0, frames, size):
        both = np.zeros((min(size, frames - begin), 2), np.int16)
        for side, stream in enumerate(streams):
            if stream is not None:
                read = stream.read(len(both), dtype="int16")
                both[: len(read), side] = read
        yield both


class Peaks:
    """The loudest sample of each of at most 2000 equal parts, for each side, in percent of full scale."""

    def __init__(self, frames: int) -> None:
        self.seconds = frames / RATE
        self.step = max(1, -(-frames // _BUCKETS))
        self.sides: tuple[list[int], list[int]] = ([], [])

    def add(self, both: Samples) -> None:
        """Whole steps, but for the last."""
        loud = np.abs(both.astype(np.int32))
        for begin in range(0, len(loud), self.step):
            for side, loudest in enumerate(loud[begin : begin + self.step].max(axis=0)):
                self.sides[side].append(round(int(loudest) * 100 / _FULL))

    def json(self) -> bytes:
        return orjson.dumps({"seconds": self.seconds, "caller": self.sides[0], "others": self.sides[1]})


def peaks_of(target: Path) -> Path:
    """Where the waveform of a finished recording stands."""
    return target.with_suffix(".peaks.json")


def measure(target: Path) -> bytes:
    """The waveform of a finished recording, made anew and put beside it. Raises OSError."""
    try:
        with soundfile.SoundFile(target) as sound:
            peaks = Peaks(sound.frames)
            for both in sound.blocks(peaks.step * max(1, _BLOCK // peaks.step), dtype="int16", always_2d=True):
                peaks.add(both)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{target}: {error}") from error
    made = peaks.json()
    _write(peaks_of(target), made)
    return made


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
