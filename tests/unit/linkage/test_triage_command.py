"""`hotline triage`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

RUN = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOTLINE_CONFIG", str(Path(__file__).parents[3] / "hotline.yaml"))


def test_one_text_is_advised_on_in_words_and_as_json() -> None:
    asked = ["triage", "--city", "xingyang", "--line", "110", "路灯坏了"]

    told = json.loads(RUN.invoke(app, [*asked, "--json"]).output)
    assert (told["category_id"], told["action"], told["urgent"]) == ("xy-01", "transfer_to_12345", False)
    assert told["candidates"][0]["words"] and told["phrase"] and told["rule"] == "T14"

    shown = RUN.invoke(app, asked)
    assert shown.exit_code == 0 and "xy-01" in shown.output and "T14" in shown.output
    assert "119" in RUN.invoke(app, ["triage", "--line", "110", "楼着火了"]).output
    assert RUN.invoke(app, ["triage", "嗯"]).exit_code == 0


def test_a_file_is_answered_line_by_line_in_its_order_whatever_is_wrong_with_a_line(tmp_path: Path) -> None:
    lines = [
        '{"id": 7, "text": "井盖丢了", "received_by": "110", "catalogue": "bayannur"}',
        "no json",
        "[1]",
        "",
        '{"id": "b", "text": "x", "received_by": "119", "catalogue": "bayannur"}',
        '{"id": "c", "text": "x", "received_by": "110", "catalogue": "paris"}',
        '{"id": "d", "received_by": "110", "catalogue": "bayannur"}',
        '{"id": "e", "text": "有人跳楼", "received_by": "12345", "catalogue": "bayannur"}',
    ]
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")

    found = RUN.invoke(app, ["triage", "--file", str(file)])

    answers = [json.loads(line) for line in found.stdout.splitlines()]
    assert found.exit_code == 1
    assert [each["id"] for each in answers] == [7, None, None, "b", "c", "d", "e"]
    assert [("error" in each) for each in answers] == [False, True, True, True, True, True, False]
    assert answers[0]["category_id"] == "byn-d06" and answers[-1]["urgent"]
    assert f"{file}:2: 不是 JSON" in found.stderr

    file.write_text(lines[0], encoding="utf-8")
    assert RUN.invoke(app, ["triage", "--file", str(file)]).exit_code == 0
    assert RUN.invoke(app, ["triage", "--file", "-"], input=lines[0]).exit_code == 0


def test_what_cannot_be_answered_is_said() -> None:
    assert "没有 paris" in RUN.invoke(app, ["triage", "--city", "paris", "x"]).output
    assert RUN.invoke(app, ["triage"]).exit_code == 2
    assert RUN.invoke(app, ["triage", "x", "--file", "y"]).exit_code == 2
    assert "No such file" in RUN.invoke(app, ["triage", "--file", "/nowhere/x.jsonl"]).output
