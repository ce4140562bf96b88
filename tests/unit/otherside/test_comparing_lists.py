"""Differences between our handoffs and the other side's list, each with what probably explains it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from records.otherside.compare import Checked, Likely, as_named_there, compare
from records.otherside.lists import Theirs
from telephony.handoff import Handoff, Outcome, Resolution, State
from tests.support.records import NOON, a_handoff, ended

SINCE, UNTIL = NOON - timedelta(hours=3), NOON + timedelta(hours=3)
WINDOW = timedelta(seconds=120)
CALLER = "13800001111"


def theirs(row: int = 2, number: str = CALLER, seconds: float = 5, **about: Any) -> Theirs:
    plain = Theirs(row, number, NOON + timedelta(seconds=seconds), Outcome.ANSWERED, None)
    return replace(plain, **about)


def ours(**about: Any) -> Handoff:
    return replace(ended(a_handoff(caller_seen_by_target=CALLER)), **about)


def unanswered() -> Handoff:
    return ours(outcome=Outcome.NO_ANSWER, resolution=Resolution.FIRST_SEAT)


def checked(mine: list[Handoff], its: list[Theirs]) -> Checked:
    return compare("12345", SINCE, UNTIL, mine, its, WINDOW)


def test_given_both_alike_then_nothing_differs() -> None:
    found = checked([ours()], [theirs(number="+8613800001111")])
    assert (found.ours, found.theirs, found.paired, found.disagreements) == (1, 1, 1, ())


@pytest.mark.parametrize(
    ("mine", "its", "expected"),
    [
        ([ours()], [theirs(outcome=Outcome.BUSY)], ("outcome", "answered", "busy", Likely.AFTER_ANSWER)),
        ([unanswered()], [theirs(outcome=Outcome.BUSY)], ("outcome", "no_answer", "busy", Likely.UNKNOWN)),
        (
            [ours(state=State.RINGING, outcome=None)],
            [theirs()],
            ("outcome", "", "answered", Likely.UNDER_WAY),
        ),
        (
            [ours(caller_seen_by_target="12345", number_mismatch=True)],
            [theirs(number="12345")],
            ("number", CALLER, "12345", Likely.OTHER_NUMBER),
        ),
        ([ours(order_ids=("A",))], [theirs(order="B")], ("order", "A", "B", Likely.UNKNOWN)),
        ([ours()], [], ("record", "answered", "", Likely.UNKNOWN)),
        ([unanswered()], [], ("record", "no_answer", "", Likely.NOT_ANSWERED)),
        ([ours(state=State.RINGING, outcome=None)], [], ("record", "ringing", "", Likely.UNDER_WAY)),
        ([ours(original_caller=None, caller_seen_by_target=None)], [], ("record", "answered", "", Likely.WITHHELD)),
        ([ours(created_at=SINCE)], [], ("record", "answered", "", Likely.EDGE)),
        ([], [theirs()], ("record", "", "answered", Likely.UNKNOWN)),
        ([], [theirs(outcome=None)], ("record", "", "?", Likely.UNKNOWN)),
    ],
)
def test_each_difference_has_both_values_and_its_likely_reason(
    mine: list[Handoff], its: list[Theirs], expected: tuple[str, str, str, Likely]
) -> None:
    (found,) = checked(mine, its).disagreements
    assert (found.field, found.ours, found.theirs, found.likely) == expected


def test_given_the_same_number_far_apart_then_the_clocks_are_suspected_on_both_sides() -> None:
    found = checked([ours()], [theirs(seconds=900)])
    assert [(each.likely, each.row) for each in found.disagreements] == [(Likely.CLOCKS, None), (Likely.CLOCKS, 2)]


def test_given_another_number_at_the_same_time_then_the_number_is_suspected() -> None:
    found = checked([ours()], [theirs(number="13900002222")])
    assert {each.likely for each in found.disagreements} == {Likely.OTHER_NUMBER}


def test_rows_outside_of_the_span_are_left_out() -> None:
    assert checked([], [theirs(seconds=20_000), theirs(seconds=-20_000)]).theirs == 0


@pytest.mark.parametrize(
    ("references", "listed", "orders", "differs"),
    [
        ((), "JJ-1", (), False),
        ((), "h-1.12345", ("h-1.12345",), False),
        (("JJ-1",), "JJ-1", ("JJ-1",), False),
        (("JJ-1",), "JJ-2", ("JJ-1",), True),
        (("JJ-1",), "h-1.12345", ("JJ-1", "h-1.12345"), False),
        (("JJ-1",), None, ("JJ-1",), False),
    ],
)
def test_given_orders_of_ours_then_only_what_they_are_known_to_call_them_can_differ(
    references: tuple[str, ...], listed: str | None, orders: tuple[str, ...], differs: bool
) -> None:
    its = [theirs(order=listed)]
    mine = as_named_there(ours(order_ids=("h-1.12345",)), references, its)

    assert mine.order_ids == orders
    assert [each.field for each in checked([mine], its).disagreements] == (["order"] if differs else [])
