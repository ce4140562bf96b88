"""The other side's list in the forms that it comes in, and what is said when it cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
import xlsxwriter

from records.otherside.lists import Reading, Theirs, read
from telephony.errors import ListNotUnderstood
from telephony.handoff import Outcome

AT = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
HEAD = ("主叫号码", "时间", "结果", "工单号")


def written(path: Path, *rows: tuple[object, ...], encoding: str = "utf-8") -> Path:
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(path) as book:
            sheet, time = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            for line, row in enumerate((HEAD, *rows)):
                for place, value in enumerate(row):
                    sheet.write(line, place, value, time if isinstance(value, datetime) else None)
        return path
    if path.suffix == ".jsonl":
        lines = [orjson.dumps(dict(zip(HEAD, row, strict=True))).decode() for row in rows]
    else:
        lines = [",".join(map(str, row)) for row in (HEAD, *rows)]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "encoding"), [("a.csv", "utf-8"), ("a.csv", "utf-8-sig"), ("a.csv", "gb18030"), ("a.jsonl", "utf-8")]
)
def test_each_form_is_read(tmp_path: Path, name: str, encoding: str) -> None:
    path = written(
        tmp_path / name,
        ("13800001111", "2026-11-21 09:30:00", "已接听", "GD-1"),
        ("13800002222", "2026-11-21T09:30:00+08:00", "", ""),
        encoding=encoding,
    )
    first = 1 if name.endswith("jsonl") else 2
    assert read(path, Reading()) == [
        Theirs(first, "13800001111", AT, Outcome.ANSWERED, "GD-1"),
        Theirs(first + 1, "13800002222", AT, None, None),
    ]


def test_a_spreadsheet_may_have_made_numbers_and_times_of_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", (13800001111, datetime(2026, 11, 21, 9, 30), "no_answer", 77), ("", "", "", ""))
    assert read(path, Reading()) == [Theirs(2, "13800001111", AT, Outcome.NO_ANSWER, "77")]


def test_their_own_names_and_words_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("BJDH,SJ,JG\n13800001111,20261121093000,成功\n", encoding="utf-8")
    how = Reading(number="BJDH", time="SJ", outcome="JG", outcomes={"成功": "answered"})
    assert read(path, how) == [Theirs(2, "13800001111", AT, Outcome.ANSWERED, None)]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "电话,时间\n1,2\n".encode(), "没有列 主叫号码 · no column 主叫号码: 现有 · there are: 电话, 时间"),
        ("a.csv", "主叫号码,时间\n1,昨天\n".encode(), "row 2, 时间: 不是时间"),
        ("a.csv", "主叫号码,时间,结果\n1,2026-11-21 09:30,好\n".encode(), "row 2, 结果: 不认识的结果"),
        ("a.csv", b"\xff\xff\xff", "neither UTF-8 nor GB 18030"),
        ("a.csv", b'"a' + b"x" * 200_000, "row"),
        ("a.jsonl", b'{"a": 1}\n', "no column"),
        ("a.jsonl", b"\n{\n", "row 2 is not JSON"),
        ("a.jsonl", b"[]\n", "row 1 is not an object"),
        ("a.xlsx", b"PK\3\4 no", "not a sound xlsx"),
        ("a.doc", b"", "must be csv, jsonl or xlsx"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ListNotUnderstood) as refused:
        read(path, Reading())
    assert told in refused.value.message


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.xlsx"])
def test_an_empty_list_is_a_list(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path / name), Reading()) == []
