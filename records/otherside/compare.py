"""Where the two sides' records of a handoff differ, with both values and what probably explains it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from records.otherside.lists import Theirs
from records.otherside.match import Entry, matched
from telephony import numbers
from telephony.handoff import Handoff, Outcome


class Likely(StrEnum):
    """Why they probably differ; a hint where to look, no proof."""

    NOT_ANSWERED = "not-answered"
    """Nobody answered there, so their system may have nothing."""
    WITHHELD = "withheld"
    """No number had arrived, so there was nothing to find it by."""
    OTHER_NUMBER = "other-number"
    """They were shown another number than the one that arrived, or their number was mistyped."""
    EDGE = "edge"
    """It lies at the edge of the span: the other half may be outside of it."""
    CLOCKS = "clocks"
    """The same number is there, further away than the window: clocks that differ, or a later entry by hand."""
    UNDER_WAY = "under-way"
    """Ours has no outcome yet."""
    AFTER_ANSWER = "after-answer"
    """One side tells how the handoff began, the other how it ended."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """``field``: record (only one side has it), outcome, number, order. "" where a side has nothing.

    ``number``: the caller's, ours where we have it. In the field ``number`` the two texts are numbers as well.
    """

    handoff_id: str
    row: int | None
    at: datetime
    number: str
    field: str
    ours: str
    theirs: str
    likely: Likely


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of holding ``ours`` handoffs against ``theirs`` rows; ``paired`` of them are the same."""

    line: str
    since: datetime
    until: datetime
    ours: int
    theirs: int
    paired: int
    disagreements: tuple[Disagreement, ...]


def compare(
    line: str, since: datetime, until: datetime, ours: Sequence[Handoff], theirs: Sequence[Theirs], window: timedelta
) -> Checked:
    """Of what was asked for from ``since`` up to but without ``until``; rows of theirs outside of that are left out."""
    rows = {str(each.row): each for each in theirs if since <= each.at < until}
    mine = {each.id: each for each in ours}
    left, right = [_of_ours(each) for each in ours], [_of_theirs(each) for each in rows.values()]
    pairs = matched(left, right, window)
    found = [each for a, b in pairs for each in _differences(mine[a.key], rows[b.key])]
    paired_ours, paired_theirs = {a.key for a, _ in pairs}, {b.key for _, b in pairs}
    span = (since, until, window)
    found += [
        _only_here(mine[a.key], _likely_ours(a, mine[a.key], right, span)) for a in left if a.key not in paired_ours
    ]
    found += [_only_there(rows[b.key], _alone(b, left, span)) for b in right if b.key not in paired_theirs]
    found.sort(key=lambda each: (each.at, each.handoff_id, each.row or 0, each.field))
    return Checked(line, since, until, len(left), len(right), len(pairs), tuple(found))


def as_named_there(handoff: Handoff, references: Collection[str], theirs: Sequence[Theirs]) -> Handoff:
    """With the orders that their list may name: what they call them, as far as we know, and ours that stand there.

    An order of ours of which we do not know what they call it is no difference.
    """
    listed = {row.order for row in theirs if row.order}
    ours = [id for id in handoff.order_ids if id in listed]
    return replace(handoff, order_ids=tuple(dict.fromkeys((*references, *ours))))


def _comparable(number: str | None) -> frozenset[str]:
    if number is None or numbers.is_withheld(number):
        return frozenset()
    return frozenset({numbers.e164(number) or number})


def _of_ours(handoff: Handoff) -> Entry:
    """They may have written down what they were shown."""
    either = _comparable(handoff.original_caller) | _comparable(handoff.caller_seen_by_target)
    return Entry(handoff.id, handoff.created_at, either, frozenset(handoff.order_ids))


def _of_theirs(row: Theirs) -> Entry:
    return Entry(str(row.row), row.at, _comparable(row.number), frozenset({row.order} if row.order else ()))


def _differences(ours: Handoff, theirs: Theirs) -> list[Disagreement]:
    found: list[Disagreement] = []

    def differ(field: str, mine: str, its: str, likely: Likely) -> None:
        number = ours.original_caller or theirs.number
        found.append(Disagreement(ours.id, theirs.row, ours.created_at, number, field, mine, its, likely))

    if theirs.outcome is not None and theirs.outcome != ours.outcome:
        likely = Likely.AFTER_ANSWER if Outcome.ANSWERED in (ours.outcome, theirs.outcome) else Likely.UNKNOWN
        differ("outcome", ours.outcome or "", theirs.outcome, likely if ours.outcome else Likely.UNDER_WAY)
    if not numbers.same(ours.original_caller, theirs.number):
        differ("number", ours.original_caller or "", theirs.number, Likely.OTHER_NUMBER)
    if theirs.order and ours.order_ids and theirs.order not in ours.order_ids:
        differ("order", ", ".join(ours.order_ids), theirs.order, Likely.UNKNOWN)
    return found


def _only_here(handoff: Handoff, likely: Likely) -> Disagreement:
    told = str(handoff.outcome or handoff.state)
    return Disagreement(handoff.id, None, handoff.created_at, handoff.original_caller or "", "record", told, "", likely)


def _only_there(row: Theirs, likely: Likely) -> Disagreement:
    return Disagreement("", row.row, row.at, row.number, "record", "", str(row.outcome or "?"), likely)


_Span = tuple[datetime, datetime, timedelta]


def _likely_ours(entry: Entry, handoff: Handoff, theirs: Sequence[Entry], span: _Span) -> Likely:
    if handoff.outcome is None:
        return Likely.UNDER_WAY
    if handoff.outcome is not Outcome.ANSWERED:
        return Likely.NOT_ANSWERED
    return _alone(entry, theirs, span)


def _alone(entry: Entry, others: Sequence[Entry], span: _Span) -> Likely:
    since, until, window = span
    if not entry.numbers:
        return Likely.WITHHELD
    if entry.at - since < window or until - entry.at <= window:
        return Likely.EDGE
    if any(entry.numbers & other.numbers for other in others):
        return Likely.CLOCKS
    near = [other for other in others if abs(other.at - entry.at) <= window]
    return Likely.OTHER_NUMBER if near else Likely.UNKNOWN
