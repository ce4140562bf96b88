"""Handoffs that began and ended while nobody listened, put on record from Asterisk's own record."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telephony.cel import Written
from telephony.handoff import Mode, Outcome, Resolution, State
from telephony.reconcile import differences, rebuild
from telephony.recovery import recovered
from tests.support.own_record import CALLER, CHANNELS, NUMBER, PHONE, ROOM, SEAT, H, OwnRecord
from tests.support.records import NOON

Tell = Callable[[OwnRecord], object]


def story(tell: Tell) -> OwnRecord:
    record = OwnRecord()
    tell(record)
    return record


def test_a_transfer_is_put_on_record_whole_and_says_where_it_was_learnt() -> None:
    told = story(lambda r: r.answered().ends(PHONE).ends(CALLER))

    found = recovered("n1", told.rows, {H})

    record = found.handoffs[H]
    assert (record.node, record.call_id, record.mode, record.target) == ("n1", CALLER, Mode.TRANSFER, "110")
    assert (record.state, record.outcome, record.resolution) == (State.ENDED, Outcome.ANSWERED, Resolution.TARGET)
    assert (record.original_caller, record.caller_seen_by_target) == (NUMBER, NUMBER)
    assert (record.from_line, record.from_seat, record.via) == ("12345", "2101", "api")
    assert (record.target_channel, record.target_seat) == (CHANNELS[PHONE], "1101")
    assert [step.event for step in record.timeline] == ["started", "answers", "caller_gone"]
    assert record.timeline[0].detail["source"] == "cel"
    assert record.ended_at is not None
    assert found.calls[CALLER].ended_at == record.ended_at
    assert recovered("n1", told.rows, {H}).handoffs == found.handoffs


@pytest.mark.parametrize(
    ("tell", "handoff_id"),
    [
        (lambda r: r.refused().back().ends(SEAT).ends(CALLER), H),
        (lambda r: r.rings().ends(PHONE).ends(SEAT).ends(CALLER), H),
        (lambda r: r.refused().handoff("queue {H} 110").handoff("call-back {H} 110").ends(SEAT).ends(CALLER), H),
        (lambda r: r.three_way().third_ends().ends(SEAT).ends(CALLER), ROOM),
        (lambda r: r.dials_third().ends(PHONE, 17).conference(REFUSED).third_ends(), ROOM),
        (lambda r: r.talking().conference(NOBODY), ROOM),
    ],
)
def test_what_is_recovered_is_what_the_other_way_of_reading_says(tell: Tell, handoff_id: str) -> None:
    told = story(tell)

    found = recovered("n1", told.rows, {handoff_id})

    assert set(found.handoffs) == {handoff_id}
    assert differences(rebuild(told.rows), found.handoffs, Written(()), told.now.replace(hour=23)) == []


REFUSED = "result {R} target 110 BUSY x   17  12345 {C}"
NOBODY = "result {R} target 110 CHANUNAVAIL x     12345 {C}"


def test_a_three_way_call_comes_with_its_room() -> None:
    found = recovered("n1", story(lambda r: r.three_way().third_ends().ends(SEAT).ends(CALLER)).rows, {ROOM})

    assert found.handoffs[ROOM].mode is Mode.CONFERENCE
    assert found.handoffs[ROOM].from_line == "12345"
    assert found.conferences[ROOM].over
    assert [party.id for party in found.conferences[ROOM].parties] == ["caller", "seat", "target"]


def test_what_is_not_over_or_not_wanted_is_left_alone() -> None:
    going_on = story(lambda r: r.answered())
    assert not recovered("n1", going_on.rows, {H})
    assert not recovered("n1", story(lambda r: r.answered().ends(PHONE).ends(CALLER)).rows, {"another"})


def test_of_a_call_that_goes_on_only_the_handoff_is_put_on_record() -> None:
    found = recovered("n1", story(lambda r: r.refused().back()).rows, {H})
    assert (set(found.handoffs), found.calls) == ({H}, {})


def test_a_room_of_a_call_that_nobody_knows_is_left_out() -> None:
    told = story(lambda r: r.conference("dialling {R} target 110  x     12345 n1-1.1"))
    told.conference("dialling {R} p4 120  x     12345 {C}")
    assert not recovered("n1", told.rows, {ROOM})


def test_the_steps_of_a_room_open_it_once() -> None:
    told = story(lambda r: r.three_way().conference("dialling {R} target 110  x     12345 {C}"))
    told.third_ends().ends(SEAT).ends(CALLER)
    assert recovered("n1", told.rows, {ROOM}).handoffs[ROOM].created_at > NOON
