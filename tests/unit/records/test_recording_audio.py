"""Two streams become one stereo FLAC that says the same, with its waveform, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
import soundfile

from records.recordings.audio import join, measure, peaks_of
from softphones.tones import level_dbfs, tone, tone_share

RATE = 24000


def written(path: Path, *parts: tuple[float, float]) -> Path:
    """Tones as Asterisk writes them; frequency 0 is silence."""
    samples = [
        tone(frequency, RATE, 0, round(seconds * RATE)) if frequency else np.zeros(round(seconds * RATE), np.int16)
        for frequency, seconds in parts
    ]
    path.write_bytes(np.concatenate(samples).tobytes())
    return path


def test_given_two_streams_when_joined_then_the_caller_is_left_and_the_others_are_right_to_the_sample(
    tmp_path: Path,
) -> None:
    caller = written(tmp_path / "a.caller.sln24", (440, 2), (0, 1))
    others = written(tmp_path / "a.others.sln24", (0, 1), (620, 2))

    joined = join(caller, others, tmp_path / "kept" / "a.flac")

    assert (joined.seconds, joined.cut) == (3.0, False)
    both, rate = soundfile.read(tmp_path / "kept" / "a.flac", dtype="int16")
    assert rate == RATE
    assert (both[:, 0] == np.frombuffer(caller.read_bytes(), np.int16)).all()
    assert (both[:, 1] == np.frombuffer(others.read_bytes(), np.int16)).all()
    assert tone_share(both[:RATE, 0], RATE, 440) > 0.9
    assert level_dbfs(both[:RATE, 1]) < -60
    assert sorted(each.name for each in (tmp_path / "kept").iterdir()) == ["a.flac", "a.peaks.json"]


def test_given_a_waveform_then_each_side_is_loud_where_it_spoke_and_it_can_be_made_anew(tmp_path: Path) -> None:
    caller = written(tmp_path / "a.caller.sln24", (440, 2), (0, 2))
    others = written(tmp_path / "a.others.sln24", (0, 2), (620, 2))
    target = tmp_path / "a.flac"
    join(caller, others, target)
    made = peaks_of(target).read_bytes()

    peaks = orjson.loads(made)
    assert peaks["seconds"] == 4.0
    assert len(peaks["caller"]) == len(peaks["others"]) == 2000
    assert [min(peaks["caller"][:990]), max(peaks["caller"][1010:])] == [pytest.approx(24, abs=2), 0]
    assert [max(peaks["others"][:990]), min(peaks["others"][1010:])] == [0, pytest.approx(24, abs=2)]
    peaks_of(target).unlink()
    assert measure(target) == made == peaks_of(target).read_bytes()


def test_given_a_recording_longer_than_a_block_then_the_waveform_has_its_whole_length(tmp_path: Path) -> None:
    caller = written(tmp_path / "a.caller.sln24", (440, 61.3))
    target = tmp_path / "a.flac"

    assert join(caller, tmp_path / "none", target).seconds == pytest.approx(61.3)

    peaks = orjson.loads(peaks_of(target).read_bytes())
    assert 1990 <= len(peaks["caller"]) <= 2000
    assert min(peaks["caller"]) > 20
    assert max(peaks["others"]) == 0


def test_given_one_stream_is_shorter_or_not_there_then_silence_stands_for_it(tmp_path: Path) -> None:
    caller = written(tmp_path / "a.caller.sln24", (440, 3))
    others = written(tmp_path / "a.others.sln24", (620, 1))

    assert join(caller, others, tmp_path / "a.flac").seconds == 3.0
    assert join(tmp_path / "none", others, tmp_path / "b.flac").seconds == 1.0

    both, _ = soundfile.read(tmp_path / "a.flac", dtype="int16")
    assert level_dbfs(both[RATE:, 1]) < -60
    both, _ = soundfile.read(tmp_path / "b.flac", dtype="int16")
    assert level_dbfs(both[:, 0]) < -60


def test_given_asterisk_died_while_it_wrote_then_all_that_is_there_is_kept_and_marked_as_cut(tmp_path: Path) -> None:
    caller = written(tmp_path / "a.caller.sln24", (440, 2))
    caller.write_bytes(caller.read_bytes()[:8192])

    joined = join(caller, tmp_path / "none", tmp_path / "a.flac")

    assert (joined.seconds, joined.cut) == (4096 / RATE, True)
    assert soundfile.info(tmp_path / "a.flac").frames == 4096


def test_given_an_empty_stream_then_the_recording_is_empty_and_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.caller.sln24").touch()

    assert join(tmp_path / "a.caller.sln24", tmp_path / "none", tmp_path / "a.flac").seconds == 0.0

    assert set(orjson.loads(peaks_of(tmp_path / "a.flac").read_bytes())["caller"]) == {0}


def test_given_neither_stream_then_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        join(tmp_path / "x", tmp_path / "y", tmp_path / "a.flac")

    assert list(tmp_path.iterdir()) == []


def test_given_the_disk_refuses_then_it_is_an_error_of_the_disk_and_nothing_looks_finished(tmp_path: Path) -> None:
    caller = written(tmp_path / "a.caller.sln24", (440, 1))
    (tmp_path / "a.flac.new").symlink_to("/dev/full")

    with pytest.raises(OSError, match=r"a\.flac\.new"):
        join(caller, tmp_path / "none", tmp_path / "a.flac")

    assert not (tmp_path / "a.flac").exists()
    with pytest.raises(OSError, match="caller"):
        measure(caller)
