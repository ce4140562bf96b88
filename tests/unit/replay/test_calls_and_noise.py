"""Calls, numbers, and streams that make no sense."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.ami.frames import AmiEvent
from telephony.replay.report import report
from tests.support.manager_events import Stream
from tests.support.replay_stories import (
    CALLER,
    NUMBER,
    SEAT,
    SEAT2,
    TARGET,
    call_of,
    in_room,
    only_handoff,
    ringing,
    talk,
)

# -------------------------------------------------------------- calls and numbers


def test_an_originated_call_shows_what_it_was_told_to_show_never_whom_it_rang() -> None:
    stream = Stream()
    stream.rung("", TARGET, 4, 4, "PJSIP/202")
    assert call_of(stream, "1700000000.4")["original_caller"] is None
    assert call_of(stream, "1700000000.4")["dialled"] == "202"
    assert call_of(stream, "1700000000.4")["legs"][0]["number"] == "202"


@pytest.mark.parametrize(
    ("string", "number"),
    [
        ("1001", "1001"),
        ("PJSIP/1001", "1001"),
        ("120@trunk", "120"),
        ("1001@agents/n", "1001"),
        ("trunk/sip:+8621@10.0.0.1", "+8621"),
        ("agent-seven", None),
    ],
)
def test_the_number_of_a_phone_is_read_from_what_was_dialled(string: str, number: str | None) -> None:
    stream = Stream()
    stream.comes(CALLER, 1, NUMBER, "4000")
    stream.rung(CALLER, TARGET, 4, 1, string)
    assert call_of(stream, "1700000000.1")["legs"][1]["number"] == number


def test_a_leg_whose_dial_was_lost_is_known_by_its_own_words() -> None:
    stream = Stream()
    stream.comes(CALLER, 1, NUMBER, "4000")
    stream.known(TARGET, 4, 1, "Down")
    stream.event("Newchannel", TARGET)
    assert call_of(stream, "1700000000.1")["legs"][1]["number"] is None


def test_a_call_joined_to_one_that_began_before_the_recording_has_an_unknown_caller() -> None:
    stream = Stream()
    stream.comes(SEAT2, 3, "201", "202")
    stream.rung(SEAT2, TARGET, 4, 3, "202")
    stream.joins(1, SEAT2, TARGET)
    stream.up(SEAT2)
    stream.up(TARGET)
    call = call_of(stream, "1700000000.1")
    assert (call["original_caller"], call["dialled"], len(call["legs"])) == (None, None, 2)


def test_a_call_whose_first_channel_was_lost_is_named_by_the_next() -> None:
    stream = Stream()
    stream.known(CALLER, 9, 1, "Ring", NUMBER)
    stream.event("Newstate", CALLER)
    call = call_of(stream, "1700000000.1")
    assert (call["original_caller"], call["dialled"]) == (NUMBER, None)


def test_ids_made_up_by_a_program_belong_to_the_call_that_they_are_joined_to() -> None:
    stream = talk()
    stream.known(TARGET, 4, 1)
    stream.event("Newstate", TARGET, Linkedid="handoff-7-target")
    stream.event("Newstate", TARGET)
    assert len(call_of(stream, "1700000000.1")["legs"]) == 3


# -------------------------------------------------------------- whatever comes


def test_a_phone_that_comes_to_the_id_of_a_helper_channel_is_a_leg() -> None:
    stream = Stream()
    stream.known("Surrogate/SIP/202-4", 4, 4)
    stream.event("Newstate", "Surrogate/SIP/202-4", Channel="Surrogate/SIP/202-4")
    stream.event("Newstate", "Surrogate/SIP/202-4", Channel="SIP/202-4<ZOMBIE>")
    stream.event("Newstate", "Surrogate/SIP/202-4", Channel="SIP/202-4")
    assert [leg["channel"] for leg in call_of(stream, "1700000000.4")["legs"]] == ["SIP/202-4"]


NAMES = (
    *("Newchannel", "Newstate", "Hangup", "HangupRequest", "DialBegin", "DialState", "DialEnd", "Pickup", "VarSet"),
    *("Newexten", "UserEvent", "BridgeEnter", "BridgeLeave", "BridgeDestroy", "QueueCallerJoin", "QueueCallerLeave"),
    *("ConfbridgeJoin", "BlindTransfer", "AttendedTransfer", "OriginateResponse", "LocalBridge", "Rename", "Nonsense"),
)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_without_its_headers_says_nothing(name: str) -> None:
    stream = talk()
    wanted = report(stream.events)
    bare = AmiEvent(name, {"Event": name})
    step = AmiEvent(name, {"Event": name, "UserEvent": "HandoffStep", "Step": "noise", "Application": "Noise"})
    assert report([bare, *stream.events, bare, step]) == wanted


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_lost_and_however_it_is_mixed_an_answer_comes(data: st.DataObject) -> None:
    """Without times nothing can be put right; still every leg is in one call and every outcome is a known one."""
    stream = ringing()
    stream.dial_ends(CALLER, TARGET, "ANSWER")
    stream.enters("b2", TARGET, CALLER)
    in_room(stream, CALLER, TARGET)
    stream.gone(TARGET)
    bare = [AmiEvent(each.name, _without_time(each)) for each in stream.events]
    events = data.draw(st.lists(st.sampled_from(bare), max_size=60))
    seen = report(events)
    legs = [leg["uniqueid"] for call in seen["calls"] for leg in call["legs"]]
    assert len(legs) == len(set(legs))
    assert all(handoff["original_caller"] in (NUMBER, None) for handoff in seen["handoffs"])


def _without_time(event: AmiEvent) -> dict[str, Any]:
    return {header: value for header, value in event.headers.items() if header != "Timestamp"}


def test_local_channels_in_a_ring_lead_nowhere() -> None:
    """Each half dials the other: nobody is behind them, and the search ends."""
    stream = talk()
    halves = [f"Local/600@in-0000000{pair};{half}" for pair in (1, 2) for half in (1, 2)]
    for serial, half in enumerate(halves, start=10):
        stream.known(half, serial, 1)
        stream.event("Newstate", half)
    for parent, dest in [*pairwise(halves[1:]), (halves[3], halves[0])]:
        stream.event("DialBegin", parent, roles={"Dest": dest})
    stream.event("BlindTransfer", roles={"Transferer": SEAT, "Transferee": halves[0]}, Extension="600")
    handoff = only_handoff(stream)
    assert (handoff["transferee"], handoff["outcome"]) == (halves[0], None)
