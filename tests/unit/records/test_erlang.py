"""Erlang C against published values and against its own definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from records.reports.erlang import answered_within, seats_needed, waits

# Erlang C as tables print it: P(wait) for seats and erlangs.
# (1, a) is a by definition of M/M/1; (2, 1) is 1/3 and (3, 2) is 4/9 in closed form.
TABLE = {
    (1, 0.5): 0.5,
    (2, 1.0): 1 / 3,
    (3, 2.0): 4 / 9,
    (10, 8.0): 0.4092,
    (14, 10.0): 0.1741,
}


@pytest.mark.parametrize(("seats", "load"), TABLE)
def test_the_share_that_waits_is_as_tables_have_it(seats: int, load: float) -> None:
    assert waits(seats, load) == pytest.approx(TABLE[seats, load], abs=5e-5)


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_recursion_is_the_formula(seats: int, use: float) -> None:
    load = seats * use
    last = load**seats / math.factorial(seats) / (1 - use)
    formula = last / (sum(load**k / math.factorial(k) for k in range(seats)) + last)
    assert waits(seats, load) == pytest.approx(formula, rel=1e-9)


@example(5e-324, 1.0, 0.0, 0.5)
@given(st.floats(0, 2000), st.floats(1, 900), st.floats(0, 60), st.floats(0.5, 0.99))
def test_the_seats_are_enough_and_one_less_is_not(
    per_hour: float, handling: float, within: float, level: float
) -> None:
    seats = seats_needed(per_hour, handling, within, level)

    if per_hour * handling / 3600 == 0:  # so few that it is none to a float
        assert seats == 0
        return
    assert answered_within(seats, per_hour, handling, within) >= level
    assert seats == 1 or answered_within(seats - 1, per_hour, handling, within) < level


def test_twenty_erlangs_want_twenty_four_seats_for_eighty_percent_in_twenty_seconds() -> None:
    """The textbook's example: 400 calls of 180 s an hour."""
    assert seats_needed(400, 180, 20, 0.8) == 24
    assert answered_within(20, 400, 180, 20) == 0
    assert answered_within(1, 0, 180, 20) == 1
    assert waits(3, 3) == 1
