"""``hotline export`` as it is typed, beside a service that is not running."""

from __future__ import annotations

import asyncio
import fcntl
import resource
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api.cli import app
from bench.synthetic.load import load
from bench.synthetic.stories import stories
from records import tables
from records.database import engine_for, migrate
from records.export import run
from records.export.files import whole
from records.verify_ledger import verify_file
from telephony.errors import ExportFailed, ExportRefused
from tests.support.records import NOON

YEAR = ("--from", "2026-01-01", "--to", "2027-12-31")
TOLD = list(stories(60, 3, NOON, 10))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_CONFIG", str(Path("hotline.yaml").resolve()))

    async def fill() -> None:
        url = f"sqlite:///{tmp_path / 'hotline.db'}"
        engine = engine_for(url)
        await migrate(engine)
        await engine.dispose()
        await load(url, TOLD, lambda more: None)

    asyncio.run(fill())
    return tmp_path


def export(to: Path, *more: str, format: str = "jsonl", times: tuple[str, ...] = YEAR) -> Result:
    return CliRunner().invoke(app, ["export", "--format", format, *times, "-o", str(to), *more])


def on_the_ledger(home: Path) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        engine = engine_for(f"sqlite:///{home / 'hotline.db'}")
        query = select(tables.ledger).where(tables.ledger.c.kind == "export").order_by(tables.ledger.c.seq)
        async with engine.connect() as connection:
            rows = [row._asdict() for row in await connection.execute(query)]
        await engine.dispose()
        return [orjson.loads(row["body"]) | {"subject": row["subject"], "actor": row["actor"]} for row in rows]

    return asyncio.run(read())


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_given_a_span_then_the_file_its_manifest_and_two_entries_on_the_ledger(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "audit.csv"
    target.parent.mkdir()
    done = export(target, "--number", "13800001111", format="csv")

    assert done.exit_code == 0, done.output
    assert "0 行 · rows, 2026-01-01T00:00:00+08:00 … 2027-12-31T00:00:00+08:00" in done.stderr
    begun, ended = on_the_ledger(home)
    assert (begun["phase"], begun["kind"], begun["clear"], ended["phase"], ended["rows"]) == (
        *("begun", "handoffs", False),
        *("done", 0),
    )
    assert "13800001111" not in orjson.dumps(begun).decode()
    assert begun["numbers"]["number"].startswith("hmac-")
    assert begun["subject"] == ended["subject"]
    assert begun["actor"].startswith("os:")
    assert verify_file(target).unbroken
    assert left(target.parent) == {"audit.csv", "audit.csv.manifest.json", "audit.csv.lines"}


def test_numbers_are_masked_unless_they_are_asked_for(home: Path, tmp_path: Path) -> None:
    export(tmp_path / "masked.jsonl")
    export(tmp_path / "whole.jsonl", "--full-numbers")
    caller = next(story.call.original_caller for story in TOLD if (story.call.original_caller or "").startswith("1"))

    assert str(caller) not in (tmp_path / "masked.jsonl").read_text()
    assert str(caller) in (tmp_path / "whole.jsonl").read_text()
    assert [entry["clear"] for entry in on_the_ledger(home) if entry["phase"] == "begun"] == [False, True]


def test_given_a_file_that_is_there_then_only_overwrite_replaces_it(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "audit.jsonl"
    target.write_text("precious")
    refused = export(target)

    assert refused.exit_code == 1
    assert "--overwrite" in refused.output
    assert target.read_text() == "precious"
    assert export(target, "--overwrite").exit_code == 0
    assert len(target.read_bytes().splitlines()) == 60
    assert on_the_ledger(home)[1]["problem"] == "export-refused"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"times": ("--from", "2026-02-01", "--to", "2026-01-01")}, "from must be before to"),
        ({"times": ("--from", "yesterday", "--to", "2026-01-01")}, "--from is no time: 'yesterday'"),
        ({"more": ("--zone", "Asia/Peking")}, "there is no time zone 'Asia/Peking'"),
        ({"more": ("--zone", "../etc")}, "there is no time zone '../etc'"),
        ({"more": ("--line", "999")}, "there is no line 999"),
        ({"more": ("--seat", "9999")}, "there is no seat 9999"),
        ({"more": ("--language", "zh")}, "jsonl has English keys only"),
        ({"to": "nowhere/audit.jsonl"}, "there is no such folder"),
        ({"to": "."}, "is a folder: name a file in it"),
        ({"to": "hotline.db/audit.jsonl"}, "not a folder"),
        ({"to": "x" * 300}, "the name is too long"),
    ],
)
def test_what_makes_no_sense_is_said_and_writes_nothing(
    home: Path, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    before = left(tmp_path)
    done = export(tmp_path / asked.get("to", "audit.jsonl"), *asked.get("more", ()), times=asked.get("times", YEAR))

    assert done.exit_code == 1
    assert said in done.output
    assert {name for name in left(tmp_path) - before if "audit" in name} == set()


def test_a_line_that_was_taken_out_of_the_settings_can_still_be_asked_for(home: Path, tmp_path: Path) -> None:
    seat = next(h.from_seat for story in TOLD for h in story.handoffs if h.from_seat not in ("1101", "1102", "2101"))

    assert export(tmp_path / "audit.jsonl", "--seat", str(seat)).exit_code == 0
    assert (tmp_path / "audit.jsonl").read_bytes()


def test_given_ctrl_c_then_no_file_is_left_and_the_ledger_says_so(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "writer_for", interrupted)
    done = export(tmp_path / "audit.jsonl")

    assert done.exit_code == 130
    assert "no file was left" in done.stderr
    assert not [name for name in left(tmp_path) if "audit" in name]
    assert on_the_ledger(home)[1] | {"phase": "broken-off", "problem": "interrupted"} == on_the_ledger(home)[1]


# --- a file is whole or not there ------------------------------------------------------------------------------------


def test_given_a_disk_that_is_full_then_nothing_is_left(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(ExportFailed, match="too large"), whole(tmp_path / "audit.csv") as partial:
            partial.sink.write(b"x" * 10_000)
            partial.sink.write(b"x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert left(tmp_path) == set()


def test_until_the_last_moment_there_is_no_file_of_that_name(tmp_path: Path) -> None:
    target = tmp_path / "audit.csv"
    with whole(target) as partial:
        partial.sink.write(b"all")
        assert not target.exists()

    assert target.read_bytes() == b"all"
    assert left(tmp_path) == {"audit.csv"}


def test_what_a_dead_process_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".audit.csv.partial").write_bytes(b"half of something longer")
    with whole(tmp_path / "audit.csv") as partial:
        partial.sink.write(b"new")

    assert (tmp_path / "audit.csv").read_bytes() == b"new"
    assert left(tmp_path) == {"audit.csv"}


def test_given_another_export_into_the_same_file_then_the_second_is_refused(home: Path, tmp_path: Path) -> None:
    with (tmp_path / ".audit.jsonl.partial").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = export(tmp_path / "audit.jsonl")

    assert done.exit_code == 1
    assert "another export is writing it" in done.output


def test_given_a_file_that_appeared_meanwhile_then_it_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "audit.csv"
    with pytest.raises(ExportRefused, match="is there already"), whole(target) as partial:
        partial.sink.write(b"ours")
        target.write_bytes(b"theirs")

    assert target.read_bytes() == b"theirs"
    assert left(tmp_path) == {"audit.csv"}
