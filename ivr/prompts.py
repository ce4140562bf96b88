"""The catalogue of what is said, the audio of it, and a city's own recordings over it."""

from __future__ import annotations

import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from ivr.load import Mistake

RATES: Mapping[str, int] = {".wav": 8_000, ".wav16": 16_000}
"""The names by which Asterisk's format_wav knows them; it takes what suits the call's codec."""

LEVEL_DBFS = -20.0
LEVEL_TOLERANCE_DB = 3.0
_FRAME_SECONDS = 0.01
_QUIET_DB = -40.0  # under the loudest moment: a pause
_FULL_SCALE = 32_768.0


@dataclass(frozen=True, slots=True)
class Text:
    zh: str
    en: str


def catalogue(prompts: Path) -> dict[str, Text]:
    """Every prompt by its id. ``prompts``: the folder of catalogue.yaml. Raises OSError."""
    entries = yaml.safe_load((prompts / "catalogue.yaml").read_text(encoding="utf-8"))["prompts"]
    return {entry["id"]: Text(entry["zh"], entry["en"]) for entry in entries}


def lengths(shipped: Path, recordings: Path | None = None) -> dict[str, float]:
    """Seconds of each prompt that can be played at both rates: of the city's recording where there is one.

    ``shipped`` and ``recordings``: folders of `ID.wav` and `ID.wav16`. The longer of the two files counts.
    """
    found: dict[str, float] = {}
    for folder in (shipped, recordings):
        if folder is None:
            continue
        for path in folder.rglob("*.wav"):
            pair = [seconds(each) for each in (path, path.with_suffix(".wav16"))]
            known = [each for each in pair if each is not None]
            if len(known) == len(pair):
                found[str(path.relative_to(folder).with_suffix(""))] = max(known)
    return found


def seconds(path: Path) -> float | None:
    """None when it is no WAV file."""
    try:
        with path.open("rb") as file, wave.open(file) as wav:
            frames: int = wav.getnframes()
            return frames / int(wav.getframerate())
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return None


def check_recordings(recordings: Path, known: Mapping[str, Text]) -> Iterator[Mistake]:
    """What keeps a city's recording from being played, or makes it stand out from the others."""
    if not recordings.is_dir():
        yield Mistake(str(recordings), 1, 1, "没有这个文件夹 · no such folder")
        return
    files = sorted(path for path in recordings.rglob("*") if path.is_file())
    for path in files:
        name = str(path.relative_to(recordings).with_suffix(""))
        if path.suffix not in RATES:
            yield Mistake(str(path), 1, 1, "须为 .wav（8 kHz）或 .wav16（16 kHz） · must be named .wav or .wav16")
        elif name not in known:
            yield Mistake(str(path), 1, 1, f"目录中没有 {name} · the catalogue has no such prompt")
        else:
            yield from (Mistake(str(path), 1, 1, what) for what in _wrong_with(path))
    for path in files:
        for suffix in RATES:
            if path.suffix in RATES and not path.with_suffix(suffix).exists():
                yield Mistake(str(path), 1, 1, f"缺少 {path.with_suffix(suffix).name} · both rates are needed")


def _wrong_with(path: Path) -> Iterator[str]:
    rate = RATES[path.suffix]
    try:
        with path.open("rb") as file, wave.open(file) as wav:
            form = wav.getnchannels(), wav.getsampwidth(), wav.getframerate()
            level = voice_level(wav.readframes(wav.getnframes()), rate) if form == (1, 2, rate) else None
    except (OSError, EOFError, wave.Error) as error:
        yield f"不是 WAV 文件 · not a WAV file: {error}"
        return
    if form != (1, 2, rate):
        yield f"须为单声道 16 位 {rate} Hz · must be mono, 16 bit, {rate} Hz"
    elif level is None:
        yield "没有声音 · nothing can be heard in it"
    elif abs(level - LEVEL_DBFS) > LEVEL_TOLERANCE_DB:
        yield f"响度 {level:.1f} dBFS，应为 {LEVEL_DBFS:g} ± {LEVEL_TOLERANCE_DB:g} · louder or softer than the others"


def voice_level(pcm: bytes, rate: int) -> float | None:
    """RMS in dBFS of 16-bit samples while somebody speaks, pauses left out; None when nothing is heard."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64) / _FULL_SCALE
    frame = int(_FRAME_SECONDS * rate)
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    if not whole.size or not whole.any():
        return None
    power = np.mean(whole**2, axis=1)
    heard = power > power.max() * 10 ** (_QUIET_DB / 10)
    return float(10 * np.log10(np.mean(power[heard])))
