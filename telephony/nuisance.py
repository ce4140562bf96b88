"""Who calls again and again, or calls and says nothing: counted in windows, as evidence for whoever answers. Pure.

Advice only. It never keeps anybody from a human: a line may lead such callers to a desk of its own, and 110 does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Trait(StrEnum):
    """``silent``: calls that were over within moments of a human's answer."""

    REPEAT = "repeat"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Often:
    """More than so many ``within`` that time, this call included."""

    more_than: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class NuisanceRules:
    """None: not counted. ``silent_within``: how soon after a human's answer such a call is over."""

    repeat: Often | None = None
    silent: Often | None = None
    silent_within: timedelta = timedelta(seconds=8)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was counted of a caller when the call came; None where that is not counted."""

    calls: int | None = None
    silent_calls: int | None = None
    traits: frozenset[Trait] = frozenset()


def standing(calls: int | None, silent_calls: int | None, rules: NuisanceRules) -> Standing:
    found = {Trait.REPEAT: (calls, rules.repeat), Trait.SILENT: (silent_calls, rules.silent)}
    traits = {
        trait
        for trait, (count, often) in found.items()
        if count is not None and often is not None and count > often.more_than
    }
    return Standing(calls, silent_calls, frozenset(traits))


def was_silent(answered_at: datetime, ended_at: datetime, rules: NuisanceRules) -> bool:
    return ended_at - answered_at < rules.silent_within
