"""Whatever a flow says and whatever the caller does: a human, within 20 s. Every kind of step, every event."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.branching import Facts
from ivr.flow import LIMIT_SECONDS, DayKind, Flow, History
from ivr.menu import (
    ENDS,
    Action,
    Ask,
    Caller,
    Done,
    Engine,
    Event,
    Failed,
    Gone,
    HandOver,
    HungUp,
    LetGo,
    OrderCallBack,
    Pressed,
    Silence,
    TakeMessage,
    ToHuman,
    Why,
)
from ivr.timing import spoken
from tests.support.flows import EVERYTHING, LENGTHS, flow_of, shipped

NOON = datetime(2026, 11, 23, 12, 0)
FLOW = flow_of(EVERYTHING)
BEEP = LENGTHS["beep"]


def engine(flow: Flow = FLOW, *, may_ask: bool = True, **facts: object) -> Engine:
    return Engine(flow, replace(Facts(NOON, DayKind.WORKDAY, 3, 120.0), **facts), LENGTHS, may_ask=may_ask)


def at(step: str, flow: Flow = FLOW, **more: object) -> Caller:
    """A caller who has just come to ``step``."""
    caller, _ = engine(flow.model_copy(update={"start": step})).start()
    return replace(caller, **more)


def after(step: str, *events: Event, flow: Flow = FLOW, now: float = 1.0, **more: object) -> Action:
    caller, action = at(step, flow, **more), None
    for event in events:
        caller, action = engine(flow).advance(caller, event, now)
    assert action is not None
    return action


# --- every kind of step, every event --------------------------------------------------------------------------------

KINDS = {
    "play": "welcome", "menu": "menu", "collect": "order", "say": "number", "announce": "where",
    "call_back": "call-back", "record": "message", "hang_up": "goodbye", "route": "desk", "transfer": "police",
}  # fmt: skip
DANGER = HandOver("110", three_way=True, danger=True, why=Why.DANGER)
MENU = Ask(("beep",), 1.0)
PLACE = ("queue-thereare", "digits/4", "queue-callswaiting")
ALWAYS = {Failed(): ToHuman(Why.ERROR), HungUp(): Gone(), Pressed("0"): ToHuman(Why.KEY), Pressed("*"): DANGER}
EXPECTED: dict[str, dict[Event, Action]] = {
    "play": {Silence(): MENU, Pressed("9"): Ask(("beep",), 2.0), Pressed("#"): MENU, Done(): ToHuman(Why.ERROR)},
    "menu": {
        Silence(): ToHuman(Why.NO_KEY),
        Pressed("9"): Ask(("beep",), 2.0),
        Pressed("7"): MENU,
        Pressed("#"): Ask(("ivr-wrong-key", "beep"), 1.0),
        Done(): ToHuman(Why.ERROR),
    },
    "collect": {
        Silence(): ToHuman(Why.NO_KEY),
        Pressed("9"): Ask((), BEEP + 2.0 - 1.0),
        Pressed("#"): ToHuman(Why.NO_KEY),
        Done(): ToHuman(Why.ERROR),
    },
    "say": {Silence(): ToHuman(Why.FLOW), Pressed("9"): ToHuman(Why.FLOW), Done(): ToHuman(Why.ERROR)},
    "announce": {Silence(): ToHuman(Why.FLOW), Pressed("9"): ToHuman(Why.FLOW), Done(): ToHuman(Why.ERROR)},
    "call_back": {Silence(): ToHuman(Why.ERROR), Pressed("9"): ToHuman(Why.ERROR), Done(): LetGo(("beep",))},
    "record": {Silence(): ToHuman(Why.ERROR), Pressed("9"): ToHuman(Why.KEY), Done(): LetGo(("beep",))},
    # steps at which the flow is over: whatever still comes
    **{
        kind: {Silence(): ToHuman(Why.ERROR), Pressed("9"): ToHuman(Why.ERROR), Done(): ToHuman(Why.ERROR)}
        for kind in ("hang_up", "route", "transfer")
    },
}


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [(kind, event, expected) for kind, row in EXPECTED.items() for event, expected in {**row, **ALWAYS}.items()],
    ids=str,
)
def test_given_a_step_when_something_happens_then_this_follows(kind: str, event: Event, expected: Action) -> None:
    assert after(KINDS[kind], event) == expected


def test_given_each_kind_when_entered_then_this_is_done() -> None:
    def entered(step: str, **more: object) -> Action:
        caller = replace(at("menu"), **more)
        return engine().go(caller, step, 2.0)[1]

    assert entered("welcome") == Ask(("beep",))
    assert entered("where") == Ask(PLACE)
    assert entered("desk") == ToHuman(Why.FLOW, None, "police")
    assert entered("three-way") == HandOver("110", three_way=True, danger=False, why=Why.FLOW)
    assert entered("english") == ToHuman(Why.FLOW, None, "police")
    assert entered("call-back") == entered("message") == entered("goodbye") == ToHuman(Why.ERROR)
    assert entered("call-back", choosing=True) == OrderCallBack(("beep",))
    assert entered("message", choosing=True) == TakeMessage(("beep",), 10.0)
    assert entered("goodbye", promised=True) == LetGo(("beep",))
    assert entered("nowhere") == ToHuman(Why.ERROR)


# --- the rules that hold whatever the flow says ---------------------------------------------------------------------


def test_given_a_menu_when_a_wrong_key_comes_twice_then_a_human() -> None:
    assert after("menu", Pressed("#"), Pressed("#")) == ToHuman(Why.WRONG_KEY)
    assert after("menu", Pressed("#"), Silence()) == ToHuman(Why.NO_KEY)
    assert after("menu", Pressed("#"), Pressed("2")) == ToHuman(Why.FLOW, None, "police")


def test_given_a_menu_when_it_is_asked_for_again_and_again_then_only_once() -> None:
    assert after("menu", Pressed("7"), Pressed("7")) == Ask(("ivr-wrong-key", "beep"), 1.0)
    assert after("menu", Pressed("7"), Pressed("7"), Pressed("7")) == ToHuman(Why.WRONG_KEY)


def test_given_a_number_when_it_holds_a_zero_then_it_is_a_digit_but_not_as_the_first() -> None:
    said = Ask(("digits/2", "digits/0", "digits/5"))
    assert after("order", Pressed("2"), Pressed("0"), Pressed("5"), Pressed("#")) == said
    assert after("order", Pressed("0")) == ToHuman(Why.KEY)
    assert after("order", Pressed("2"), Pressed("0"), Pressed("*")) == DANGER


def test_given_a_number_when_all_its_digits_are_there_or_no_more_come_then_it_is_taken() -> None:
    four = [Pressed(key) for key in "1234"]
    assert after("order", *four) == Ask(("digits/1", "digits/2", "digits/3", "digits/4"))
    assert after("order", *four[:2], Silence()) == Ask(("digits/1", "digits/2"))
    assert after("order", four[0], Silence()) == ToHuman(Why.NO_KEY)


def test_given_a_number_without_a_danger_key_when_a_star_comes_then_a_human() -> None:
    flow = FLOW.model_copy(update={"danger": None})
    assert after("order", Pressed("*"), flow=flow) == ToHuman(Why.WRONG_KEY)


def test_given_a_number_when_its_time_is_over_then_what_is_left_to_wait_is_nothing() -> None:
    assert after("order", Pressed("1"), now=5.0) == Ask((), 0.0)


def test_given_values_when_spoken_then_as_number_or_digits_date_or_time() -> None:
    caller = replace(at("menu"), values={"code": "120", "order": "120"})
    assert engine().go(caller, "number", 0.0)[1] == Ask(("digits/1", "digits/hundred", "digits/20"))
    for what, first in (("date", "digits/2"), ("time", "digits/10")):
        flow = flow_of(EVERYTHING.replace(b"what: digits, value: order", f"what: {what}".encode()))
        action = engine(flow).go(at("menu"), "digits", 0.0)[1]
        assert isinstance(action, Ask) and action.prompts[0] == first


def test_given_an_unknown_queue_when_announced_then_nothing_is_invented() -> None:
    both = flow_of(EVERYTHING.replace(b"what: [position]", b"what: [position, wait]"))
    known = engine(both, waiting=5000, wait_seconds=29.0).go(at("menu"), "where", 0.0)[1]
    wait = ("ivr-expected-wait", "digits/1", "ivr-minutes")
    nine = tuple(f"digits/{each}" for each in (9, "hundred", 90, 9))
    assert known == Ask(("queue-thereare", *nine, "queue-callswaiting", *wait))
    assert engine(both, waiting=None, wait_seconds=None).go(at("menu"), "where", 0.0)[1] == Ask(())


def test_given_a_line_without_menus_when_its_flow_would_ask_then_a_human_at_once() -> None:
    assert engine(may_ask=False).start()[1] == ToHuman(Why.NO_MENU)


def test_given_a_flow_that_goes_round_without_asking_when_entered_then_a_human() -> None:
    ring = flow_of(
        b"line: 12345\nname: ring\nstart: a\nsteps:\n"
        b"  a: {do: language, set: en, next: b}\n  b: {do: language, set: zh, next: a}\n"
    )
    assert engine(ring).start()[1] == ToHuman(Why.ERROR)


def test_given_little_time_left_when_a_prompt_would_take_longer_then_a_human_now() -> None:
    assert after("menu", Pressed("#"), now=19.0) == ToHuman(Why.TIME)
    assert after("menu", Pressed("#"), now=19.0, promised=True) == Ask(("ivr-wrong-key", "beep"), 1.0)


def test_given_a_way_through_a_flow_when_it_ends_then_every_step_is_told_with_its_time_and_key() -> None:
    caller, _ = engine().start(0.25)
    for now, event in ((0.8, Silence()), (2.0, Pressed("#")), (6.0, Pressed("6")), (7.0, Pressed("3"))):
        caller, _ = engine().advance(caller, event, now)
    told = [(visit.step, visit.at, visit.key) for visit in caller.path]
    assert told == [
        ("welcome", 0.25, ""), ("history", 0.8, ""), ("hours", 0.8, ""), ("day", 0.8, ""),
        ("menu", 0.8, "#6"), ("order", 6.0, ""),
    ]  # fmt: skip


# --- whatever the caller does ---------------------------------------------------------------------------------------

SYMBOLS = st.lists(
    st.tuples(st.sampled_from([*"0123456789*#", "silence", "done", "failed"]), st.floats(0, 1)), max_size=40
)
FACTS = st.builds(
    Facts,
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(DayKind),
    st.none() | st.integers(0, 5000),
    st.none() | st.floats(0, 7200),
    st.none() | st.frozensets(st.sampled_from(History)),
    st.sampled_from(["zh", "en"]),
)
FLOWS = {
    "every kind": FLOW,
    "12345": shipped("12345"),
    "110": shipped("optional/110"),
    "desk": shipped("optional/12345-desk"),
}


def live(engine: Engine, symbols: list[tuple[str, float]]) -> tuple[float, Caller, Action]:
    """A caller who does this, each at a share of the time there is, then nothing. Returns when the flow was over."""
    now = 0.0
    caller, action = engine.start()
    for symbol, share in [*symbols, *[("silence", 1.0)] * 60]:
        if isinstance(action, ENDS):
            return now, caller, action
        if isinstance(action, Ask):
            whole = spoken(action.prompts, LENGTHS) + action.seconds
            now += whole if symbol == "silence" else whole * share
        event = {"silence": Silence(), "done": Done(), "failed": Failed()}.get(symbol, Pressed(symbol))
        if symbol == "silence" and isinstance(action, OrderCallBack | TakeMessage):
            event = Done()
        caller, action = engine.advance(caller, event, now)
    raise AssertionError("the flow never ends")


@pytest.mark.parametrize("name", FLOWS)
@settings(deadline=None)
@given(symbols=SYMBOLS, facts=FACTS)
def test_whatever_keys_come_when_the_flow_is_over_then_a_human_rings_within_20_s_or_a_promise_was_chosen(
    name: str, symbols: list[tuple[str, float]], facts: Facts
) -> None:
    now, caller, action = live(Engine(FLOWS[name], facts, LENGTHS), symbols)
    if isinstance(action, LetGo):
        assert caller.promised and caller.choosing
    else:
        assert isinstance(action, ToHuman | HandOver)
    assert now <= LIMIT_SECONDS + 1e-6 or caller.promised


@pytest.mark.parametrize("name", FLOWS)
@settings(deadline=None)
@given(symbols=SYMBOLS, facts=FACTS)
def test_whatever_came_before_when_0_or_the_danger_key_is_pressed_then_it_is_obeyed_at_once(
    name: str, symbols: list[tuple[str, float]], facts: Facts
) -> None:
    flow = FLOWS[name]
    caller, action = Engine(flow, facts, LENGTHS).start()
    for symbol, _ in symbols:
        if isinstance(action, ENDS):
            return
        if not caller.digits:
            assert Engine(flow, facts, LENGTHS).advance(caller, Pressed("0"), 1.0)[1] == ToHuman(Why.KEY)
        if flow.danger:
            danger = Engine(flow, facts, LENGTHS).advance(caller, Pressed(flow.danger.key), 1.0)[1]
            assert isinstance(danger, HandOver) and danger.danger and danger.three_way
        event = {"silence": Silence(), "done": Done(), "failed": Failed()}.get(symbol, Pressed(symbol))
        caller, action = Engine(flow, facts, LENGTHS).advance(caller, event, 1.0)
