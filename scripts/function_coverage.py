"""docs/coverage.md from docs/functions.yaml and the marks on tests: which function is shown by what.

.venv/bin/python scripts/function_coverage.py          writes it
.venv/bin/python scripts/function_coverage.py --check  exit 1 when it is not as it would be written
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[1]
FUNCTIONS = PROJECT / "docs" / "functions.yaml"
PAGE = PROJECT / "docs" / "coverage.md"
MARK = "shows"


def marks() -> dict[int, list[str]]:
    """The tests of each number, as ``file::test``, in their order. Only the decorators are read; nothing runs."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted((PROJECT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in _numbers(node):
                    found[number].append(f"{path.relative_to(PROJECT)}::{node.name}")
    return dict(found)


def _numbers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == MARK:
            yield from (int(ast.literal_eval(argument)) for argument in each.args)


def page() -> str:
    known = yaml.safe_load(FUNCTIONS.read_text(encoding="utf-8"))
    shown = marks()
    unknown = set(shown) - {each["number"] for each in known["functions"]}
    if unknown:
        raise SystemExit(f"no such function in {FUNCTIONS.name}: {sorted(unknown)}")
    functions: list[dict[str, Any]] = known["functions"]
    whole = [each for each in functions if each["number"] in shown and "missing" not in each]
    part = [each for each in functions if each["number"] in shown and "missing" in each]
    rest = len(functions) - len(whole) - len(part)
    lines = [
        "# 功能对照 · What the documents ask for, and what shows it",
        "",
        "由 `scripts/function_coverage.py` 按测试上的标记生成，请勿手改 · made from the marks on tests; do not edit.",
        "",
        f"核心功能 {len(functions)} 项：有测试证明 {len(whole)} 项，部分 {len(part)} 项，"
        f"其余 {rest} 项未做或尚未标注 · "
        f"of {len(functions)} core functions {len(whole)} are shown by a test, {len(part)} in part; "
        f"the other {rest} are missing or not marked yet.",
        "",
        "| 号 | 出处 · document | 原文 · phrase | 功能 · function | 测试 · shown by | 还缺 · missing |",
        "|---|---|---|---|---|---|",
    ]
    for each in functions:
        tests = "<br>".join(f"`{name}`" for name in shown.get(each["number"], ()))
        missing = each.get("missing") or ("" if tests else "未标注 · not marked yet")
        cells = (
            str(each["number"]),
            known["documents"][each["document"]],
            each["phrase"],
            each["does"],
            tests,
            missing,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            sys.exit(f"{PAGE.relative_to(PROJECT)} 已过时 · is out of date: run scripts/function_coverage.py")
        return
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(PROJECT)}: {text.count(chr(10))} 行 · lines")


if __name__ == "__main__":
    main()
