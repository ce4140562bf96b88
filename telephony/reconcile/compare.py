"""Where our record of a handoff and Asterisk's say different things, and whether that is explained. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from telephony import numbers
from telephony.cel import Written
from telephony.handoff import Handoff, Mode, Outcome, Resolution, Trigger
from telephony.reconcile.rebuild import SAME_MOMENT, Rebuilt
from telephony.targets import phone_of


class Why(StrEnum):
    """What explains a difference; each is shown by the records themselves, none is guessed."""

    GOING_ON = "going-on"
    """The call goes on, or ended just now: the record is on its way."""
    NEVER_REACHED = "never-reached"
    """The record itself says that no command reached Asterisk: refused, or the caller had hung up."""
    SAME_MOMENT = "same-moment"
    """Two things within a second, which Asterisk's two streams may tell in either order."""
    LINK_DOWN = "link-down"
    """The link was down, and the record says so and leaves open what it could not learn."""
    ASTERISK_ENDED = "asterisk-ended"
    """Asterisk died with the call, and wrote nothing of its end."""
    CEL_LATER = "cel-later"
    """What is left of Asterisk's own record begins later: it was rotated or cut."""
    CEL_TORN = "cel-torn"
    """Rows of it are missing: a full disk, or Asterisk died as it wrote."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``ours`` and ``asterisk``: as text, "" where there is nothing. ``why`` is None when nothing explains it."""

    handoff_id: str
    call_id: str
    field: str
    ours: str
    asterisk: str
    why: Why | None = None


_RESTART = "asterisk-restarted"
_CALLER_NUMBERS = ("original_caller", "caller_seen_by_target")
_LEFT_OPEN = ("", Outcome.FAILED.value, "no")


def holds_a_number(difference: Difference) -> bool:
    """Whether its texts are caller numbers, which not everybody may see."""
    return difference.field in _CALLER_NUMBERS


def differences(
    rebuilt: Mapping[str, Rebuilt], records: Mapping[str, Handoff], written: Written, now: datetime
) -> list[Difference]:
    """One by one, both ways, oldest first. What ended within the last second before ``now`` is still on its way."""
    calls = {each.handoff_id: each.call_id for each in rebuilt.values()} | {h.id: h.call_id for h in records.values()}
    found: list[Difference] = []
    for handoff_id in sorted(calls):
        cels, ours = rebuilt.get(handoff_id), records.get(handoff_id)
        reasons = _Reasons(cels, ours, written, now)
        fields = _fields(cels, ours) if cels and ours else iter([("record", _named(ours), _named(cels))])
        found += [
            Difference(handoff_id, calls[handoff_id], field, mine, its, reasons.why(field, mine))
            for field, mine, its in fields
        ]
    return found


def _named(record: Rebuilt | Handoff | None) -> str:
    return f"{record.mode} to {record.target}" if record else ""


def _fields(cels: Rebuilt, ours: Handoff) -> Iterator[tuple[str, str, str]]:
    if cels.contradiction:
        yield "steps", *cels.contradiction
    plain: tuple[tuple[str, object, object], ...] = (
        ("call_id", ours.call_id, cels.call_id or ours.call_id),
        ("mode", ours.mode, cels.mode),
        ("target", ours.target, cels.target),
        ("from_line", ours.from_line, cels.from_line or ours.from_line),
        ("outcome", ours.outcome, cels.outcome),
        ("resolution", ours.resolution, _resolution(cels, ours)),
        ("ended", "no" if ours.live else "yes", "yes" if cels.ended else "no"),
    )
    yield from ((field, _text(mine), _text(its)) for field, mine, its in plain if mine != its)
    if cels.original_caller is not None and not numbers.same(ours.original_caller, cels.original_caller):
        yield "original_caller", _text(ours.original_caller), _text(cels.original_caller)
    if cels.shown is not None and not numbers.same(ours.caller_seen_by_target, cels.shown):
        yield "caller_seen_by_target", _text(ours.caller_seen_by_target), cels.shown
    decided = 0 if ours.outcome is None else 1
    if cels.outcomes != decided and cels.outcome is not None:
        yield "outcomes", str(decided), str(cels.outcomes)
    if (talked := _talked(cels, ours)) is not None:
        yield "talked_with", *talked


def _resolution(cels: Rebuilt, ours: Handoff) -> Resolution | None:
    """A decision that somebody took is no matter of channels."""
    decision = ours.decision
    if cels.mode is Mode.CONFERENCE and decision is not None and not decision.automatic and cels.resolution:
        return Resolution.TARGET if decision.accepted_by == ours.target else Resolution.FIRST_SEAT
    return cels.resolution


def _talked(cels: Rebuilt, ours: Handoff) -> tuple[str, str] | None:
    """Whom the record names, and whom Asterisk bridged with the caller instead."""
    met = ", ".join(cels.met)
    if ours.outcome is Outcome.ANSWERED:
        named = ours.target_channel or ""
        agreed = named in cels.met and named == cels.target_channel
        return None if agreed else (named, met)
    if ours.mode is Mode.TRANSFER and cels.outcomes and ours.resolution is Resolution.FIRST_SEAT and cels.served:
        phones = {phone_of(channel) for channel in cels.met}
        return None if ours.from_seat is None or ours.from_seat in phones else (ours.from_seat, met)
    return None


def _text(value: object) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Reasons:
    cels: Rebuilt | None
    ours: Handoff | None
    written: Written
    now: datetime

    def why(self, field: str, ours: str) -> Why | None:
        """The first that holds; the strongest first."""
        checks = {
            Why.ASTERISK_ENDED: self._asterisk_ended(),
            Why.GOING_ON: self._going_on(),
            Why.NEVER_REACHED: field == "record" and self._never_reached(),
            Why.CEL_LATER: self._begins_later(),
            Why.CEL_TORN: self._torn(),
            Why.SAME_MOMENT: self._same_moment(field),
            Why.LINK_DOWN: self._heard_of("link_lost") and ours in _LEFT_OPEN,
        }
        return next((why for why, holds in checks.items() if holds), None)

    def _asterisk_ended(self) -> bool:
        """By Asterisk's next channel, or by our record where there was none since."""
        told = self.ours is not None and any(step.detail.get("reason") == _RESTART for step in self.ours.timeline)
        return told or (self.cels is not None and self.cels.lost)

    def _going_on(self) -> bool:
        if self.cels is None:
            return self.ours is not None and self.ours.live
        return self.cels.ended is None or self.now - self.cels.ended <= SAME_MOMENT

    def _heard_of(self, *triggers: str) -> bool:
        return self.ours is not None and any(step.event in triggers for step in self.ours.timeline)

    def _never_reached(self) -> bool:
        if self.ours is None or self.ours.live:
            return False
        told = self._heard_of(Trigger.STARTED, Trigger.RINGS, Trigger.ANSWERS)
        return not told and self.ours.outcome in (Outcome.FAILED, Outcome.ABANDONED)

    def _begins_later(self) -> bool:
        """Where there is nothing at all, nothing explains why."""
        begins = self.written.begins
        return self.ours is not None and begins is not None and self.ours.created_at < begins

    def _torn(self) -> bool:
        if self.cels is not None and not self.cels.whole:
            return True
        began = self.cels.began if self.cels else self.ours.created_at if self.ours else self.now
        ended = (self.cels.ended if self.cels else self.ours.ended_at if self.ours else None) or self.now
        return any(began - SAME_MOMENT <= at <= ended + SAME_MOMENT for at in self.written.torn)

    def _same_moment(self, field: str) -> bool:
        if self.cels is None or self.ours is None:
            return False
        if field == "talked_with":
            return self.cels.left_at_once
        if field == "outcome":
            return self.ours.outcome in self.cels.rivals
        return field in ("resolution", "outcomes") and bool(self.cels.rivals)
