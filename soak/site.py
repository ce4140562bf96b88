"""The hall that is played in: for each worker lines and phones of its own, so that no story waits for another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RING_SECONDS, LADDER_SECONDS = 3, 2
OFF_LINE, OUTSIDE_NUMBER = "off", "120"
"""A line whose only phone is never switched on; a number over the trunk."""

_SEATS = 5


@dataclass(frozen=True, slots=True)
class Desk:
    """``line`` is where callers come in (``first`` is rung first); ``target`` has one phone, ``pair`` has two."""

    index: int

    @property
    def line(self) -> str:
        return f"8{self.index:02}0"

    @property
    def target(self) -> str:
        return f"8{self.index:02}1"

    @property
    def pair(self) -> str:
        return f"8{self.index:02}2"

    @property
    def target_code(self) -> str:
        return f"*1{self.index:02}"

    @property
    def pair_code(self) -> str:
        return f"*2{self.index:02}"

    @property
    def seats(self) -> tuple[str, ...]:
        """First, colleague, target, and the two of the pair."""
        return tuple(f"9{self.index:02}{n}" for n in range(_SEATS))


OFF_CODE, OUTSIDE_CODE = "*30", "*31"


def changes(desks: int) -> dict[str, Any]:
    """What ``hotline.yaml`` has to say for so many desks. Times are short: a soak has no time to listen to ringing."""
    hall = [Desk(index) for index in range(desks)]
    lines = [line for desk in hall for line in _lines(desk)]
    lines.append(_line(OFF_LINE, "7999", ["7990"], OFF_CODE))
    seats = [{"id": seat, "name": seat} for desk in hall for seat in desk.seats]
    outside = {"id": OUTSIDE_NUMBER, "name": "急救", "trunk": "pstn", "number": OUTSIDE_NUMBER}
    return {
        "default_line": OFF_LINE,
        "lines": lines,
        "seats": [*seats, {"id": "7990", "name": "7990"}],
        "linked_numbers": [{**outside, "ring_seconds": RING_SECONDS, "feature_code": OUTSIDE_CODE}],
    }


def _lines(desk: Desk) -> list[dict[str, Any]]:
    first, colleague, target, one, other = desk.seats
    return [
        _line(desk.line, desk.line, [first, colleague], None),
        _line(desk.target, desk.target, [target], desk.target_code),
        _line(desk.pair, desk.pair, [one, other], desk.pair_code),
    ]


def _line(line_id: str, number: str, seats: list[str], code: str | None) -> dict[str, Any]:
    return {
        "id": line_id,
        "name": line_id,
        "numbers": [number],
        "strategy": "linear",
        "ring_seconds": RING_SECONDS,
        "ladder_wait_seconds": LADDER_SECONDS,
        "feature_code": code,
        "desks": [{"id": "main", "name": "席", "seats": seats}],
    }
