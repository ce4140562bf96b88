"""The recordings of live calls, as Asterisk tells of them, and what happened in their course."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from records.recordings.marks import Mark, MarkKind, marks_of
from records.recordings.store import Kept, RecordingState
from telephony import events
from telephony.events import ChannelSnapshot, LinkRestored
from telephony.handoff import Mode, Step
from telephony.recordings import Pause, Recording, RecordingBook, originals, recording_of
from tests.support.records import a_handoff

CALL = "n1-1795316359.0"
PATH = f"2026-11-22/{CALL}-1795316359533"
BEGAN = datetime(2026, 11, 22, 2, 59, 19, 533000, UTC)


def later(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def recorded() -> RecordingBook:
    book = RecordingBook("n1")
    assert book.apply(events.RecordingStarted(BEGAN, CALL, PATH)) == (book.live[CALL],)
    return book


def snapshot(**variables: str) -> LinkRestored:
    channel = ChannelSnapshot(CALL, CALL, "PJSIP/pstn-1", True, "", "", 1, variables)
    return LinkRestored(later(9), (channel,), {}, {}, (), None)


def test_given_the_path_that_the_dialplan_made_then_call_and_beginning_are_known_from_it() -> None:
    assert recording_of(PATH, "n1") == Recording(f"{CALL}-1795316359533", CALL, "n1", PATH + ".flac", BEGAN)
    assert originals(PATH + ".flac") == (PATH + ".caller.sln24", PATH + ".others.sln24")


@pytest.mark.parametrize(
    "path", ["", "x", "/etc/n1-1.0-1795316359533", "../n1-1.0-1795316359533", "day/n1-1.0-late", "day/n1-" + "9" * 20]
)
def test_given_another_path_then_it_is_no_recording(path: str) -> None:
    assert recording_of(path, "n1") is None
    assert RecordingBook("n1").apply(events.RecordingStarted(BEGAN, CALL, path)) == ()


def test_given_a_recording_told_twice_or_of_another_channel_then_it_is_the_first() -> None:
    book = recorded()

    assert book.apply(events.RecordingStarted(later(1), CALL, f"2026-11-22/{CALL}-1795316369533")) == ()
    assert book.apply(events.RecordingStarted(later(1), "n1-2.0", PATH)) == ()


def test_given_the_caller_hangs_up_then_the_recording_ends_and_others_that_hang_up_end_nothing() -> None:
    book = recorded()

    assert book.apply(events.ChannelGone(later(5), "n1-1795316360.1", CALL, "PJSIP/2101-1", 16, None)) == ()
    (ended,) = book.apply(events.ChannelGone(later(6), CALL, CALL, "PJSIP/pstn-1", 16, None))

    assert (ended.ended_at, ended.live, book.live) == (later(6), False, {})


def test_given_it_is_paused_and_resumed_then_it_says_who_why_and_when_asterisk_did_it() -> None:
    book = recorded()
    asked = book.put(book.live[CALL].pause(later(2), "fang", "银行卡号"))
    assert (asked.paused, asked.settled) == (True, False)

    (paused,) = book.apply(events.RecordingMuted(later(3), CALL, True))
    assert (paused.paused, paused.settled) == (True, True)
    assert book.apply(events.RecordingMuted(later(3), CALL, True)) == (), "told twice"
    resumed = book.put(paused.resume("ban"))
    assert (resumed.paused, resumed.settled) == (False, False)
    (gone_on,) = book.apply(events.RecordingMuted(later(4), CALL, False))

    assert gone_on.pauses == (Pause(later(2), "fang", "银行卡号", later(3), "ban", later(4)),)
    assert gone_on.settled
    assert book.apply(events.RecordingMuted(later(4), CALL, False)) == (), "told twice"


def test_given_a_pause_whose_beginning_was_never_told_then_its_end_settles_it() -> None:
    book = recorded()
    book.put(book.live[CALL].pause(later(2), "fang", "").resume("fang"))

    (settled,) = book.apply(events.RecordingMuted(later(4), CALL, False))

    assert settled.pauses == (Pause(later(2), "fang", "", later(4), "fang", later(4)),)


def test_given_nobody_asked_then_what_asterisk_says_of_a_mute_changes_nothing() -> None:
    book = recorded()

    assert book.apply(events.RecordingMuted(later(3), CALL, True)) == ()
    assert book.apply(events.RecordingMuted(later(3), "n1-7.7", True)) == ()
    assert book.apply(events.ChannelAnswered(later(3), CALL)) == ()


def test_given_an_outage_when_the_link_is_back_then_what_is_recorded_is_known_from_its_channel() -> None:
    book = RecordingBook("n1")

    (found,) = book.apply(snapshot(RECORDING=PATH))

    assert (found.started_at, book.live) == (BEGAN, {CALL: found})
    assert book.apply(snapshot(RECORDING=PATH)) == ()
    assert RecordingBook("n1").apply(snapshot()) == ()


def test_given_the_caller_hung_up_in_an_outage_then_the_recording_ended_by_then() -> None:
    book = recorded()

    (ended,) = book.apply(LinkRestored(later(9), (), {}, {}, (), None))

    assert (ended.ended_at, book.live) == (later(9), {})
    assert book.put(ended) is ended and book.live == {}, "what has ended is not taken up again"


def test_given_a_restart_then_pauses_are_taken_up_and_do_not_replace_what_is_known() -> None:
    book = RecordingBook("n1")
    paused = Recording("r", CALL, "n1", PATH + ".flac", BEGAN).pause(later(1), "fang", "")
    book.adopt([paused])
    book.adopt([replace(paused, pauses=())])

    assert book.live == {CALL: paused}
    assert book.apply(snapshot(RECORDING=PATH)) == ()


# ---------------------------------------------------------------- marks


def kept(**changes: object) -> Kept:
    whole = Kept(
        id="r", call_id=CALL, node="n1", path=PATH + ".flac", started_at=BEGAN, ended_at=later(60), pauses=(),
        state=RecordingState.WHOLE, problem=None, channels=2, seconds=60.0, bytes=1, sha256="0", hold=False,
        hold_reason=None, held_by=None, delete_after=None, deleted_at=None,
    )  # fmt: skip
    return replace(whole, **changes)  # type: ignore[arg-type]  # by name


def test_given_a_handoff_that_came_back_and_one_that_was_answered_then_each_has_its_marks() -> None:
    failed = replace(
        a_handoff(id="h-1", target="110", from_seat="2101"),
        timeline=(
            Step(later(5), "started"),
            Step(later(6), "rings"),
            Step(later(9), "fails"),
            Step(later(9.5), "served"),
        ),
    )
    answered = replace(
        a_handoff(id="h-2", target="120", from_seat="2101"),
        mode=Mode.CONFERENCE,
        target_seat="",
        timeline=(Step(later(20), "started"), Step(later(22.25), "answers"), Step(later(30), "decided")),
    )
    recording = kept(pauses=(Pause(later(12), "fang", "银行卡号", later(12.5), "fang", later(15)),))

    assert marks_of(recording, [answered, failed]) == [
        Mark(5.0, MarkKind.HANDOFF, "110", handoff_id="h-1"),
        Mark(9.0, MarkKind.FAILED, "110", handoff_id="h-1"),
        Mark(9.5, MarkKind.BACK, "2101", handoff_id="h-1"),
        Mark(12.5, MarkKind.PAUSE, "银行卡号", 15.0),
        Mark(20.0, MarkKind.THREE_WAY, "120", handoff_id="h-2"),
        Mark(22.25, MarkKind.ANSWERED, "120", handoff_id="h-2"),
    ]


def test_given_something_before_the_recording_or_never_done_then_it_has_no_mark() -> None:
    before = replace(a_handoff(id="h-1"), timeline=(Step(later(-3), "started"),))
    recording = kept(pauses=(Pause(later(1), "fang"), Pause(later(50), "fang", "", later(51))))

    assert marks_of(recording, [before]) == [Mark(51.0, MarkKind.PAUSE)]
