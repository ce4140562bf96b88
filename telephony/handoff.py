"""One handoff from request to end: its record and its table of transitions. Pure.

``TRANSITIONS`` says for each state and trigger which state follows; a pair that is not there changes nothing, because
Asterisk's events may come twice, late or out of order. ``advance`` is the only way a handoff changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from telephony import numbers


class Mode(StrEnum):
    """How responsibility moves (国办发〔2022〕12号: 一键转接、三方通话、专席联动、系统推送)."""

    TRANSFER = "transfer"
    CONFERENCE = "conference"
    DESK = "desk"
    PUSH = "push"
    IVR = "ivr"


class State(StrEnum):
    REQUESTED = "requested"
    REDIRECTED = "redirected"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How the target took it; set once."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Resolution(StrEnum):
    """Where the caller ended."""

    TARGET = "target"
    FIRST_SEAT = "first_seat"
    QUEUE = "queue"
    CALLBACK_ORDER = "callback_order"
    CALLER_HUNG_UP = "caller_hung_up"


class Release(StrEnum):
    """When the first seat is let go."""

    ON_ANSWER = "on_answer"
    NOW = "now"


class Trigger(StrEnum):
    """What can happen to a handoff, whatever it was learnt from."""

    STARTED = "started"
    RINGS = "rings"
    ANSWERS = "answers"
    SHOWN = "shown"
    FAILS = "fails"
    RUNG = "rung"
    SERVED = "served"
    CALL_BACK = "call_back"
    CALLER_GONE = "caller_gone"
    PARTED = "parted"
    NOT_STARTED = "not_started"
    LINK_LOST = "link_lost"


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the timeline; ``detail`` holds strings only, as they were observed."""

    at: datetime
    event: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who accepted the matter, and why (受理决定).

    ``automatic``: nobody decided, so the first receiver keeps it (首接负责).
    """

    accepted_by: str
    reason: str
    decided_by: str | None
    at: datetime
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Handoff:
    """The record of one handoff. Numbers as received; times in UTC.

    ``call_id`` is Asterisk's Linkedid. ``caller_seen_by_target`` is observed on the outgoing call, never copied.
    ``returning`` is the outcome-to-be while the caller is on the way down the ladder, ``rung`` the step reached there.
    """

    id: str
    call_id: str
    mode: Mode
    target: str
    created_at: datetime
    node: str
    state: State = State.REQUESTED
    outcome: Outcome | None = None
    resolution: Resolution | None = None
    release: Release = Release.ON_ANSWER
    via: str = "api"
    original_caller: str | None = None
    caller_seen_by_target: str | None = None
    number_mismatch: bool = False
    from_line: str | None = None
    from_seat: str | None = None
    target_channel: str | None = None
    target_seat: str | None = None
    category_id: str | None = None
    reason: str | None = None
    hangup_cause: int | None = None
    sip_code: int | None = None
    decision: Decision | None = None
    order_ids: tuple[str, ...] = ()
    timeline: tuple[Step, ...] = ()
    ended_at: datetime | None = None
    requested_by: str | None = None
    returning: Outcome | None = None
    rung: Resolution | None = None

    @property
    def live(self) -> bool:
        return self.state is not State.ENDED

    @property
    def begun(self) -> bool:
        """Whether Asterisk has told of it."""
        return any(step.event in _BEGINNINGS for step in self.timeline)

    @property
    def settled(self) -> bool:
        """Whether the call may be handed over again: ended, or answered by a target that now has the call alone."""
        return self.state is State.ENDED or (self.state is State.ANSWERED and self.mode is not Mode.CONFERENCE)


class _Keep:
    """The state stays as it is."""


_KEEP = _Keep()
_BEFORE_ANSWER = (State.REQUESTED, State.REDIRECTED, State.RINGING, State.UNKNOWN)

TRANSITIONS: dict[tuple[State, Trigger], State | _Keep] = {
    (State.REQUESTED, Trigger.STARTED): State.REDIRECTED,
    (State.UNKNOWN, Trigger.STARTED): State.REDIRECTED,
    **{(state, Trigger.RINGS): State.RINGING for state in (State.REQUESTED, State.REDIRECTED, State.UNKNOWN)},
    **{(state, Trigger.ANSWERS): State.ANSWERED for state in _BEFORE_ANSWER},
    **{(state, Trigger.FAILS): _KEEP for state in _BEFORE_ANSWER},
    **{(state, Trigger.RUNG): _KEEP for state in _BEFORE_ANSWER},
    **{(state, Trigger.SERVED): State.ENDED for state in _BEFORE_ANSWER},
    **{(state, Trigger.CALL_BACK): State.ENDED for state in _BEFORE_ANSWER},
    **{(state, Trigger.CALLER_GONE): State.ENDED for state in (*_BEFORE_ANSWER, State.ANSWERED)},
    (State.ANSWERED, Trigger.RUNG): _KEEP,
    (State.ANSWERED, Trigger.CALL_BACK): State.ENDED,
    (State.ANSWERED, Trigger.SHOWN): _KEEP,
    (State.ANSWERED, Trigger.PARTED): State.ENDED,
    (State.UNKNOWN, Trigger.PARTED): State.ENDED,
    (State.REQUESTED, Trigger.NOT_STARTED): State.ENDED,
    (State.UNKNOWN, Trigger.NOT_STARTED): State.ENDED,
    **{(state, Trigger.LINK_LOST): State.UNKNOWN for state in (*_BEFORE_ANSWER[:3], State.ANSWERED)},
}

_BEGINNINGS = frozenset({Trigger.STARTED, Trigger.RINGS, Trigger.ANSWERS})
_AFTER_OUTCOME = frozenset(
    {Trigger.ANSWERS, Trigger.CALLER_GONE, Trigger.PARTED, Trigger.LINK_LOST, Trigger.RUNG, Trigger.CALL_BACK}
)
"""A caller whom the target leaves alone at once, or in a conference, goes down the ladder although it had answered."""

_OUTCOME_OF_STATUS = {
    "BUSY": Outcome.BUSY,
    "NOANSWER": Outcome.NO_ANSWER,
    "CHANUNAVAIL": Outcome.UNREACHABLE,
    "CONGESTION": Outcome.UNREACHABLE,
    "INVALIDARGS": Outcome.FAILED,
    "CANCELLED": Outcome.CANCELLED,
    "CANCEL": Outcome.ABANDONED,
    "LOOP": Outcome.REJECTED,
}
_REJECTED_SIP = frozenset({403, 433, 603, 607})
_BUSY_SIP = frozenset({486, 600})
_NO_ANSWER_SIP = frozenset({408, 480, 487})
_REJECTED_CAUSE = 21


def outcome_of(status: str, sip_code: int | None = None, cause: int | None = None) -> Outcome:
    """The outcome of an unanswered target, from DIALSTATUS, the SIP answer (RFC 3261 21.4) and the Q.850 cause.

    Asterisk folds many refusals into BUSY or CONGESTION; the SIP code tells a refusal (403, 603) from a busy phone.
    """
    if status in ("CANCELLED", "CANCEL", "LOOP"):
        return _OUTCOME_OF_STATUS[status]
    if sip_code in _REJECTED_SIP or (sip_code is None and cause == _REJECTED_CAUSE):
        return Outcome.REJECTED
    if sip_code in _BUSY_SIP:
        return Outcome.BUSY
    if sip_code in _NO_ANSWER_SIP:
        return Outcome.NO_ANSWER
    return _OUTCOME_OF_STATUS.get(status, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Happening:
    """A trigger with what came along; only the fields that the trigger uses are read."""

    trigger: Trigger
    at: datetime
    detail: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome | None = None
    rung: Resolution | None = None
    seen: str | None = None
    target_channel: str | None = None
    target_seat: str | None = None
    cause: int | None = None
    sip_code: int | None = None


def allowed(handoff: Handoff, trigger: Trigger) -> bool:
    """Whether the table knows this trigger in the handoff's state; what it does not know changes nothing.

    An outcome is never taken back: a handoff that is unknown after its answer takes only what an answered one takes.
    """
    if handoff.outcome is None:
        fits = trigger is not Trigger.PARTED and not (trigger is Trigger.FAILS and handoff.returning is not None)
    elif trigger is Trigger.SHOWN:
        fits = handoff.caller_seen_by_target is None
    else:
        fits = trigger in _AFTER_OUTCOME
    return fits and (handoff.state, trigger) in TRANSITIONS


def advance(handoff: Handoff, happening: Happening) -> Handoff:
    """The handoff after what happened; the same object when the table has no place for it."""
    if not allowed(handoff, happening.trigger):
        return handoff
    follows = TRANSITIONS[handoff.state, happening.trigger]
    moved = _EFFECTS.get(happening.trigger, _no_effect)(handoff, happening)
    state = moved.state if isinstance(follows, _Keep) else follows
    step = Step(happening.at, happening.trigger.value, happening.detail)
    return replace(
        moved,
        state=state,
        timeline=(*moved.timeline, step),
        ended_at=happening.at if state is State.ENDED else None,
    )


def _no_effect(handoff: Handoff, happening: Happening) -> Handoff:
    return handoff


def _target_seen(handoff: Handoff, happening: Happening) -> Handoff:
    seen = happening.seen if happening.seen is not None else handoff.caller_seen_by_target
    observed = happening.seen is not None or handoff.caller_seen_by_target is not None
    return replace(
        handoff,
        caller_seen_by_target=seen,
        number_mismatch=observed and not numbers.same(handoff.original_caller, seen),
        target_channel=happening.target_channel or handoff.target_channel,
        target_seat=happening.target_seat or handoff.target_seat,
    )


def _answers(handoff: Handoff, happening: Happening) -> Handoff:
    return replace(
        _target_seen(handoff, happening),
        outcome=Outcome.ANSWERED,
        resolution=None if handoff.mode is Mode.CONFERENCE else Resolution.TARGET,
        returning=None,
        rung=None,
        hangup_cause=None,
        sip_code=None,
    )


def _fails(handoff: Handoff, happening: Happening) -> Handoff:
    return replace(
        handoff,
        returning=happening.outcome or Outcome.FAILED,
        hangup_cause=happening.cause,
        sip_code=happening.sip_code,
    )


def _rung(handoff: Handoff, happening: Happening) -> Handoff:
    """One that was unknown is known again: its caller goes down the ladder."""
    known = State.REDIRECTED if handoff.outcome is None else State.ANSWERED
    state = known if handoff.state is State.UNKNOWN else handoff.state
    return replace(handoff, state=state, rung=happening.rung, resolution=None)


def _served(handoff: Handoff, happening: Happening) -> Handoff:
    return replace(
        handoff,
        outcome=handoff.returning or happening.outcome or Outcome.FAILED,
        resolution=happening.rung or handoff.rung or Resolution.FIRST_SEAT,
    )


def _call_back(handoff: Handoff, happening: Happening) -> Handoff:
    outcome = handoff.outcome or handoff.returning or Outcome.FAILED
    return replace(handoff, outcome=outcome, resolution=Resolution.CALLBACK_ORDER)


def _caller_gone(handoff: Handoff, happening: Happening) -> Handoff:
    if handoff.outcome is not None:
        return replace(handoff, resolution=handoff.resolution or Resolution.CALLER_HUNG_UP)
    return replace(
        handoff,
        outcome=handoff.returning or happening.outcome or Outcome.ABANDONED,
        resolution=Resolution.CALLER_HUNG_UP,
        hangup_cause=happening.cause if handoff.hangup_cause is None else handoff.hangup_cause,
    )


def _parted(handoff: Handoff, happening: Happening) -> Handoff:
    return replace(
        handoff,
        resolution=happening.rung or handoff.resolution or Resolution.TARGET,
        hangup_cause=happening.cause,
        sip_code=happening.sip_code,
    )


def _not_started(handoff: Handoff, happening: Happening) -> Handoff:
    return replace(
        handoff,
        outcome=handoff.returning or happening.outcome or Outcome.FAILED,
        resolution=happening.rung or Resolution.FIRST_SEAT,
    )


_EFFECTS = {
    Trigger.RINGS: _target_seen,
    Trigger.ANSWERS: _answers,
    Trigger.SHOWN: _target_seen,
    Trigger.FAILS: _fails,
    Trigger.RUNG: _rung,
    Trigger.SERVED: _served,
    Trigger.CALL_BACK: _call_back,
    Trigger.CALLER_GONE: _caller_gone,
    Trigger.PARTED: _parted,
    Trigger.NOT_STARTED: _not_started,
}


def durations_ms(handoff: Handoff) -> dict[str, int]:
    """Milliseconds of each stage that was reached: ``to_ringing``, ``to_answer``, ``talking``, ``total``."""
    first: dict[str, datetime] = {}
    for step in handoff.timeline:
        first.setdefault(step.event, step.at)
    rings, answers = first.get(Trigger.RINGS.value), first.get(Trigger.ANSWERS.value)
    spans = {
        "to_ringing": (handoff.created_at, rings),
        "to_answer": (handoff.created_at, answers),
        "talking": (answers, handoff.ended_at if answers else None),
        "total": (handoff.created_at, handoff.ended_at),
    }
    return {
        name: max(0, round((end - start).total_seconds() * 1000))
        for name, (start, end) in spans.items()
        if start is not None and end is not None
    }
