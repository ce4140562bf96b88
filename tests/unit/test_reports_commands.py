"""``hotline reconcile`` and ``hotline proofs`` as they are typed, beside a service that is not running."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from records.database import engine_for, migrate
from records.store import SqlRecordStore
from telephony.handoff import Handoff, Outcome, Resolution, State, Step
from tests.support.records import a_handoff, ended

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_CONFIG", str(Path("hotline.yaml").resolve()))
    monkeypatch.setenv("COLUMNS", "200")
    on_record(tmp_path)
    return tmp_path


def on_record(home: Path, *handoffs: Handoff) -> None:
    async def write() -> None:
        engine = engine_for(f"sqlite:///{home / 'hotline.db'}")
        await migrate(engine)
        await SqlRecordStore(engine).save_all(handoffs)
        await engine.dispose()

    asyncio.run(write())


def hotline(*command: str) -> Result:
    return CliRunner().invoke(app, command)


def as_json(*command: str) -> Any:
    return orjson.loads(hotline(*command, "--json").stdout)


def wrong(**about: Any) -> Handoff:
    """On record, and unknown to Asterisk."""
    began = NOW - timedelta(minutes=5)
    return ended(a_handoff(created_at=began, timeline=(Step(began, "rings"),), **about))


def refused() -> Handoff:
    at = NOW - timedelta(minutes=5)
    return a_handoff(
        created_at=at, ended_at=at, state=State.ENDED, outcome=Outcome.FAILED, resolution=Resolution.FIRST_SEAT
    )


def test_given_nothing_then_both_say_so_in_words(home: Path) -> None:
    reconciled, proven = hotline("reconcile"), hotline("proofs", "--day", "2026-01-01")

    assert (reconciled.exit_code, proven.exit_code) == (0, 0)
    assert "没有转接 · no handoff" in reconciled.stdout
    assert "2026-01-01 没有转接 · no handoff" in proven.stdout


def test_given_an_unexplained_difference_then_it_is_listed_and_the_command_fails(home: Path) -> None:
    on_record(home, one := wrong(), two := refused())

    found = hotline("reconcile")

    assert found.exit_code == 1
    assert one.id in found.stdout
    assert "无法解释 · unexplained" in found.stdout
    assert "指令未到达交换机" in found.stdout
    assert "2 handoffs, 2 differences, 1 unexplained" in found.stdout
    listed = as_json("reconcile")
    assert (listed["ok"], listed["compared"], listed["unexplained"]) == (False, 2, 1)
    assert {each["handoff_id"]: each["why"] for each in listed["differences"]} == {
        one.id: None,
        two.id: "never-reached",
    }


def test_given_only_explained_differences_then_the_command_succeeds(home: Path) -> None:
    on_record(home, refused())
    assert hotline("reconcile").exit_code == 0
    assert as_json("reconcile")["ok"] is True


def test_given_a_span_then_only_what_ended_in_it_is_compared(home: Path) -> None:
    on_record(home, wrong())
    assert as_json("reconcile", "--from", "2026-01-01", "--to", "2026-01-02T00:00:00+0800")["compared"] == 0
    assert as_json("reconcile", "--from", NOW.strftime("%Y-%m-%dT00:00:00+0000"))["compared"] <= 1  # by day or by night


@pytest.mark.parametrize(
    "command",
    [
        ("reconcile", "--from", "2026-01-02", "--to", "2026-01-01"),
        ("reconcile", "--from", "yesterday"),
        ("proofs", "--day", "2026-13-01"),
    ],
)
def test_wrong_usage_has_its_own_exit_code(home: Path, command: tuple[str, ...]) -> None:
    assert hotline(*command).exit_code == 2


def test_given_a_day_with_a_mismatch_then_it_is_named_and_the_command_fails(home: Path) -> None:
    on_record(home, bad := wrong(number_mismatch=True), wrong(caller_seen_by_target="13800001111"), wrong())
    day = (NOW - timedelta(minutes=5) + timedelta(hours=8)).strftime("%Y-%m-%d")

    told = hotline("proofs", "--day", day)

    assert told.exit_code == 1
    assert f"不一致 · mismatch: {bad.id}" in told.stdout
    assert "Asterisk named no number" in told.stdout
    counted = as_json("proofs", "--day", day)
    assert (counted["ok"], counted["reached"], counted["equal"], counted["mismatched"]) == (False, 3, 1, [bad.id])
    assert counted["not_observed"] == {"not-told": 1}


def test_given_no_database_then_the_command_says_what_is_missing(home: Path) -> None:
    (home / "hotline.db").write_bytes(b"this is no database, however long it may be" * 100)
    failed = hotline("reconcile")
    assert failed.exit_code == 1
    assert "database" in str(failed.exception) + failed.output
