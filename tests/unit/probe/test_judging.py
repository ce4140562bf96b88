"""What a synthetic call found out, held against what it should have."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest

from telephony.probe.judge import Check, Probed, judge
from telephony.probe.port import Facts, Sound, Trouble, facts_of

CALLER = "10000000000"
WELL = Facts(
    answered_after=0.04,
    prompt=Sound(2.44, -20.5),
    wanted=Sound(2.44, -20.5),
    key="3",
    keys=f"3*{CALLER}#",
)


def failed(facts: Facts) -> dict[Check, str]:
    """What is wrong, and what was found in its place."""
    findings = judge(facts, answer_within=5, caller=CALLER)
    return {finding.check: finding.found for finding in findings if not finding.ok}


def test_given_a_healthy_line_then_every_check_passes_and_says_what_it_saw() -> None:
    findings = judge(WELL, answer_within=5, caller=CALLER)

    assert [finding.check for finding in findings] == list(Check)
    assert all(finding.ok for finding in findings)
    assert [(finding.wanted, finding.found) for finding in findings] == [
        ("≤ 5 s", "0.04 s"),
        ("2.4 s, -20 dBFS", "2.4 s, -20 dBFS"),
        ("3", "3"),
        (CALLER, CALLER),
    ]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (Facts(), ""),
        (Facts(sip_code=404), "SIP 404"),
        (Facts(trouble=Trouble.UNREACHABLE), "unreachable"),
        (Facts(trouble=Trouble.UNREACHABLE, sip_code=503), "SIP 503"),
    ],
)
def test_given_no_answer_then_that_is_all_that_is_said(facts: Facts, found: str) -> None:
    findings = judge(facts, answer_within=5, caller=CALLER)
    assert [(finding.check, finding.ok, finding.found) for finding in findings] == [(Check.ANSWER, False, found)]


def test_given_a_late_answer_then_only_that_is_wrong() -> None:
    assert failed(replace(WELL, answered_after=5.01)) == {Check.ANSWER: "5.01 s"}
    assert failed(replace(WELL, answered_after=5.0)) == {}


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (None, ""),
        (Sound(2.44, -26.6), "2.4 s, -27 dBFS"),
        (Sound(2.44, -14.4), "2.4 s, -14 dBFS"),
        (Sound(2.1, -20.5), "2.1 s, -20 dBFS"),
        (Sound(3.1, -20.5), "3.1 s, -20 dBFS"),
    ],
)
def test_given_a_prompt_that_is_silent_faint_loud_torn_or_another_then_that_is_found(
    prompt: Sound | None, found: str
) -> None:
    assert failed(replace(WELL, prompt=prompt)) == {Check.PROMPT: found}


@pytest.mark.parametrize("prompt", [Sound(2.44, -26.0), Sound(2.2, -20.5), Sound(3.0, -20.5)])
def test_given_a_prompt_that_differs_less_than_an_ear_would_mind_then_it_passes(prompt: Sound) -> None:
    assert failed(replace(WELL, prompt=prompt)) == {}


def test_given_no_file_to_hold_it_against_then_the_prompt_cannot_pass() -> None:
    assert failed(replace(WELL, wanted=None)) == {Check.PROMPT: "2.4 s, -20 dBFS"}


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ("", {Check.KEY: "", Check.CALLER: ""}),  # nothing came back
        (f"*{CALLER}#", {Check.KEY: ""}),  # our key was not heard
        (f"4*{CALLER}#", {Check.KEY: "4"}),
        ("3*#", {Check.CALLER: ""}),  # no number arrived
        ("3*12345#", {Check.CALLER: "12345"}),
        ("3*100000", {Check.CALLER: "100000…"}),  # broke off
        (f"3*{CALLER}", {Check.CALLER: f"{CALLER}…"}),
    ],
)
def test_given_what_was_said_back_then_key_and_number_are_told_apart(keys: str, wrong: dict[Check, str]) -> None:
    assert failed(replace(WELL, keys=keys)) == wrong


def test_a_call_is_fine_only_when_nothing_is_wrong_with_it() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    facts = replace(WELL, prompt=None, keys="4*1#")
    well = Probed("110", "99110", at, WELL, judge(WELL, answer_within=5, caller=CALLER))
    ill = Probed("110", "99110", at, facts, judge(facts, answer_within=5, caller=CALLER))

    assert (well.ok, well.failed) == (True, ())
    assert (ill.ok, ill.failed) == (False, (Check.PROMPT, Check.KEY, Check.CALLER))


@pytest.mark.parametrize("facts", [WELL, Facts(), Facts(trouble=Trouble.HUNG), Facts(sip_code=486)])
def test_facts_come_back_from_another_process_as_they_were(facts: Facts) -> None:
    assert facts_of(asdict(facts)) == facts
