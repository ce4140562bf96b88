"""Pairs of both sides' handoffs, against every way of pairing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from records.otherside.match import Entry, Pairs, matched

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
WINDOW = timedelta(seconds=120)


def entry(key: str, seconds: float, *numbers: str, orders: Sequence[str] = ()) -> Entry:
    return Entry(key, NOON + timedelta(seconds=seconds), frozenset(numbers), frozenset(orders))


def keys(pairs: Pairs) -> list[tuple[str, str]]:
    return sorted((a.key, b.key) for a, b in pairs)


def every_way(mine: Sequence[Entry], its: Sequence[Entry]) -> Iterator[Pairs]:
    if not mine:
        yield []
        return
    first, *rest = mine
    yield from every_way(rest, its)
    for b in its:
        if first.numbers & b.numbers and abs(first.at - b.at) <= WINDOW:
            yield from ([(first, b), *more] for more in every_way(rest, [each for each in its if each is not b]))


def cost(pairs: Pairs) -> tuple[int, timedelta]:
    return -len(pairs), sum((abs(a.at - b.at) for a, b in pairs), timedelta())


def side(name: str) -> st.SearchStrategy[list[Entry]]:
    one = st.tuples(st.integers(0, 500), st.sampled_from(["1", "2"]))
    return st.lists(one, max_size=5).map(
        lambda items: [entry(f"{name}{i}", at, number) for i, (at, number) in enumerate(items)]
    )


@settings(deadline=None, max_examples=200)
@given(side("a"), side("b"))
def test_no_other_way_has_more_pairs_or_the_same_number_with_less_time(ours: list[Entry], theirs: list[Entry]) -> None:
    pairs = matched(ours, theirs, WINDOW)

    assert len({a.key for a, _ in pairs}) == len({b.key for _, b in pairs}) == len(pairs)
    assert cost(pairs) == min(map(cost, every_way(ours, theirs)))


def test_where_the_nearest_would_leave_one_alone_both_are_paired() -> None:
    ours = [entry("early", 0, "1"), entry("late", 100, "1")]
    theirs = [entry("x", 90, "1"), entry("y", 210, "1")]
    assert keys(matched(ours, theirs, WINDOW)) == [("early", "x"), ("late", "y")]


def test_the_same_order_goes_before_number_and_time() -> None:
    ours = [entry("a", 0, "1", orders=["o-1"]), entry("b", 5, "1")]
    theirs = [entry("x", 0, "1"), entry("y", 4000, "2", orders=["o-1"])]
    assert keys(matched(ours, theirs, WINDOW)) == [("a", "y"), ("b", "x")]


def test_an_order_that_stands_twice_tells_nothing() -> None:
    ours = [entry("a", 0, "1", orders=["o-1"]), entry("b", 900, "2", orders=["o-1"])]
    theirs = [entry("x", 900, "2", orders=["o-1"])]
    assert keys(matched(ours, theirs, WINDOW)) == [("b", "x")]


def test_one_with_two_orders_is_paired_once() -> None:
    ours = [entry("a", 0, "1", orders=["o-1", "o-2"])]
    theirs = [entry("x", 0, "1", orders=["o-1"]), entry("y", 0, "1", orders=["o-2"])]
    assert keys(matched(ours, theirs, WINDOW)) == [("a", "x")]


def test_a_withheld_number_is_paired_with_none() -> None:
    assert matched([entry("a", 0)], [entry("x", 0)], WINDOW) == []
