"""Whether a target was shown the number that arrived, and how a day of that is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from telephony.handoff import Outcome, Step
from telephony.proof import Finding, Unseen, bounds, finding, proof_of, unseen
from tests.support.records import NOON, a_handoff

RANG = (Step(NOON, "started"), Step(NOON, "rings"))
ARRIVED = "13800001111"


@pytest.mark.parametrize(
    ("about", "means"),
    [
        ({"timeline": RANG, "caller_seen_by_target": ARRIVED}, Finding.EQUAL),
        ({"timeline": RANG, "caller_seen_by_target": "2101", "number_mismatch": True}, Finding.MISMATCH),
        ({"timeline": RANG, "caller_seen_by_target": "", "number_mismatch": True}, Finding.MISMATCH),
        ({"timeline": RANG, "caller_seen_by_target": "", "original_caller": None}, Finding.WITHHELD),
        ({"timeline": RANG, "caller_seen_by_target": None}, Finding.NOT_OBSERVED),
        ({"timeline": (Step(NOON, "answers"),), "caller_seen_by_target": None}, Finding.NOT_OBSERVED),
        ({"outcome": Outcome.ANSWERED}, Finding.NOT_OBSERVED),
        ({"timeline": (Step(NOON, "started"),), "outcome": Outcome.UNREACHABLE}, Finding.NOT_REACHED),
        ({}, Finding.NOT_REACHED),
    ],
)
def test_what_a_handoff_proves(about: dict[str, Any], means: Finding) -> None:
    assert finding(replace(a_handoff(), **about)) is means


@pytest.mark.parametrize(
    ("timeline", "why"),
    [
        (RANG, Unseen.NOT_TOLD),
        ((*RANG, Step(NOON, "link_lost")), Unseen.NOT_LISTENING),
        ((Step(NOON, "started", {"source": "cel"}),), Unseen.NOT_LISTENING),
    ],
)
def test_why_a_number_was_not_observed(timeline: tuple[Step, ...], why: Unseen) -> None:
    assert unseen(a_handoff(timeline=timeline)) is why


def test_a_day_counts_each_handoff_once() -> None:
    wrong = a_handoff(timeline=RANG, number_mismatch=True)
    equal = [a_handoff(timeline=RANG, caller_seen_by_target=ARRIVED) for _ in range(3)]
    unheard = a_handoff(timeline=(*RANG, Step(NOON, "link_lost")))

    proof = proof_of(date(2026, 11, 21), [wrong, *equal, unheard, a_handoff(timeline=RANG), a_handoff()])

    assert (proof.handoffs, proof.reached, proof.equal, proof.withheld) == (7, 6, 3, 0)
    assert proof.mismatched == (wrong.id,)
    assert proof.not_observed == {Unseen.NOT_LISTENING: 1, Unseen.NOT_TOLD: 1}


def test_a_day_is_one_of_china() -> None:
    since, until = bounds(date(2026, 11, 21))
    assert since == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert until - since == timedelta(days=1)
