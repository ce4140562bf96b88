"""Tones are found where they are, and only there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphones.tones import SILENCE_DBFS, Samples, has_tone, level_dbfs, tone, tone_share

RATE = 8000
FREQUENCIES = st.integers(min_value=30, max_value=340).map(lambda n: n * 10)


def seconds_of(frequency: float, seconds: float, amplitude: float = 0.25) -> Samples:
    return tone(frequency, RATE, 0, int(seconds * RATE), amplitude)


@given(frequency=FREQUENCIES)
def test_given_a_tone_then_all_its_energy_is_at_its_frequency(frequency: int) -> None:
    assert tone_share(seconds_of(frequency, 0.1), RATE, frequency) > 0.99


@given(one=FREQUENCIES, other=FREQUENCIES)
def test_given_one_tone_then_another_on_the_grid_is_not_heard(one: int, other: int) -> None:
    assert has_tone(seconds_of(one, 0.4), RATE, other) == (one == other)


def test_given_four_mixed_tones_then_each_is_heard_and_a_fifth_is_not() -> None:
    parts = [seconds_of(frequency, 0.5, 0.2).astype(np.int32) for frequency in (440, 660, 850, 1010)]
    mix = np.sum(parts, axis=0).astype(np.int16)
    assert all(has_tone(mix, RATE, frequency) for frequency in (440, 660, 850, 1010))
    assert not has_tone(mix, RATE, 550)


def test_given_a_tone_of_200_ms_then_it_is_too_short_to_count() -> None:
    silence = np.zeros(RATE // 2, np.int16)
    assert not has_tone(np.concatenate([silence, seconds_of(440, 0.2), silence]), RATE, 440)


def test_given_a_tone_too_quiet_then_it_does_not_count() -> None:
    assert not has_tone(seconds_of(440, 0.5, amplitude=0.001), RATE, 440)


def test_given_noise_then_no_tone_is_heard() -> None:
    noise = np.random.default_rng(110).integers(-8000, 8000, RATE * 2).astype(np.int16)
    assert not has_tone(noise, RATE, 440)


def test_given_pieces_made_one_after_another_then_they_join_without_a_click() -> None:
    whole = tone(440, RATE, 0, 320)
    assert np.array_equal(whole, np.concatenate([tone(440, RATE, 0, 160), tone(440, RATE, 160, 160)]))


@pytest.mark.parametrize(
    ("samples", "level"),
    [
        (seconds_of(440, 1.0, amplitude=1.0), -3.0),
        (seconds_of(440, 1.0, amplitude=0.1), -23.0),
        (np.zeros(800, np.int16), SILENCE_DBFS),
        (np.empty(0, np.int16), SILENCE_DBFS),
    ],
)
def test_level_is_rms_below_full_scale(samples: Samples, level: float) -> None:
    assert level_dbfs(samples) == pytest.approx(level, abs=0.1)
