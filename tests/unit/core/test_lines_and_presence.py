"""Who can be rung, and who is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.call import Call, Leg
from telephony.lines import Desk, Directory, Line, LinkedNumber, Seat, Trunk
from telephony.ports import Presence
from telephony.presence import SIGNED_OUT, line_statuses, seat_status
from tests.support.fake_asterisk import NOW

LINE = Line(
    "12345", "便民热线", ("12345",), (Desk("hall", "大厅", ("2101", "2102")), Desk("night", "夜班", ("2102", "2103")))
)
POLICE = Line("110", "报警", ("110",), (Desk("police", "接警", ("1101", "2101")),))
DIRECTORY = Directory(
    lines=(LINE, POLICE),
    seats=tuple(Seat(seat, f"席{seat}", "secret") for seat in ("1101", "2101", "2102", "2103")),
    trunks=(Trunk("pstn", ("127.0.0.1",), "sip:127.0.0.1"),),
    linked_numbers=(LinkedNumber("120", "急救", "pstn", "120"),),
)
SEAT = DIRECTORY.seats[1]


def test_a_seat_of_two_desks_is_one_seat_of_its_line() -> None:
    assert LINE.seats == ("2101", "2102", "2103")


def test_a_target_is_a_line_or_a_linked_number() -> None:
    assert DIRECTORY.target("110") is POLICE
    assert DIRECTORY.target("120") is DIRECTORY.linked_numbers[0]
    assert DIRECTORY.target("119") is None
    assert DIRECTORY.seat("2101") is SEAT
    assert DIRECTORY.seat("9999") is None
    assert list(DIRECTORY.lines_of_seat("2101")) == [LINE, POLICE]


def test_a_secret_is_not_shown() -> None:
    assert "secret" not in repr(SEAT)


@pytest.mark.parametrize(
    ("phone", "pause", "state"),
    [
        ("NOT_INUSE", None, "idle"),
        ("NOT_INUSE", SIGNED_OUT, "signed_out"),
        ("NOT_INUSE", "lunch", "paused"),
        ("NOT_INUSE", "", "paused"),
        ("INUSE", "lunch", "talking"),
        ("BUSY", None, "talking"),
        ("ONHOLD", None, "talking"),
        ("RINGING", None, "ringing"),
        ("RINGINUSE", "lunch", "ringing"),
        ("UNAVAILABLE", SIGNED_OUT, "offline"),
        ("INVALID", None, "offline"),
        ("UNKNOWN", None, "offline"),
        ("", None, "offline"),
    ],
)
def test_a_seat_is_what_its_phone_says_first(phone: str, pause: str | None, state: str) -> None:
    status = seat_status(DIRECTORY, SEAT, phone, pause, None, None)

    assert (status.state, status.phone, status.paused_reason) == (state, phone or "UNKNOWN", pause)


def test_a_seat_shows_who_sits_there_and_which_call_it_has() -> None:
    call = Call("c1", "n", NOW, "PJSIP/pstn-1")
    status = seat_status(DIRECTORY, SEAT, "INUSE", None, Presence("2101", "wang", NOW), call)

    assert (status.user, status.signed_in_at, status.call_id) == ("wang", NOW, "c1")
    assert (status.name, status.lines) == ("席2101", ("12345", "110"))


def test_lines_count_who_waits_who_talks_and_who_is_free() -> None:
    waiting = Call("c1", "n", NOW, "PJSIP/pstn-1", line="12345")
    talking = replace(waiting, id="c2", seat="2101", seat_channel="PJSIP/2101-1")
    away = replace(waiting, id="c3", line="120")
    bridged = {name: Leg(name, name, "", NOW, bridge="b") for name in ("a", "b")}
    at_the_ambulance = replace(away, id="c4", legs=bridged)
    seats = {
        seat.id: seat_status(DIRECTORY, seat, phone, None, None, None)
        for seat, phone in zip(DIRECTORY.seats, ["NOT_INUSE", "INUSE", "NOT_INUSE", "UNAVAILABLE"], strict=True)
    }

    lines = line_statuses(DIRECTORY, [waiting, talking, away, at_the_ambulance], seats)

    assert [(line.id, line.kind, line.waiting, line.talking, line.seats_free) for line in lines] == [
        ("12345", "line", 1, 1, 1),
        ("110", "line", 0, 0, 1),
        ("120", "linked", 0, 1, 0),
    ]
    assert (lines[0].desks, lines[2].numbers) == (("hall", "night"), ("120",))
    assert line_statuses(DIRECTORY, [], {})[0].seats_free == 0


def test_a_call_is_waiting_talking_or_ended() -> None:
    call = Call("c1", "n", NOW, "PJSIP/pstn-1")
    one = call.with_leg(Leg("c1", "PJSIP/pstn-1", "", NOW, bridge="b"))
    two = one.with_leg(Leg("c2", "PJSIP/pstn-2", "", NOW, bridge="b"))

    assert [each.state for each in (call, one, two, replace(two, ended_at=NOW))] == [
        "waiting",
        "waiting",
        "talking",
        "ended",
    ]
    assert two.with_leg(replace(two.legs["c2"], ended_at=NOW)).state == "waiting"
    assert replace(call, seat_channel="PJSIP/2101-1").state == "talking"
    assert call.caller_leg is None and one.caller_leg is one.legs["c1"]
