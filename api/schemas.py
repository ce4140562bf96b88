"""What goes over the wire: the bodies that are taken and the records that are given. Names as other programs know them.

Times are UTC in ISO 8601 with milliseconds and ``Z``. Numbers are as received, with E.164 beside them where it can be
derived; ``numbers_masked`` tells that the reader may not see them and gets ``138****5678``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from api import examples
from telephony.conference import PartyState
from telephony.corrections import Correctable
from telephony.handoff import Mode, Outcome, Release, Resolution, State
from telephony.presence import SeatState

T = TypeVar("T")


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as beyond:
        raise ValueError("no such time in UTC") from beyond


Instant = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T08:00:00.123Z"]}),
]
Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:+-]{1,64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Person = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Nobody = Literal["-"]
Milliseconds = Annotated[int, Query(ge=0, le=2**31 - 1, description="From the beginning to the answer, at most.")]
HourOfDay = Annotated[
    int, Query(ge=0, le=23, description="On the clocks of the reports' time zone; wants since and until.")
]
PathId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:+-]{1,128}$")]


class Taken(BaseModel):
    """A body: a field that is not known is refused, because a misspelt one would be silently lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Given(BaseModel):
    model_config = ConfigDict(frozen=True)


def example(value: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [dict(value)]})


# --- bodies ----------------------------------------------------------------------------------------------------------


class HandoffIn(Taken):
    model_config = example(examples.HANDOFF_REQUEST)

    call_id: Name = Field(description="The call's id (Asterisk's Linkedid).")
    mode: Mode = Field(description="transfer 一键转接 · conference 三方通话 · desk 专席联动 · push 系统推送 · ivr")
    target: Name = Field(description="Id of the line or the linked number that receives.")
    release: Release = Field(Release.ON_ANSWER, description="When the first seat is let go.")
    category_id: Name | None = Field(None, description="Category of the acceptance catalogue.")
    reason: Text | None = None


class PartyIn(Taken):
    model_config = example({"target": "120"})

    target: Name


class DecisionIn(Taken):
    model_config = example({"accepted_by": "12345", "reason": "噪音扰民，属城管职责"})

    accepted_by: Name = Field(description="Id of the line that accepts the matter.")
    reason: Text


class CorrectionIn(Taken):
    model_config = example({"field": "category_id", "value": "noise", "reason": "登记时选错类别"})

    field: Correctable
    value: Text
    reason: Text = Field(description="Why; it stands on the ledger and in the record's history.")


class SessionIn(Taken):
    model_config = example({"user": "wang.fang", "password": "correct horse battery staple"})

    user: Person
    password: Password


class SeatSignInIn(Taken):
    """Both, or neither when a token is sent along."""

    model_config = example({"user": "wang.fang", "password": "correct horse battery staple"})

    user: Person | None = None
    password: Password | None = None


class PauseIn(Taken):
    """Either a reason, or ``resume: true``."""

    model_config = example({"reason": "用餐"})

    reason: Text | None = None
    resume: bool = False


# --- handoffs and conferences ----------------------------------------------------------------------------------------


class StepOut(Given):
    at: Instant
    event: str
    detail: dict[str, str]


class DecisionOut(Given):
    accepted_by: str
    reason: str
    decided_by: str | None
    at: Instant
    automatic: bool = Field(description="Nobody decided: the first receiver keeps it (首接负责).")


class CorrectionOut(Given):
    at: Instant
    field: Correctable
    before: str
    value: str
    reason: str
    by: str


class HandoffOut(Given):
    model_config = example(examples.HANDOFF)

    id: str
    call_id: str
    mode: Mode
    state: State
    outcome: Outcome | None
    resolution: Resolution | None
    release: Release
    via: str = Field(description="How it was asked for: api, feature code, SIP REFER, ivr.")
    original_caller: str | None
    original_caller_e164: str | None
    caller_seen_by_target: str | None = Field(description="Observed on the outgoing call, never copied.")
    caller_seen_by_target_e164: str | None
    number_mismatch: bool
    numbers_masked: bool
    from_line: str | None
    from_seat: str | None
    target: str
    target_channel: str | None
    target_seat: str | None
    category_id: str | None
    reason: str | None
    hangup_cause: int | None = Field(description="Q.850 cause of the target's leg.")
    sip_code: int | None
    decision: DecisionOut | None
    order_ids: list[str]
    timeline: list[StepOut]
    corrections: list[CorrectionOut] = Field(
        description="Oldest first: what stood there before, and why it was put right."
    )
    durations_ms: dict[str, int] = Field(description="Of each stage reached: to_ringing, to_answer, talking, total.")
    requested_by: str | None
    created_at: Instant
    ended_at: Instant | None
    node: str


class ParticipantOut(Given):
    model_config = example(examples.PARTICIPANT)

    id: str
    target: str | None
    channel: str
    state: PartyState
    muted: bool
    outcome: str | None = Field(description="DIALSTATUS of a party that never came.")
    joined_at: Instant | None
    left_at: Instant | None


class ConferenceOut(Given):
    model_config = example(examples.CONFERENCE)

    id: str = Field(description="The id of its handoff.")
    call_id: str
    started_at: Instant
    over: bool
    participants: list[ParticipantOut]


# --- calls -----------------------------------------------------------------------------------------------------------


class LegOut(Given):
    uniqueid: str
    channel: str
    number: str
    seat: str | None
    created_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None
    bridge: str | None
    held: bool
    cause: int | None
    sip_code: int | None


class CallOut(Given):
    model_config = example(examples.CALL)

    id: str
    node: str
    state: str = Field(description="waiting (no human yet), talking, ended")
    original_caller: str | None
    original_caller_e164: str | None
    caller_name: str | None
    presentation: str
    numbers_masked: bool
    dialled: str
    trunk: str
    first_line: str | None = Field(description="The line that took it first (首接).")
    line: str | None
    seat: str | None
    arrived_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None
    legs: list[LegOut]


class PageOut(Given, Generic[T]):
    items: list[T]
    next_cursor: str | None = Field(description="Give it back as `cursor`; null on the last page.")


# --- presence and sign-in --------------------------------------------------------------------------------------------


class SeatOut(Given):
    model_config = example(examples.SEAT)

    id: str
    name: str
    lines: list[str]
    state: SeatState
    phone: str = Field(description="Asterisk's device state of the seat's phone.")
    user: str | None
    signed_in_at: Instant | None
    paused_reason: str | None
    call_id: str | None


class SeatPhoneOut(Given):
    """``kind`` desk: the phone stands on the desk, and there is nothing to register with."""

    model_config = example(examples.SEAT_PHONE)

    seat: str
    kind: Literal["browser", "desk"]
    socket: str | None = Field(description="SIP over WebSocket (RFC 7118); it stays up while this service is down.")
    uri: str | None
    password: str | None = Field(description="For SIP's digest authentication (RFC 8760).")
    recording_key: str | None = Field(description="What this phone sends as tones to have the call recorded at once.")


class DeskOut(Given):
    id: str
    name: str
    seats: list[str]


class LineOut(Given):
    model_config = example(examples.LINE)

    id: str
    name: str
    kind: str = Field(description="line: our own seats · linked: a number outside")
    numbers: list[str]
    desks: list[DeskOut]
    waiting: int
    talking: int
    seats_free: int


class WhoOut(Given):
    model_config = example({"user": "wang.fang", "role": "seat", "seat": "8001", "permissions": ["hand-over"]})

    user: str
    role: str
    seat: str | None
    permissions: list[str]


class SessionOut(WhoOut):
    """``seats``: where this person may sign in; of a token that was given at a seat, that one."""

    model_config = example(examples.SESSION)

    seats: list[str]

    token: str
    token_type: str = "Bearer"
    expires_at: Instant


class SeatSessionOut(SessionOut):
    model_config = example({**examples.SESSION, "presence": examples.SEAT})

    presence: SeatOut


# --- reports ---------------------------------------------------------------------------------------------------------


# --- health and failures ---------------------------------------------------------------------------------------------


class AliveOut(Given):
    status: str = "alive"


class PartHealth(Given):
    status: str = Field(description="up or down")


class ReadyOut(Given):
    model_config = example(examples.READY)

    status: str = Field(description="ready, degraded (calls are served, something behind us is away) or down")
    node: str
    parts: dict[str, PartHealth]


class FieldFault(Given):
    field: str
    code: str
    message: str


class Problem(Given):
    """RFC 9457. Branch on ``type`` and nothing else."""

    type: str = Field(description="urn:hotline:problem:<slug>")
    title: str
    title_en: str
    status: int
    detail: str
    instance: str
    request_id: str | None = None
    errors: list[FieldFault] | None = None
