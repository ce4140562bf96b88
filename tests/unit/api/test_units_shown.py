"""Units and who is on duty: over the API, by command, and what a wrong list does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.settings import SettingsRejected
from linkage.units import Units
from tests.support.hall import Hall
from tests.support.units import HEATING, LIST, WATER

RUN = CliRunner()
SETTINGS = """
seats: [{id: "8001", name: 一号}]
lines: [{id: "110", name: 报警, numbers: ["110"], desks: [{id: police, name: 接警, seats: ["8001"]}]}]
trunks: [{id: pstn, match: ["127.0.0.1"], contact: "sip:127.0.0.1"}]
linked_numbers: [{id: "96116", name: 供水, trunk: pstn, number: "96116"}]
linkage: {units: units.yaml}
"""


@pytest.mark.asyncio
@pytest.mark.shows(17, 33, 36, 63)
async def test_the_units_are_listed_with_who_is_on_duty_now_or_at_another_time(hall: Hall) -> None:
    hall.services.linkage.units = Units(units=(WATER, HEATING))
    who = hall.as_person("fang", seat="2101")

    listed = (await hall.http.get("/v1/units", headers=who)).json()
    night = await hall.http.get("/v1/units/heating?at=2026-11-20T20:00:00%2B08:00", headers=who)

    assert [(each["id"], each["limit_minutes"], each["target"]) for each in listed] == [
        ("water", 20, "96116"),
        ("heating", None, None),
    ]
    assert listed[0]["liaison"] == {"name": "李科长", "phone": "13800138002"}
    assert [each["why"] for each in night.json()["on_duty"]] == ["liaison", "leader"]
    gone = await hall.http.get("/v1/units/gas", headers=who)
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:hotline:problem:unit-not-found")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "hotline.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "units.yaml").write_text(LIST, encoding="utf-8")
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "hotline.yaml"))
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    return tmp_path


def test_the_command_says_whom_to_call(home: Path) -> None:
    told = RUN.invoke(app, ["units", "on-duty", "--at", "2026-11-20 20:00", "--json"])
    found = json.loads(told.stdout)
    assert [each["name"] for each in found["water"]] == ["夜班", "供水公司", "李科长", "张主任"]
    assert found["heating"][0] == {"name": "赵联络", "phone": "13800138007", "why": "liaison"}
    assert "夜班" in RUN.invoke(app, ["units", "on-duty", "--at", "2026-11-20 20:00"]).stdout
    assert RUN.invoke(app, ["units", "on-duty"]).exit_code == 0


def test_a_list_is_checked_before_it_is_used_and_a_wrong_one_stops_the_start(home: Path) -> None:
    from api.loaded import load

    assert RUN.invoke(app, ["units", "check"]).exit_code == 0
    assert [unit.id for unit in load().units.units] == ["water", "heating"]
    wrong = home / "new.yaml"
    wrong.write_text(LIST.replace("tier: second", "tier: third"), encoding="utf-8")
    checked = RUN.invoke(app, ["units", "check", str(wrong)])
    assert (checked.exit_code, f"{wrong}:26:11:" in checked.stdout) == (1, True)

    wrong.rename(home / "units.yaml")
    with pytest.raises(SettingsRejected, match="26:11"):
        load()
    assert "26:11" in str(RUN.invoke(app, ["units", "check"]).exception)


def test_without_a_list_there_are_no_units_and_the_command_says_so(home: Path) -> None:
    (home / "hotline.yaml").write_text(SETTINGS.replace("units.yaml", "null"), encoding="utf-8")
    assert "linkage.units" in str(RUN.invoke(app, ["units", "check"]).exception)
