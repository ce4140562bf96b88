"""Acceptance catalogues: what the documents say, what is wrong with a file, what contradicts itself, what differs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

from linkage.catalogue import GOVERNMENT, POLICE, Action, Catalogue, Kind
from linkage.checks import conflicts, differences
from linkage.load import SHIPPED, parse, read


@cache
def shipped(city: str) -> Catalogue:
    found = read(SHIPPED / f"{city}.yaml")
    assert found.catalogue is not None, found.mistakes
    return found.catalogue


SMALL = dedent("""\
    id: smallville
    name: 小城
    region: 某省小城市
    title: 受理范围
    edition: "2026-01-01"
    source: {document: 通知, date: "2026-01-01"}
    lists:
      - id: s-a
        kind: government
        heading: 非警务类
        received_by_110: transfer_to_12345
        received_by_12345: accept_local
        categories:
          - id: s-a1
            name: 公共设施类
            items:
              - {id: s-a1-1, text: 井盖缺失}
              - {id: s-a1-2, text: 噪声扰民, parts: [{id: s-a1-2-a, text: 广场舞}]}
      - id: s-d
        kind: police_first
        heading: 先期处置
        received_by_110: police_first_then_12345
        received_by_12345: transfer_to_110
        categories:
          - id: s-d1
            name: 公共设施类
            items:
              - {id: s-d1-1, text: 井盖缺失, same_as: s-a1-1, received_by_12345: accept_local}
    special:
      - {id: s-u, kind: unclear, text: 职责交叉}
    overlaps:
      - {topic: 井盖, categories: [s-a1, s-d1], rule: 看谁接到}
    """)


def small(*changes: tuple[str, str]) -> str:
    text = SMALL
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return text


def taken(text: str) -> Catalogue:
    found = parse(text.encode(), "city.yaml")
    assert found.catalogue is not None, [str(each) for each in found.mistakes]
    return found.catalogue


# ---------------------------------------------------------------- the shipped ones


@pytest.mark.shows(6)
def test_the_two_cities_have_what_their_documents_number() -> None:
    bayannur, xingyang = shipped("bayannur"), shipped("xingyang")

    counts = {each.id: len(each.categories) for each in bayannur.lists}
    assert counts == {"byn-a": 16, "byn-b": 7, "byn-c": 4, "byn-d": 7}
    assert {each.id: len(each.categories) for each in xingyang.lists} == {"xy-a": 9, "xy-p": 6, "xy-08-x": 5}
    assert bayannur.stamp.startswith("bayannur@2023-04-13+")
    assert bayannur.special_of(Kind.ABUSE) is not None
    assert xingyang.special_of(Kind.ABUSE) is None


@pytest.mark.parametrize("city", ["bayannur", "xingyang"])
def test_every_conflict_in_a_shipped_catalogue_is_settled_by_a_rule(city: str) -> None:
    assert [each.text for each in conflicts(shipped(city)) if each.rule is None] == []


@pytest.mark.shows(50)
def test_a_missing_manhole_cover_at_110_differs_between_the_two_cities_and_with_the_line() -> None:
    bayannur, xingyang = shipped("bayannur"), shipped("xingyang")
    found = {each.text: each for each in conflicts(bayannur)}["井盖缺失"]

    assert found.line == POLICE
    assert dict(found.ways) == {
        "byn-a01": Action.TRANSFER_TO_12345,
        "byn-d06": Action.POLICE_FIRST_THEN_12345,
    }
    assert bayannur.places["byn-d06-01"].actions[GOVERNMENT] is Action.ACCEPT_LOCAL
    assert bayannur.places["byn-d06"].actions[GOVERNMENT] is Action.TRANSFER_TO_110
    assert xingyang.places["xy-01-01"].actions[POLICE] is Action.TRANSFER_TO_12345
    assert conflicts(xingyang) == ()


def test_noise_is_the_same_matter_in_either_spelling() -> None:
    assert "交通运输噪音" in {each.text for each in conflicts(shipped("bayannur"))}


def test_a_part_of_an_item_is_found_by_its_own_id() -> None:
    place = shipped("bayannur").place("byn-a01-01-c")

    assert place is not None
    assert place.category_id == "byn-a01"
    assert shipped("bayannur").place("byn-z99") is None


# ---------------------------------------------------------------- what is wrong with a file


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("{id: s-a1-2, text", "{id: s-a1-1, text", "s-a1-1: 编号重复"),
        ("{id: s-a1-2-a,", "{id: s-u,", "s-u: 编号重复"),
        ("received_by_110: transfer_to_12345", "received_by_110: transfer_to_110", "transfer_to_110: 热线不能"),
        ("received_by_12345: accept_local", "received_by_12345: transfer_to_110", "transfer_to_110: 两条热线互相转接"),
        ("12345: accept_local}", "12345: transfer_to_12345}", "transfer_to_12345: 热线不能"),
        ("same_as: s-a1-1", "same_as: s-x", "s-x: 没有这个编号"),
        ("categories: [s-a1, s-d1]", "categories: [s-a1, s-d9]", "s-d9: 没有这个编号"),
        ("kind: government", "kind: unclear", "unclear: 只能用于 special"),
        ("kind: unclear", "kind: police", "police: 只能用于 lists"),
        ("text: 广场舞", "txet: 广场舞", "txet: 没有这一项"),
    ],
)
def test_given_a_mistake_then_its_line_and_column_are_told(before: str, after: str, expected: str) -> None:
    text = small((before, after))
    found = parse(text.encode(), "city.yaml")

    assert found.catalogue is None
    told = next(mistake for mistake in found.mistakes if expected.split(": ", 1)[1] in mistake.what)
    word = expected.split(":")[0]
    line = text.splitlines()[told.line - 1]
    assert line[told.column - 1 :].startswith(word), (line, str(told))
    assert str(told).startswith("city.yaml:")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("id: smallville", "id: smallville\nversion: 1", "2:1: version 由文件内容算出"),
        ("name: 小城\n", "", "1:1: name: 缺少这一项"),
        ("id: smallville", "- x", "不是有效的 YAML"),
    ],
)
def test_given_a_file_that_is_none_then_it_says_so(before: str, after: str, expected: str) -> None:
    found = parse(small((before, after)).encode(), "city.yaml")

    assert found.catalogue is None
    assert expected in str(found.mistakes[0])


def test_given_no_file_then_it_says_so(tmp_path: Path) -> None:
    found = read(tmp_path / "gone.yaml")

    assert "读不到文件" in str(found.mistakes[0])
    assert read(SHIPPED / "xingyang.yaml").mistakes == ()


def test_given_a_conflict_without_a_rule_then_it_stays_open() -> None:
    (found,) = conflicts(taken(small(("categories: [s-a1, s-d1]", "categories: [s-d1]"))))

    assert (found.text, found.line, found.rule) == ("井盖缺失", POLICE, None)


# ---------------------------------------------------------------- two versions


def test_given_two_versions_then_every_change_is_named_by_its_id() -> None:
    before = taken(SMALL)
    after = taken(
        small(
            ("{id: s-a1-1, text: 井盖缺失}", "{id: s-a1-1, text: 井盖缺失或破损, condition: 白天}"),
            ("text: 广场舞", "text: 广场舞音响"),
            ("- {id: s-u, kind: unclear, text: 职责交叉}", "- {id: s-n, kind: excluded, text: 信访}"),
            ("rule: 看谁接到", "rule: 谁接到归谁"),
        )
    )

    found = {(each.id, each.what): (each.before, each.after) for each in differences(before, after)}

    assert found == {
        ("s-a1-1", "text"): ("井盖缺失", "井盖缺失或破损"),
        ("s-a1-1", "condition"): (None, "白天"),
        ("s-a1-2-a", "text"): ("广场舞", "广场舞音响"),
        ("s-u", "text"): ("职责交叉", None),
        ("s-u", "kind"): ("unclear", None),
        ("s-n", "text"): (None, "信访"),
        ("s-n", "kind"): (None, "excluded"),
        ("井盖", "overlap"): ("s-a1, s-d1: 看谁接到", "s-a1, s-d1: 谁接到归谁"),
    }
    assert before.version != after.version
    assert differences(before, before) == ()
