"""Recorded streams: what they say, also when they were harmed on the way.

``ours``: each scene on our own dialplan (scripts/record_transcripts.py), beside it the record that the service kept.
``foreign``: a plain dialplan of somebody else (scripts/record_foreign.py). ``written``: by hand, for what
the two above do not show. The output wanted is beside each, as ``*.expected.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from telephony.ami.frames import AmiEvent
from telephony.ami.translate import translate
from telephony.replay import harm
from telephony.replay.lines import read
from telephony.replay.report import report
from telephony.tracker import Tracker

FOLDER = Path(__file__).parent / "transcripts"
ALL = sorted(FOLDER.glob("*/*.jsonl"))
OURS = [path for path in ALL if path.with_suffix(".record.json").exists()]
TRANSFERS = [path for path in OURS if b'"mode": "conference"' not in path.with_suffix(".record.json").read_bytes()]
CALLERS = {"13800001111", "13900002222", "02155550001", "02155550002"}


def story(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def events_of(path: Path) -> list[AmiEvent]:
    broken: list[Any] = []
    with path.open("rb") as lines:
        events = list(read(lines, path.name, skipped=broken.append))
    assert not broken
    return events


def json_of(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


recordings = pytest.mark.parametrize("path", ALL, ids=story)


@recordings
def test_a_recording_says_what_is_written_beside_it(path: Path) -> None:
    assert report(events_of(path)) == json_of(path.with_suffix(".expected.json"))


@recordings
@pytest.mark.parametrize("seed", range(3))
def test_doubled_and_late_events_change_nothing(path: Path, seed: int) -> None:
    events = events_of(path)
    if not events[-1].get("Timestamp"):
        events = harm.double(events, 0.5, seed)  # nothing tells where a late one belongs
    else:
        events = harm.reorder(harm.double(events, 0.5, seed), 8, seed)
    assert report(events) == json_of(path.with_suffix(".expected.json"))


@recordings
def test_without_what_the_dialplan_executed_nothing_wrong_is_said(path: Path) -> None:
    """Class ``dialplan`` is often not read; then a target that no phone was rung for may stay unknown."""
    events = [event for event in events_of(path) if event.name not in ("Newexten", "VarSet")]
    for seen, wanted in zip(
        report(events)["handoffs"], json_of(path.with_suffix(".expected.json"))["handoffs"], strict=True
    ):
        assert seen == wanted or seen == {**wanted, "outcome": None}


@recordings
def test_a_recording_that_breaks_off_does_not_make_up_an_end(path: Path) -> None:
    """At every place: an outcome that is told stays, and no number is shown that nobody called from."""
    events, wanted = events_of(path), json_of(path.with_suffix(".expected.json"))
    final = {(each["transferee"], each["target"]): each["outcome"] for each in wanted["handoffs"]}
    for length in range(0, len(events), 3):
        for handoff in report(events[:length])["handoffs"]:
            assert handoff["outcome"] in (None, final.get((handoff["transferee"], handoff["target"])))
            assert handoff["original_caller"] in CALLERS


def test_of_lost_events_little_is_missed_and_next_to_nothing_told_wrong() -> None:
    """One event in 20 is lost: the same, unknown or not seen; wrong in less than 1 in 100, and never the caller."""
    told = {"same": 0, "unknown": 0, "missed": 0, "wrong": 0}
    for path in ALL:
        events, wanted = events_of(path), json_of(path.with_suffix(".expected.json"))["handoffs"]
        for seed in range(20):
            seen = {each["transferee"]: each for each in report(harm.lose(events, 0.05, seed))["handoffs"]}
            for handoff in wanted[-1:]:
                found = seen.get(handoff["transferee"])
                if found is None:
                    told["missed"] += 1
                    continue
                assert found["original_caller"] in (handoff["original_caller"], None)
                same = found["outcome"] == handoff["outcome"]
                told["same" if same else "unknown" if found["outcome"] is None else "wrong"] += 1
    total = sum(told.values())
    assert told["same"] > 0.9 * total, told
    assert told["wrong"] < 0.01 * total, told


@pytest.mark.parametrize("path", OURS, ids=story)
def test_our_recordings_say_what_the_service_had_on_record(path: Path) -> None:
    handoff, record = report(events_of(path))["handoffs"][-1], json_of(path.with_suffix(".record.json"))
    assert handoff["linkedid"] == record["call_id"]
    assert handoff["outcome"] == record["outcome"]
    assert handoff["original_caller"] == record["original_caller"]
    assert handoff["target"] == record["target"]
    assert record["target_channel"] in (None, handoff["target_channel"])
    assert (handoff["kind"] == "conference") == (record["mode"] == "conference")


@pytest.mark.parametrize("path", TRANSFERS, ids=story)
def test_the_service_would_tell_the_same_from_the_events_again(path: Path) -> None:
    """Our own tracker, fed with the recording as if a phone had asked for it."""
    tracker, record = Tracker("n1"), json_of(path.with_suffix(".record.json"))
    ended = {}
    for event in events_of(path):
        fact = translate(event)
        if fact is not None:
            ended.update(tracker.apply(fact).handoffs)
    handoff = ended[record["id"]]
    assert (handoff.outcome, handoff.resolution) == (record["outcome"], record["resolution"])
    assert (handoff.original_caller, handoff.target) == (record["original_caller"], record["target"])
    assert not handoff.number_mismatch
