"""What Asterisk wrote down itself (CEL) while nobody listened; rows as an Asterisk 22 wrote them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony.asterisk import cel
from telephony.asterisk.cel import steps
from telephony.events import HandoffReported, LinkLost
from telephony.resync import unheard
from tests.support.story import CALL, Story

H, U = "d81c70ee-d637-4cea-9e6c-fc7fe01d00f5", "lab-1795293021.3"


def row(words: str, *, kind: str = "HandoffStep", at: str = "2026-11-21 20:30:33.269515", uniqueid: str = U) -> str:
    return (
        f'"{kind}","{at}","张三","13800001111","13800001111","","12345","s","step","PJSIP/pstn-00000003",'
        f'"CELGenUserEvent","HandoffStep,{words}","{uniqueid}","{U}","","","USER_DEFINED","HandoffStep",'
        f'"{{""extra"":""{words}""}}"\n'
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Master.csv"


def told(file: Path, *ids: str) -> list[tuple[str, str]]:
    return [(step.step, step.status) for step in steps(file, ids or (H,))]


@pytest.fixture(autouse=True)
def beijing(monkeypatch: pytest.MonkeyPatch) -> None:
    """CEL writes the machine's own time."""
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()


def test_a_step_is_read_whole(file: Path) -> None:
    file.write_text(row(f"result {H} 110 BUSY   603 21"))

    assert list(steps(file, {H})) == [
        HandoffReported(
            datetime(2026, 11, 21, 12, 30, 33, 269515, UTC),
            "result", H, U, U, target="110", status="BUSY", sip_code=603, cause=21,
        )
    ]  # fmt: skip


def test_an_answer_names_the_targets_channel_and_seat(file: Path) -> None:
    file.write_text(row(f"answered {H} 110 ANSWER lab-9.9 1101", uniqueid="lab-1.1"))
    (step,) = steps(file, {H})

    assert (step.step, step.uniqueid, step.linkedid, step.seat, step.sip_code) == (
        "answered",
        "lab-9.9",
        U,
        "1101",
        None,
    )


def test_an_answer_says_what_the_target_was_shown(file: Path) -> None:
    file.write_text(row(f"answered {H} 120 ANSWER lab-9.9    %3Csip%3A13800001111%40127.0.0.1%3E"))
    (step,) = steps(file, {H})

    assert (step.seat, step.sip_code, step.cause, step.shown) == ("", None, None, "<sip:13800001111@127.0.0.1>")


def test_steps_come_in_order_and_only_those_of_the_handoffs_asked_for(file: Path) -> None:
    other = "fc8b38b8-aff1-4609-a6f3-f3545fe01426"
    file.write_text(row(f"start {H} 110 ") + row(f"back {other} 110 CANCELLED") + row(f"result {H} 110 BUSY"))

    assert told(file) == [("start", ""), ("result", "BUSY")]
    assert told(file, other) == [("back", "CANCELLED")]
    assert told(file, H, other) == [("start", ""), ("back", "CANCELLED"), ("result", "BUSY")]


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
        row(f"start {H} 110 ", kind="CHAN_START"),
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


def test_only_steps_after_all_that_was_heard_of_their_handoff_are_told() -> None:
    story = Story().talking().asks().starts().rings("1101")
    heard = story.handoff.timeline[-1].at
    story.tell(LinkLost(story.now, "connection-lost"))
    recorded = [
        HandoffReported(heard - timedelta(seconds=1), "start", story.id, CALL, CALL),
        HandoffReported(heard + timedelta(milliseconds=1), "result", story.id, CALL, CALL),
        HandoffReported(heard - timedelta(seconds=9), "start", "another", CALL, CALL),
    ]

    assert list(unheard(story.tracker, recorded)) == recorded[1:]


def test_no_file_or_nothing_to_look_for_is_no_step(file: Path) -> None:
    assert told(file) == []
    file.write_text(row(f"start {H} 110 "))
    assert list(steps(file, ())) == []


def test_of_a_large_file_only_the_end_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = row(f"result {H} 110 BUSY") + row(f"back {H} 110 BUSY")
    file.write_text(row(f"start {H} 110 ") * 50 + last)
    monkeypatch.setattr(cel, "MOST_BYTES", len(last.encode()) + 10)  # ends inside a row

    assert told(file) == [("result", "BUSY"), ("back", "BUSY")]
