"""What Asterisk wrote to its own record (CEL) and its link did not tell: since the link was lost, or the service died.

Pure. What the record does not have, the snapshot explains (``telephony/resync.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from telephony import events
from telephony.call import Call, Leg
from telephony.events import Event, LinkRestored
from telephony.handoff import Handoff, Trigger
from telephony.resync import arrivals, is_caller
from telephony.tracker import Tracker

_UNWRITTEN = timedelta(minutes=1)
_LAG = timedelta(seconds=10)
"""More than the link's times are ever behind the record's."""

_APART = timedelta(seconds=1)
"""The most by which the record's time of a step is later than the link's: the dialplan writes it just after telling."""

_OF_A_TRANSFER = {
    "start": Trigger.STARTED,
    "answered": Trigger.ANSWERS,
    "result": Trigger.FAILS,
    "back": Trigger.RUNG,
    "ring-seat": Trigger.RUNG,
    "queue": Trigger.RUNG,
    "call-back": Trigger.CALL_BACK,
}
_OF_A_CONFERENCE = {"dialling": Trigger.STARTED, "answered": Trigger.ANSWERS, "result": Trigger.FAILS}


def heard(tracker: Tracker, snapshot: LinkRestored | None = None) -> dict[str, datetime]:
    """Up to when we know of each live call: the newest of all that is on record of it and its handoffs.

    Of one that ``snapshot`` shows and nobody has heard of: since before it came.
    """
    times = {call.id: [call.arrived_at, call.answered_at, *_of_legs(call)] for call in tracker.book.calls.values()}
    for handoff in tracker.handoffs.values():
        told = [step.at for step in handoff.timeline if step.event != Trigger.LINK_LOST]
        times.setdefault(handoff.call_id, [handoff.created_at]).extend(told)
    known = {call_id: max(at for at in known if at is not None) for call_id, known in times.items()}
    return _came_unheard(snapshot) | known if snapshot else known


def unheard_since(tracker: Tracker, snapshot: LinkRestored) -> datetime | None:
    """From when on Asterisk's own record may hold what was not heard; None when no call is live.

    Asterisk tells in order: until the newest that was heard of any call, all was heard, but for what a process that
    died had not written yet.
    """
    known = heard(tracker)
    came = (at for call_id, at in _came_unheard(snapshot).items() if call_id not in known)
    return min([*came, *([max(known.values()) - _UNWRITTEN] if known else ())], default=None)


def _came_unheard(snapshot: LinkRestored) -> dict[str, datetime]:
    """Asterisk tells the age of a channel in whole seconds."""
    ages = {channel.uniqueid: channel.seconds + 2 for channel in snapshot.channels if is_caller(channel)}
    return {call_id: snapshot.at - timedelta(seconds=age) for call_id, age in ages.items()}


def _of_legs(call: Call) -> Iterator[datetime | None]:
    for leg in call.legs.values():
        yield from _times(leg).values()


def unheard(tracker: Tracker, recorded: Iterable[Event], snapshot: LinkRestored | None = None) -> Iterator[Event]:
    """Of what Asterisk recorded, that of our live calls which came after all that was heard of each, and all of those
    that ``snapshot`` shows and nobody has heard of.

    ``recorded``: in the order written. The last that was heard of a call is found by what it says: the times of
    Asterisk's two streams differ by tenths of a second under load. By its time only where nothing of it is there.

    What came after the snapshot is left out: the new link tells it, and the snapshot would bring back what had ended.
    To be applied one by one, as it is yielded: a channel is known by the fact before that named it.
    """
    written = [fact for fact in recorded if snapshot is None or fact.at <= snapshot.at]
    until, last = heard(tracker, snapshot), _last_heard(tracker, written)
    came = {event.uniqueid: event for event in arrivals(tracker, snapshot)} if snapshot else {}
    for place, fact in enumerate(written):
        call_id = _call_of(tracker, fact)
        if call_id not in until or place <= last.get(call_id, -1):
            continue
        if fact.at < until[call_id] - (_LAG if call_id in last else timedelta(0)):
            continue
        if isinstance(fact, events.CallArrived) and fact.uniqueid in came:
            # whether the number may be shown is not in the record, and is on the channel
            yield replace(fact, presentation=came[fact.uniqueid].presentation)
        else:
            yield fact


def _last_heard(tracker: Tracker, written: Iterable[Event]) -> dict[str, int]:
    """For each call the place of the last fact that we know already."""
    return {_call_of(tracker, fact): place for place, fact in enumerate(written) if _is_known(tracker, fact)}


def _is_known(tracker: Tracker, fact: Event) -> bool:
    match fact:
        case events.HandoffReported(step=step, handoff_id=handoff_id) if step in _OF_A_TRANSFER:
            return _is_on_timeline(tracker.handoffs.get(handoff_id), _OF_A_TRANSFER[step], step, fact.at)
        case events.ConferenceReported(step=step, handoff_id=handoff_id, party="target") if step in _OF_A_CONFERENCE:
            return _is_on_timeline(tracker.handoffs.get(handoff_id), _OF_A_CONFERENCE[step], step, fact.at)
        case events.ChannelCreated() | events.ChannelAnswered() | events.ChannelGone():
            found = tracker.book.leg(fact.uniqueid)
            return found is not None and _times(found[1])[type(fact)] is not None
    return False


def _is_on_timeline(handoff: Handoff | None, trigger: Trigger, step: str, at: datetime) -> bool:
    """The same step may come again later, so not one from long before."""
    return handoff is not None and any(
        told.event == trigger and told.detail.get("rung", step) == step and told.at + _APART >= at
        for told in handoff.timeline
    )


def _times(leg: Leg) -> dict[type[Event], datetime | None]:
    return {
        events.ChannelCreated: leg.created_at,
        events.ChannelAnswered: leg.answered_at,
        events.ChannelGone: leg.ended_at,
    }


def _call_of(tracker: Tracker, fact: Event) -> str:
    handoff_id = getattr(fact, "handoff_id", "") or getattr(fact, "room", "")
    if handoff := tracker.handoffs.get(handoff_id):
        return handoff.call_id
    linkedid = getattr(fact, "linkedid", "")
    if linkedid:
        return tracker.rooms.call_id(linkedid) or linkedid
    found = tracker.book.leg(getattr(fact, "uniqueid", ""))
    return found[0].id if found else ""
