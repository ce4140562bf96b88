"""A number that calls again and again is told apart, for a flow that wants to know."""

from __future__ import annotations

from limits import parse

from ivr.flow import History
from ivr.repeats import Repeats
from ivr.server import Reception
from ivr.shelf import Stock
from tests.support.flows import EVERYTHING, LENGTHS, flow_of


def test_given_a_number_when_it_calls_more_often_than_the_limit_then_it_is_a_repeat_caller_and_others_are_not() -> None:
    repeats = Repeats(lambda: parse("2/hour"))
    assert [repeats.called("138") for _ in range(3)] == [frozenset(), frozenset(), frozenset({History.REPEAT})]
    assert repeats.called("139") == frozenset()


def test_given_no_number_or_no_limit_when_called_then_nothing_is_known() -> None:
    assert Repeats(lambda: parse("1/hour")).called("") is None
    assert Repeats(lambda: None).called("138") is None


def test_given_a_repeat_caller_when_the_flow_is_chosen_then_it_may_decide_by_that() -> None:
    stock = Stock({"all.yaml": flow_of(EVERYTHING)}, LENGTHS)
    repeats = Repeats(lambda: parse("1/hour"))
    reception = Reception(lambda: stock, lambda: frozenset({"12345"}), repeats)
    call = {"arg_1": "12345", "arg_2": "12345", "callerid": "138"}
    first, second = reception.engine(call), reception.engine(call)
    assert first is not None and first.facts.history == frozenset()
    assert second is not None and second.facts.history == {History.REPEAT}
    unknown = reception.engine({**call, "callerid": "unknown"})
    assert unknown is not None and unknown.facts.history is None
