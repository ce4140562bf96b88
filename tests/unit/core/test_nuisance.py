"""Who is a repeat caller and who a silent one: from counts alone, and only where it is set."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telephony.nuisance import NuisanceRules, Often, Standing, Trait, standing, was_silent
from tests.support.records import NOON

RULES = NuisanceRules(Often(5, timedelta(minutes=10)), Often(2, timedelta(hours=24)))


@pytest.mark.parametrize(
    ("calls", "silent", "traits"),
    [
        (1, 0, set()),
        (5, 2, set()),
        (6, 2, {Trait.REPEAT}),
        (5, 3, {Trait.SILENT}),
        (6, 3, set(Trait)),
        (None, None, set()),
    ],
)
def test_more_than_the_limit_makes_one(calls: int | None, silent: int | None, traits: set[Trait]) -> None:
    assert standing(calls, silent, RULES) == Standing(calls, silent, frozenset(traits))


def test_without_a_limit_nobody_is_one() -> None:
    assert standing(99, 99, NuisanceRules()).traits == frozenset()


def test_a_call_that_is_over_within_moments_of_the_answer_was_silent() -> None:
    assert was_silent(NOON, NOON + timedelta(seconds=7.9), RULES)
    assert not was_silent(NOON, NOON + timedelta(seconds=8), RULES)
