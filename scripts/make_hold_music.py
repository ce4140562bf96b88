"""Composes the hold music: `python scripts/make_hold_music.py` writes asterisk-config/moh/hold.

Original, made of sine waves only, so nobody holds rights in it. Eight bars of soft chords with a slow
arpeggio, at 8 kHz (.wav) and 16 kHz (.wav16). The loop is a circle: a note that rings past the end goes on at
the beginning, so it joins without a click. All partials stay under 3.4 kHz, where a telephone line ends.
"""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

FOLDER = Path(__file__).parent.parent / "asterisk-config" / "moh" / "hold"
RATES = {".wav": 8_000, ".wav16": 16_000}
LEVEL_DBFS = -24.0
TOP_HZ = 3_400
BEAT_S = 1.0
BEATS_PER_BAR = 4

# MIDI notes, low to high: Cmaj9, Am9, Fmaj9, G6, Em7, Am9, Dm9, G7sus
CHORDS = [
    (48, 55, 59, 62, 64),
    (45, 55, 59, 60, 64),
    (41, 52, 55, 57, 60),
    (43, 50, 55, 59, 64),
    (40, 50, 55, 59, 62),
    (45, 52, 59, 60, 64),
    (38, 53, 57, 60, 64),
    (43, 50, 53, 57, 60),
]
ARPEGGIO = (1, 3, 2, 4, 3, 2, 4, 3)  # places in the chord, one each half beat


def note(midi: int, seconds: float, attack: float, partials: tuple[float, ...], rate: int) -> Samples:
    """A tone of that many seconds: rises over `attack`, falls to nothing at the end."""
    time = np.arange(int(seconds * rate)) / rate
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    tone = np.zeros_like(time)
    for number, strength in enumerate(partials, start=1):
        if hz * number < TOP_HZ:
            tone += strength * np.sin(2 * np.pi * hz * number * time)
    rise = np.sin(np.pi / 2 * np.minimum(time / attack, 1)) ** 2
    fall = np.cos(np.pi / 2 * np.clip((time - attack) / (seconds - attack), 0, 1)) ** 2
    return np.asarray(tone * rise * fall)


def compose(rate: int) -> Samples:
    bar = BEATS_PER_BAR * BEAT_S
    loop = np.zeros(int(len(CHORDS) * bar * rate))

    def add(sound: Samples, start: float, volume: float) -> None:
        places = (int(start * rate) + np.arange(len(sound))) % len(loop)
        loop[places] += volume * sound

    for number, chord in enumerate(CHORDS):
        start = number * bar
        for midi in chord:
            add(note(midi + 12, 1.5 * bar, 1.2, (1.0, 0.25, 0.08), rate), start, 0.12)
        for step, place in enumerate(ARPEGGIO):
            bell = note(chord[place] + 24, 2.2, 0.02, (1.0, 0.3, 0.1, 0.05), rate)
            add(bell, start + step * BEAT_S / 2, 0.22)
    return np.asarray(loop * 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(loop**2)))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for suffix, rate in RATES.items():
        with (FOLDER / f"10-music{suffix}").open("wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(rate)
            wav.writeframes((np.clip(compose(rate), -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
