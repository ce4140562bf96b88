"""What replay says of handoffs that no recording of ours shows, and of recordings with holes."""

from __future__ import annotations

import pytest

from telephony.replay.report import report
from tests.support.manager_events import Stream
from tests.support.replay_stories import (
    CALLER,
    NUMBER,
    OTHER,
    SEAT,
    SEAT2,
    TARGET,
    blind,
    call_of,
    in_room,
    only_handoff,
    outcome,
    ringing,
    talk,
)

# -------------------------------------------------------------- handed to a queue


def queued() -> Stream:
    stream = blind(talk())
    stream.event("QueueCallerJoin", CALLER, Queue="help")
    return stream


def test_a_caller_still_in_the_queue_has_no_outcome() -> None:
    stream = queued()
    stream.rung(CALLER, TARGET, 4, 1, "202")
    stream.dial_ends(CALLER, TARGET, "NOANSWER")
    stream.gone(TARGET)
    assert outcome(stream) == (None, TARGET)


def test_a_caller_who_hangs_up_in_the_queue_has_abandoned_it() -> None:
    stream = queued()
    stream.hangs_up(CALLER)
    stream.event("QueueCallerAbandon", CALLER, Queue="help")
    stream.event("QueueCallerLeave", CALLER, Queue="help")
    stream.gone(CALLER)
    assert outcome(stream) == ("abandoned", None)


def test_a_queue_that_gives_the_caller_back_did_not_answer_whoever_is_dialled_next() -> None:
    stream = queued()
    stream.event("QueueCallerLeave", CALLER, Queue="help")
    stream.rung(CALLER, OTHER, 5, 1, "203")
    stream.up(OTHER)
    stream.dial_ends(CALLER, OTHER, "ANSWER")
    assert outcome(stream) == ("no_answer", None)


# -------------------------------------------------------------- nobody was rung, or it was not told


def test_when_the_dial_was_not_told_whom_the_caller_talks_to_has_answered() -> None:
    stream = blind(talk())
    stream.known(TARGET, 4, 1)
    stream.enters("b2", TARGET, CALLER)
    assert outcome(stream) == ("answered", TARGET)


def test_when_the_caller_is_back_with_the_seat_and_nothing_was_told_the_outcome_is_unknown() -> None:
    stream = talk()
    stream.event("BlindTransfer", roles={"Transferer": SEAT, "Transferee": CALLER}, Extension="600")
    stream.leaves("b1", CALLER)
    stream.enters("b2", SEAT, CALLER)
    stream.gone(CALLER)
    assert outcome(stream) == (None, None)


def test_a_caller_who_hangs_up_before_anybody_is_rung_has_abandoned() -> None:
    stream = blind(talk())
    stream.hangs_up(CALLER)
    stream.gone(CALLER)
    assert outcome(stream) == ("abandoned", None)


@pytest.mark.parametrize(("cause", "wanted"), [(3, "unreachable"), (17, "busy"), (16, None)])
def test_a_caller_let_go_before_anybody_is_rung_tells_why_by_its_cause(cause: int, wanted: str | None) -> None:
    stream = blind(talk())
    stream.gone(CALLER, cause)
    assert outcome(stream) == (wanted, None)


def test_a_dial_back_to_the_seat_is_not_the_target() -> None:
    """The target was offline: Asterisk tells no dial of it, only, where it is read, that it failed."""
    stream = blind(talk(), target="599")
    stream.rung(CALLER, SEAT2, 3, 1, "201")
    stream.up(SEAT2)
    stream.dial_ends(CALLER, SEAT2, "ANSWER")
    stream.enters("b2", SEAT2, CALLER)
    stream.gone(CALLER)
    assert outcome(stream) == (None, None)


# -------------------------------------------------------------- how the target was lost


def test_a_lost_end_of_the_dial_is_read_from_the_hang_up() -> None:
    stream = ringing()
    stream.gone(TARGET, 21, "603")
    assert outcome(stream) == ("rejected", TARGET)


def test_a_hang_up_that_says_nothing_leaves_it_unknown() -> None:
    stream = ringing()
    stream.gone(TARGET, 0)
    assert outcome(stream) == (None, TARGET)


def test_a_caller_who_asked_to_go_before_the_phone_was_let_go_has_abandoned_it() -> None:
    stream = ringing()
    stream.hangs_up(CALLER)
    stream.gone(TARGET)
    stream.gone(CALLER)
    assert outcome(stream) == ("abandoned", TARGET)


def test_a_dial_called_off_with_the_caller_put_elsewhere_was_cancelled() -> None:
    stream = ringing()
    stream.goes(CALLER, "back")
    stream.dial_ends(CALLER, TARGET, "CANCEL")
    assert outcome(stream) == ("cancelled", TARGET)


def test_a_dial_called_off_and_nothing_more_is_unknown() -> None:
    stream = ringing()
    stream.dial_ends(CALLER, TARGET, "CANCEL")
    assert outcome(stream) == (None, TARGET)


def test_a_local_channel_that_fails_with_no_phone_behind_it_tells_its_own_end() -> None:
    stream = blind(talk())
    local = "Local/202@in-00000001;1"
    stream.rung(CALLER, local, 7, 1, "202@in")
    stream.dial_ends(CALLER, local, "CHANUNAVAIL")
    stream.gone(local, 20)
    assert outcome(stream) == ("unreachable", None)


# -------------------------------------------------------------- who hands over to whom


def test_a_transfer_that_names_no_transferee_is_of_who_else_was_in_the_bridge() -> None:
    handoff = only_handoff(blind(talk(), transferee=False))
    assert (handoff["transferor"], handoff["transferee"], handoff["target"]) == (SEAT, CALLER, "600")


@pytest.mark.parametrize("event", ["BlindTransfer", "AttendedTransfer"])
def test_a_transfer_of_nobody_known_is_no_handoff(event: str) -> None:
    stream = Stream()
    stream.event(event, Result="Success")
    assert report(stream.events) == {"calls": [], "handoffs": []}


def test_a_transfer_told_twice_without_times_is_one() -> None:
    stream = talk(times=False)
    blind(stream)
    twice = [*stream.events, *(event for event in stream.events if event.name == "BlindTransfer")]
    assert len(report(twice)["handoffs"]) == 1


def consulting(*, answered: bool) -> Stream:
    stream = talk()
    stream.comes(SEAT2, 3, "201", "202")
    stream.rung(SEAT2, TARGET, 4, 3, "202")
    if answered:
        stream.up(TARGET)
        stream.dial_ends(SEAT2, TARGET, "ANSWER")
        stream.enters("b2", TARGET, SEAT2)
    return stream


def attended(stream: Stream, result: str = "Success", **target: str) -> Stream:
    roles = {"OrigTransferer": SEAT, "SecondTransferer": SEAT2, "Transferee": CALLER, **target}
    stream.event("AttendedTransfer", roles=roles, Result=result)
    return stream


def test_an_attended_transfer_that_failed_has_failed() -> None:
    assert outcome(attended(consulting(answered=True), "Fail", TransferTarget=TARGET)) == ("failed", TARGET)


def test_a_caller_handed_to_a_ringing_phone_that_refuses() -> None:
    stream = attended(consulting(answered=False))
    stream.dial_ends(SEAT2, TARGET, "BUSY")
    stream.gone(TARGET, 17, "486")
    assert outcome(stream) == ("busy", TARGET)


def test_an_attended_transfer_to_nobody_known_is_told_without_target() -> None:
    stream = talk()
    stream.known(SEAT2, 3, 3)
    handoff = only_handoff(attended(stream))
    assert (handoff["kind"], handoff["target"], handoff["target_channel"], handoff["outcome"]) == (
        "attended",
        None,
        None,
        None,
    )


def test_an_attended_transfer_to_a_phone_never_dialled_names_its_number() -> None:
    stream = talk()
    stream.known(SEAT2, 3, 3)
    stream.known(TARGET, 4, 4, "Ringing", "202")
    handoff = only_handoff(attended(stream, TransferTarget=TARGET))
    assert (handoff["target"], handoff["target_channel"], handoff["outcome"]) == ("202", TARGET, None)


def test_a_caller_joined_by_the_seat_with_one_who_called_it_is_still_the_caller() -> None:
    stream = talk()
    stream.comes(OTHER, 5, "203", "201")
    stream.rung(OTHER, SEAT2, 6, 5, "201")
    stream.up(OTHER)
    stream.up(SEAT2)
    handoff = only_handoff(attended(stream, TransferTarget=OTHER))
    assert (handoff["transferee"], handoff["target_channel"], handoff["outcome"]) == (CALLER, OTHER, "answered")
    assert (handoff["original_caller"], handoff["target"]) == (NUMBER, "203")


# -------------------------------------------------------------- redirects


def redirected(stream: Stream, *, told: bool = True) -> Stream:
    """AMI Redirect of the caller, who then dials."""
    stream.goes(CALLER, "600")
    if told:
        stream.leaves("b1", CALLER)
    stream.rung(CALLER, TARGET, 4, 1, "202")
    return stream


@pytest.mark.parametrize("told", [True, False])
def test_a_redirect_is_seen_also_where_leaving_was_not_told(told: bool) -> None:
    handoff = only_handoff(redirected(talk(), told=told))
    assert (handoff["kind"], handoff["transferor"], handoff["target"]) == ("redirect", SEAT, "600")


def test_when_the_seat_hangs_up_and_the_dialplan_dials_on_nobody_handed_over() -> None:
    stream = talk()
    stream.hangs_up(SEAT)
    stream.leaves("b1", SEAT, CALLER)
    stream.gone(SEAT)
    stream.rung(CALLER, TARGET, 4, 1, "202")
    assert report(stream.events)["handoffs"] == []


def test_the_number_dialled_stands_for_an_extension_that_was_not_told() -> None:
    stream = talk()
    stream.goes(CALLER, "s", "routine")
    stream.leaves("b1", CALLER)
    stream.rung(CALLER, TARGET, 4, 1, "202")
    assert only_handoff(stream)["target"] == "202"


def test_what_was_executed_without_reaching_a_phone_has_no_target_but_what_was_told() -> None:
    stream = talk()
    stream.goes(CALLER, "s", "routine")
    stream.leaves("b1", CALLER)
    stream.event("Newexten", CALLER, Application="Set")
    stream.event("Newexten", CALLER, Application="Dial")
    stream.event("VarSet", CALLER, Variable="DIALSTATUS", Value="CHANUNAVAIL")
    handoff = only_handoff(stream)
    assert (handoff["target"], handoff["outcome"]) == (None, "unreachable")


def test_a_recording_that_begins_in_mid_call_shows_the_redirect_and_no_time_of_answer() -> None:
    stream = Stream()
    stream.known(CALLER, 1, 1, "Up", NUMBER)
    stream.known(SEAT, 2, 1)
    stream.goes(CALLER, "600")
    stream.leaves("b1", CALLER, SEAT)
    stream.rung(CALLER, TARGET, 4, 1, "202")
    handoff = only_handoff(stream)
    assert (handoff["transferor"], handoff["transferee"], handoff["original_caller"]) == (SEAT, CALLER, NUMBER)
    assert [leg["answered_at"] for leg in call_of(stream, "1700000000.1")["legs"]] == [None, None, None]


# -------------------------------------------------------------- conferences


def moved_into_room(stream: Stream) -> Stream:
    stream.goes(CALLER, "9000")
    stream.goes(SEAT, "9000")
    stream.leaves("b1", CALLER, SEAT)
    return stream


def test_two_in_a_room_for_whom_nobody_was_asked_wait_for_one_unknown() -> None:
    stream = moved_into_room(talk())
    in_room(stream, SEAT, CALLER)
    handoff = only_handoff(stream)
    assert (handoff["kind"], handoff["transferor"], handoff["transferee"]) == ("conference", SEAT, CALLER)
    assert (handoff["target"], handoff["outcome"]) == (None, None)


def test_a_seat_that_waits_alone_in_a_room_is_no_conference() -> None:
    stream = moved_into_room(talk())
    in_room(stream, SEAT)
    stream.rung(CALLER, TARGET, 4, 1, "202")
    assert only_handoff(stream)["kind"] == "redirect"


def test_a_caller_who_waits_alone_in_a_room_is_no_conference() -> None:
    stream = moved_into_room(talk())
    in_room(stream, CALLER)
    assert report(stream.events)["handoffs"] == []


def test_a_room_that_a_transfer_leads_to_is_told_once_as_that_transfer() -> None:
    stream = blind(talk(), target="9000")
    stream.comes(OTHER, 5, "203", "9000")
    in_room(stream, OTHER, CALLER)
    handoff = only_handoff(stream)
    assert (handoff["kind"], handoff["target"], handoff["outcome"]) == ("blind", "9000", "answered")


def test_strangers_who_meet_in_a_room_hand_over_nothing() -> None:
    stream = Stream()
    stream.comes(CALLER, 1, NUMBER, "9000")
    stream.comes(OTHER, 5, "203", "9000")
    in_room(stream, CALLER, OTHER)
    assert report(stream.events)["handoffs"] == []


def test_a_third_who_called_in_is_named_by_its_number() -> None:
    stream = moved_into_room(talk())
    stream.comes(OTHER, 5, "203", "9000")
    in_room(stream, SEAT, CALLER, OTHER)
    assert (only_handoff(stream)["target"], outcome(stream)) == ("203", ("answered", OTHER))
