"""A flow: what a line says, which keys it takes, and where each leads. `load.py` reads it, `menu.py` runs it.

Every step names its kind in ``do``. Where a step may go on, the name of another step stands, or ``human``: the queue of
the flow's own line. Whatever is left out leads to a human.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

HUMAN = "human"
HUMAN_KEY = "0"
LIMIT_SECONDS = 20.0
"""So long may a caller listen before a human's phone rings."""

StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
Target = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$")]
ValueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Prompt = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9/_-]{0,63}$")]
Prompts = tuple[Prompt, ...]
Waiting = Annotated[float, Field(gt=0, le=10)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class DayKind(StrEnum):
    """What a day is in the State Council's calendar; ``make_up``: a weekend that is worked."""

    WORKDAY = "workday"
    MAKE_UP = "make_up"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    UNKNOWN = "unknown"


class History(StrEnum):
    """What is known of the caller: called again and again, or called and said nothing."""

    REPEAT = "repeat"
    SILENT = "silent"


class Spoken(StrEnum):
    NUMBER = "number"
    DIGITS = "digits"
    DATE = "date"
    TIME = "time"


class Place(StrEnum):
    POSITION = "position"
    WAIT = "wait"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- steps that say something ---------------------------------------------------------------------------------------


class Play(_Model):
    do: Literal["play"]
    say: Annotated[Prompts, Field(min_length=1)]
    next: StepName = HUMAN


class Say(_Model):
    """A number, digit by digit or as a number, that was collected; or today's date, or the time of day."""

    do: Literal["say"]
    what: Spoken
    value: ValueName | None = None
    next: StepName = HUMAN

    @model_validator(mode="after")
    def _has_its_value(self) -> Say:
        if (self.value is None) == (self.what in (Spoken.NUMBER, Spoken.DIGITS)):
            raise PydanticCustomError(
                "value",
                "number 和 digits 须给 value，date 和 time 不给 · value belongs to number and digits, and to them only",
            )
        return self


class Announce(_Model):
    """The caller's place in the line's queue, and how long it may take."""

    do: Literal["announce"]
    what: Annotated[tuple[Place, ...], Field(min_length=1)]
    next: StepName = HUMAN


# --- steps that wait for keys ---------------------------------------------------------------------------------------


class Menu(_Model):
    """One key. None in time, or a wrong one twice: a human. ``again``: what is said after a wrong key, else ``say``.

    ``repeat``: the key that plays the menu once more.
    """

    do: Literal["menu"]
    say: Annotated[Prompts, Field(min_length=1)]
    keys: Annotated[Mapping[Key, StepName], Field(min_length=1)]
    again: Prompts = ()
    repeat: Key | None = None
    seconds: Waiting = 4.0


class Collect(_Model):
    """Up to ``digits`` digits in ``seconds`` after the prompt; ``#`` ends, 0 as the first is the way to a human.

    Fewer than ``least``, or none: a human.
    """

    do: Literal["collect"]
    say: Annotated[Prompts, Field(min_length=1)]
    into: ValueName
    digits: Annotated[int, Field(ge=1, le=20)]
    least: Annotated[int, Field(ge=1, le=20)] = 1
    seconds: Waiting = 8.0
    next: StepName = HUMAN

    @model_validator(mode="after")
    def _can_be_entered(self) -> Collect:
        if self.least > self.digits:
            raise PydanticCustomError("least", "least 大于 digits · least is more than digits")
        return self


# --- steps that choose ----------------------------------------------------------------------------------------------


class Hours(_Model):
    """``from`` ≤ time of day < ``to``; over midnight when ``to`` is not after ``from``. No ``days``: every day."""

    since: Annotated[time, Field(alias="from")]
    until: Annotated[time, Field(alias="to")]
    days: tuple[Weekday, ...] = ()
    next: StepName


class Load(_Model):
    """Holds when either is exceeded."""

    waiting_over: Annotated[int, Field(ge=0, le=10_000)] | None = None
    wait_over: Annotated[float, Field(ge=0, le=86_400)] | None = None
    next: StepName

    @model_validator(mode="after")
    def _says_when(self) -> Load:
        if self.waiting_over is None and self.wait_over is None:
            raise PydanticCustomError("no_limit", "缺少 waiting_over 或 wait_over · one of them is needed")
        return self


class ByTime(_Model):
    do: Literal["branch"]
    by: Literal["time"]
    cases: Annotated[tuple[Hours, ...], Field(min_length=1)]
    otherwise: StepName = HUMAN


class ByDay(_Model):
    do: Literal["branch"]
    by: Literal["day"]
    cases: Annotated[Mapping[DayKind, StepName], Field(min_length=1)]
    otherwise: StepName = HUMAN


class ByLoad(_Model):
    do: Literal["branch"]
    by: Literal["load"]
    cases: Annotated[tuple[Load, ...], Field(min_length=1)]
    otherwise: StepName = HUMAN


class ByHistory(_Model):
    do: Literal["branch"]
    by: Literal["history"]
    cases: Annotated[Mapping[History, StepName], Field(min_length=1)]
    otherwise: StepName = HUMAN


class ByLanguage(_Model):
    do: Literal["branch"]
    by: Literal["language"]
    cases: Annotated[Mapping[Annotated[str, Field(pattern=r"^[a-z]{2}$")], StepName], Field(min_length=1)]
    otherwise: StepName = HUMAN


class Language(_Model):
    """The caller has chosen a language; goes to the desk that speaks it through a ``route``."""

    do: Literal["language"]
    set: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    next: StepName = HUMAN


Branch = Annotated[ByTime | ByDay | ByLoad | ByHistory | ByLanguage, Field(discriminator="by")]

# --- steps that end in a human's hands ------------------------------------------------------------------------------


class Route(_Model):
    """The queue of a line of ours (the flow's own when left out), or one desk of it first."""

    do: Literal["route"]
    line: Target | None = None
    desk: Target | None = None


class Transfer(_Model):
    """A handoff of mode ``ivr``, with the caller's own number. ``three_way``: our line joins as well."""

    do: Literal["transfer"]
    target: Target
    three_way: bool = False


class CallBack(_Model):
    """An order to call back that keeps the caller's place. It cannot be kept without a number: then a human."""

    do: Literal["call_back"]
    say: Prompts = ()
    next: StepName = HUMAN


class Record(_Model):
    """The caller leaves a message, ended by ``#``, by silence or by hanging up. It is an order to call back as well."""

    do: Literal["record"]
    say: Prompts = ()
    seconds: Annotated[float, Field(ge=5, le=300)] = 60.0
    next: StepName = HUMAN


class HangUp(_Model):
    """Only after a call-back or a message that was taken."""

    do: Literal["hang_up"]
    say: Prompts = ()


Step: TypeAlias = (
    Play
    | Say
    | Announce
    | Menu
    | Collect
    | ByTime
    | ByDay
    | ByLoad
    | ByHistory
    | ByLanguage
    | Language
    | Route
    | Transfer
    | CallBack
    | Record
    | HangUp
)
_AnyStep = Annotated[
    Play | Say | Announce | Menu | Collect | Branch | Language | Route | Transfer | CallBack | Record | HangUp,
    Field(discriminator="do"),
]


class Danger(_Model):
    """The key that, at any moment, brings the caller and ``target`` together and our own line in as the third."""

    key: Key
    target: Target


class Flow(_Model):
    """``version``: the hash of the file, which goes on the record of each call. ``levels``: menus on one way."""

    line: Target
    name: Annotated[str, Field(min_length=1, max_length=60)]
    start: StepName
    steps: Annotated[Mapping[StepName, _AnyStep], Field(min_length=1)]
    numbers: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{3,20}$")], ...] = ()
    danger: Danger | None = None
    wrong_key: Prompts = ("ivr-wrong-key",)
    levels: Annotated[int, Field(ge=1, le=3)] = 1
    version: str = ""


class Exit(NamedTuple):
    """One way out of a step: where it stands in the step's data, on what, and to which step (or HUMAN)."""

    where: tuple[str | int, ...]
    on: str
    to: str


def exits(step: Step) -> Iterator[Exit]:
    """The ways on that a step names. That errors, 0 and silence lead to a human needs no way of its own."""
    match step:
        case Menu():
            yield from (Exit(("keys", key), key, to) for key, to in step.keys.items())
        case ByTime() | ByLoad():
            cases: tuple[Hours | Load, ...] = step.cases
            yield from (Exit(("cases", at, "next"), said(case), case.next) for at, case in enumerate(cases))
            yield Exit(("otherwise",), "otherwise", step.otherwise)
        case ByDay() | ByHistory() | ByLanguage():
            yield from (Exit(("cases", str(case)), str(case), to) for case, to in step.cases.items())
            yield Exit(("otherwise",), "otherwise", step.otherwise)
        case Play() | Say() | Announce() | Collect() | Language() | CallBack() | Record():
            yield Exit(("next",), "", step.next)
        case _:
            return


def said(case: Hours | Load) -> str:
    """A case in a few words, for a drawing."""
    if isinstance(case, Hours):
        return f"{' '.join(case.days)} {case.since:%H:%M}–{case.until:%H:%M}".strip()
    parts = []
    if case.waiting_over is not None:
        parts.append(f"waiting > {case.waiting_over}")
    if case.wait_over is not None:
        parts.append(f"wait > {case.wait_over:g} s")
    return " / ".join(parts)


def prompts_of(step: Step) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every catalogue entry that a step names, and where it stands in the step's data."""
    for field in ("say", "again"):
        for at, prompt in enumerate(getattr(step, field, ())):
            yield (field, at), prompt
