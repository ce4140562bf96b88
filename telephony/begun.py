"""Handoffs that have no record yet when Asterisk reports that they began. Pure."""

from __future__ import annotations

from telephony import events
from telephony.call import Call
from telephony.handoff import Handoff, Mode, Release


def transfer(event: events.HandoffReported, call: Call | None, node: str) -> Handoff:
    """It began with a key or a REFER, and the dialplan gave it its id; or the record of it was lost."""
    return Handoff(
        id=event.handoff_id,
        call_id=event.linkedid,
        mode=Mode.TRANSFER,
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


def detail(
    event: events.HandoffReported | events.ConferenceReported | events.ChannelGone, **said: str
) -> dict[str, str]:
    """For the timeline; with the source where it was not heard as it happened."""
    return said | ({"source": event.source} if event.source else {})
