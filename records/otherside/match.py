"""Which of our handoffs is which of theirs: one to one. Pure.

First those with the same order. Then, among equal numbers, as many pairs as the window allows, and of all ways to make
so many the one with the least time between them. Times of one number lie on a line, where that is reached without pairs
that cross (swapping two that do never lengthens the sum, nor the longer of them), so a table over both sorted lists
finds it exactly. A greedy choice of the nearest would leave pairs behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Entry:
    """``key`` names it on its own side; ``numbers``: in a comparable form, none when withheld."""

    key: str
    at: datetime
    numbers: frozenset[str]
    orders: frozenset[str] = frozenset()


Pairs = list[tuple[Entry, Entry]]


def matched(ours: Sequence[Entry], theirs: Sequence[Entry], window: timedelta) -> Pairs:
    """Ours first in each pair."""
    pairs = _by_order(ours, theirs)
    left, right = _without(ours, [a for a, _ in pairs]), _without(theirs, [b for _, b in pairs])
    for number in sorted({each for entry in right for each in entry.numbers}):
        mine = sorted((each for each in left if number in each.numbers), key=_place)
        its = sorted((each for each in right if number in each.numbers), key=_place)
        found = [pair for near in _clusters(mine, its, window) for pair in _nearest(*near, window)]
        pairs += found
        left, right = _without(left, [a for a, _ in found]), _without(right, [b for _, b in found])
    return pairs


def _by_order(ours: Sequence[Entry], theirs: Sequence[Entry]) -> Pairs:
    """An order that stands more than once on a side tells nothing."""
    mine, its = _unique_orders(ours), _unique_orders(theirs)
    pairs: Pairs = []
    taken: set[str] = set()
    for order in sorted(mine.keys() & its.keys()):
        a, b = mine[order], its[order]
        if not taken & {f"<{a.key}", f">{b.key}"}:
            pairs.append((a, b))
            taken |= {f"<{a.key}", f">{b.key}"}
    return pairs


def _unique_orders(entries: Sequence[Entry]) -> dict[str, Entry]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        for order in entry.orders:
            found[order].append(entry)
    return {order: having[0] for order, having in found.items() if len(having) == 1}


def _without(entries: Sequence[Entry], taken: Sequence[Entry]) -> list[Entry]:
    keys = {entry.key for entry in taken}
    return [entry for entry in entries if entry.key not in keys]


def _place(entry: Entry) -> tuple[datetime, str]:
    return entry.at, entry.key


def _clusters(
    mine: Sequence[Entry], its: Sequence[Entry], window: timedelta
) -> Iterator[tuple[list[Entry], list[Entry]]]:
    """Parts that are further apart than the window have nothing to do with each other."""
    everything = sorted([(e.at, 0, e) for e in mine] + [(e.at, 1, e) for e in its], key=lambda each: each[:2])
    parts: tuple[list[Entry], list[Entry]] = ([], [])
    last: datetime | None = None
    for at, side, entry in everything:
        if last is not None and at - last > window:
            yield parts
            parts = ([], [])
        parts[side].append(entry)
        last = at
    yield parts


def _nearest(mine: Sequence[Entry], its: Sequence[Entry], window: timedelta) -> Pairs:
    """``best[i][j]``: for the first i and j the most pairs, and then the least time: (-pairs, time)."""
    nothing = (0, timedelta())
    best = [[nothing] * (len(its) + 1) for _ in range(len(mine) + 1)]
    for i, a in enumerate(mine, 1):
        for j, b in enumerate(its, 1):
            apart = abs(a.at - b.at)
            ways = [best[i - 1][j], best[i][j - 1]]
            if apart <= window:
                pairs, time = best[i - 1][j - 1]
                ways.append((pairs - 1, time + apart))
            best[i][j] = min(ways)
    found: Pairs = []
    i, j = len(mine), len(its)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found.append((mine[i], its[j]))
    return found
