"""The judge sees each loss, and sees none where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from soak.judge import BROKEN, DROPPED, NO_OUTCOME, RANG_TWICE, WRONG_NUMBER, WRONG_OUTCOME, Loss, judge, stray
from soak.sheet import Ask, Fault, Ring, Sheet

CALLER = "13811112222"


def record(**more: Any) -> dict[str, Any]:
    return {
        "id": "h1",
        "call_id": "n-1",
        "via": "api",
        "target": "8001",
        "state": "ended",
        "outcome": "answered",
        "resolution": "target",
        "original_caller": CALLER,
        "caller_seen_by_target": CALLER,
        "number_mismatch": False,
        **more,
    }


def ring(station: str = "9002", handoff_id: str | None = "h1", **more: Any) -> Ring:
    seen: dict[str, Any] = {"answered_at": 3.0, "ended_at": 5.0, "by": "us", **more}
    return Ring(station, 2.0, seen.pop("shown", CALLER), seen.pop("asserted", CALLER), handoff_id, **seen)


def ask(**more: Any) -> Ask:
    told = {"outcomes": frozenset({"answered"}), "resolutions": frozenset({"target"}), "id": "h1", **more}
    return Ask("api", "8001", 1.0, **told)


def sheet(**more: Any) -> Sheet:
    """A call that was handed over, answered, and ended by the target's goodbye."""
    told: dict[str, Any] = {
        "call_id": "n-1",
        "answered_at": 0.5,
        "ended_at": 5.0,
        "ended_by": "peer",
        "may_end": (4.9, "9002 says goodbye"),
        "rings": [ring("9000", None), ring()],
        "asks": [ask()],
        **more,
    }
    return Sheet(1, "answered", "seed", CALLER, **told)


def kinds(losses: list[Loss]) -> list[str]:
    return [loss.kind for loss in losses]


def test_given_a_call_that_went_as_it_must_then_nothing_is_lost() -> None:
    assert judge([sheet()], [record()], []) == []


def test_given_a_caller_who_hangs_up_then_nobody_dropped_them() -> None:
    assert judge([sheet(ended_by="us", may_end=None)], [record()], []) == []


@pytest.mark.parametrize("ended_by", ["peer", "failed", "refused"])
@pytest.mark.parametrize("may_end", [None, (6.0, "9002 says goodbye")])
def test_given_a_call_that_asterisk_ended_while_somebody_was_there_then_dropped_by_us(
    ended_by: str, may_end: tuple[float, str] | None
) -> None:
    assert kinds(judge([sheet(ended_by=ended_by, may_end=may_end)], [record()], [])) == [DROPPED]


@pytest.mark.parametrize("seen", [{"shown": "9000"}, {"shown": None}, {"asserted": None}, {"asserted": "+86" + CALLER}])
def test_given_a_phone_that_was_shown_another_number_or_none_then_wrong_number(seen: dict[str, Any]) -> None:
    told = sheet(rings=[ring(**seen)])

    assert kinds(judge([told], [record()], [])) == [WRONG_NUMBER]


def test_given_a_withheld_number_then_from_says_so_and_the_identity_has_it() -> None:
    good = sheet(withheld=True, rings=[ring(shown="anonymous")])
    bad = sheet(withheld=True, rings=[ring(shown=CALLER)])

    assert judge([good], [record()], []) == []
    assert kinds(judge([bad], [record()], [])) == [WRONG_NUMBER]


@pytest.mark.parametrize(
    "written", [{"original_caller": "9000"}, {"caller_seen_by_target": "9000"}, {"number_mismatch": True}]
)
def test_given_another_number_on_record_then_wrong_number(written: dict[str, Any]) -> None:
    assert kinds(judge([sheet()], [record(**written)], [])) == [WRONG_NUMBER]


def test_given_a_number_that_is_nobodys_then_wrong_number() -> None:
    assert stray(ring(shown="13999999999")).kind == WRONG_NUMBER


def test_given_no_record_of_what_was_asked_then_without_outcome() -> None:
    assert kinds(judge([sheet()], [], [])) == [NO_OUTCOME]


def test_given_a_ring_for_a_handoff_without_a_record_then_without_outcome() -> None:
    told = sheet(rings=[ring(), ring("9003", "h2")])

    assert [(loss.kind, loss.handoff_id) for loss in judge([told], [record()], [])] == [(NO_OUTCOME, "h2")]


@pytest.mark.parametrize(
    "written",
    [{"state": "unknown"}, {"state": "answered"}, {"outcome": None}, {"resolution": None}, {"outcome": "perhaps"}],
)
def test_given_a_record_that_has_no_end_or_outcome_then_without_outcome(written: dict[str, Any]) -> None:
    assert kinds(judge([sheet()], [record(**written)], [])) == [NO_OUTCOME]


def test_given_two_records_of_one_handoff_then_without_one_outcome() -> None:
    assert kinds(judge([sheet()], [record(), record()], [])) == [NO_OUTCOME]


def test_given_a_key_without_a_record_then_without_outcome_unless_it_was_never_clear() -> None:
    pressed = replace(ask(id=None), via="key")
    unclear = replace(pressed, unclear=True)

    assert kinds(judge([sheet(asks=[ask(), pressed])], [record()], [])) == [NO_OUTCOME]
    assert judge([sheet(asks=[ask(), unclear])], [record()], []) == []


def test_given_a_handoff_that_nobody_asked_for_then_wrong_outcome() -> None:
    assert kinds(judge([sheet()], [record(), record(id="h2", via="key")], [])) == [WRONG_OUTCOME]


def test_given_a_call_without_an_id_then_its_records_are_found_by_its_number() -> None:
    told = sheet(call_id=None, asks=[replace(ask(id=None), via="key")])

    assert judge([told], [record(via="key")], []) == []


def test_given_one_phone_that_rang_twice_for_one_command_then_rang_twice() -> None:
    again = ring(answered_at=None, by="peer")

    assert kinds(judge([sheet(rings=[ring(), again])], [record()], [])) == [RANG_TWICE]
    assert judge([sheet(rings=[ring(), ring("9003", answered_at=None, by="peer")])], [record()], []) == []


def test_given_a_record_of_an_answer_when_no_phone_answered_then_wrong_outcome() -> None:
    told = sheet(rings=[ring(answered_at=None, by="peer")], asks=[ask(outcomes=frozenset(), resolutions=frozenset())])

    assert kinds(judge([told], [record()], [])) == [WRONG_OUTCOME]


def test_given_a_phone_that_answered_when_the_record_says_otherwise_then_wrong_outcome_but_in_a_race() -> None:
    cancelled = record(outcome="cancelled", resolution="first_seat")
    open_ended = ask(outcomes=frozenset(), resolutions=frozenset())

    assert kinds(judge([sheet(asks=[open_ended])], [cancelled], [])) == [WRONG_OUTCOME]
    assert judge([sheet(asks=[replace(open_ended, races=True)])], [cancelled], []) == []


def test_given_an_outcome_or_a_resolution_that_the_story_rules_out_then_wrong_outcome() -> None:
    silent = [ring(answered_at=None, by="peer")]
    told = sheet(rings=silent, asks=[ask(outcomes=frozenset({"busy"}), resolutions=frozenset({"first_seat"}))])

    assert judge([told], [record(outcome="busy", resolution="first_seat")], []) == []
    assert kinds(judge([told], [record(outcome="no_answer", resolution="first_seat")], [])) == [WRONG_OUTCOME]
    assert kinds(judge([told], [record(outcome="busy", resolution="queue")], [])) == [WRONG_OUTCOME]


def test_given_a_command_that_never_arrived_then_failed_is_right_only_under_a_fault_and_when_nothing_rang() -> None:
    failed = record(outcome="failed", resolution="first_seat", caller_seen_by_target=None)
    fault = Fault("ami cut", 0.5, 1.5)
    told = sheet(rings=[ring("9000", None)])

    assert judge([told], [failed], [fault]) == []
    assert kinds(judge([told], [failed], [])) == [WRONG_OUTCOME]
    assert kinds(judge([told], [failed], [Fault("ami cut", 50.0, 60.0)])) == [WRONG_OUTCOME]
    assert kinds(judge([sheet(rings=[ring(answered_at=None)])], [failed], [fault])) == [WRONG_OUTCOME]


def test_given_a_command_that_never_arrived_then_abandoned_is_right_only_of_a_caller_who_has_hung_up() -> None:
    abandoned = record(outcome="abandoned", resolution="caller_hung_up", caller_seen_by_target=None)
    told = sheet(rings=[ring("9000", None)], ended_by="us")

    assert judge([told], [abandoned], [Fault("ami stalled", 0.5, 1.5)]) == []
    assert kinds(judge([told], [abandoned], [])) == [WRONG_OUTCOME]
    told.ended_by = "peer"
    assert kinds(judge([told], [abandoned], [Fault("ami stalled", 0.5, 1.5)])) == [WRONG_OUTCOME]


def test_given_a_story_that_waited_in_vain_then_broken() -> None:
    losses = judge([sheet(broken="9002 did not ring within 6 s")], [record()], [])

    assert [(loss.kind, loss.words) for loss in losses] == [(BROKEN, "9002 did not ring within 6 s")]
