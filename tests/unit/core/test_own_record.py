"""What Asterisk wrote down itself (CEL) while nobody listened; rows as an Asterisk 22 wrote them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony import events
from telephony.asterisk import cel
from telephony.cel import Row, facts, row_of, step_of
from telephony.conference import TARGET
from telephony.events import ChannelSnapshot, ConferenceReported, HandoffReported, LinkLost, LinkRestored
from telephony.handoff import Mode
from telephony.resync import missed
from telephony.tracker import Tracker
from telephony.unheard import heard, unheard, unheard_since
from tests.support.story import CALL, SEAT_ID, Story

H, U = "d81c70ee-d637-4cea-9e6c-fc7fe01d00f5", "lab-1795293021.3"
AT = datetime(2026, 11, 21, 12, 30, 33, 269515, UTC)


def row(words: str, *, kind: str = "HandoffStep", at: str = "2026-11-21 20:30:33.269515", uniqueid: str = U) -> str:
    return (
        f'"{kind}","{at}","张三","13800001111","13800001111","","12345","s","step","PJSIP/pstn-00000003",'
        f'"CELGenUserEvent","HandoffStep,{words}","{uniqueid}","{U}","","","USER_DEFINED","HandoffStep",'
        f'"{{""extra"":""{words}""}}"\n'
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Master.csv"


@pytest.fixture(autouse=True)
def beijing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """CEL writes the machine's own time."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def told(file: Path) -> list[tuple[str, str]]:
    steps = (step_of(each) for each in cel.rows(file))
    return [(step.step, step.status) for step in steps if step]


def the_fact(file: Path) -> events.Event:
    (fact,) = (fact for each in cel.rows(file) for fact in facts(each))
    return fact


def native(event: str, uniqueid: str = U, channel: str = "PJSIP/2101-00000001", **about: object) -> Row:
    return Row(AT, event, uniqueid, U, channel, **about)  # type: ignore[arg-type]  # the test's own words


def test_a_step_is_read_whole(file: Path) -> None:
    file.write_text(row(f"result {H} 110 BUSY   603 21  12345 key on_answer"))

    assert the_fact(file) == HandoffReported(
        AT, "result", H, U, U, target="110", status="BUSY", sip_code=603, cause=21,
        from_line="12345", via="key", release="on_answer", source="cel",
    )  # fmt: skip


def test_an_answer_names_the_targets_channel_its_seat_and_what_it_was_shown(file: Path) -> None:
    file.write_text(row(f"answered {H} 120 ANSWER lab-9.9 1101   %3Csip%3A13800001111%40127.0.0.1%3E"))
    step = the_fact(file)

    assert isinstance(step, HandoffReported)
    assert (step.uniqueid, step.seat, step.sip_code, step.cause) == ("lab-9.9", "1101", None, None)
    assert step.shown == "<sip:13800001111@127.0.0.1>"


def test_a_step_of_a_three_way_call_names_party_and_call(file: Path) -> None:
    file.write_text(row(f"result {H} p4 120 BUSY lab-9.9  486 17  12345 {U}", kind="ConferenceStep"))

    assert the_fact(file) == ConferenceReported(
        AT, "result", H, "p4", "lab-9.9", target="120", status="BUSY", sip_code=486, cause=17, source="cel"
    )
    (read,) = (step_of(each) for each in cel.rows(file))
    assert read is not None
    assert (read.from_line, read.call_id) == ("12345", U)


def test_an_arrival_is_told_as_it_came(file: Path) -> None:
    file.write_text(row("110 %2B86110 %2B8613800001111 pstn", kind="CallArrived"))

    assert the_fact(file) == events.CallArrived(
        AT, U, U, "PJSIP/pstn-00000003", "+8613800001111", "张三", "", "+86110", "110", "pstn"
    )


@pytest.mark.parametrize(
    ("written", "means"),
    [
        (native("CHAN_START", number="2101"), [events.ChannelCreated(AT, U, U, "PJSIP/2101-00000001", "2101")]),
        (native("ANSWER"), [events.ChannelAnswered(AT, U)]),
        (native("BRIDGE_ENTER", extra={"bridge_id": "b"}), [events.BridgeEntered(AT, U, "b")]),
        (native("BRIDGE_EXIT", extra={"bridge_id": "b"}), [events.BridgeLeft(AT, U, "b")]),
        (
            native("BRIDGE_ENTER", app="AppQueue", extra={"bridge_id": "b"}),
            [
                events.SeatAnswered(AT, U, U, "PJSIP/2101-00000001", "2101", ""),
                events.BridgeEntered(AT, U, "b"),
            ],
        ),
        (
            native("BRIDGE_ENTER", app="ConfBridge", exten=H, extra={"bridge_id": "b"}),
            [events.ConferenceJoined(AT, H, U, "PJSIP/2101-00000001"), events.BridgeEntered(AT, U, "b")],
        ),
        (
            native("HANGUP", extra={"hangupcause": 17}),
            [events.ChannelGone(AT, U, U, "PJSIP/2101-00000001", 17, None)],
        ),
        (native("HANGUP"), [events.ChannelGone(AT, U, U, "PJSIP/2101-00000001", None, None)]),
        (native("HandoffStep", extra={"extra": "gone"}), []),
        (native("LINKEDID_END"), []),
    ],
)
def test_native_rows_are_the_facts_that_the_link_would_have_told(written: Row, means: list[events.Event]) -> None:
    assert list(facts(written)) == means


@pytest.mark.parametrize(
    "broken",
    [
        "\n",
        "\x00\n",
        "no csv at all\n",
        '"HandoffStep","2026-11-21 20:30\n',
        '"HandoffStep","2026-11-21 20:30:33.2","张\n',
        row(f"start {H} 110 ")[:-20] + "\n",
        row(f"start {H} 110 ", at="yesterday"),
        row(f"start {H} 110 ").replace(f'"{U}","{U}"', '"",""'),
        row("gone"),
        row("x").replace('"{""extra"":""x""}"', '"[]"'),
        row("x").replace('"{""extra"":""x""}"', '"{}"'),
        row("x").replace('"{""extra"":""x""}"', '"{"'),
        '"' + "x" * 200_000 + '"\n',
    ],
)
def test_a_record_that_is_not_whole_costs_only_itself(file: Path, broken: str) -> None:
    file.write_text(row(f"start {H} 110 ") + broken + row(f"result {H} 110 BUSY"))

    assert told(file) == [("start", ""), ("result", "BUSY")]


def test_bytes_that_are_no_text_cost_nothing_else(file: Path) -> None:
    file.write_bytes(row(f"start {H} 110 ").encode() + b"\xff\xfe,\x80\n" + row(f"result {H} 110 BUSY").encode())

    assert told(file) == [("start", ""), ("result", "BUSY")]


def test_a_record_that_is_just_being_written_is_passed_over(file: Path) -> None:
    file.write_text(row(f"start {H} 110 ") + row(f"result {H} 110 BUSY")[:60])

    assert told(file) == [("start", "")]


def lost(story: Story) -> Story:
    return story.tell(LinkLost(story.now, "connection-lost"))


def test_only_what_came_after_all_that_was_heard_of_a_call_is_told() -> None:
    story = Story().talking().asks().starts().rings("1101")
    last = story.now
    lost(story)
    before, after = last - timedelta(seconds=1), last + timedelta(milliseconds=1)
    new = [
        HandoffReported(after, "result", story.id, CALL, CALL),
        events.BridgeEntered(after, CALL, "b"),
        events.ChannelGone(after, SEAT_ID, CALL, "", None, None),
    ]
    old = [HandoffReported(before, "start", each, CALL, CALL) for each in ("another", story.id)]
    others = [
        events.CallArrived(after, "x-1", "x-1", "", "", "", "", "", "", ""),
        events.BridgeEntered(after, "nobody", "b"),
    ]

    assert heard(story.tracker) == {CALL: last}
    assert list(unheard(story.tracker, [*old, *others, *new])) == new


def test_what_was_recorded_a_moment_before_the_last_that_was_heard_and_was_not_heard_is_told() -> None:
    """The link tells a step with a later time than the record's: here everything 300 ms later."""
    story = lost(Story().talking().asks().starts().rings("1101").step("result", status="BUSY"))
    behind = timedelta(milliseconds=300)
    heard_at = {step.event: step.at - behind for step in story.handoff.timeline}
    known = [
        HandoffReported(heard_at["started"], "start", story.id, CALL, CALL),
        HandoffReported(heard_at["fails"], "result", story.id, CALL, CALL),
    ]
    soon = heard_at["fails"] + timedelta(milliseconds=10)
    new = [HandoffReported(soon, "back", story.id, CALL, CALL), events.BridgeEntered(soon, CALL, "b")]

    assert all(fact.at < heard(story.tracker)[CALL] for fact in new)
    assert list(unheard(story.tracker, [*known, *new])) == new


def test_a_call_of_which_nothing_known_was_recorded_is_told_by_time() -> None:
    story = lost(Story().talking())
    last = heard(story.tracker)[CALL]
    before, after = (events.BridgeEntered(last + timedelta(seconds=side), CALL, "b") for side in (-1, 1))

    assert list(unheard(story.tracker, [before, after])) == [after]


def test_a_third_party_that_answered_a_moment_before_the_last_that_was_heard_is_told() -> None:
    story = lost(Story().talking().asks(mode=Mode.CONFERENCE).party("dialling"))
    behind = timedelta(milliseconds=300)
    (started,) = (step.at - behind for step in story.handoff.timeline if step.event == "started")
    known = ConferenceReported(started, "dialling", story.id, TARGET, "u")
    new = ConferenceReported(started + timedelta(milliseconds=10), "answered", story.id, TARGET, "u")

    assert list(unheard(story.tracker, [known, new])) == [new]


def test_a_step_that_was_heard_long_before_is_not_the_one_that_was_not_heard() -> None:
    story = lost(Story().talking().asks().starts().step("result", status="BUSY").step("back"))
    again = [HandoffReported(story.now + timedelta(minutes=1), "back", story.id, CALL, CALL)]

    assert list(unheard(story.tracker, again)) == again


def test_asterisks_record_is_read_from_the_newest_that_was_heard_and_from_before_calls_nobody_heard_of() -> None:
    story = Story().talking()
    last = heard(story.tracker)[CALL]
    later = last + timedelta(hours=3)
    here = story.caller_channel("b1")
    new = replace(here, uniqueid="n-2.0", channel="PJSIP/pstn-n-2.0", seconds=7200, variables={
        "CALLER_CHANNEL": "PJSIP/pstn-n-2.0"
    })  # fmt: skip

    assert unheard_since(Story().tracker, LinkRestored(later, ())) is None
    assert unheard_since(story.tracker, LinkRestored(later, (here,))) == last - timedelta(minutes=1)
    assert unheard_since(story.tracker, LinkRestored(last, (here, new))) == last - timedelta(seconds=7202)
    assert unheard_since(Story().tracker, LinkRestored(later, (new,))) == later - timedelta(seconds=7202)


def test_a_three_way_call_is_known_by_its_room_and_by_its_parties() -> None:
    story = lost(Story().talking().asks(mode=Mode.CONFERENCE))
    after = story.now + timedelta(seconds=1)
    told = [
        ConferenceReported(after, "answered", story.id, TARGET, "u"),
        events.ConferenceJoined(after, story.id, "u", ""),
        events.ChannelCreated(after, "u", f"{story.id}-{TARGET}", "PJSIP/1101-1", ""),
    ]

    assert list(unheard(story.tracker, told)) == told


def test_a_handoff_whose_call_is_not_known_is_heard_of_since_it_was_made() -> None:
    story = Story().talking().asks()
    story.tracker.book.calls.clear()

    assert heard(story.tracker) == {CALL: story.handoff.created_at}


def test_no_file_is_no_row(file: Path) -> None:
    assert told(file) == []
    assert cel.of_handoffs(file, AT, AT) == cel.Written(())


def at(second: int) -> str:
    return f"2026-11-21 20:{second // 60:02}:{second % 60:02}.000000"


def targets(file: Path, since: datetime) -> list[str]:
    return [step.target for each in cel.rows(file, since) if (step := step_of(each))]


def test_of_a_large_file_only_the_end_is_read(file: Path) -> None:
    last = row(f"result {H} 110 BUSY") + row(f"back {H} 110 BUSY")
    file.write_text(row(f"start {H} 110 ") * 50 + last)
    ends_inside_a_row = len(last.encode()) + 10

    found = [step_of(each) for each in cel.rows(file, most_bytes=ends_inside_a_row)]
    assert [step.step for step in found if step] == ["result", "back"]


def test_a_time_is_found_in_a_large_file_without_reading_what_came_before(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("".join(row(f"start {H} {second}", at=at(second)) for second in range(3600)))
    parsed: list[object] = []
    monkeypatch.setattr(cel, "row_of", lambda columns: parsed.append(columns) or row_of(columns))

    found = [
        step.target for each in cel.rows(file, datetime(2026, 11, 21, 12, 58, 0, 0, UTC)) if (step := step_of(each))
    ]

    assert found == [str(second) for second in range(58 * 60, 3600)]
    assert len(parsed) < 600


def test_torn_stretches_do_not_mislead_the_search(file: Path) -> None:
    whole = [row(f"start {H} {second}", at=at(second)) for second in range(3600)]
    whole[1700:2500] = ["torn\n"] * 800
    file.write_text("".join(whole))

    found = [
        step.target for each in cel.rows(file, datetime(2026, 11, 21, 12, 20, 0, 0, UTC)) if (step := step_of(each))
    ]

    assert found == [str(second) for second in (*range(1200, 1700), *range(2500, 3600))]


def chan(event: str, uniqueid: str, second: int, linkedid: str = "") -> str:
    ids = f'"{uniqueid}","{linkedid or uniqueid}"'
    return (
        f'"{event}","{at(second)}","","","","","","110","from-trunk","PJSIP/pstn-1","","",{ids},"","","{event}","",""\n'
    )


def test_of_handoffs_gives_their_calls_from_the_beginning_and_no_others(file: Path) -> None:
    born = int(datetime(2026, 11, 21, 12, 1, 0, 0, UTC).timestamp())
    call, other, reborn = f"n1-{born}.7", f"n1-{born}.8", f"n1-{born}.0"
    file.write_text(
        chan("CHAN_START", "n1-1.1", 1)
        + chan("CHAN_START", call, 60)
        + chan("CHAN_START", other, 61)
        + "torn\n"
        + chan("CHAN_START", reborn, 62)
        + chan("CHAN_START", "leg", 299, call)
        + row(f"start {H} 110  {call} 2101", at=at(300), uniqueid=call).replace(f'"{U}"', f'"{call}"')
        + row(f"start later 110  {other} 2101", at=at(900), uniqueid=other).replace(f'"{U}"', f'"{other}"')
        + chan("CHAN_END", call, 1000)
    )
    since, until = datetime(2026, 11, 21, 12, 4, 0, 0, UTC), datetime(2026, 11, 21, 12, 10, 0, 0, UTC)

    found = cel.of_handoffs(file, since, until)

    assert [(each.event, each.uniqueid) for each in found.rows] == [
        ("CHAN_START", call),
        ("CHAN_START", reborn),
        ("CHAN_START", "leg"),
        ("HandoffStep", call),
        ("CHAN_END", call),
    ]
    assert found.begins == datetime(2026, 11, 21, 12, 0, 1, 0, UTC)
    assert found.torn == (datetime(2026, 11, 21, 12, 1, 1, 0, UTC),)


def test_a_call_that_came_and_was_handed_over_while_nobody_listened_is_told_from_its_beginning() -> None:
    tracker = Tracker("n1")
    number, began = "13800001111", AT - timedelta(seconds=9)
    caller = ChannelSnapshot(
        U,
        U,
        "PJSIP/pstn-1",
        True,
        number,
        "b",
        9,
        {"CALLER_CHANNEL": "PJSIP/pstn-1", "HOTLINE_CALLER": number, "HOTLINE_LINE": "110", "HOTLINE_PRES": "prohib"},
    )
    snapshot = LinkRestored(AT, (caller,), {}, {}, ())
    told = [
        events.CallArrived(began, U, U, "PJSIP/pstn-1", number, "", "", "12345", "12345", "pstn"),
        HandoffReported(AT, "start", H, U, U, via="key", target="110", from_line="12345", seat="2101"),
        HandoffReported(AT, "answered", H, "t", U, shown=f"<sip:{number}@n1>", seat="1101", target="110"),
    ]
    strangers = [events.CallArrived(began, "x-1", "x-1", "", "", "", "", "", "", "")]

    later = [events.ChannelGone(AT + timedelta(milliseconds=1), U, U, "PJSIP/pstn-1", 16, None)]

    for fact in unheard(tracker, [*strangers, *told, *later], snapshot):
        tracker.apply(fact)
    for fact in missed(tracker, snapshot):
        tracker.apply(fact)

    handoff, call = tracker.handoffs[H], tracker.book.calls[U]
    assert (handoff.from_line, handoff.from_seat, handoff.caller_seen_by_target) == ("12345", "2101", number)
    assert (call.first_line, call.presentation, list(tracker.book.calls)) == ("12345", "prohib", [U])
