"""``hotline reconcile`` and ``hotline proofs`` as they are typed, beside a service that is not running."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api.cli import app
from records import tables
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


def their_list(home: Path, *numbers: str) -> str:
    at = (NOW - timedelta(minutes=5) + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")
    path = home / "list.csv"
    path.write_text("\n".join(["主叫号码,时间", *(f"{number},{at}" for number in numbers)]), encoding="utf-8")
    return str(path)


def test_given_their_list_then_only_what_differs_is_told_with_masked_numbers(home: Path) -> None:
    on_record(home, wrong(target="12345"))
    given = ("reconcile", "--list", their_list(home, "13800001111", "13900002222"), "--line", "12345")

    told, listed = hotline(*given), as_json(*given)

    assert told.exit_code == 1
    assert "本系统 1 次，对方 2 次，配对 1 次，1 处不同" in told.stdout
    assert "139****2222" in told.stdout
    assert (listed["paired"], [(each["row"], each["field"]) for each in listed["differences"]]) == (
        1,
        [("3", "record")],
    )
    assert "13900002222" not in told.stdout + str(listed)
    assert hotline("reconcile", "--list", their_list(home, "13800001111"), "--line", "12345").exit_code == 0


def test_given_a_page_or_a_workbook_then_the_differences_are_in_there(home: Path) -> None:
    on_record(home, one := wrong(target="12345"))
    against = ("reconcile", "--list", their_list(home), "--line", "12345")
    page, book, cel = home / "page.html", home / "book.xlsx", home / "cel.html"

    assert hotline(*against, "--format", "page", "-o", str(page)).exit_code == 1
    assert hotline(*against, "--format", "xlsx", "-o", str(book)).exit_code == 1
    assert hotline("reconcile", "--format", "page", "-o", str(cel)).exit_code == 1

    assert one.id in page.read_text(encoding="utf-8")
    assert "<h1>与 12345 双方校核" in page.read_text(encoding="utf-8")
    rows = CalamineWorkbook.from_path(str(book)).get_sheet_by_index(0).to_python()
    assert any(one.id in row for row in rows)
    assert "无法解释" in cel.read_text(encoding="utf-8")


def test_given_whole_numbers_are_asked_for_then_only_where_allowed_and_on_the_ledger(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_record(home)
    given = ("reconcile", "--list", their_list(home, "13900002222"), "--line", "12345", "--numbers")
    refused = hotline(*given)
    assert refused.exit_code == 1
    assert "13900002222" not in refused.output

    monkeypatch.setenv("HOTLINE_AUDITOR_SEES_NUMBERS", "true")
    shown = hotline(*given)
    assert "13900002222" in shown.output

    async def noted() -> list[str]:
        engine = engine_for(f"sqlite:///{home / 'hotline.db'}")
        async with engine.connect() as connection:
            rows = await connection.execute(select(tables.ledger.c.kind, tables.ledger.c.subject))
            kinds = [f"{kind} {subject}" for kind, subject in rows]
        await engine.dispose()
        return kinds

    assert asyncio.run(noted()).count("number-read reconciliation") == 1


def test_given_options_that_do_not_go_together_then_it_is_wrong_usage(home: Path) -> None:
    for options in (("--list", "x.csv"), ("--line", "12345"), ("--format", "page"), ("-o", "x")):
        assert hotline("reconcile", *options).exit_code == 2
    unknown = hotline("reconcile", "--list", their_list(home), "--line", "999")
    assert unknown.exit_code == 1


def test_given_no_database_then_the_command_says_what_is_missing(home: Path) -> None:
    (home / "hotline.db").write_bytes(b"this is no database, however long it may be" * 100)
    failed = hotline("reconcile")
    assert failed.exit_code == 1
    assert "database" in str(failed.exception) + failed.output
