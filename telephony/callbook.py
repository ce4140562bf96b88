"""The live calls and their legs, kept from channel events. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from telephony import events, numbers
from telephony.call import Call, Leg

_MAX_STRAYS = 1000


class CallBook:
    """Every method returns the call that it changed, or None when it changed nothing."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.calls: dict[str, Call] = {}
        self._call_of: dict[str, str] = {}
        self._strays: dict[str, events.ChannelCreated] = {}

    def of_seat(self, seat: str) -> Call | None:
        return next((call for call in self.calls.values() if call.seat == seat), None)

    def leg(self, uniqueid: str) -> tuple[Call, Leg] | None:
        call = self.calls.get(self._call_of.get(uniqueid, ""))
        leg = call.legs.get(uniqueid) if call else None
        return (call, leg) if call and leg else None

    def channel(self, uniqueid: str) -> str | None:
        found = self.leg(uniqueid)
        return found[1].channel if found else None

    def has_ended(self, uniqueid: str) -> bool:
        found = self.leg(uniqueid)
        return found is not None and found[1].ended_at is not None

    def adopt(self, call: Call) -> Call:
        self.calls[call.id] = call
        self._call_of.update(dict.fromkeys(call.legs, call.id))
        return call

    def arrived(self, event: events.CallArrived) -> Call | None:
        if event.linkedid in self.calls:
            return None
        created = self._strays.pop(event.uniqueid, None)
        call = Call(
            id=event.linkedid,
            node=self.node,
            arrived_at=event.at,
            caller_channel=event.channel,
            original_caller=None if numbers.is_withheld(event.number) else event.number,
            caller_name=event.name or None,
            presentation=event.presentation,
            dialled=event.dialled,
            trunk=event.trunk,
            first_line=event.line,
            line=event.line,
        )
        leg = Leg(event.uniqueid, event.channel, event.number, created.at if created else event.at)
        return self.adopt(call.with_leg(leg))

    def created(self, event: events.ChannelCreated, call_id: str) -> Call | None:
        call = self.calls.get(call_id)
        if call is None:
            # Asterisk names a channel before the dialplan says what it is
            self._strays[event.uniqueid] = event
            while len(self._strays) > _MAX_STRAYS:
                del self._strays[next(iter(self._strays))]
            return None
        if event.uniqueid in call.legs:
            return None
        return self.adopt(call.with_leg(Leg(event.uniqueid, event.channel, event.number, event.at)))

    def change_leg(self, uniqueid: str, **values: Any) -> Call | None:
        found = self.leg(uniqueid)
        if found is None:
            return None
        call, leg = found
        changed = replace(leg, **values)
        return None if changed == leg else self.adopt(call.with_leg(changed))

    def answered(self, event: events.ChannelAnswered) -> Call | None:
        found = self.leg(event.uniqueid)
        if found is None or found[1].answered_at is not None:
            return None
        return self.change_leg(event.uniqueid, answered_at=event.at)

    def seat_has_call(self, call_id: str, at: datetime, seat: str, channel: str | None, line: str) -> Call | None:
        call = self.calls.get(call_id)
        if call is None:
            return None
        return self.adopt(
            replace(
                call,
                seat=seat or None,
                seat_channel=channel,
                line=line or call.line,
                answered_at=call.answered_at or at,
            )
        )

    def gone(self, event: events.ChannelGone) -> Call | None:
        self._strays.pop(event.uniqueid, None)
        found = self.leg(event.uniqueid)
        if found is None or found[1].ended_at is not None:
            return None
        call, leg = found
        ended = replace(leg, ended_at=event.at, cause=event.cause, sip_code=event.sip_code, bridge=None)
        call = call.with_leg(ended)
        if event.channel == call.seat_channel:
            call = replace(call, seat=None, seat_channel=None)
        return self.adopt(call)

    def end(self, call: Call, at: datetime) -> Call:
        for uniqueid in call.legs:
            self._call_of.pop(uniqueid, None)
        del self.calls[call.id]
        return replace(call, ended_at=at, seat=None, seat_channel=None)
