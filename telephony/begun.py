"""How handoffs begin: without a record yet when Asterisk reports them, and what comes of the one before. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from telephony import events
from telephony.call import Call
from telephony.handoff import Handoff, Happening, Mode, Outcome, Release, Trigger


def transfer(event: events.HandoffReported, call: Call | None, node: str) -> Handoff:
    """It began with a key, a REFER or in the menus, and the dialplan gave it its id; or the record of it was lost."""
    return Handoff(
        id=event.handoff_id,
        call_id=event.linkedid,
        mode=Mode.IVR if event.via.startswith(Mode.IVR) else Mode.TRANSFER,
        target=event.target,
        created_at=event.at,
        node=node,
        release=Release.NOW if event.release == Release.NOW.value else Release.ON_ANSWER,
        via=event.via or "phone",
        original_caller=call.original_caller if call else None,
        from_line=event.from_line or None,
        from_seat=event.seat or None,
        requested_by=event.seat or None,
    )


def conference(event: events.ConferenceReported, call: Call, node: str) -> Handoff:
    """Only the service begins one; its record was lost."""
    return Handoff(
        id=event.handoff_id,
        call_id=call.id,
        mode=Mode.CONFERENCE,
        target=event.target,
        created_at=event.at,
        node=node,
        original_caller=call.original_caller,
        from_line=call.line,
        from_seat=call.seat,
        requested_by=call.seat,
    )


def passed_over(before: Handoff, at: datetime, detail: Mapping[str, str]) -> Iterator[Happening]:
    """What comes of a handoff when the next one of its call begins. One that Asterisk never told of was not done."""
    if not before.begun:
        yield Happening(Trigger.NOT_STARTED, at, detail, outcome=Outcome.FAILED)
        return
    for trigger in (Trigger.PARTED, Trigger.FAILS, Trigger.SERVED):
        yield Happening(trigger, at, detail, outcome=Outcome.CANCELLED)


def detail(
    event: events.HandoffReported | events.ConferenceReported | events.ChannelGone, **said: str
) -> dict[str, str]:
    """For the timeline; with the source where it was not heard as it happened."""
    return said | ({"source": event.source} if event.source else {})
