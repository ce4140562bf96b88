"""One caller's way through a flow: (where the caller is, what happened, when) → (where it is then, what to do).

No I/O and no clock: the shell does the action, waits for the one event that comes of it, and asks again. Whatever the
flow says, these hold: 0 leads to a human at any moment, no key does, a wrong key twice does, whatever goes wrong does,
and so does the time: nothing begins that would end later than LIMIT_SECONDS after the caller came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias

from ivr import branching, speech
from ivr.branching import Facts
from ivr.flow import (
    HUMAN,
    HUMAN_KEY,
    LIMIT_SECONDS,
    Announce,
    ByDay,
    ByHistory,
    ByLanguage,
    ByLoad,
    ByTime,
    CallBack,
    Collect,
    Flow,
    HangUp,
    Language,
    Menu,
    Place,
    Play,
    Record,
    Route,
    Say,
    Spoken,
    Step,
    Transfer,
)
from ivr.timing import LARGEST_PLACE, PLACE_PROMPTS, spoken

END_KEY: Final = "#"


_Staying: TypeAlias = Play | Say | Announce | Menu | Collect | Route | Transfer | CallBack | Record | HangUp


class Why(StrEnum):
    """Why a caller was brought to a human; goes on the call's record."""

    FLOW = "flow"
    KEY = "key"
    NO_KEY = "no_key"
    WRONG_KEY = "wrong_key"
    TIME = "time"
    ERROR = "error"
    NO_MENU = "no_menu"
    DANGER = "danger"


# --- what happened --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pressed:
    key: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Everything was played, and no key came in the time there was."""


@dataclass(frozen=True, slots=True)
class Done:
    """The call-back is ordered, the message is recorded."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Whatever was to be done was not, or not in time."""


@dataclass(frozen=True, slots=True)
class HungUp:
    pass


Event: TypeAlias = Pressed | Silence | Done | Failed | HungUp

# --- what to do -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Play the prompts, stop at the first key, wait ``seconds`` for one. Comes of it: Pressed or Silence."""

    prompts: tuple[str, ...]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OrderCallBack:
    """Done or Failed; ``prompts`` are played after it was ordered."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Play the prompts, then record for up to ``seconds``. Done, Failed, or a key other than END_KEY."""

    prompts: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class ToHuman:
    """The end of the flow: the queue of ``line``, or of the flow's own when None; the seats of ``desk`` first."""

    why: Why
    line: str | None = None
    desk: str | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """The end of the flow: a handoff of mode ``ivr``. ``three_way``: our line joins; ``danger``: past every limit."""

    target: str
    three_way: bool
    danger: bool
    why: Why


@dataclass(frozen=True, slots=True)
class LetGo:
    """The end of the flow after a promise: say goodbye and hang up."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The caller has hung up."""


Action: TypeAlias = Ask | OrderCallBack | TakeMessage | ToHuman | HandOver | LetGo | Gone
ENDS: Final = (ToHuman, HandOver, LetGo, Gone)


@dataclass(frozen=True, slots=True)
class Visit:
    """``at``: seconds after the caller came; ``key``: what was pressed there, digits of a number left out."""

    step: str
    at: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where one caller is. ``began``: when the step was entered; ``promised``: a call-back or a message was taken."""

    step: str
    began: float = 0.0
    wrong: int = 0
    repeated: bool = False
    digits: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    language: str = "zh"
    choosing: bool = False
    promised: bool = False
    path: tuple[Visit, ...] = ()


@dataclass(frozen=True, slots=True)
class Engine:
    """One flow as one caller meets it. ``lengths``: of each prompt, in seconds; ``may_ask``: menus are allowed."""

    flow: Flow
    facts: Facts
    lengths: Mapping[str, float]
    may_ask: bool = True

    def start(self, now: float = 0.0) -> tuple[Caller, Action]:
        return self._enter(Caller(self.flow.start, language=self.facts.language), self.flow.start, now)

    def advance(self, caller: Caller, event: Event, now: float) -> tuple[Caller, Action]:
        """``now``: seconds since the caller came. Never raises for what a flow says: then the caller gets a human."""
        if isinstance(event, HungUp):
            return caller, Gone()
        if isinstance(event, Failed):
            return caller, ToHuman(Why.ERROR)
        step = self.flow.steps[caller.step]
        if isinstance(event, Pressed):
            always = self._always(caller, step, event.key)
            if always is not None:
                return _noted(caller, event.key), always
        act = _TABLE.get((type(step), type(event)))
        if act is None:
            return caller, ToHuman(Why.ERROR)
        return act(self, caller, step, event, now)

    def _always(self, caller: Caller, step: Step, key: str) -> Action | None:
        danger = self.flow.danger
        if danger is not None and key == danger.key:
            return HandOver(danger.target, three_way=True, danger=True, why=Why.DANGER)
        in_number = isinstance(step, Collect) and caller.digits
        return ToHuman(Why.KEY) if key == HUMAN_KEY and not in_number else None

    # --- going on ---------------------------------------------------------------------------------------------------

    def _enter(self, caller: Caller, name: str, now: float) -> tuple[Caller, Action]:
        """Steps that take no time are gone through at once; a flow that goes round in them ends at a human."""
        for _ in range(len(self.flow.steps) + 1):
            if name == HUMAN or name not in self.flow.steps:
                return caller, ToHuman(Why.FLOW if name == HUMAN else Why.ERROR)
            caller = replace(caller, step=name, began=now, wrong=0, repeated=False, digits="")
            caller = replace(caller, path=(*caller.path, Visit(name, round(now, 3))))
            step = self.flow.steps[name]
            match step:
                case ByTime() | ByDay() | ByLoad() | ByHistory() | ByLanguage():
                    name = branching.choose(step, self.facts, caller.language)
                case Language():
                    caller, name = replace(caller, language=step.set), step.next
                case _:
                    return caller, self._begin(caller, step, now)
        return caller, ToHuman(Why.ERROR)

    def _begin(self, caller: Caller, step: _Staying, now: float) -> Action:
        match step:
            case Route():
                return ToHuman(Why.FLOW, step.line, step.desk)
            case Transfer():
                return HandOver(step.target, step.three_way, danger=False, why=Why.FLOW)
            case HangUp():
                return LetGo(step.say) if caller.promised else ToHuman(Why.ERROR)
            case CallBack():
                return OrderCallBack(step.say) if caller.choosing else ToHuman(Why.ERROR)
            case Record():
                return TakeMessage(step.say, step.seconds) if caller.choosing else ToHuman(Why.ERROR)
            case Menu() | Collect():
                return self.ask(caller, step.say, step.seconds, now)
            case Play():
                return self.ask(caller, step.say, 0.0, now)
            case Say():
                return self.ask(caller, _say(step, caller, self.facts), 0.0, now)
            case _:
                return self.ask(caller, _place(step, self.facts), 0.0, now)

    def ask(self, caller: Caller, prompts: tuple[str, ...], seconds: float, now: float) -> Action:
        """A human instead where there is not the time, or not the permission, to keep the caller."""
        if not self.may_ask:
            return ToHuman(Why.NO_MENU)
        late = now + spoken(prompts, self.lengths) + seconds > LIMIT_SECONDS
        return ToHuman(Why.TIME) if late and not caller.promised else Ask(prompts, seconds)

    def go(self, caller: Caller, name: str, now: float) -> tuple[Caller, Action]:
        return self._enter(caller, name, now)


# --- what each event means in each kind of step -----------------------------------------------------------------------


def _menu_key(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    caller = _noted(caller, event.key)
    if event.key in step.keys:
        return engine.go(replace(caller, choosing=True), step.keys[event.key], now)
    if event.key == step.repeat and not caller.repeated:
        return replace(caller, repeated=True), engine.ask(caller, step.say, step.seconds, now)
    if caller.wrong:
        return caller, ToHuman(Why.WRONG_KEY)
    prompts = (*engine.flow.wrong_key, *(step.again or step.say))
    return replace(caller, wrong=1), engine.ask(caller, prompts, step.seconds, now)


def _collected_key(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    if event.key == END_KEY:
        return _collected(engine, caller, step, event, now)
    if event.key not in speech.DIGITS:
        return caller, ToHuman(Why.WRONG_KEY)
    caller = replace(caller, digits=caller.digits + event.key)
    if len(caller.digits) >= step.digits:
        return _collected(engine, caller, step, event, now)
    asked_until = caller.began + spoken(step.say, engine.lengths) + step.seconds
    return caller, engine.ask(caller, (), max(asked_until - now, 0.0), now)


def _collected(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    if len(caller.digits) < step.least:
        return caller, ToHuman(Why.NO_KEY)
    return engine.go(replace(caller, values={**caller.values, step.into: caller.digits}), step.next, now)


def _no_key(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    return caller, ToHuman(Why.NO_KEY)


def _next(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    """The prompt is over, or a key cut it short: one that the menu behind it knows is taken there."""
    caller, action = engine.go(caller, step.next, now)
    if isinstance(event, Pressed) and isinstance(action, Ask):
        menu = engine.flow.steps[caller.step]
        if isinstance(menu, Menu) and event.key in menu.keys:
            return engine.advance(caller, event, now)
    return caller, action


def _promised(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    return engine.go(replace(caller, promised=True), step.next, now)


def _message_key(engine: Engine, caller: Caller, step: Any, event: Any, now: float) -> tuple[Caller, Action]:
    return _noted(caller, event.key), ToHuman(Why.KEY)


_Act: TypeAlias = Callable[[Engine, Caller, Any, Any, float], tuple[Caller, Action]]

_TABLE: Final[Mapping[tuple[type, type], _Act]] = {
    (Menu, Pressed): _menu_key,
    (Menu, Silence): _no_key,
    (Collect, Pressed): _collected_key,
    (Collect, Silence): _collected,
    (Play, Pressed): _next,
    (Play, Silence): _next,
    (Say, Pressed): _next,
    (Say, Silence): _next,
    (Announce, Pressed): _next,
    (Announce, Silence): _next,
    (CallBack, Done): _promised,
    (Record, Done): _promised,
    (Record, Pressed): _message_key,
}


def _noted(caller: Caller, key: str) -> Caller:
    last = caller.path[-1]
    return replace(caller, path=(*caller.path[:-1], replace(last, key=last.key + key)))


def _say(step: Say, caller: Caller, facts: Facts) -> tuple[str, ...]:
    value = caller.values.get(step.value or "", "")
    match step.what:
        case Spoken.DATE:
            return speech.day(facts.now.date())
        case Spoken.TIME:
            return speech.clock(facts.now.time())
        case Spoken.NUMBER:
            return speech.number(int(value)) if value else ()
        case _:
            return speech.digits(value)


def _place(step: Announce, facts: Facts) -> tuple[str, ...]:
    """What is not known is not said."""
    known = {
        Place.POSITION: None if facts.waiting is None else facts.waiting + 1,
        Place.WAIT: None if facts.wait_seconds is None else max(1, round(facts.wait_seconds / 60)),
    }
    said: list[str] = []
    for place in step.what:
        value = known[place]
        if value is not None:
            before, after = PLACE_PROMPTS[place]
            said += [*before, *speech.number(min(value, LARGEST_PLACE)), *after]
    return tuple(said)
