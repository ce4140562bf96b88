"""Every state of a handoff meets everything that can happen to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.handoff import (
    TRANSITIONS,
    Handoff,
    Happening,
    Mode,
    Outcome,
    Resolution,
    State,
    Trigger,
    advance,
    allowed,
)
from tests.support.fake_asterisk import NOW

# "=": happens and the state stays; ".": changes nothing. A "+" has its outcome, a "*" has failed and is on the ladder,
# a "#" is a conference (with its outcome), a "@" one whose number was seen.
TABLE = """
            started    rings   answers  shown fails rung       served call_back caller_gone parted not_started link_lost
requested   redirected ringing answered .     =     =          ended  ended     ended       .      ended       unknown
requested*  redirected ringing answered .     .     =          ended  ended     ended       .      ended       unknown
redirected  .          ringing answered .     =     =          ended  ended     ended       .      .           unknown
redirected* .          ringing answered .     .     =          ended  ended     ended       .      .           unknown
ringing     .          .       answered .     =     =          ended  ended     ended       .      .           unknown
ringing*    .          .       answered .     .     =          ended  ended     ended       .      .           unknown
unknown     redirected ringing answered .     =     redirected ended  ended     ended       .      ended       .
unknown*    redirected ringing answered .     .     redirected ended  ended     ended       .      ended       .
unknown+    .          .       answered .     .     answered   .      ended     ended       ended  .           .
unknown#    .          .       answered .     .     answered   .      ended     ended       ended  .           .
answered+   .          .       .        =     .     =          .      ended     ended       ended  .           unknown
answered#   .          .       .        =     .     =          .      ended     ended       ended  .           unknown
answered@   .          .       .        .     .     =          .      ended     ended       ended  .           unknown
ended+      .          .       .        .     .     .          .      .         .           .      .           .
ended#      .          .       .        .     .     .          .      .         .           .      .           .
"""


def handoff(name: str) -> Handoff:
    fresh = Handoff("h1", "c1", Mode.TRANSFER, "110", NOW, "n", state=State(name.rstrip("+*#@")))
    if name.endswith("*"):
        return replace(fresh, returning=Outcome.BUSY)
    if name.endswith("+"):
        return replace(fresh, outcome=Outcome.ANSWERED, resolution=Resolution.TARGET)
    if name.endswith(("#", "@")):
        seen = "13800001111" if name.endswith("@") else None
        return replace(fresh, mode=Mode.CONFERENCE, outcome=Outcome.ANSWERED, caller_seen_by_target=seen)
    return fresh


def cells() -> list[tuple[str, Trigger, str]]:
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    assert [Trigger(name) for name in header] == list(Trigger)
    return [(row[0], Trigger(name), cell) for row in rows for name, cell in zip(header, row[1:], strict=True)]


@pytest.mark.parametrize(("name", "trigger", "cell"), cells())
@pytest.mark.shows(51)
def test_given_any_state_when_anything_happens_then_only_the_table_changes_it(
    name: str, trigger: Trigger, cell: str
) -> None:
    before = handoff(name)
    after = advance(before, Happening(trigger, NOW))

    assert allowed(before, trigger) is (cell != ".")
    if cell == ".":
        assert after is before
        return
    assert after.state is (before.state if cell == "=" else State(cell))
    assert [step.event for step in after.timeline] == [trigger.value]
    assert (after.ended_at is None) is (after.state is not State.ENDED)


@pytest.mark.parametrize(("name", "trigger", "cell"), cells())
def test_given_any_step_when_it_ends_a_handoff_then_it_has_outcome_and_resolution(
    name: str, trigger: Trigger, cell: str
) -> None:
    before = handoff(name)
    after = advance(before, Happening(trigger, NOW))

    assert before.outcome in (None, after.outcome)
    if cell == "ended":
        assert after.outcome is not None and after.resolution is not None
        assert not after.live and after.settled


def test_every_state_has_its_rows_and_every_transition_its_cell() -> None:
    shown = {(State(name.rstrip("+*#@")), trigger) for name, trigger, cell in cells() if cell != "."}

    assert {State(name.rstrip("+*#@")) for name, _, _ in cells()} == set(State)
    assert shown == set(TRANSITIONS)


@pytest.mark.parametrize(
    ("name", "settled"),
    [("requested", False), ("unknown+", False), ("answered+", True), ("answered#", False), ("ended#", True)],
)
def test_a_call_may_be_handed_over_again_once_one_target_has_it_alone(name: str, settled: bool) -> None:
    assert handoff(name).settled is settled
