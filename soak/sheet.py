"""What was done and seen in one story, from the phones' side only. Times are CLOCK_MONOTONIC seconds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ring:
    """One INVITE at one of our phones. ``by``: how it ended, as in ``softphones.Ended``."""

    station: str
    at: float
    shown: str | None
    asserted: str | None
    handoff_id: str | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    by: str | None = None
    status: int | None = None


@dataclass(slots=True)
class Ask:
    """One command to hand the caller over.

    ``outcomes`` and ``resolutions``: what the record must say after what the phones did; empty while the story cannot
    know. ``races``: two things were done at the same moment, so an answered phone may still have lost.
    ``unclear``: the service did not say whether it was done.
    """

    via: str
    target: str
    at: float
    id: str | None = None
    key: str | None = None
    outcomes: frozenset[str] = frozenset()
    resolutions: frozenset[str] = frozenset()
    races: bool = False
    unclear: bool = False


@dataclass(slots=True)
class Sheet:
    """One call with all that was done to it.

    ``may_end``: since when nobody of ours was left to talk to the caller, so that Asterisk may end the call, and why.
    ``broken``: what the story waited for in vain.
    """

    serial: int
    story: str
    seed: str
    caller: str
    desk: int = 0
    withheld: bool = False
    began_at: float = 0.0
    call_id: str | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str | None = None
    may_end: tuple[float, str] | None = None
    rings: list[Ring] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    broken: str | None = None
    notes: list[tuple[float, str]] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What From has to show; the identity always shows the number."""
        return "anonymous" if self.withheld else self.caller

    def rings_of(self, handoff_id: str) -> list[Ring]:
        return [ring for ring in self.rings if ring.handoff_id == handoff_id]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was broken on purpose. ``ended_at``: the service was ready again."""

    name: str
    began_at: float
    ended_at: float

    def touches(self, began: float, ended: float) -> bool:
        return self.began_at <= ended and began <= self.ended_at
