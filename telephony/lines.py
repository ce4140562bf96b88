"""Who can be rung: lines, desks, seats, linked numbers and the trunks that reach the outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class RingStrategy(StrEnum):
    """How a line's queue picks seats; the names are Asterisk's (queues.conf ``strategy``)."""

    RINGALL = "ringall"
    LEASTRECENT = "leastrecent"
    FEWESTCALLS = "fewestcalls"
    RANDOM = "random"
    RRMEMORY = "rrmemory"
    LINEAR = "linear"


class RecordingRule(StrEnum):
    """``always``: from when a call first reaches the line, or is first handed to it, until the call ends."""

    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Seat:
    """A call-taker's place: one SIP endpoint. ``secret`` is its digest password.

    ``in_browser``: its phone is the console's (WebRTC); else a desk phone.
    """

    id: str
    name: str
    secret: str = field(repr=False)
    in_browser: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """A group of seats inside a line with a skill, e.g. the police seats in the 12345 hall."""

    id: str
    name: str
    seats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surge:
    """When a line has too many callers: more than ``waiting_over``, or a wait of more than ``wait_over`` seconds.

    ``offer``: a call-back is offered; ``overflow``: the line or linked number to which who stays goes, None: nowhere.
    """

    waiting_over: int | None = None
    wait_over: int | None = None
    announce: bool = True
    offer: bool = True
    overflow: str | None = None


@dataclass(frozen=True, slots=True)
class Danger:
    """``key`` brings a caller who waits and ``target`` together at once; the line joins as the third."""

    key: str
    target: str


@dataclass(frozen=True, slots=True)
class Line:
    """A hotline answered by our own seats.

    ``ring_seconds``: how long a handoff rings the line before the ladder goes on.
    ``ladder_wait_seconds``: how long a caller who came back waits in the queue before a call-back is ordered.
    ``menu``: its callers are offered the service's menus before they are queued.
    ``recording_announced``: a caller who arrives here is told of the recording before anybody is rung.
    ``call_back_key``: with it a caller who waits asks to be called back.
    ``probe_number``: what the probe dials; nobody is rung by it, and nobody else can dial it.
    """

    id: str
    name: str
    numbers: tuple[str, ...]
    desks: tuple[Desk, ...]
    strategy: RingStrategy = RingStrategy.RINGALL
    ring_seconds: int = 20
    ladder_wait_seconds: int = 120
    menu: bool = False
    feature_code: str | None = None
    recording: RecordingRule = RecordingRule.NEVER
    recording_announced: bool = False
    probe_number: str | None = None
    call_back_key: str | None = None
    surge: Surge | None = None
    danger: Danger | None = None

    @property
    def seats(self) -> tuple[str, ...]:
        """Every seat of the line, once each, in the order of its desks."""
        return tuple(dict.fromkeys(seat for desk in self.desks for seat in desk.seats))


@dataclass(frozen=True, slots=True)
class LinkedNumber:
    """A number outside our seats (119, 120, 122, a utility) that a caller can be handed to over a trunk."""

    id: str
    name: str
    trunk: str
    number: str
    ring_seconds: int = 30
    feature_code: str | None = None


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trusted peer, known by its address. Only what arrives here may carry a caller number.

    ``match``: addresses or networks; ``contact``: SIP URI that outgoing calls go to.
    ``channels``: how many calls it carries; ``reserved``: (line, how many of them no other line's callers get).
    """

    id: str
    match: tuple[str, ...]
    contact: str
    channels: int | None = None
    reserved: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """The whole of what is configured to be rung; ids are unique across lines and linked numbers.

    ``recording_code``: the key with which a seat has its call recorded from now on, whatever the line's rule is.
    ``probe_secret``: the digest password of the probe's account; "": there is no such account.
    """

    lines: tuple[Line, ...]
    seats: tuple[Seat, ...]
    trunks: tuple[Trunk, ...]
    linked_numbers: tuple[LinkedNumber, ...] = ()
    default_line: str | None = None
    recording_code: str | None = None
    probe_secret: str = field(default="", repr=False)

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def seat(self, seat_id: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.id == seat_id), None)

    def linked_number(self, number_id: str) -> LinkedNumber | None:
        return next((linked for linked in self.linked_numbers if linked.id == number_id), None)

    def target(self, target_id: str) -> Line | LinkedNumber | None:
        """What a handoff to ``target_id`` would ring, or None when nothing of that name is configured."""
        return self.line(target_id) or self.linked_number(target_id)

    @property
    def recorded_lines(self) -> tuple[str, ...]:
        return tuple(line.id for line in self.lines if line.recording is RecordingRule.ALWAYS)

    def lines_of_seat(self, seat_id: str) -> Iterator[Line]:
        return (line for line in self.lines if seat_id in line.seats)
