"""The committed audio is what the catalogue says: a caller never hears an old sentence, or nothing."""

import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
PROMPTS = ROOT / "asterisk-config" / "prompts"
MOH = ROOT / "asterisk-config" / "moh"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROMPTS, tmp_path / "prompts"))


def check(folder: Path) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "scripts" / "make_prompts.py"), "--check", "--prompts", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return run.returncode, run.stderr


def samples(path: Path) -> tuple[int, NDArray[np.float64]]:
    with path.open("rb") as file, wave.open(file) as wav:
        return wav.getframerate(), np.frombuffer(wav.readframes(wav.getnframes()), "<i2") / 32768


def test_given_the_committed_audio_when_checked_then_every_entry_has_its_audio() -> None:
    assert check(PROMPTS) == (0, "")


def test_given_a_missing_file_when_checked_then_it_is_named(prompts: Path) -> None:
    (prompts / "zh" / "handoff-announce.wav16").unlink()
    assert check(prompts) == (1, "zh/handoff-announce.wav16: missing\n")


def test_given_a_changed_sentence_when_checked_then_the_old_audio_is_refused(prompts: Path) -> None:
    catalogue = prompts / "catalogue.yaml"
    catalogue.write_text(
        catalogue.read_text(encoding="utf-8").replace("已取消转接。", "转接已取消。"), encoding="utf-8"
    )
    assert check(prompts) == (1, "seat-cancelled: the audio was not made from the catalogue's text\n")


def test_given_audio_that_nobody_wrote_down_when_checked_then_it_is_stale(prompts: Path) -> None:
    shutil.copy(prompts / "zh" / "beep.wav", prompts / "zh" / "old-prompt.wav")
    assert check(prompts) == (1, "zh/old-prompt.wav: stale, not in the catalogue\n")


def test_given_a_file_of_another_prompt_when_checked_then_it_is_named(prompts: Path) -> None:
    shutil.copy(prompts / "zh" / "beep.wav", prompts / "zh" / "queue-hold.wav")
    assert check(prompts) == (1, "zh/queue-hold.wav: not the file that the manifest describes\n")


@pytest.mark.parametrize("path", sorted(PROMPTS.glob("zh/**/*.wav*")), ids=lambda path: path.name)
def test_given_a_prompt_when_played_then_it_starts_at_once_and_is_loud_enough(path: Path) -> None:
    rate, audio = samples(path)
    loudest = np.abs(audio).max()
    assert 0.1 < loudest < 0.99
    assert np.flatnonzero(np.abs(audio) > 0.05 * loudest)[0] / rate < 0.2
    assert np.abs(audio[-5:]).max() < 0.01


@pytest.mark.parametrize("suffix", [".wav", ".wav16"])
def test_given_hold_music_when_it_starts_over_then_there_is_no_click(suffix: str) -> None:
    _, audio = samples(MOH / "hold" / f"10-music{suffix}")
    assert abs(audio[0] - audio[-1]) <= np.abs(np.diff(audio)).max()
    assert 20 * np.log10(np.sqrt(np.mean(audio**2))) == pytest.approx(-24, abs=0.5)
