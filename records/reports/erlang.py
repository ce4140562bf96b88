"""How many seats a line needs (A. K. Erlang's waiting formula, "Erlang C"). Pure.

By hand: the libraries that offer it bring an optimiser along or are no longer kept, and it is a dozen lines.
"""

from __future__ import annotations

import math


def waits(seats: int, load: float) -> float:
    """The share of calls that wait: Erlang C for ``load`` erlangs, 1 where the seats cannot carry it."""
    if load >= seats:
        return 1.0
    blocked = 1.0  # Erlang B, seat by seat
    for seat in range(1, seats + 1):
        blocked = load * blocked / (seat + load * blocked)
    return blocked / (1 - load / seats * (1 - blocked))


def answered_within(seats: int, per_hour: float, handling_s: float, within_s: float) -> float:
    """The share of calls answered in time: calls an hour, seconds of work for each, seconds allowed."""
    load = per_hour * handling_s / 3600
    if load >= seats:
        return 0.0
    if load == 0:
        return 1.0
    return 1 - waits(seats, load) * math.exp(-(seats - load) * within_s / handling_s)


def seats_needed(per_hour: float, handling_s: float, within_s: float, level: float) -> int:
    """The fewest seats that answer the share ``level`` (below 1) of calls in time; none where nobody calls."""
    load = per_hour * handling_s / 3600
    if load == 0:
        return 0
    seats = max(1, math.ceil(load))
    while answered_within(seats, per_hour, handling_s, within_s) < level:
        seats += 1
    return seats
