"""Who is there: seats and lines as consoles show them, put together from phones, pauses, people and calls. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from telephony.call import Call
from telephony.lines import Directory, Line, LinkedNumber, Seat
from telephony.ports import Presence

SIGNED_OUT = "signed_out"
"""The queue pause reason that stands for a seat nobody sits at."""

_OFFLINE = frozenset({"UNAVAILABLE", "INVALID", "UNKNOWN", ""})
_RINGING = frozenset({"RINGING", "RINGINUSE"})
_BUSY = frozenset({"INUSE", "BUSY", "ONHOLD"})


class SeatState(StrEnum):
    OFFLINE = "offline"
    SIGNED_OUT = "signed_out"
    PAUSED = "paused"
    IDLE = "idle"
    RINGING = "ringing"
    TALKING = "talking"


@dataclass(frozen=True, slots=True)
class SeatStatus:
    """``phone`` is Asterisk's device state; ``call_id`` the call that the seat has now."""

    seat: str
    name: str
    lines: tuple[str, ...]
    phone: str
    state: SeatState
    user: str | None
    signed_in_at: datetime | None
    paused_reason: str | None
    call_id: str | None


@dataclass(frozen=True, slots=True)
class LineStatus:
    """``kind`` is ``line`` (our own seats) or ``linked`` (over a trunk); the counts are those of now."""

    id: str
    name: str
    kind: str
    numbers: tuple[str, ...]
    desks: tuple[str, ...]
    waiting: int = 0
    talking: int = 0
    seats_free: int = 0


def seat_status(
    directory: Directory, seat: Seat, phone: str, pause: str | None, presence: Presence | None, call: Call | None
) -> SeatStatus:
    return SeatStatus(
        seat=seat.id,
        name=seat.name,
        lines=tuple(line.id for line in directory.lines_of_seat(seat.id)),
        phone=phone or "UNKNOWN",
        state=_state(phone, pause),
        user=presence.user if presence else None,
        signed_in_at=presence.signed_in_at if presence else None,
        paused_reason=pause,
        call_id=call.id if call else None,
    )


def _state(phone: str, pause: str | None) -> SeatState:
    """A live call outranks a pause: a paused seat that talks is talking."""
    if phone in _OFFLINE:
        return SeatState.OFFLINE
    if phone in _RINGING:
        return SeatState.RINGING
    if phone in _BUSY:
        return SeatState.TALKING
    if pause is not None:
        return SeatState.SIGNED_OUT if pause == SIGNED_OUT else SeatState.PAUSED
    return SeatState.IDLE


def line_statuses(
    directory: Directory, calls: Iterable[Call], seats: Mapping[str, SeatStatus]
) -> tuple[LineStatus, ...]:
    live = list(calls)
    return tuple(
        [_line(line, live, seats) for line in directory.lines]
        + [_linked(linked, live) for linked in directory.linked_numbers]
    )


def _line(line: Line, calls: list[Call], seats: Mapping[str, SeatStatus]) -> LineStatus:
    mine = [call for call in calls if call.line == line.id]
    return LineStatus(
        id=line.id,
        name=line.name,
        kind="line",
        numbers=line.numbers,
        desks=tuple(desk.id for desk in line.desks),
        waiting=sum(call.state == "waiting" for call in mine),
        talking=sum(call.state == "talking" for call in mine),
        seats_free=sum(seats[seat].state is SeatState.IDLE for seat in line.seats if seat in seats),
    )


def _linked(linked: LinkedNumber, calls: list[Call]) -> LineStatus:
    talking = sum(call.line == linked.id and call.state == "talking" for call in calls)
    return LineStatus(linked.id, linked.name, "linked", (linked.number,), (), talking=talking)
