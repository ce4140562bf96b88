"""A flow with a mistake is refused where the mistake stands: line and column count from 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ivr.check import Surroundings, check, check_together
from ivr.load import Read, parse, read
from tests.support.flows import AROUND, EVERYTHING, LENGTHS

GOOD = """\
line: 12345
name: a menu
start: menu
steps:
  menu:
    do: menu
    say: [beep]
    seconds: 3
    keys:
      1: police
      2: desk
  police: {do: transfer, target: 110}
  desk: {do: route, desk: police}
"""


LOAD = "  load: {do: branch, by: load, cases: [{next: desk}]}\n"
COLLECT = "  a: {do: collect, say: [beep], into: x, digits: 2, least: 3}\n"
SECOND = b"  two: {do: menu, say: [beep], seconds: 1, keys: {1: desk}}\n"
DEEP = EVERYTHING.replace(b"levels: 3", b"levels: 1").replace(b"2: desk", b"2: two") + SECOND


def mistakes(text: str | bytes, around: Surroundings = AROUND) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    return [str(mistake) for mistake in check(parse(content, "f.yaml"), around)]


def changed(*pairs: tuple[str, str]) -> str:
    text = GOOD
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def test_given_a_sound_flow_when_checked_then_nothing_is_said() -> None:
    assert mistakes(GOOD) == []
    assert mistakes(EVERYTHING) == []
    assert mistakes(EVERYTHING.replace(b"what: digits, value: order", b"what: time")) == []


LOOP = GOOD.replace("      2: desk\n", "      2: desk\n      3: a\n") + (
    "  a: {do: play, say: [beep], next: b}\n  b: {do: play, say: [beep], next: a}\n"
)
ROUND = GOOD.replace("1: police", "1: again") + "  again: {do: play, say: [beep], next: menu}\n"
PROMISE = GOOD.replace("2: desk", "2: back") + "  back: {do: call_back, next: bye}\n  bye: {do: hang_up}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the file
        ("", "f.yaml:1:1: 须为键值结构"),
        ("- a", "f.yaml:1:1: 须为键值结构"),
        ("line: [1, 2\nname: x", "f.yaml:2:5: 不是有效的 YAML"),
        ("line: 1\x00", "f.yaml:1:1: 不是有效的 YAML"),
        ("a: 1\n\tb: 2", "f.yaml:2:1: 不是有效的 YAML"),
        ("? [a]\n: 1", "f.yaml:1:3: 不是有效的 YAML"),
        ("a: &x [*x]", "f.yaml:1:4: 不是有效的 YAML"),
        ("a: &x [b]\nb: *x", "f.yaml:1:1: line: 缺少这一项"),
        (b"line: 1\nname: \xff", "f.yaml:2:7: 不是 UTF-8"),
        (b"#" * 300_000, "f.yaml:1:1: 超过 256 KiB"),
        # its shape
        (changed(("name: a menu\n", "")), "f.yaml:1:1: name: 缺少这一项"),
        (changed(("    say: [beep]\n", "")), "f.yaml:5:3: say: 缺少这一项"),
        (changed(("    seconds: 3\n", "    secs: 3\n")), "f.yaml:8:5: secs: 没有这一项"),
        (changed(("do: menu", "do: menue")), "f.yaml:6:9: 没有这种步骤"),
        (changed(("    do: menu\n", "")), "f.yaml:5:3: steps.menu: 缺少 do 或 by"),
        (changed(("seconds: 3", "seconds: 30")), "f.yaml:8:14: steps.menu.menu.seconds: "),
        (changed(("1: police", "x: police")), "f.yaml:10:7: steps.menu.menu.keys.x: "),
        (changed(("name: a menu", "name: a menu\nversion: 3")), "f.yaml:3:1: version "),
        (changed(("      2: desk", "      1: desk")), "f.yaml:11:7: 1: 重复的键"),
        (changed(("  desk:", "  police:")), "f.yaml:13:3: police: 重复的键"),
        (changed(("1: police", "1: load")) + LOAD, "缺少 waiting_over"),
        (changed(("1: police", "1: a")) + COLLECT, "least 大于"),
        (changed(("1: police", "1: a")) + "  a: {do: say, what: digits}", "须给 value"),
        (changed(("1: police", "1: a")) + "  a: {do: say, what: date, value: x}", "须给 value"),
        # what it names
        (changed(("line: 12345", "line: 12399")), "f.yaml:1:7: 没有热线 12399"),
        (changed(("name:", "numbers: [12399]\nname:")), "f.yaml:2:11: 12399 不是热线 12345 的号码"),
        (changed(("target: 110", "target: 911")), "f.yaml:12:34: 不能转到 911"),
        (changed(("target: 110", "target: 12345")), "f.yaml:12:34: 不能转到 12345"),
        (changed(("desk: police", "desk: fire")), "f.yaml:13:27: 12345 没有专席 fire"),
        (changed(("desk: police", "line: 119")), "f.yaml:13:27: 没有热线 119"),
        (changed(("start: menu", "start: meun")), "f.yaml:3:8: 没有步骤 meun"),
        (changed(("2: desk", "2: dsek")), "f.yaml:11:10: 没有步骤 dsek"),
        (changed(("name:", "danger: {key: 9, target: 999}\nname:")), "f.yaml:2:26: 不能转到 999"),
        (GOOD + "  human: {do: route}\n", "f.yaml:14:3: human 是保留名"),
        # prompts
        (changed(("[beep]", "[beep, boop]")), "f.yaml:7:17: 没有录音 boop"),
        (changed(("name:", "wrong_key: [boop]\nname:")), "f.yaml:2:13: 没有录音 boop"),
        # keys
        (changed(("1: police", "0: police")), "f.yaml:10:7: 0 总是转人工"),
        (changed(("name:", "danger: {key: 0, target: 110}\nname:")), "f.yaml:2:15: 0 总是转人工"),
        (changed(("name:", "danger: {key: 2, target: 110}\nname:")), "f.yaml:12:7: 2 是紧急键"),
        (changed(("    seconds: 3\n", "    repeat: 2\n")), "f.yaml:8:13: 2 已有用途"),
        (EVERYTHING.replace(b'key: "*"', b"key: 9"), "f.yaml:27:3: 收号时紧急键须为 *"),
        # ways
        (GOOD + "  alone: {do: route}\n", "f.yaml:14:3: alone: 走不到这一步"),
        (LOOP, "f.yaml:15:3: 死循环，没有出口 · a loop without exit: a → b → a"),
        (ROUND, "f.yaml:5:3: 可反复循环"),
        (changed(("2: desk", "2: bye")) + "  bye: {do: hang_up}\n", "f.yaml:14:3: 未经人工、回电或留言即挂机"),
        (changed(("start: menu", "start: bye")) + "  bye: {do: hang_up}\n", "a caller whom no human will answer: bye"),
        (PROMISE.replace("start: menu", "start: back"), "f.yaml:14:3: 来电人未按键即回电或留言"),
        (EVERYTHING.replace(b"6: order", b"6: digits"), "f.yaml:28:42: order 此前未收号"),
        (DEEP, "第 2 级菜单"),
        (changed(("[beep]", f"[{', '.join(['ivr-menu-12345'] * 3)}]")), "f.yaml:5:3: 人工振铃前最长"),
    ],
)  # fmt: skip
def test_given_a_mistake_when_checked_then_it_is_named_with_its_place(text: str | bytes, expected: str) -> None:
    found = mistakes(text)
    assert any(expected in each for each in found), found


def test_given_more_levels_when_they_are_allowed_then_so_are_the_menus() -> None:
    assert mistakes(DEEP.replace(b"levels: 1", b"levels: 2")) == []


def test_given_several_mistakes_when_checked_then_all_are_told_in_order() -> None:
    found = mistakes(changed(("2: desk", "2: dsek"), ("[beep]", "[boop]"), ("line: 12345", "line: 1")))
    assert [each.split(":")[1] for each in found] == ["1", "7", "11", "13"]


def test_given_110_without_menus_when_its_flow_asks_then_it_is_refused_and_what_only_routes_is_not() -> None:
    flow = GOOD.replace("line: 12345", "line: 110").replace("target: 110", "target: 120")
    flow = flow.replace("desk: police", "line: 12345")
    assert mistakes(flow) == [
        "f.yaml:5:3: 110 须立即接听，未开启菜单 · answers at once; menus are not turned on for it: menu"
    ]
    assert mistakes(flow, replace(AROUND, no_menu=frozenset())) == []
    routes = "line: 110\nname: by load\nstart: load\nsteps:\n" + (
        "  load: {do: branch, by: load, cases: [{waiting_over: 5, next: other}]}\n"
        "  other: {do: transfer, target: 12345}\n"
    )
    assert mistakes(routes) == []


def test_given_a_prompt_without_audio_when_a_step_would_need_it_then_it_is_named() -> None:
    lengths = {name: seconds for name, seconds in LENGTHS.items() if name != "queue-thereare"}
    found = mistakes(EVERYTHING, replace(AROUND, lengths=lengths))
    assert found == ["f.yaml:31:3: 缺少录音 queue-thereare · this step says queue-thereare, which has no audio"]


def test_given_a_file_that_cannot_be_read_when_checked_then_that_is_the_mistake(tmp_path: Path) -> None:
    missing = read(tmp_path / "no.yaml")
    assert [str(each) for each in check(missing, AROUND)] == [
        f"{tmp_path}/no.yaml:1:1: 读不到文件 · cannot be read: No such file or directory"
    ]


def _read(text: str, file: str) -> Read:
    return parse(text.encode(), file)


def test_given_two_flows_for_the_same_calls_when_checked_together_then_the_second_is_refused() -> None:
    number = GOOD.replace("name:", "numbers: [12346]\nname:")
    broken = _read("", "broken.yaml")
    assert list(check_together([_read(GOOD, "a.yaml"), _read(number, "b.yaml"), broken])) == []
    found = [str(each) for each in check_together([_read(GOOD, "a.yaml"), _read(GOOD, "b.yaml")])]
    assert found == ["b.yaml:1:7: a.yaml 已用于同样的来电 · has the same calls already"]
    found = [str(each) for each in check_together([_read(number, "a.yaml"), _read(number, "b.yaml")])]
    assert found == ["b.yaml:2:10: a.yaml 已用于同样的来电 · has the same calls already"]
