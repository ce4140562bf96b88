"""A stream of events as a bad link would deliver it. The same seed does the same harm."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def lose(events: Sequence[T], share: float, seed: int) -> list[T]:
    """Each is lost with this probability (0 to 1)."""
    chance = random.Random(seed)
    return [event for event in events if chance.random() >= share]


def double(events: Sequence[T], share: float, seed: int) -> list[T]:
    """Each comes twice, one right behind the other, with this probability (0 to 1)."""
    chance = random.Random(seed)
    return [event for event in events for _ in range(2 if chance.random() < share else 1)]


def reorder(events: Sequence[T], places: int, seed: int) -> list[T]:
    """Each comes up to this many places late; 0 changes nothing."""
    chance = random.Random(seed)
    due = sorted((index + chance.randint(0, places), index) for index in range(len(events)))
    return [events[index] for _, index in due]
