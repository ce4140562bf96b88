"""What changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from telephony.call import Call
from telephony.conference import Conference
from telephony.handoff import Handoff


@dataclass(slots=True)
class Changes:
    """What one event changed, newest state only, in the order of first change."""

    calls: dict[str, Call] = field(default_factory=dict)
    handoffs: dict[str, Handoff] = field(default_factory=dict)
    conferences: dict[str, Conference] = field(default_factory=dict)
    seats: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.calls or self.handoffs or self.conferences or self.seats)

    def call(self, call: Call | None) -> None:
        if call is not None:
            self.calls[call.id] = call

    def conference(self, conference: Conference | None) -> None:
        if conference is not None:
            self.conferences[conference.id] = conference
