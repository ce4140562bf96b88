"""The Asterisk Gateway Interface on the wire: lines in, lines out. Pure.

A session begins with `agi_name: value` lines up to an empty one. Then each command of ours, one line, is answered by
one: `200 result=…`, `5xx …`, or several from `520-` to `520 End of proper usage.` When the caller has hung up, `HANGUP`
may stand before an answer. (res/res_agi.c of Asterisk 22.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from telephony.errors import TelephonyError

_ENVIRONMENT = re.compile(r"agi_([a-z_0-9]+): ?(.*)")
_REPLY = re.compile(r"(\d{3})([ -])(?:result=(\S*))?.*")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")

_TRYING = "100"
"""A subroutine has begun; what came of it follows."""

HANGUP = "HANGUP"
KEYS = "0123456789*#"
_ANY_KEY = KEYS + "ABCD"


class AgiError(TelephonyError):
    """What came is not the gateway interface, or came too late: this caller goes on to a human."""

    slug = "agi-error"


@dataclass(frozen=True, slots=True)
class Reply:
    """``result`` is "-1" when the caller has gone or the prompt is not there; ``more`` of the answer follows."""

    code: int
    result: str
    more: bool = False

    @property
    def gone(self) -> bool:
        return self.code == 511 or self.result == "-1"


def environment(lines: Iterable[str]) -> dict[str, str]:
    """What Asterisk says of the call, without the `agi_`. Raises AgiError."""
    found = {}
    for line in lines:
        match = _ENVIRONMENT.fullmatch(line)
        if match is None:
            raise AgiError(f"no line of an AGI environment: {line[:60]!r}")
        found[match[1]] = match[2]
    return found


def reply(line: str) -> Reply:
    """One line of an answer. Raises AgiError."""
    match = _REPLY.fullmatch(line)
    if match is None:
        raise AgiError(f"no AGI reply: {line[:60]!r}")
    return Reply(int(match[1]), match[3] or "", more=match[2] == "-" or match[1] == _TRYING)


def command(*words: str) -> bytes:
    """One command; what holds spaces or quotes is quoted. Raises AgiError for what would begin a second one."""
    for word in words:
        if _UNSAFE.search(word):
            raise AgiError("a control character in an AGI command")
    return (" ".join(_quoted(word) for word in words) + "\n").encode()


def _quoted(word: str) -> str:
    if word and not re.search(r'[\s"\\]', word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def play(prompt: str) -> bytes:
    """Until its end or a key; one that was pressed just before it begins ends it too, for Asterisk keeps it."""
    return command("STREAM", "FILE", prompt, KEYS)


def wait(seconds: float) -> bytes:
    return command("WAIT", "FOR", "DIGIT", str(max(1, round(seconds * 1000))))


def key_of(answer: Reply) -> str | None:
    """The key that ended a `play` or a `wait`, None when none came. Raises AgiError."""
    if answer.result == "0":
        return None
    key = chr(int(answer.result)) if answer.result.isdecimal() and len(answer.result) == 2 else ""
    if key not in _ANY_KEY or not key:
        raise AgiError(f"no key: {answer.result[:20]!r}")
    return key


def give_up_after(seconds: float) -> bytes:
    """Asterisk takes the caller away from us, to extension `T`, when so much time has gone by."""
    return set_variable("TIMEOUT(absolute)", f"{seconds:.3f}")


def run(subroutine: str, *arguments: str) -> bytes:
    """A subroutine of the dialplan, on the caller's channel; we go on when it is over."""
    return command("GOSUB", subroutine, "s", "1", *([",".join(arguments)] if arguments else []))


def variable(name: str) -> bytes:
    """Answered by `200 result=1 (value)`, or `result=0` where it is not set."""
    return command("GET", "VARIABLE", name)


def set_variable(name: str, value: str) -> bytes:
    return command("SET", "VARIABLE", name, value)
