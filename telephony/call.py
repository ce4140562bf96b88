"""A call (one Linkedid) and its legs (one Uniqueid each). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a call. ``seat``: whose phone is behind it; ``cause`` is Q.850, ``sip_code`` SIP's."""

    uniqueid: str
    channel: str
    number: str
    created_at: datetime
    seat: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    bridge: str | None = None
    held: bool = False
    cause: int | None = None
    sip_code: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """``id`` is the Linkedid. ``original_caller``: as received on the trunk, None when none came.

    ``line`` and ``seat`` have the call now; ``first_line`` took it first (首接).
    """

    id: str
    node: str
    arrived_at: datetime
    caller_channel: str
    original_caller: str | None = None
    caller_name: str | None = None
    presentation: str = ""
    dialled: str = ""
    trunk: str = ""
    first_line: str | None = None
    line: str | None = None
    seat: str | None = None
    seat_channel: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    legs: Mapping[str, Leg] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        return self.ended_at is None

    @property
    def state(self) -> str:
        """``waiting`` (no human yet), ``talking`` or ``ended``."""
        if not self.live:
            return "ended"
        return "talking" if self.seat_channel or self.talking_legs >= 2 else "waiting"

    @property
    def talking_legs(self) -> int:
        return sum(1 for leg in self.legs.values() if leg.bridge is not None and leg.ended_at is None)

    @property
    def caller_leg(self) -> Leg | None:
        return self.legs.get(self.id)

    @property
    def caller_has_left(self) -> bool:
        return self.caller_leg is not None and self.caller_leg.ended_at is not None

    def with_leg(self, leg: Leg) -> Call:
        return replace(self, legs={**self.legs, leg.uniqueid: leg})
