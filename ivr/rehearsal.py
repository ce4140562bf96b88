"""A call through a flow without a telephone: keys in, what the caller hears out, on a clock that waits for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ivr.menu import (
    ENDS,
    Action,
    Ask,
    Caller,
    Done,
    Engine,
    Event,
    Failed,
    HungUp,
    OrderCallBack,
    Pressed,
    Silence,
    TakeMessage,
)
from ivr.timing import spoken

SILENCE: Final = "_"
HANG_UP: Final = "h"
FAIL: Final = "x"
_KEYS: Final = "0123456789*#"
SYMBOLS: Final = _KEYS + SILENCE + HANG_UP + FAIL


@dataclass(frozen=True, slots=True)
class Moment:
    """``at``: seconds after the caller came. ``event`` led to ``action``, in ``caller.step``."""

    at: float
    event: Event | None
    caller: Caller
    action: Action


def rehearse(engine: Engine, symbols: Callable[[], str]) -> Iterator[Moment]:
    """Every moment until the flow is over. ``symbols`` is asked once for each action that waits for the caller.

    A symbol is a key, SILENCE, HANG_UP or FAIL; a key comes as the last prompt ends. Raises ValueError for others.
    """
    at = 0.0
    caller, action = engine.start(at)
    yield Moment(at, None, caller, action)
    while not isinstance(action, ENDS):
        event = _event(action, symbols)
        at += _lasted(engine, action, event)
        caller, action = engine.advance(caller, event, at)
        yield Moment(at, event, caller, action)


def keys(text: Iterable[str]) -> Callable[[], str]:
    """The symbols of ``text`` one after the other, then silence."""
    left = iter(text)
    return lambda: next(left, SILENCE)


def _event(action: Action, symbols: Callable[[], str]) -> Event:
    symbol = symbols()
    if symbol == HANG_UP:
        return HungUp()
    if symbol == FAIL:
        return Failed()
    if symbol == SILENCE:
        return Done() if isinstance(action, OrderCallBack | TakeMessage) else Silence()
    if symbol not in _KEYS or len(symbol) != 1:
        raise ValueError(symbol)
    return Done() if isinstance(action, OrderCallBack) else Pressed(symbol)


def _lasted(engine: Engine, action: Ask | OrderCallBack | TakeMessage, event: Event) -> float:
    """What ends by itself lasts as long as it may; a key, or hanging up, ends it as the last prompt does."""
    seconds = 0.0 if isinstance(action, OrderCallBack) else action.seconds
    return spoken(action.prompts, engine.lengths) + (seconds if isinstance(event, Silence | Done) else 0.0)
