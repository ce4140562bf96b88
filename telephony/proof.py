"""Whether the target of a handoff was shown the number that arrived: one handoff, and a day of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum

from telephony import numbers
from telephony.cel import SOURCE
from telephony.handoff import Handoff, Outcome, Trigger

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China Standard Time: all over the country, without summer time since 1991 (IANA time zone database, ``asia``)."""


class Finding(StrEnum):
    NOT_REACHED = "not-reached"
    """No phone of the target rang."""
    EQUAL = "equal"
    """The number in the target's INVITE is the one that arrived."""
    MISMATCH = "mismatch"
    """Another one, or none although one had arrived."""
    WITHHELD = "withheld"
    """None had arrived, and none was shown."""
    NOT_OBSERVED = "not-observed"


class Unseen(StrEnum):
    """Why nobody observed what the target was shown."""

    NOT_LISTENING = "not-listening"
    """The link was down or the service was not running; what happened was learnt later."""
    NOT_TOLD = "not-told"
    """Asterisk named no number for the outgoing call."""


def finding(handoff: Handoff) -> Finding:
    if handoff.number_mismatch:
        return Finding.MISMATCH
    if not _reached(handoff):
        return Finding.NOT_REACHED
    if handoff.caller_seen_by_target is None:
        return Finding.NOT_OBSERVED
    return Finding.WITHHELD if numbers.is_withheld(handoff.original_caller) else Finding.EQUAL


def unseen(handoff: Handoff) -> Unseen:
    """For a handoff whose number was not observed."""
    missed = any(
        step.event == Trigger.LINK_LOST.value or step.detail.get("source") == SOURCE for step in handoff.timeline
    )
    return Unseen.NOT_LISTENING if missed else Unseen.NOT_TOLD


def _reached(handoff: Handoff) -> bool:
    rang = any(step.event in (Trigger.RINGS.value, Trigger.ANSWERS.value) for step in handoff.timeline)
    return rang or handoff.outcome is Outcome.ANSWERED


@dataclass(frozen=True, slots=True)
class ProofOfDay:
    """Of the handoffs asked for in one day. ``reached`` is the sum of ``equal``, ``mismatched``, ``withheld``, unseen.

    ``mismatched`` holds ids.
    """

    day: date
    handoffs: int
    reached: int
    equal: int
    mismatched: tuple[str, ...]
    withheld: int
    not_observed: dict[Unseen, int]


def bounds(day: date) -> tuple[datetime, datetime]:
    """The day as a half-open span of time."""
    begin = datetime.combine(day, time(), CHINA)
    return begin, begin + timedelta(days=1)


def proof_of(day: date, handoffs: Iterable[Handoff]) -> ProofOfDay:
    found: Counter[Finding] = Counter()
    why: Counter[Unseen] = Counter()
    mismatched: list[str] = []
    for handoff in handoffs:
        each = finding(handoff)
        found[each] += 1
        if each is Finding.MISMATCH:
            mismatched.append(handoff.id)
        if each is Finding.NOT_OBSERVED:
            why[unseen(handoff)] += 1
    total = found.total()
    return ProofOfDay(
        day,
        handoffs=total,
        reached=total - found[Finding.NOT_REACHED],
        equal=found[Finding.EQUAL],
        mismatched=tuple(mismatched),
        withheld=found[Finding.WITHHELD],
        not_observed=dict(why),
    )
