"""What people entered can be put right; what was observed cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.corrections import Correctable, corrected, value_of
from telephony.errors import NotCorrectable
from telephony.handoff import Decision, Handoff
from tests.support.records import NOON, a_handoff, ended

DECISION = Decision("110", "涉及人身安全", "fang", NOON)
OVER = ended(a_handoff(category_id="traffic", reason="堵车", decision=DECISION))


def put_right(handoff: Handoff, field: Correctable, value: str) -> Handoff:
    return corrected(handoff, field, value, reason="登记有误", by="ban", at=NOON)


@pytest.mark.parametrize("field", Correctable)
def test_given_an_ended_handoff_then_the_value_is_put_right_and_the_history_tells_all(field: Correctable) -> None:
    before = value_of(OVER, field)
    right = put_right(OVER, field, "new")

    assert value_of(right, field) == "new"
    step = right.timeline[-1]
    assert (step.event, step.at) == ("corrected", NOON)
    assert step.detail == {"field": field.value, "before": before, "value": "new", "reason": "登记有误", "by": "ban"}
    observed = {"outcome", "resolution", "original_caller", "caller_seen_by_target", "created_at", "ended_at"}
    assert all(getattr(right, name) == getattr(OVER, name) for name in observed)


def test_given_nothing_stood_there_then_it_is_put_in() -> None:
    assert put_right(replace(OVER, reason=None), Correctable.REASON, "x").timeline[-1].detail["before"] == ""


@pytest.mark.parametrize("field", [Correctable.ACCEPTED_BY, Correctable.DECISION_REASON])
def test_given_no_decision_then_there_is_nothing_to_correct(field: Correctable) -> None:
    bare = replace(OVER, decision=None)
    assert value_of(bare, field) is None
    with pytest.raises(NotCorrectable):
        put_right(bare, field, "12345")


def test_given_the_same_value_or_a_live_handoff_then_it_is_refused() -> None:
    with pytest.raises(NotCorrectable):
        put_right(OVER, Correctable.REASON, "堵车")
    with pytest.raises(NotCorrectable):
        put_right(a_handoff(reason="堵车"), Correctable.REASON, "噪音")
