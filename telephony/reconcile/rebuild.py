"""Handoffs as Asterisk's own record tells them. Pure.

What happened to channels is taken from CEL's native events; the dialplan's steps say which handoff it belonged to. The
outcome of a target that was rung is read from how its phones' channels ended, not from the dialplan's word.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telephony import numbers
from telephony.cel import CALL_ARRIVED, CONFERENCE_STEP, HANDOFF_STEP, Row, Step, step_of
from telephony.conference import TARGET
from telephony.handoff import Mode, Outcome, Resolution
from telephony.reconcile.channels import Channel, Channels
from telephony.rooms import channel_id

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
_FENCED = "FENCED"
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
                self.channels.arrived(row)
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
            if step.at < began.at and _taken(self.steps[step.handoff_id]):
                line = step.target
        return line


def _taken(steps: list[Step]) -> bool:
    """A target that let the caller go at once does not have the call; nor has one in a three-way call."""
    told = {step.step for step in steps if not step.party}
    return "answered" in told and told.isdisjoint(_RUNGS)


def _caller(began: Step) -> str:
    """ "" where the caller had gone before a third party could be rung."""
    return began.call_id if began.party else began.uniqueid


class _Handoff(ABC):
    """What both kinds have in common. ``until``: the end of the caller's call, or the next handoff of it."""

    mode: Mode

    def __init__(self, story: _Story, began: Step) -> None:
        self.channels, self.began = story.channels, began
        self.steps = [step for step in story.steps[began.handoff_id] if step.party in ("", TARGET)]
        self.caller = self.channels.by_id.get(_caller(began))
        next_one = story.next_after(began)
        self.next_at = next_one.at if next_one else None
        self.gone_at = self.caller.ended if self.caller and self.caller.ended else _FOREVER
        self.until = min(self.next_at or _FOREVER, self.gone_at)
        self.line = story.line_before(began)
        self.answered = self._first("answered")
        self.result = self._first("result")
        self.call_back = self._first("call-back")
        self.rungs = [step for step in self.steps if step.step in _RUNGS]
        self.taken = [phone for phone in self.rung() if phone.answered]
        named = self.channels.by_id.get(self.answered.uniqueid) if self.answered else None
        self.phone = named if self.answered or not self.taken else self.taken[0]

    @abstractmethod
    def rung(self) -> list[Channel]:
        """The target's phones that were called."""

    @abstractmethod
    def mine(self) -> list[Channel]:
        """All channels that had to do with it."""

    @abstractmethod
    def outcome(self) -> tuple[Outcome | None, frozenset[Outcome]]:
        """With those that came about in the same moment."""

    @abstractmethod
    def off_the_ladder(self, outcome: Outcome) -> Resolution | None:
        """Where a caller ended who was on no rung of it."""

    @abstractmethod
    def over_at(self, outcome: Outcome) -> datetime:
        """When it was over for a caller who was not served on the ladder; _FOREVER while it is not."""

    def _first(self, name: str) -> Step | None:
        """A result that only says that another command came too late is none of this handoff."""
        return next((each for each in self.steps if each.step == name and each.status != _FENCED), None)

    def served_at(self) -> datetime | None:
        """When the caller was with a human again, on the ladder."""
        met = self.channels.met(self.caller, self.rungs[0].at, self.until) if self.caller and self.rungs else []
        return next((at for at, channel in met if channel.is_phone), None)

    def met(self) -> list[Channel]:
        met = self.channels.met(self.caller, self.began.at, self.until) if self.caller else []
        return [channel for _, channel in met]

    def of_refusal(self, result: Step) -> Outcome:
        if result.status in ("CANCELLED", "LOOP", "CANCEL"):
            return _OF_STATUS[result.status]
        causes = {phone.cause for phone in self.rung() if phone.gone_by(result.at + SAME_MOMENT)}
        if len(causes) == 1 and (cause := causes.pop()) in _OF_CAUSE:
            return _OF_CAUSE[cause]
        if result.sip_code in _OF_SIP:
            return _OF_SIP[result.sip_code]
        return _OF_STATUS.get(result.status, Outcome.FAILED)

    def resolution(self, outcome: Outcome | None) -> Resolution | None:
        if outcome is None:
            return None
        served = self.served_at()
        if served:
            return _RUNGS[[step for step in self.rungs if step.at <= served][-1].step]
        if self.call_back:
            return Resolution.CALLBACK_ORDER
        if self.rungs and self.gone_at == self.until < _FOREVER:
            return Resolution.CALLER_HUNG_UP
        return self.off_the_ladder(outcome)

    def ended(self, outcome: Outcome | None) -> datetime | None:
        if outcome is None:
            return None
        called_back = self.call_back.at if self.call_back else None
        end = self.served_at() or called_back or self.over_at(outcome)
        return end if end < _FOREVER else None

    def rebuilt(self) -> Rebuilt:
        outcome, rivals = self.outcome()
        mine = self.mine()
        met = tuple(dict.fromkeys(channel.name for channel in self.met()))
        return Rebuilt(
            self.began.handoff_id,
            _caller(self.began),
            self.mode,
            self.began.target,
            self.began.at,
            ended=self.ended(outcome),
            from_line=self.line or self.began.from_line or None,
            original_caller=self.caller.number if self.caller else None,
            shown=numbers.from_uri(self.answered.shown) if self.answered else None,
            outcome=outcome,
            resolution=self.resolution(outcome),
            outcomes=self._decisions() or int(outcome is not None),
            rivals=rivals,
            target_channel=self.phone.name if self.phone else None,
            met=met,
            served=self.served_at() is not None,
            left_at_once=self._left_at_once(),
            contradiction=self._contradiction(met),
            lost=any(channel.lost for channel in mine),
            whole=self.caller is not None and not any(channel.torn for channel in mine),
        )

    def _decisions(self) -> int:
        """Answers, and refusals that no answer came before."""
        decided = [step for step in self.steps if step.step in ("answered", "result") and step.status != _FENCED]
        refused = [step for step in decided if self.answered is None or step.at < self.answered.at]
        return len(refused) + sum(step.step == "answered" for step in decided)

    def _left_at_once(self) -> bool:
        """Somebody hung up as the target answered, or took the caller back: nobody was brought together."""
        at = self.answered.at if self.answered else self.phone.answered if self.phone else None
        if at is None:
            return False
        soon = at + SAME_MOMENT
        back = any(step.at <= soon for step in self.rungs)
        return back or self.until <= soon or (self.phone is not None and self.phone.gone_by(soon))

    def _contradiction(self, met: tuple[str, ...]) -> tuple[str, str] | None:
        """What a step says, and what the channels did."""
        if self.line and self.began.from_line and self.line != self.began.from_line:
            return f"from line {self.began.from_line}", f"the call had come to line {self.line}"
        if self.answered:
            good = self.phone is not None and self.phone.answered is not None
            return None if good else (f"answered by {self.answered.uniqueid}", "no such channel was answered")
        talked = {phone.name for phone in self.rung()}.intersection(met)
        return ("the target did not answer", f"it talked with the caller: {min(talked)}") if talked else None


class _Transfer(_Handoff):
    def __init__(self, story: _Story, began: Step) -> None:
        super().__init__(story, began)
        self.mode = Mode.IVR if began.via.startswith(Mode.IVR) else Mode.TRANSFER

    def rung(self) -> list[Channel]:
        decided = min([self.until, *(step.at for step in (self.result, self.answered) if step)])
        return self.channels.rung(self.began.linkedid, self.began.at, decided)

    def mine(self) -> list[Channel]:
        return [channel for channel in self.channels.of_call(self.began.linkedid) if channel.began <= self.until]

    def outcome(self) -> tuple[Outcome | None, frozenset[Outcome]]:
        if self.answered:
            return Outcome.ANSWERED, frozenset()
        if self.result:
            return self.of_refusal(self.result), frozenset({Outcome.ANSWERED} if self.taken else ())
        if self.taken:  # the phone hung up before the dialplan could say so
            return Outcome.ANSWERED, frozenset({Outcome.ABANDONED} if self._left_at_once() else ())
        if self.caller and self.caller.lost:
            return None, frozenset()
        if self.gone_at == self.until < _FOREVER:
            return Outcome.ABANDONED, frozenset()
        return (Outcome.CANCELLED if self.next_at else None), frozenset()

    def off_the_ladder(self, outcome: Outcome) -> Resolution | None:
        if outcome is Outcome.ANSWERED:
            return Resolution.TARGET
        if self.next_at:
            return _RUNGS[self.rungs[-1].step] if self.rungs else Resolution.FIRST_SEAT
        return Resolution.CALLER_HUNG_UP if self.until < _FOREVER else None

    def over_at(self, outcome: Outcome) -> datetime:
        return self.until


class _Conference(_Handoff):
    mode = Mode.CONFERENCE

    def __init__(self, story: _Story, began: Step) -> None:
        super().__init__(story, began)
        self.third = self.channels.by_id.get(channel_id(began.handoff_id, TARGET))
        self.linked = {step.linkedid for step in story.steps[began.handoff_id] if step.party}

    def rung(self) -> list[Channel]:
        return [channel for channel in self.channels.of_call(self.began.linkedid) if channel.is_phone]

    def mine(self) -> list[Channel]:
        of_call = [each for each in self.channels.of_call(_caller(self.began)) if each.began <= self.until]
        return [*of_call, *(channel for linkedid in self.linked for channel in self.channels.of_call(linkedid))]

    def outcome(self) -> tuple[Outcome | None, frozenset[Outcome]]:
        """Whatever came first: the answer, the refusal, the caller's end, or ours of the dialling."""
        told: list[tuple[datetime, Outcome]] = []
        if self.answered:
            told.append((self.answered.at, Outcome.ANSWERED))
        elif self.began.step == "result":
            told.append((self.began.at, self.of_refusal(self.began)))
        elif self.result:
            told.append((self.result.at, self.of_refusal(self.result)))
        if self.caller and self.caller.ended and not self.caller.lost:
            told.append((self.caller.ended, Outcome.ABANDONED))
        if self.third and self.third.ended and not self.third.lost:
            told.append((self.third.ended, Outcome.CANCELLED))
        if not told:
            return None, frozenset()
        first, outcome = min(told, key=lambda each: each[0])
        return outcome, frozenset(other for at, other in told if at - first <= SAME_MOMENT) - {outcome}

    def off_the_ladder(self, outcome: Outcome) -> Resolution | None:
        if outcome is Outcome.ABANDONED:
            return Resolution.CALLER_HUNG_UP
        if outcome is not Outcome.ANSWERED:
            return Resolution.FIRST_SEAT
        return Resolution.TARGET if self._seat_left_them() else Resolution.FIRST_SEAT

    def _seat_left_them(self) -> bool:
        """The first seat went before the caller and the target did."""
        seat, target, caller = (self._left(channel) for channel in (self._seat(), self.third, self.caller))
        return seat < min(target, caller)

    def _left(self, channel: Channel | None) -> datetime:
        ended = channel.ended if channel else None
        return min(ended or _FOREVER, self.next_at or _FOREVER)

    def _seat(self) -> Channel | None:
        """Who talked with the caller while the third party was rung; the click may come before they are joined."""
        rung_until = self.answered.at if self.answered else self.began.at
        met = self.channels.met(self.caller, self.caller.began, rung_until) if self.caller else []
        return next((channel for _, channel in reversed(met) if channel.is_phone), None)

    def over_at(self, outcome: Outcome) -> datetime:
        if outcome is not Outcome.ANSWERED:
            decided = [step.at for step in (self.result, self.began) if step and step.step == "result"]
            return min([*decided, self._left(self.third), self._left(self.caller)])
        all_gone = max(channel.ended or _FOREVER for channel in self.mine())
        return min(all_gone, self.next_at or _FOREVER)

    def met(self) -> list[Channel]:
        """With the third party's phone, which a channel of Asterisk's own joins to the room."""
        met = super().met()
        return [*met, self.phone] if self.phone and self.third in met else met
