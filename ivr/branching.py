"""Which way a branch goes, from what is known when the caller comes. What is not known goes the way of `otherwise`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.flow import ByDay, ByHistory, ByLanguage, ByLoad, ByTime, DayKind, History, Hours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Facts:
    """``now``: local time of the city. ``waiting``: callers in the line's queue; ``wait_seconds``: of a new one.

    None: not known.
    """

    now: datetime
    day: DayKind = DayKind.UNKNOWN
    waiting: int | None = None
    wait_seconds: float | None = None
    history: frozenset[History] | None = None
    language: str = "zh"


def choose(branch: ByTime | ByDay | ByLoad | ByHistory | ByLanguage, facts: Facts, language: str) -> str:
    """The name of the next step: of the first case that holds."""
    match branch:
        case ByTime():
            return next((case.next for case in branch.cases if _within(case, facts.now)), branch.otherwise)
        case ByDay():
            return branch.cases.get(facts.day, branch.otherwise)
        case ByLoad():
            for case in branch.cases:
                many = case.waiting_over is not None and facts.waiting is not None and facts.waiting > case.waiting_over
                long = (
                    case.wait_over is not None
                    and facts.wait_seconds is not None
                    and facts.wait_seconds > case.wait_over
                )
                if many or long:
                    return case.next
            return branch.otherwise
        case ByHistory():
            known = facts.history or frozenset()
            return next((to for what, to in branch.cases.items() if what in known), branch.otherwise)
        case _:
            return branch.cases.get(language, branch.otherwise)


def _within(case: Hours, now: datetime) -> bool:
    """Over midnight the days are those on which the hours begin."""
    time, began = now.time(), now
    if case.since < case.until:
        inside = case.since <= time < case.until
    else:
        inside = time >= case.since or time < case.until
        if time < case.until and time < case.since:
            began = now - timedelta(days=1)
    return inside and (not case.days or _DAYS[began.weekday()] in case.days)
