"""Handoffs as Asterisk's own record tells them. Pure.

What happened to channels is taken from CEL's native events; the dialplan's steps say which handoff it belonged to. The
outcome of a target that was rung is read from how its phones' channels ended, not from the dialplan's word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telephony import numbers
from telephony.cel import CALL_ARRIVED, CONFERENCE_STEP, HANDOFF_STEP, Row, Step, step_of
from telephony.conference import TARGET
from telephony.handoff import Mode, Outcome, Resolution
from telephony.reconcile.channels import Channel, Channels

SAME_MOMENT = timedelta(seconds=1)
"""What happens so close together may be told in either order."""

_FOREVER = datetime.max.replace(tzinfo=UTC)

_OF_CAUSE = {17: Outcome.BUSY, 21: Outcome.REJECTED, 18: Outcome.NO_ANSWER, 19: Outcome.NO_ANSWER}
"""ITU-T Q.850: user busy, call rejected, no user responding, no answer from user."""

_OF_SIP = {433: Outcome.REJECTED, 607: Outcome.REJECTED, 487: Outcome.NO_ANSWER}
"""Answers for which Asterisk has no cause of their own."""

_OF_STATUS = {
    "BUSY": Outcome.BUSY,
    "NOANSWER": Outcome.NO_ANSWER,
    "CHANUNAVAIL": Outcome.UNREACHABLE,
    "CONGESTION": Outcome.UNREACHABLE,
    "LOOP": Outcome.REJECTED,
    "CANCELLED": Outcome.CANCELLED,
    "CANCEL": Outcome.ABANDONED,
}
_RUNGS = {"back": Resolution.FIRST_SEAT, "ring-seat": Resolution.FIRST_SEAT, "queue": Resolution.QUEUE}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One handoff. None is what CEL does not tell, or what has not come about yet.

    ``outcomes`` counts what decided it and must be 1 at its end. ``rivals``: outcomes that came about in the same
    moment. ``met``: the channels that shared a bridge with the caller after it began. ``contradiction``: what native
    events and the dialplan's steps say differently. ``lost``: Asterisk ended meanwhile. ``whole``: no row is missing.
    """

    handoff_id: str
    call_id: str
    mode: Mode
    target: str
    began: datetime
    ended: datetime | None = None
    from_line: str | None = None
    original_caller: str | None = None
    shown: str | None = None
    outcome: Outcome | None = None
    resolution: Resolution | None = None
    outcomes: int = 0
    rivals: frozenset[Outcome] = frozenset()
    target_channel: str | None = None
    met: tuple[str, ...] = ()
    served: bool = False
    left_at_once: bool = False
    contradiction: tuple[str, str] | None = None
    lost: bool = False
    whole: bool = True


def rebuild(rows: Iterable[Row]) -> dict[str, Rebuilt]:
    """By handoff id. ``rows``: in their order, and of each call from its beginning."""
    story = _Story(rows)
    return {handoff_id: story.handoff(handoff_id) for handoff_id in story.began}


class _Story:
    def __init__(self, rows: Iterable[Row]) -> None:
        self.channels = Channels()
        self.arrivals: dict[str, Row] = {}
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.began: dict[str, Step] = {}
        for row in rows:
            if row.event == CALL_ARRIVED:
                self.arrivals[row.uniqueid] = row
            elif row.event in (HANDOFF_STEP, CONFERENCE_STEP):
                self._step(row)
            else:
                self.channels.add(row)
        self._of_caller: dict[str, list[Step]] = defaultdict(list)
        for step in sorted(self.began.values(), key=lambda each: each.at):
            self._of_caller[_caller(step)].append(step)

    def _step(self, row: Row) -> None:
        step = step_of(row)
        if step is None:
            return
        self.steps[step.handoff_id].append(step)
        if step.step == "start" or (step.step in ("dialling", "result") and step.party == TARGET):
            self.began.setdefault(step.handoff_id, step)  # a result alone: there was nobody to ring

    def handoff(self, handoff_id: str) -> Rebuilt:
        began = self.began[handoff_id]
        return (_Conference if began.party else _Transfer)(self, began).rebuilt()

    def next_after(self, began: Step) -> Step | None:
        return next((step for step in self._of_caller[_caller(began)] if step.at > began.at), None)

    def line_before(self, began: Step) -> str | None:
        """Where the call had come: the line it arrived at, then that of each target that took it."""
        arrival = self.arrivals.get(_caller(began))
        line = arrival.words[0] if arrival else None
        for step in self._of_caller[_caller(began)]:
            if step.at >= began.at:
                break
            if not step.party and any(each.step == "answered" for each in self.steps[step.handoff_id]):
                line = step.target
        return line


def _caller(began: Step) -> str:
    return began.call_id or began.uniqueid


class _Handoff:
    """What both kinds have in common. ``until``: the end of the caller's call, or the next handoff of it."""

    mode: Mode

    def __init__(self, story: _Story, began: Step) -> None:
        self.channels, self.began = story.channels, began
        self.steps = story.steps[began.handoff_id]
        self.caller = self.channels.by_id.get(_caller(began))
        next_one = story.next_after(began)
        self.next_at = next_one.at if next_one else None
        gone = self.caller.ended if self.caller else None
        self.until = min(self.next_at or _FOREVER, gone or _FOREVER)
        self.line = story.line_before(began)
        self.answered = self._first("answered")
        self.result = self._first("result")
        self.phone = self.channels.by_id.get(self.answered.uniqueid) if self.answered else None

    def _first(self, *names: str) -> Step | None:
        wanted = (each for each in self.steps if each.step in names and each.party in ("", TARGET))
        return next(wanted, None)

    def _last_rung(self) -> Step | None:
        return next((step for step in reversed(self.steps) if step.step in _RUNGS), None)

    def met(self) -> list[tuple[datetime, Channel]]:
        return self.channels.met(self.caller, self.began.at, self.until) if self.caller else []

    def served_at(self) -> datetime | None:
        """The caller was with a human again."""
        since = self.result.at if self.result else self.began.at
        met = self.channels.met(self.caller, since, self.until) if self.caller else []
        return next((at for at, channel in met if channel.is_phone), None)

    def of_refusal(self, result: Step, rung: list[Channel]) -> Outcome:
        causes = {phone.cause for phone in rung if phone.gone_by(result.at + SAME_MOMENT)}
        if result.status in ("CANCELLED", "LOOP", "CANCEL"):
            return _OF_STATUS[result.status]
        if len(causes) == 1 and (cause := causes.pop()) in _OF_CAUSE:
            return _OF_CAUSE[cause]
        if result.sip_code in _OF_SIP:
            return _OF_SIP[result.sip_code]
        return _OF_STATUS.get(result.status, Outcome.FAILED)

    def outcome(self) -> tuple[Outcome | None, frozenset[Outcome]]:
        raise NotImplementedError

    def resolution(self, outcome: Outcome | None) -> Resolution | None:
        raise NotImplementedError

    def ended(self, resolution: Resolution | None) -> datetime | None:
        raise NotImplementedError

    def mine(self) -> list[Channel]:
        raise NotImplementedError

    def rebuilt(self) -> Rebuilt:
        outcome, rivals = self.outcome()
        resolution = self.resolution(outcome)
        mine = self.mine()
        met = tuple(dict.fromkeys(channel.name for _, channel in self.met()))
        decided = [step for step in self.steps if step.step in ("answered", "result") and step.party in ("", TARGET)]
        return Rebuilt(
            self.began.handoff_id,
            _caller(self.began),
            self.mode,
            self.began.target,
            self.began.at,
            ended=self.ended(resolution),
            from_line=self.line or self.began.from_line or None,
            original_caller=self.caller.number if self.caller else None,
            shown=numbers.from_uri(self.answered.shown) if self.answered else None,
            outcome=outcome,
            resolution=resolution,
            outcomes=len(decided) or int(outcome is not None),
            rivals=rivals,
            target_channel=self.phone.name if self.phone else None,
            met=met,
            served=self.served_at() is not None,
            left_at_once=self._left_at_once(),
            contradiction=self._contradiction(met),
            lost=any(channel.lost for channel in mine),
            whole=self.caller is not None and not any(channel.torn for channel in mine),
        )

    def _left_at_once(self) -> bool:
        """Somebody hung up as the target answered: nobody was brought together."""
        if self.answered is None:
            return False
        soon = self.answered.at + SAME_MOMENT
        return self.until <= soon or (self.phone is not None and self.phone.gone_by(soon))

    def _contradiction(self, met: tuple[str, ...]) -> tuple[str, str] | None:
        """What a step says, and what the channels did."""
        if self.line and self.began.from_line and self.line != self.began.from_line:
            return f"from line {self.began.from_line}", f"the call had come to line {self.line}"
        if self.answered and (self.phone is None or self.phone.answered is None):
            return f"answered by {self.answered.uniqueid}", "no such channel was answered"
        if self.answered is None:
            dialled = {phone.name for phone in self.rung()}
            if talked := dialled.intersection(met):
                return "the target did not answer", f"{', '.join(sorted(talked))} talked with the caller"
        return None

    def rung(self) -> list[Channel]:
        raise NotImplementedError


class _Transfer(_Handoff):
    mode = Mode.TRANSFER

    def rung(self) -> list[Channel]:
        decided = min(each.at for each in (self.result, self.answered, _End(self.until)) if each)
        return self.channels.rung(self.began.linkedid, self.began.at, decided)

    def mine(self) -> list[Channel]:
        """Those that were there before its end."""
        return [channel for channel in self.channels.of_call(self.began.linkedid) if channel.began < self.until]

    def outcome(self) -> tuple[Outcome | None, frozenset[Outcome]]:
        refused = self.of_refusal(self.result, self.rung()) if self.result else None
        if self.answered:
            return Outcome.ANSWERED, frozenset({refused} if refused else ())
        if refused:
            return refused, frozenset()
        if self.caller and self.caller.lost:
            return None, frozenset()
        if self.caller and self.caller.gone_by(self.until):
            return Outcome.ABANDONED, frozenset()
        return (Outcome.CANCELLED if self.next_at else None), frozenset()

    def resolution(self, outcome: Outcome | None) -> Resolution | None:
        if outcome is None or outcome is Outcome.ANSWERED:
            return Resolution.TARGET if outcome else None
        if any(step.step == "call-back" for step in self.steps):
            return Resolution.CALLBACK_ORDER
        rung = self._last_rung()
        if self.served_at() or (self.next_at and self.next_at <= self.until):
            return _RUNGS[rung.step] if rung else Resolution.FIRST_SEAT
        return Resolution.CALLER_HUNG_UP if self.until < _FOREVER else None

    def ended(self, resolution: Resolution | None) -> datetime | None:
        if resolution is Resolution.TARGET or resolution is None:
            return self.until if self.until < _FOREVER else None
        call_back = self._first("call-back")
        return call_back.at if call_back else self.served_at() or self.until


@dataclass(frozen=True, slots=True)
class _End:
    at: datetime


class _Conference(_Handoff):
    mode = Mode.CONFERENCE

    def __init__(self, story: _Story, began: Step) -> None:
        super().__init__(story, began)
        self.third = self.channels.by_id.get(began.linkedid)
        if self.third is None:  # its first row is the Local channel's that goes into the room
            self.third = self.channels.by_id.get(f"{began.handoff_id}-{TARGET}")

    def rung(self) -> list[Channel]:
        return [channel for channel in self.channels.of_call(self.began.linkedid) if channel.is_phone]

    def mine(self) -> list[Channel]:
        parties = (self.channels.of_call(each) for each in {step.linkedid for step in self.steps})
        of_call = [each for each in self.channels.of_call(_caller(self.began)) if each.began < self.until]
        return [*of_call, *(channel for party in parties for channel in party)]

    def outcome(self) -> tuple[Outcome | None, frozenset[Outcome]]:
        """Whatever came first: the answer, the refusal, the caller's end, or ours of the dialling."""
        told: list[tuple[datetime, Outcome]] = []
        if self.answered:
            told.append((self.answered.at, Outcome.ANSWERED))
        if self.result and not self.answered:
            told.append((self.result.at, self.of_refusal(self.result, self.rung())))
        if self.caller and self.caller.ended and not self.caller.lost:
            told.append((self.caller.ended, Outcome.ABANDONED))
        if self.third and self.third.ended and not self.third.lost:
            told.append((self.third.ended, Outcome.CANCELLED))
        if not told:
            return None, frozenset()
        at, outcome = min(told, key=lambda each: each[0])
        return outcome, frozenset(other for when, other in told if when - at <= SAME_MOMENT and other is not outcome)

    def resolution(self, outcome: Outcome | None) -> Resolution | None:
        if outcome is None:
            return None
        if outcome is Outcome.ABANDONED:
            return Resolution.CALLER_HUNG_UP
        if outcome is not Outcome.ANSWERED:
            return Resolution.FIRST_SEAT
        if any(step.step == "call-back" for step in self.steps):
            return Resolution.CALLBACK_ORDER
        rung = self._last_rung()
        if rung:
            served = self.channels.met(self.caller, rung.at, self.until) if self.caller else []
            return _RUNGS[rung.step] if served else Resolution.CALLER_HUNG_UP
        return Resolution.TARGET if self._seat_left_them() else Resolution.FIRST_SEAT

    def _seat_left_them(self) -> bool:
        """The first seat went before the caller and the target did."""
        left = [self._left(channel) for channel in (self._seat(), self.third, self.caller)]
        return left[0] < min(left[1:])

    def _left(self, channel: Channel | None) -> datetime:
        return min(channel.ended or _FOREVER, self.next_at or _FOREVER) if channel else _FOREVER

    def _seat(self) -> Channel | None:
        """Who talked with the caller as the third party was being rung."""
        if self.caller is None:
            return None
        met = self.channels.met(self.caller, self.caller.began, self.began.at)
        return next((channel for _, channel in reversed(met) if channel.is_phone), None)

    def ended(self, resolution: Resolution | None) -> datetime | None:
        outcome, _ = self.outcome()
        if outcome is None:
            return None
        if outcome is not Outcome.ANSWERED:
            decided = [each for each in (self.result, self.third, self.caller) if each]
            return min(each.at if isinstance(each, Step) else each.ended or _FOREVER for each in decided)
        if resolution is Resolution.CALLBACK_ORDER and (call_back := self._first("call-back")):
            return call_back.at
        ends = [channel.ended for channel in self.mine() if channel.began < self.until]
        over = max((end for end in ends if end), default=None) if all(ends) else None
        return min(self.next_at, over) if self.next_at and over else self.next_at or over

    def met(self) -> list[tuple[datetime, Channel]]:
        """Of a third party its phone, which is joined to the room by a channel of Asterisk's own."""
        met = super().met()
        if self.phone and self.third and any(channel is self.third for _, channel in met):
            met.append((self.began.at, self.phone))
        return met
