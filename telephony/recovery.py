"""Handoffs and calls that Asterisk's own record has and ours has not: as ours, made of what it wrote. Pure.

They began and ended while nobody listened. One state machine makes every record: it is given the same facts here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from telephony import begun, events
from telephony.call import Call
from telephony.cel import CALL_ARRIVED, Row, facts, step_of
from telephony.changes import Changes
from telephony.conference import TARGET
from telephony.tracker import Tracker


def recovered(node: str, rows: Iterable[Row], wanted: Collection[str]) -> Changes:
    """Those of the ``wanted`` handoffs that are over, with their conferences, and the calls if they are over too.

    ``rows``: of each call from its beginning. What is found nowhere is left out.
    """
    tracker, found = Tracker(node), Changes()
    for row in rows:
        for fact in facts(row):
            if isinstance(fact, events.ConferenceReported):
                _gather(found, _conference_begins(tracker, fact, row))
            _gather(found, tracker.apply(fact))
    over = {id: handoff for id, handoff in found.handoffs.items() if id in wanted and not handoff.live}
    of_calls = {handoff.call_id for handoff in over.values()}
    return Changes(
        calls={id: call for id, call in found.calls.items() if id in of_calls and not call.live},
        handoffs=over,
        conferences={id: conference for id, conference in found.conferences.items() if id in over},
    )


def ended_calls(rows: Iterable[Row], since: datetime, until: datetime) -> set[str]:
    """The calls that arrived on a trunk and ended from ``since`` up to but without ``until``."""
    arrived: set[str] = set()
    ended: dict[str, datetime] = {}
    for row in rows:
        if row.event == CALL_ARRIVED:
            arrived.add(row.linkedid)
        elif row.event == "LINKEDID_END":
            ended[row.linkedid] = row.at
    return {id for id in arrived if id in ended and since <= ended[id] < until}


def recovered_calls(node: str, rows: Iterable[Row], wanted: Collection[str]) -> list[Call]:
    """Those of the ``wanted`` calls that are over. ``rows``: of each from its beginning."""
    tracker, found = Tracker(node), Changes()
    for row in rows:
        for fact in facts(row):
            _gather(found, tracker.apply(fact))
    return [call for id, call in found.calls.items() if id in wanted and not call.live]


def _conference_begins(tracker: Tracker, fact: events.ConferenceReported, row: Row) -> Changes:
    """The service began it, and died before its record was written anywhere."""
    step = step_of(row)
    call = tracker.book.calls.get(step.call_id) if step else None
    if fact.party != TARGET or call is None or tracker.knows(fact.handoff_id):
        return Changes()
    return tracker.open(begun.conference(fact, call, tracker.node))


def _gather(all_of_them: Changes, changes: Changes) -> None:
    all_of_them.calls.update(changes.calls)
    all_of_them.handoffs.update(changes.handoffs)
    all_of_them.conferences.update(changes.conferences)
