"""Log files are cut each day and deleted in time; Asterisk's own rows are read over the turn of a month."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony.asterisk.cel import rows
from telephony.asterisk.logfiles import keep_logs

EVENING = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cel-custom", "cdr-csv"):
        (tmp_path / name).mkdir()
    keep_logs(tmp_path, 190, EVENING)
    return tmp_path


def test_given_a_new_day_then_the_old_lines_are_apart_and_the_writer_goes_on(folder: Path) -> None:
    with (folder / "service.log").open("ab", buffering=0) as writer:
        writer.write(b"yesterday\n")
        keep_logs(folder, 190, EVENING)
        assert (folder / "service.log").read_bytes() == b"yesterday\n"
        keep_logs(folder, 190, EVENING + timedelta(hours=2))
        writer.write(b"today\n")

    assert (folder / "service.log").read_bytes() == b"today\n"
    assert (folder / "service.log.2026-11-30").read_bytes() == b"yesterday\n"


def test_given_a_new_month_then_no_row_of_asterisk_is_lost_to_a_reader(folder: Path) -> None:
    cel = folder / "cel-custom" / "Master.csv"
    cel.write_text(_row("2026-11-30 23:59:59.000000", "a"))
    os.utime(cel, times=(EVENING.timestamp(), EVENING.timestamp() + 3599))
    keep_logs(folder, 190, EVENING + timedelta(hours=2))
    cel.write_text(_row("2026-12-01 00:00:01.000000", "b"))

    assert (folder / "cel-custom" / "Master-2026-11.csv").exists()
    assert [row.uniqueid for row in rows(cel)] == ["a", "b"]
    assert [row.uniqueid for row in rows(cel, EVENING)] == ["a", "b"]
    assert [row.uniqueid for row in rows(cel, EVENING + timedelta(hours=2))] == []
    later = EVENING + timedelta(days=20)
    assert [row.uniqueid for row in rows(cel, later)] == []


def test_given_files_past_their_time_then_they_are_deleted_and_the_others_stay(folder: Path) -> None:
    old, young = folder / "messages.2026-01-01", folder / "messages.2026-11-01"
    for path, days in ((old, 191), (young, 29)):
        path.write_text("x")
        at = (EVENING - timedelta(days=days)).timestamp()
        os.utime(path, times=(at, at))
    keep_logs(folder, 190, EVENING)

    assert not old.exists()
    assert young.exists()


def test_given_a_disk_that_refuses_then_the_file_stays_as_it_is(folder: Path) -> None:
    (folder / "messages").write_text("x")
    (folder / "messages.2026-11-30").mkdir()  # stands in the way
    (folder / "queue_log").write_text("y")
    keep_logs(folder, 190, EVENING + timedelta(hours=2))

    assert (folder / "messages").read_text() == "x"
    assert (folder / "queue_log").read_text() == ""


def _row(at: str, uniqueid: str) -> str:
    fields = ["CHAN_START", at, "", "", "", "", "", "", "", "PJSIP/x", "", "", uniqueid, uniqueid, "", "", "", "", ""]
    return ",".join(f'"{field}"' for field in fields) + "\n"
