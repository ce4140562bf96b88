"""Reading a recording, putting it in order, and harming it on purpose."""

from __future__ import annotations

import pytest

from telephony.ami.frames import AmiEvent
from telephony.replay import harm
from telephony.replay.lines import BrokenRecording, read
from telephony.replay.order import in_order


def refuse(broken: BrokenRecording) -> None:
    raise AssertionError(broken.message)


def stamped(name: str, at: str) -> AmiEvent:
    return AmiEvent(name, {"Event": name, "Timestamp": at})


def names(events: list[AmiEvent]) -> list[str]:
    return [event.name for event in events]


def test_each_line_is_an_event_and_what_is_no_event_is_passed_over() -> None:
    lines = [b'{"Event":"A","ChanVariable":["x=1",2],"N":3,"E":null}\n', b"\n", b'{"Response":"Success"}\n']
    assert list(read(lines, "f", skipped=refuse)) == [
        AmiEvent("A", {"Event": "A", "ChanVariable": ["x=1", "2"], "N": "3", "E": ""})
    ]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b"nonsense", b'"text"\n', b'{"Event":\n'])
def test_a_line_that_is_no_object_names_its_place(line: bytes) -> None:
    with pytest.raises(BrokenRecording, match=r"^calls\.jsonl:2: ."):
        list(read([b'{"Event":"A"}\n', line], "calls.jsonl", skipped=refuse))


def test_broken_lines_can_be_left_out_and_are_told() -> None:
    told: list[BrokenRecording] = []
    lines = [b"nonsense\n", b'{"Event":"A"}\n']
    assert names(list(read(lines, "f", skipped=told.append, skip_broken=True))) == ["A"]
    assert [broken.message.partition(": ")[0] for broken in told] == ["f:1"]


def test_a_last_line_cut_off_in_the_middle_is_told_and_no_failure() -> None:
    told: list[BrokenRecording] = []
    assert names(list(read([b'{"Event":"A"}\n', b'{"Event":"B","Chan'], "f", skipped=told.append))) == ["A"]
    assert len(told) == 1


def test_late_events_go_where_their_time_says_and_doubled_ones_once() -> None:
    a, b, c = stamped("A", "10.1"), stamped("B", "10.2"), stamped("C", "10.3")
    assert names(in_order([b, c, a, b, stamped("B", "10.2")])) == ["A", "B", "C"]


@pytest.mark.parametrize("nothing", ["", "soon", "nan", "inf", "-1"])
def test_events_without_a_time_stay_behind_what_they_followed(nothing: str) -> None:
    timeless = stamped("X", nothing)
    assert names(in_order([stamped("B", "10.2"), timeless, timeless, stamped("A", "10.1"), timeless])) == [
        "A",
        "X",
        "B",
        "X",
    ]


def test_a_clock_that_was_set_back_is_no_disorder() -> None:
    assert names(in_order([stamped("A", "1000"), stamped("B", "900"), stamped("C", "901")])) == ["A", "B", "C"]


def test_the_same_seed_does_the_same_harm() -> None:
    stream = list(range(200))
    for harmed in (harm.lose(stream, 0.3, 7), harm.double(stream, 0.3, 7), harm.reorder(stream, 5, 7)):
        assert harmed != stream
    assert harm.lose(stream, 0.3, 7) == harm.lose(stream, 0.3, 7) != harm.lose(stream, 0.3, 8)
    assert harm.reorder(stream, 5, 7) == harm.reorder(stream, 5, 7)


def test_harm_does_what_it_says_and_no_more() -> None:
    stream = list(range(1000))
    lost, doubled, moved = harm.lose(stream, 0.2, 1), harm.double(stream, 0.2, 1), harm.reorder(stream, 4, 1)
    assert 700 < len(lost) < 900
    assert lost == sorted(lost)
    assert 1100 < len(doubled) < 1300
    assert sorted(set(doubled)) == stream == sorted(moved)
    assert max(abs(place - event) for place, event in enumerate(moved)) <= 4
    assert harm.lose(stream, 0, 1) == harm.double(stream, 0, 1) == harm.reorder(stream, 0, 1) == stream
    assert harm.lose(stream, 1, 1) == []
