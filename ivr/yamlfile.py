"""A YAML file as data, with line and column for everything that is wrong in it.

Scalars are read as they are written (`08:00`, `110` and `on` mean what they say), so nothing needs quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

Where = Sequence[str | int]
_LARGEST_BYTES = 256 * 1024
_NOT_YAML = "不是有效的 YAML · not valid YAML"


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
class Document:
    """``data`` is there unless ``mistakes`` says why not."""

    source: Source
    data: dict[str, object] | None
    mistakes: tuple[Mistake, ...] = ()


def read(path: Path) -> tuple[bytes, Document | None]:
    """The bytes of a file; with them, when it cannot be read, a document that says so."""
    try:
        return path.read_bytes(), None
    except OSError as error:
        mistake = Mistake(str(path), 1, 1, f"读不到文件 · cannot be read: {error.strerror}")
        return b"", Document(Source(str(path)), None, (mistake,))


def document(content: bytes, file: str) -> Document:
    """What the bytes of a file say: a mapping in which no key stands twice."""
    bare = Source(file)
    if len(content) > _LARGEST_BYTES:
        return Document(bare, None, (bare.mistake((), "超过 256 KiB · more than 256 KiB"),))
    try:
        text = content.decode("utf-8-sig")
        root = yaml.compose(text, yaml.BaseLoader)
        data = yaml.load(text, yaml.BaseLoader)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Document(bare, None, (Mistake(file, line, column, "不是 UTF-8 · is not UTF-8"),))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Document(bare, None, (Mistake(file, line, column, f"{_NOT_YAML}: {error.problem}"),))
    except (yaml.YAMLError, RecursionError) as error:  # a control character; nested without end
        return Document(bare, None, (bare.mistake((), f"{_NOT_YAML}: {str(error).splitlines()[0]}"),))
    source = Source(file, root)
    if not isinstance(data, dict):
        return Document(source, None, (source.mistake((), "须为键值结构 · must be a mapping"),))
    doubled = tuple(sorted(_doubled(source, root)))
    if doubled:
        return Document(source, None, doubled)
    return Document(source, data)


def explained(source: Source, error: ValidationError) -> tuple[Mistake, ...]:
    """What a model finds wrong with the data, in the order of its place."""
    found = (_explained(source, each) for each in error.errors(include_url=False, include_input=False))
    return tuple(sorted(dict.fromkeys(found)))


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
