"""A flow from its YAML file, with line and column for everything that is wrong in it.

Scalars are read as they are written (`08:00`, `110` and `on` mean what they say), so nothing needs quotes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ivr.flow import Flow

Where = Sequence[str | int]
_LARGEST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """``line`` and ``column`` count from 1. ``str()`` is `file:line:column: what is wrong`."""

    file: str
    line: int
    column: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class Source:
    """A file's YAML nodes: the way from a place in the data to a place in the text."""

    file: str
    root: yaml.Node | None = field(default=None, repr=False)

    def mistake(self, where: Where, what: str, *, at_key: bool = False) -> Mistake:
        """``where``: the way through mappings and lists. What it leads past that does not exist is left out."""
        node = self.root
        mark = node.start_mark if node else None
        for part in where:
            key, value = _inside(node, part)
            if value is None:
                continue  # the tag of a union, which is no place of its own
            node = value
            mark = key.start_mark if key is not None and at_key else value.start_mark
        if mark is None:
            return Mistake(self.file, 1, 1, what)
        return Mistake(self.file, mark.line + 1, mark.column + 1, what)


@dataclass(frozen=True, slots=True)
class Read:
    """``flow`` is there unless ``mistakes`` says why not."""

    source: Source
    flow: Flow | None
    mistakes: tuple[Mistake, ...] = ()


def read(path: Path) -> Read:
    """The flow as far as the file alone can tell; what it leads to is checked by `check.py`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Read(
            Source(str(path)), None, (Mistake(str(path), 1, 1, f"读不到文件 · cannot be read: {error.strerror}"),)
        )
    return parse(content, str(path))


def parse(content: bytes, file: str) -> Read:
    """As `read`, from the bytes of a file. ``flow.version`` is their hash."""
    bare = Source(file)
    if len(content) > _LARGEST_BYTES:
        return Read(bare, None, (bare.mistake((), "超过 256 KiB · more than 256 KiB"),))
    try:
        text = content.decode("utf-8-sig")
        root = yaml.compose(text, yaml.BaseLoader)
        data = yaml.load(text, yaml.BaseLoader)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Read(bare, None, (Mistake(file, line, column, "不是 UTF-8 · is not UTF-8"),))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Read(bare, None, (Mistake(file, line, column, f"不是有效的 YAML · not valid YAML: {error.problem}"),))
    except (yaml.YAMLError, RecursionError) as error:  # a control character; nested without end
        return Read(bare, None, (bare.mistake((), f"不是有效的 YAML · not valid YAML: {str(error).splitlines()[0]}"),))
    source = Source(file, root)
    if not isinstance(data, dict):
        return Read(source, None, (source.mistake((), "须为键值结构 · must be a mapping"),))
    doubled = tuple(sorted(_doubled(source, root)))
    if doubled:
        return Read(source, None, doubled)
    return _as_flow(source, data, hashlib.sha256(content).hexdigest()[:16])


def _as_flow(source: Source, data: dict[str, object], version: str) -> Read:
    if "version" in data:
        what = "version 由文件内容算出，请删去 · is computed from the file: remove it"
        return Read(source, None, (source.mistake(("version",), what, at_key=True),))
    try:
        flow = Flow.model_validate({**data, "version": version})
    except ValidationError as error:
        found = (_explained(source, each) for each in error.errors(include_url=False, include_input=False))
        return Read(source, None, tuple(sorted(dict.fromkeys(found))))
    return Read(source, flow)


_IN_WORDS = {
    "missing": "缺少这一项 · is missing",
    "extra_forbidden": "没有这一项 · there is no such field",
    "union_tag_not_found": "缺少 do 或 by · do (or by, for a branch) is missing",
    "union_tag_invalid": "没有这种步骤 · unknown kind",
}


def _explained(source: Source, error: ErrorDetails) -> Mistake:
    where, kind = error["loc"], error["type"]
    if kind == "missing":
        return source.mistake(where[:-1], f"{where[-1]}: {_IN_WORDS[kind]}", at_key=True)
    name = ".".join(str(part) for part in where if part != "[key]")
    if where and where[-1] == "[key]":  # the key itself is wrong, not what it stands for
        return source.mistake(where[:-1], f"{name}: {error['msg']}", at_key=True)
    if kind == "union_tag_invalid":
        context = error.get("ctx", {})
        field_name = str(context.get("discriminator", "")).strip("'")
        what = f"{_IN_WORDS[kind]}: {field_name}: {context.get('tag')}（可用 · known: {context.get('expected_tags')}）"
        return source.mistake((*where, field_name), what)
    if kind == "extra_forbidden":
        return source.mistake(where, f"{where[-1]}: {_IN_WORDS[kind]}", at_key=True)
    return source.mistake(where, f"{name}: {_IN_WORDS.get(kind, error['msg'])}", at_key=kind == "union_tag_not_found")


def _inside(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """The key and the value of one step into a mapping or a list; no value when there is no such place."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return None, node.value[part]
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next(((key, value) for key, value in pairs if key.value == part), (None, None))


def _doubled(source: Source, root: yaml.Node | None) -> Iterator[Mistake]:
    left, looked_at = [root], set[int]()
    while left:
        node = left.pop()
        if id(node) in looked_at:  # an alias
            continue
        looked_at.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    mark = key.start_mark
                    what = f"{key.value}: 重复的键 · stands twice"
                    yield Mistake(source.file, mark.line + 1, mark.column + 1, what)
                seen.add(key.value)
                left.append(value)
