"""What happened in the course of a recording, by the second. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.recordings.store import Kept
from telephony.handoff import Handoff, Mode, Step, Trigger


class MarkKind(StrEnum):
    HANDOFF = "handoff"
    THREE_WAY = "three-way"
    ANSWERED = "answered"
    FAILED = "failed"
    BACK = "back"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Mark:
    """``at`` and ``until``: seconds from the beginning of the recording. ``what``: the line, number or seat."""

    at: float
    kind: MarkKind
    what: str = ""
    until: float | None = None
    handoff_id: str | None = None


def marks_of(recording: Kept, handoffs: Iterable[Handoff]) -> list[Mark]:
    """In the order of time. What was before the recording, as before a line that records, is not among them."""

    def second(moment: datetime) -> float:
        return round((moment - recording.started_at).total_seconds(), 3)

    marks = [
        Mark(second(each.began_at), MarkKind.PAUSE, each.reason, second(each.ended_at) if each.ended_at else None)
        for each in recording.pauses
        if each.began_at is not None
    ]
    for handoff in handoffs:
        marks += (
            Mark(second(step.at), kind, what, handoff_id=handoff.id) for step, kind, what in _of_timeline(handoff)
        )
    return sorted((mark for mark in marks if mark.at >= 0), key=lambda mark: mark.at)


def _of_timeline(handoff: Handoff) -> Iterator[tuple[Step, MarkKind, str]]:
    begins = MarkKind.THREE_WAY if handoff.mode is Mode.CONFERENCE else MarkKind.HANDOFF
    kinds = {
        Trigger.STARTED: (begins, handoff.target),
        Trigger.ANSWERS: (MarkKind.ANSWERED, handoff.target_seat or handoff.target),
        Trigger.FAILS: (MarkKind.FAILED, handoff.target),
        Trigger.SERVED: (MarkKind.BACK, handoff.from_seat or handoff.from_line or ""),
    }
    for step in handoff.timeline:
        if found := kinds.get(Trigger(step.event)) if step.event in set(Trigger) else None:
            yield step, *found
