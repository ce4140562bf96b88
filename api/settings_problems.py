"""What a wrong ``hotline.yaml`` says to whoever wrote it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

_IN_WORDS = {
    "missing": "缺少必填项，请补上 · ",
    "extra_forbidden": "没有这一项，请删去或改正拼写 · ",
    "string_pattern_mismatch": "格式不对 · ",
    "enum": "取值不对 · ",
    "int_parsing": "须为整数 · ",
    "greater_than_equal": "太小 · ",
    "less_than_equal": "太大 · ",
}


def _inside(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def one_screen(source: Path, error: ValidationError) -> str:
    shown = 6
    found = error.errors(include_url=False)
    inner = {each["loc"] for each in found}
    # a list whose item is wrong is reported as too short as well: the item says it all
    found = [each for each in found if not any(_inside(other, each["loc"]) for other in inner)]
    lines = [f"配置有误，未启动 · not started, the settings are wrong: {source}"]
    for each in found[:shown]:
        where = ".".join(str(part) for part in each["loc"])
        lines.append(f"  {where}: {_IN_WORDS.get(each['type'], '')}{each['msg']}")
        if each["type"] != "missing":
            lines.append(f"      现值 · value: {str(each['input'])[:60]!r}")
    if len(found) > shown:
        lines.append(f"  … 另有 {len(found) - shown} 处 · and {len(found) - shown} more")
    return "\n".join(lines)
