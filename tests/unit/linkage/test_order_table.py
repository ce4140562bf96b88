"""The table of orders: every state with every act, and the documents' rules."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linkage.catalogue import Action, Kind
from linkage.errors import (
    ActNotAllowed,
    ExtensionNotLater,
    FeedbackMissing,
    FirstActionMissing,
    OrderRefused,
    RatingOutOfRange,
    ReasonMissing,
    RefusalNotAllowed,
    UnitMissing,
)
from linkage.orders import (
    BY_THE_SERVICE,
    TRANSITIONS,
    Act,
    OrderKind,
    OrderState,
    OrderStep,
    advance,
    allowed,
    evaluated_by,
    kind_for,
    order_id,
    receivers,
)
from records.orders import OVER
from tests.support.orders import LATER, NOON, STATES, after, an_order, step


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("act", Act)
def test_every_state_with_every_act(state: OrderState, act: Act) -> None:
    order = after(*STATES[state])
    assert order.state is state
    if act is Act.RETURN and state in (OrderState.SENT, OrderState.ACKNOWLEDGED, OrderState.ACCEPTED):
        order = after(Act.FIRST_ACTION, order=order)
    if act is Act.RETURN and state in (OrderState.IN_PROGRESS, OrderState.FED_BACK):
        order = after(Act.FIRST_ACTION, order=order)
    follows = TRANSITIONS.get((state, act))

    if follows is None:
        with pytest.raises(ActNotAllowed):
            advance(order, step(act))
        assert act not in allowed(order)
        return
    moved = advance(order, step(act))
    assert moved.state is (follows if isinstance(follows, OrderState) else state)
    assert moved.history == (*order.history, step(act))
    assert moved.revision == order.revision + 1
    assert (act in allowed(order)) is (act not in BY_THE_SERVICE)


def test_the_states_that_are_over_are_over() -> None:
    assert {state for state in OrderState if not after(*STATES[state]).open} == {
        OrderState.CLOSED,
        OrderState.CALLED_BACK,
        OrderState.RATED,
        OrderState.WITHDRAWN,
    }
    assert {state.value for state in OrderState if not after(*STATES[state]).open} == set(OVER)


# ---------------------------------------------------------------- 首接责任, 不得推诿


@pytest.mark.shows(82)
def test_given_nothing_was_done_for_the_caller_then_it_cannot_be_returned() -> None:
    with pytest.raises(FirstActionMissing):
        advance(an_order(), step(Act.RETURN))

    assert after(Act.FIRST_ACTION, Act.RETURN).state is OrderState.RETURNED


def test_what_the_unit_before_did_does_not_count_for_the_next_one() -> None:
    given_on = after(Act.FIRST_ACTION, Act.RETURN, Act.ASSIGN)

    assert (given_on.unit, given_on.assignments, given_on.ordered) == ("城管局", 2, False)
    with pytest.raises(FirstActionMissing):
        advance(given_on, step(Act.RETURN))


@pytest.mark.shows(127, 133)
def test_given_the_centre_named_the_unit_in_a_dispute_then_it_cannot_refuse_any_more() -> None:
    ordered = after(Act.DISPUTE, Act.ASSIGN, Act.FIRST_ACTION)

    assert (ordered.unit, ordered.ordered, ordered.state) == ("城管局", True, OrderState.SENT)
    for act in (Act.RETURN, Act.DISPUTE):
        with pytest.raises(RefusalNotAllowed):
            advance(ordered, step(act))


# ---------------------------------------------------------------- whose it is


@pytest.mark.shows(77, 81)
def test_the_first_receiver_follows_it_up_until_the_other_side_accepts() -> None:
    assert an_order().owner == "110"
    assert after(Act.ACKNOWLEDGE).owner == "110"
    assert after(Act.ACCEPT).owner == "12345"
    assert after(Act.ACCEPT, Act.FIRST_ACTION, Act.RETURN).owner == "110"


def test_what_the_other_side_has_not_taken_can_be_taken_back_and_what_it_has_cannot() -> None:
    returned = after(Act.ACCEPT, Act.FIRST_ACTION, Act.RETURN, Act.WITHDRAW)

    assert (returned.owner, returned.open) == ("110", False)
    with pytest.raises(ActNotAllowed):
        advance(after(Act.ACCEPT), step(Act.WITHDRAW))


@pytest.mark.parametrize(
    ("to_line", "kind", "whose"),
    [
        ("110", Kind.POLICE, "110"),
        ("110", Kind.EMERGENCY, "110"),
        ("110", Kind.POLICE_FIRST, "110"),
        ("110", None, "110"),
        ("110", Kind.GOVERNMENT, "12345"),
        ("12345", Kind.GOVERNMENT, "12345"),
        ("12345", Kind.POLICE, "12345"),
        ("", Kind.EMERGENCY, "12345"),
    ],
)
@pytest.mark.shows(95)
def test_whose_assessment_it_counts_in_goes_by_the_direction(to_line: str, kind: Kind | None, whose: str) -> None:
    assert evaluated_by(to_line, kind) == whose


@pytest.mark.shows(47)
def test_orders_of_one_source_are_one_for_each_receiver() -> None:
    assert order_id("h-1", "110") == "h-1.110"
    assert order_id("h-1", "属地政府") == order_id("h-1", "属地政府") != order_id("h-1", "供水/抢修")
    assert order_id("h-1", "供水/抢修").isascii() and "/" not in order_id("h-1", "供水/抢修")
    assert [kind_for(to) for to in ("110", "12345", "96116")] == [OrderKind.POLICE, OrderKind.WORK, OrderKind.UNIT]


@pytest.mark.parametrize(
    ("action", "from_line", "to"),
    [
        (Action.DUAL_PUSH, "12345", ("110", "local")),
        (Action.TRANSFER_TO_110, "12345", ("110",)),
        (Action.TRANSFER_TO_12345, "110", ("12345",)),
        (Action.ONLINE_TRANSFER, "110", ("12345",)),
        (Action.POLICE_FIRST_THEN_12345, "110", ("12345",)),
        (Action.THREE_WAY, "110", ("12345",)),
        (Action.THREE_WAY, "12345", ("110",)),
        (Action.EXPLAIN, "110", ()),
    ],
)
def test_who_gets_an_order_goes_by_the_decision(action: Action, from_line: str, to: tuple[str, ...]) -> None:
    assert receivers(action, from_line, "local") == to


# ---------------------------------------------------------------- what an act wants


@pytest.mark.parametrize(
    ("before", "act", "detail", "refusal"),
    [
        ((Act.FIRST_ACTION,), Act.RETURN, {"reason": " "}, ReasonMissing),
        ((), Act.DISPUTE, {"reason": ""}, ReasonMissing),
        ((), Act.PAUSE, {"reason": ""}, ReasonMissing),
        ((), Act.WITHDRAW, {"reason": ""}, ReasonMissing),
        ((), Act.ESCALATE, {"reason": ""}, ReasonMissing),
        ((Act.ACCEPT,), Act.EXTEND, {"reason": ""}, ReasonMissing),
        ((Act.ACCEPT,), Act.EXTEND, {"until": ""}, ExtensionNotLater),
        ((Act.ACCEPT,), Act.EXTEND, {"until": "2026-12-01T00:00:00"}, ExtensionNotLater),
        ((Act.ACCEPT,), Act.EXTEND, {"until": NOON.isoformat()}, ExtensionNotLater),
        ((Act.ACCEPT, Act.EXTEND), Act.EXTEND, {}, ExtensionNotLater),
        ((), Act.ASSIGN, {"unit": ""}, UnitMissing),
        ((Act.ACCEPT,), Act.CLOSE, {"outcome": ""}, FeedbackMissing),
        ((Act.ACCEPT, Act.CLOSE, Act.CALL_BACK), Act.RATE, {"rating": "6"}, RatingOutOfRange),
        ((Act.ACCEPT, Act.CLOSE, Act.CALL_BACK), Act.RATE, {"rating": ""}, RatingOutOfRange),
    ],
)
@pytest.mark.shows(15, 21, 54)
def test_what_is_missing_is_named_and_nothing_changes(
    before: tuple[Act, ...], act: Act, detail: dict[str, str], refusal: type[OrderRefused]
) -> None:
    with pytest.raises(refusal):
        advance(after(*before), step(act, **detail))


@pytest.mark.shows(54, 126)
def test_an_extension_moves_the_date_and_keeps_the_reason() -> None:
    extended = after(Act.ACCEPT, Act.EXTEND)

    assert extended.due_at == LATER
    assert extended.history[-1].detail["reason"] == "待料"
    later = OrderStep(NOON, Act.EXTEND, "fang", {"reason": "x", "until": (LATER + timedelta(days=1)).isoformat()})
    assert advance(extended, later).due_at == LATER + timedelta(days=1)


def test_feedback_given_earlier_is_enough_to_close() -> None:
    told = after(Act.ACCEPT, Act.FEED_BACK)

    assert advance(told, step(Act.CLOSE, outcome="")).state is OrderState.CLOSED
