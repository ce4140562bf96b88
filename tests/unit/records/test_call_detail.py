"""What a call's detail says, from our record and from Asterisk's, told by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from records.calldetail import CallDetail, DetailSource, LegDetail, LegRole, belongs, detail_of
from records.menus import MenuPassage, MenuStep
from telephony.call import Call, Leg
from telephony.cel import Row
from telephony.conference import Conference, Participant, PartyState
from telephony.handoff import Decision, Handoff, Mode, Outcome, Resolution, State, Step
from telephony.spans import Span, common, heard, milliseconds, union
from tests.support.own_record import CALLER, NUMBER, PHONE, SEAT, H, OwnRecord
from tests.support.records import NOON


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Told(OwnRecord):
    """At the seconds that are named."""

    def says(self, seconds: float, event: str, uniqueid: str, **about: Any) -> Told:
        self.now = at(seconds) - self._apart
        self.row(event, uniqueid, **about)
        return self

    def in_bridge(self, begin: float, end: float, bridge: str, *uniqueids: str) -> Told:
        for uniqueid in uniqueids:
            self.says(begin, "BRIDGE_ENTER", uniqueid, extra={"bridge_id": bridge})
        for uniqueid in uniqueids:
            self.says(end, "BRIDGE_EXIT", uniqueid, extra={"bridge_id": bridge})
        return self

    def phone(self, began: float, answered: float | None, ended: float, uniqueid: str, number: str) -> Told:
        self.says(began, "CHAN_START", uniqueid, number=number)
        if answered is not None:
            self.says(answered, "ANSWER", uniqueid)
        self.says(ended, "HANGUP", uniqueid, extra={"hangupcause": 16})
        return self.says(ended, "CHAN_END", uniqueid)

    @property
    def in_order(self) -> list[Row]:
        return sorted(self.rows, key=lambda row: row.at)


def a_transferred_call() -> Told:
    """Waits 5 s in the queue, talks 20 s with 2101 (5 s of them on hold), is handed over, rings 4 s, talks 30 s."""
    told = Told()
    told.phone(0, 0, 60, CALLER, NUMBER)
    told.says(0, "APP_START", CALLER, app="Queue").says(25, "APP_END", CALLER, app="Queue")
    told.phone(1, 5, 29, SEAT, "2101").in_bridge(5, 25, "b1", CALLER, SEAT)
    told.says(10, "STREAM_BEGIN", CALLER, app="Queue").says(15, "STREAM_END", CALLER, app="Queue")
    told.says(25, "APP_START", CALLER, app="Dial").says(60, "APP_END", CALLER, app="Dial")
    told.says(25, "STREAM_BEGIN", CALLER, app="Dial").says(29, "STREAM_END", CALLER, app="Dial")
    told.phone(25, 29, 60, PHONE, "1101").in_bridge(30, 60, "b2", CALLER, PHONE)
    return told


def the_call(**about: Any) -> Call:
    legs = {
        CALLER: Leg(CALLER, "PJSIP/pstn-7", NUMBER, at(0)),
        SEAT: Leg(SEAT, "PJSIP/2101-8", "2101", at(1), seat="2101", answered_at=at(5)),
        PHONE: Leg(PHONE, "PJSIP/1101-9", "1101", at(25), seat="1101", answered_at=at(29)),
    }
    plain = Call(
        CALLER, "n1", at(0), "PJSIP/pstn-7", NUMBER, dialled="12345", trunk="pstn", first_line="12345", legs=legs
    )
    return replace(plain, line="110", answered_at=at(5), ended_at=at(60), **about)


def the_handoff(**about: Any) -> Handoff:
    plain = Handoff(H, CALLER, Mode.TRANSFER, "110", at(25), "n1", State.ENDED, Outcome.ANSWERED, Resolution.TARGET)
    steps = (Step(at(25), "started"), Step(at(26), "rings"), Step(at(29), "answers"))
    whole = replace(plain, from_line="12345", from_seat="2101", target_seat="1101", target_channel="PJSIP/1101-9")
    return replace(whole, timeline=steps, ended_at=at(60), order_ids=("o-1",), **about)


def detail(told: Told | None = None, **about: Any) -> CallDetail:
    rows = told.in_order if told else []
    given = {"call": the_call(), "handoffs": (the_handoff(),), "conferences": (), "menus": ()} | about
    return detail_of(given["call"], given["handoffs"], given["conferences"], given["menus"], rows)


def test_given_asterisks_record_then_each_leg_says_how_long_it_waited_rang_talked_and_was_on_hold() -> None:
    found = detail(a_transferred_call())
    caller, seat, target = found.legs

    assert (found.source, found.total_ms, found.wait_ms) == (DetailSource.CEL, 60_000, 5_000)
    assert (caller.role, caller.queue_ms, caller.ring_ms, caller.talk_ms, caller.hold_ms) == (
        *(LegRole.CALLER, 5_000, 5_000, 45_000, 5_000),
    )
    assert (seat.role, seat.line, seat.ring_ms, seat.talk_ms, seat.hold_ms) == (
        *(LegRole.SEAT, "12345", 4_000, 15_000, 5_000),
    )
    assert (target.role, target.line, target.handoff_id, target.ring_ms, target.talk_ms, target.hold_ms) == (
        *(LegRole.TARGET, "110", H, 4_000, 30_000, 0),
    )
    assert (found.talk_ms, found.hold_ms, found.queue_ms, found.ring_ms) == (45_000, 5_000, 5_000, 5_000)
    assert [leg.position for leg in found.legs] == [1, 2, 3]
    assert [leg.outside for leg in found.legs] == [True, False, False]


def test_the_call_says_who_called_whom_who_was_first_and_who_accepted() -> None:
    found = detail(a_transferred_call())

    assert (found.original_caller, found.dialled, found.first_line, found.first_seat) == (
        NUMBER,
        "12345",
        "12345",
        "2101",
    )
    assert (found.last_line, found.last_seat, found.accepted_by, found.accepted_seat) == ("110", "1101", "110", "1101")
    assert (found.handoff_ids, found.order_ids, found.hangup_cause) == ((H,), ("o-1",), 16)


def test_given_no_record_of_asterisks_then_ours_alone_and_no_durations() -> None:
    found = detail()

    assert found.source is DetailSource.EVENTS
    assert (found.talk_ms, found.queue_ms, found.wait_ms, found.total_ms) == (None, None, 5_000, 60_000)
    assert [(leg.role, leg.seat, leg.talk_ms) for leg in found.legs] == [
        (LegRole.CALLER, None, None),
        (LegRole.SEAT, "2101", None),
        (LegRole.TARGET, "1101", None),
    ]


def test_given_legs_that_we_never_heard_of_then_asterisks_record_has_them() -> None:
    call = replace(the_call(), legs={CALLER: the_call().legs[CALLER]})
    found = detail(a_transferred_call(), call=call)

    assert [(leg.uniqueid, leg.seat, leg.role) for leg in found.legs] == [
        (CALLER, None, LegRole.CALLER),
        (SEAT, "2101", LegRole.SEAT),
        (PHONE, "1101", LegRole.TARGET),
    ]


def test_given_a_decision_then_it_says_who_accepted() -> None:
    kept = the_handoff(decision=Decision("12345", "首接负责", None, at(50), automatic=True), mode=Mode.CONFERENCE)
    given = the_handoff(decision=Decision("110", "涉警", "2101", at(50)), mode=Mode.CONFERENCE)

    assert (detail(handoffs=(kept,)).accepted_by, detail(handoffs=(kept,)).accepted_seat) == ("12345", "2101")
    assert (detail(handoffs=(given,)).accepted_by, detail(handoffs=(given,)).accepted_seat) == ("110", "1101")


def test_given_a_handoff_that_came_to_nothing_then_the_first_line_has_the_call() -> None:
    steps = (Step(at(25), "started"), Step(at(29), "fails"))
    back = the_handoff(outcome=Outcome.BUSY, resolution=Resolution.FIRST_SEAT)
    found = detail(handoffs=(replace(back, timeline=steps, target_channel=None),))

    assert (found.accepted_by, found.accepted_seat) == ("12345", "2101")
    assert [leg.role for leg in found.legs] == [LegRole.CALLER, LegRole.SEAT, LegRole.TARGET]


def test_given_nobody_answered_then_nobody_accepted_and_the_wait_is_the_whole_call() -> None:
    call = replace(the_call(), legs={CALLER: the_call().legs[CALLER]}, answered_at=None)
    found = detail(call=call, handoffs=())

    assert (found.accepted_by, found.first_seat, found.wait_ms) == (None, None, 60_000)


def test_the_phones_of_a_three_way_call_are_legs_of_the_callers_call() -> None:
    told = a_transferred_call()
    for row in [row for row in told.rows if row.uniqueid == PHONE]:
        told.rows[told.rows.index(row)] = replace(row, linkedid=f"{H}-target")
    told.phone(26, None, 28, f"{H}-target", "")  # Asterisk's own channel in between
    added = replace(Row(at(40), "CHAN_START", "n1-1.99", f"{H}-p4", "PJSIP/pstn-99", number="120"))
    told.rows += [added, replace(added, event="CHAN_END", at=at(50))]
    parties = (
        Participant("caller", CALLER, "PJSIP/pstn-7", state=PartyState.LEFT, joined_at=at(30)),
        Participant("seat", SEAT, "PJSIP/2101-8", state=PartyState.LEFT, joined_at=at(31)),
        Participant("target", f"{H}-target", "", "110", PartyState.LEFT, joined_at=at(29)),
        Participant("p4", f"{H}-p4", "", "120", PartyState.LEFT),
    )
    found = detail(told, conferences=(Conference(H, CALLER, at(25), parties),))

    assert found.conference_parties == ("target 110", "caller", "seat 2101")
    assert [(leg.role, leg.number) for leg in found.legs] == [
        (LegRole.CALLER, NUMBER),
        (LegRole.SEAT, "2101"),
        (LegRole.TARGET, "1101"),
        (LegRole.PARTY, "120"),
    ]


# --- spans -----------------------------------------------------------------------------------------------------------


def test_in_a_room_of_three_only_who_hears_music_is_on_hold() -> None:
    told = Told()
    for uniqueid in (CALLER, SEAT, PHONE):
        told.phone(0, 0, 30, uniqueid, "")
    told.in_bridge(0, 30, "room", CALLER, SEAT, PHONE)
    told.says(10, "STREAM_BEGIN", SEAT).says(20, "STREAM_END", SEAT)
    found = heard(told.in_order)

    assert [found[each].hold_ms for each in (CALLER, SEAT, PHONE)] == [0, 10_000, 0]
    assert [found[each].talk_ms for each in (CALLER, SEAT, PHONE)] == [30_000, 20_000, 30_000]


def test_held_out_of_a_room_is_on_hold_too() -> None:
    told = Told().says(0, "CHAN_START", CALLER)
    told.says(1, "STREAM_BEGIN", CALLER, app="MusicOnHold").says(4, "STREAM_END", CALLER, app="MusicOnHold")
    found = heard(told.in_order)[CALLER]

    assert (found.hold_ms, found.talk_ms, found.whole) == (3_000, 0, False)


def test_given_a_record_that_breaks_off_then_what_goes_on_ends_with_its_last_row() -> None:
    told = Told()
    for uniqueid in (CALLER, SEAT):
        told.says(0, "CHAN_START", uniqueid).says(1, "BRIDGE_ENTER", uniqueid, extra={"bridge_id": "b"})
    told.says(2, "APP_START", CALLER, app="Dial").says(3, "STREAM_BEGIN", CALLER).says(9, "DTMF", CALLER)
    told.says(9, "BRIDGE_EXIT", CALLER, extra={"bridge_id": "never entered"}).says(9, "APP_END", CALLER, app="Queue")
    told.says(9, "DTMF", SEAT).says(9, "STREAM_END", SEAT).says(9, "HANGUP", SEAT, extra={})
    found = heard(told.in_order)

    assert (found[CALLER].talk_ms, found[CALLER].hold_ms, found[CALLER].rings_out_ms) == (2_000, 6_000, 7_000)
    assert (found[CALLER].whole, found[CALLER].rung_ms, found[SEAT].cause) == (False, None, None)


def test_spans_are_time_and_not_pieces() -> None:
    a, b, c = Span(at(0), at(2)), Span(at(1), at(3)), Span(at(5), at(5))

    assert union([b, a, c]) == [Span(at(0), at(3))]
    assert union([a, Span(at(4), at(5))]) == [a, Span(at(4), at(5))]
    assert common([a, Span(at(4), at(5))], [b]) == [Span(at(1), at(2))]
    assert milliseconds([a, b]) == 3_000


def test_a_row_belongs_to_its_call_and_to_the_call_of_its_conference() -> None:
    call = the_call()
    row = Row(at(0), "CHAN_START", "n1-1.99", "n1-1.98", "PJSIP/x-1")

    assert not belongs(row, call, [H])
    assert belongs(replace(row, linkedid=CALLER), call, [])
    assert belongs(replace(row, uniqueid=PHONE), call, [])
    assert belongs(replace(row, linkedid=f"{H}-p4"), call, ["other", H])


def test_a_leg_says_nothing_it_does_not_know() -> None:
    leg = LegDetail("u", "c", 1, LegRole.SEAT, "PJSIP/2101-1", NOON)

    assert (leg.talk_ms, leg.number, leg.outside) == (None, None, False)


def test_given_menus_then_each_is_named_with_its_version_steps_and_keys_in_the_order_they_were_heard() -> None:
    welcome, topic = MenuStep("welcome", 0.1), MenuStep("topic", 3.0, "2")
    second = MenuPassage("110", "110", "b7", at(9), (welcome,), "zh", "gone")
    first = MenuPassage("12345", "city", "a1", at(0), (welcome, topic), "zh", "line.110")

    assert detail(menus=(second, first)).ivr_path == ("city@a1", "welcome", "topic=2", "110@b7", "welcome")
    assert detail().ivr_path == ()
