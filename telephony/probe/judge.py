"""What a synthetic call found out, held against what it should have. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from telephony import numbers
from telephony.probe.port import Facts, Sound, Trouble

LEVEL_DB = 6.0
"""How far the prompt's level may be from its file's: an ear notices 3 dB when it compares, 6 dB at once."""
SHORTER_S, LONGER_S = 0.3, 0.6


class Check(StrEnum):
    ANSWER = "answer"
    PROMPT = "prompt"
    KEY = "key"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Finding:
    """``wanted`` and ``found`` are for reading; "" when nothing was found."""

    check: Check
    ok: bool
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class Probed:
    """One call. Where it was not answered there is nothing but that to be said of it."""

    line: str
    number: str
    at: datetime
    facts: Facts
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(finding.check for finding in self.findings if not finding.ok)


def judge(facts: Facts, *, answer_within: float, caller: str) -> tuple[Finding, ...]:
    """``answer_within``: seconds. ``caller``: the number that the call was placed with."""
    answer = _answer(facts, answer_within)
    if facts.answered_after is None:
        return (answer,)
    key, _, rest = facts.keys.partition("*")
    heard, end, _ = rest.partition("#")
    return (
        answer,
        _prompt(facts.prompt, facts.wanted),
        Finding(Check.KEY, key == facts.key, facts.key, key),
        Finding(
            Check.CALLER, bool(end) and numbers.same(heard, caller), caller, heard if end or not heard else f"{heard}…"
        ),
    )


def _answer(facts: Facts, within: float) -> Finding:
    wanted = f"≤ {within:g} s"
    if facts.answered_after is not None:
        return Finding(Check.ANSWER, facts.answered_after <= within, wanted, f"{facts.answered_after:.2f} s")
    return Finding(Check.ANSWER, False, wanted, _why(facts.trouble, facts.sip_code))


def _why(trouble: Trouble | None, sip_code: int | None) -> str:
    if sip_code is not None:
        return f"SIP {sip_code}"
    return trouble.value if trouble is not None else ""


def _prompt(heard: Sound | None, wanted: Sound | None) -> Finding:
    ok = (
        heard is not None
        and wanted is not None
        and abs(heard.dbfs - wanted.dbfs) <= LEVEL_DB
        and -SHORTER_S <= heard.seconds - wanted.seconds <= LONGER_S
    )
    return Finding(Check.PROMPT, ok, _sound(wanted), _sound(heard))


def _sound(sound: Sound | None) -> str:
    return f"{sound.seconds:.1f} s, {sound.dbfs:.0f} dBFS" if sound is not None else ""
