"""Each change of the configuration is noted, those too that were made while no service ran; no secret is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.applier import leave_name, taken_name
from api.configuration_log import ConfigurationLog, flat
from api.journal import Journal
from api.settings import Settings, SettingsRejected, load_settings
from records.notes import Note

ROOT = Path(__file__).parents[3]


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)


class Before:
    def __init__(self, body: dict[str, Any] | None) -> None:
        self.body = body

    async def last(self, kind: str, subject: str) -> dict[str, Any] | None:
        return self.body


def settings(tmp_path: Path, *changes: tuple[str, str]) -> Settings:
    text = (ROOT / "hotline.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "hotline.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


@pytest.mark.asyncio
async def test_given_a_first_start_then_all_is_noted_and_after_that_only_changes(tmp_path: Path) -> None:
    noted: list[Note] = []
    journal = Journal(noted.append, Clock())
    first = settings(tmp_path)
    await ConfigurationLog(Before(None), journal, first).note_at_start()
    assert noted[0].body["settings"]["lines.0.ring_seconds"] == 20

    await ConfigurationLog(Before(dict(noted[0].body)), journal, first).note_at_start()
    assert len(noted) == 1

    changed = settings(tmp_path, ("接警席", "接警台"))
    await ConfigurationLog(Before(dict(noted[0].body)), journal, changed).note_at_start()
    assert noted[1].body["changed"] == {"lines.0.desks.0.name": ["接警席", "接警台"]}
    assert noted[1].actor == "n1"


def test_given_a_change_while_it_runs_then_it_is_noted_who_made_it(tmp_path: Path) -> None:
    noted: list[Note] = []
    watching = ConfigurationLog(Before(None), Journal(noted.append, Clock()), settings(tmp_path))
    leave_name(tmp_path)
    watching.take_up(settings(tmp_path, ("公安报警", "公安")), by=taken_name(tmp_path))
    watching.take_up(settings(tmp_path, ("公安报警", "公安")), by=taken_name(tmp_path))

    assert [(note.kind, note.subject) for note in noted] == [("configuration", "hotline.yaml")]
    assert noted[0].actor.startswith("os:")
    assert noted[0].body["changed"] == {"lines.0.name": ["公安报警", "公安"]}


def test_no_secret_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "postgresql://hotline:pass-word@db/hotline")
    found = flat(settings(tmp_path, ("name: 110坐席1,", "name: 110坐席1, secret: very-secret-one,")))

    assert "very-secret-one" not in str(found)
    assert "pass-word" not in str(found)
    assert (found["seats.0.secret"], found["seats.1.secret"], found["database_url"]) == ("•", None, "•")


def test_given_a_ledger_that_would_go_before_its_records_then_the_start_is_refused(tmp_path: Path) -> None:
    wrong = ("\nlines:", "\nretention: {records_days: 900, ledger_days: 800}\nlines:")
    with pytest.raises(SettingsRejected, match="ledger_days"):
        settings(tmp_path, wrong)
    with pytest.raises(SettingsRejected, match="log_days"):
        settings(tmp_path, ("\nlines:", "\nretention: {log_days: 30}\nlines:"))
