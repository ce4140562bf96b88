"""`hotline catalogue`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from linkage.load import SHIPPED

RUN = CliRunner()
PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's own hotline.yaml, with a folder of the city's catalogues beside it."""
    own = tmp_path / "catalogues"
    own.mkdir()
    text = (PROJECT / "hotline.yaml").read_text(encoding="utf-8")
    (tmp_path / "hotline.yaml").write_text(f"{text}\nlinkage: {{city: xingyang, catalogues: catalogues}}\n", "utf-8")
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "hotline.yaml"))
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    return own


def test_catalogues_are_listed_and_shown() -> None:
    listed = RUN.invoke(app, ["catalogue", "list"])
    assert listed.exit_code == 0 and "xingyang" in listed.output

    told = json.loads(RUN.invoke(app, ["catalogue", "list", "--json"]).output)
    assert {each["id"] for each in told} == {"bayannur", "xingyang"}

    shown = RUN.invoke(app, ["catalogue", "show", "bayannur"])
    assert shown.exit_code == 0 and "byn-c04" in shown.output and "交叉" in shown.output
    assert json.loads(RUN.invoke(app, ["catalogue", "show", "xingyang", "--json"]).output)["id"] == "xingyang"


def test_given_a_broken_file_then_check_names_the_place_and_fails(settings: Path) -> None:
    assert RUN.invoke(app, ["catalogue", "check"]).exit_code == 0
    bad = settings / "xingyang.yaml"
    bad.write_text((SHIPPED / "xingyang.yaml").read_text("utf-8").replace("xy-01-02", "xy-01-01"), "utf-8")

    found = RUN.invoke(app, ["catalogue", "check"])

    assert found.exit_code == 1
    assert f"{bad}:27:18: xy-01-01: 编号重复" in found.output
    assert "编号重复" in RUN.invoke(app, ["catalogue", "show", str(bad)]).output


def test_given_a_changed_file_then_compare_says_what_changed(settings: Path) -> None:
    changed = settings / "xingyang.yaml"
    changed.write_text((SHIPPED / "xingyang.yaml").read_text("utf-8").replace("路灯故障", "路灯不亮"), "utf-8")
    files = [str(SHIPPED / "xingyang.yaml"), "xingyang"]

    told = json.loads(RUN.invoke(app, ["catalogue", "compare", *files, "--json"]).output)

    assert [each["id"] for each in told["differences"]] == ["xy-01-02"]
    assert "路灯不亮" in RUN.invoke(app, ["catalogue", "compare", *files]).output
    assert "没有差异" in RUN.invoke(app, ["catalogue", "compare", "bayannur", "bayannur"]).output
    assert "没有目录 paris" in RUN.invoke(app, ["catalogue", "compare", "paris", "bayannur"]).output


def test_given_an_unresolved_conflict_then_check_warns_of_it(settings: Path) -> None:
    text = (
        (SHIPPED / "bayannur.yaml")
        .read_text("utf-8")
        .replace("categories: [byn-a04, byn-d06]", "categories: [byn-a04]")
    )
    (settings / "bayannur.yaml").write_text(text, "utf-8")

    found = RUN.invoke(app, ["catalogue", "check"])

    assert found.exit_code == 0 and "建筑物损坏: 交叉未定" in found.output
