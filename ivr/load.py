"""A flow from its YAML file, with line and column for everything that is wrong in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ivr import yamlfile
from ivr.flow import Flow
from ivr.yamlfile import Mistake, Source, Where

__all__ = ["Mistake", "Read", "Source", "Where", "parse", "read"]


@dataclass(frozen=True, slots=True)
class Read:
    """``flow`` is there unless ``mistakes`` says why not."""

    source: Source
    flow: Flow | None
    mistakes: tuple[Mistake, ...] = ()


def read(path: Path) -> Read:
    """The flow as far as the file alone can tell; what it leads to is checked by `check.py`."""
    content, unreadable = yamlfile.read(path)
    if unreadable is not None:
        return Read(unreadable.source, None, unreadable.mistakes)
    return parse(content, str(path))


def parse(content: bytes, file: str) -> Read:
    """As `read`, from the bytes of a file. ``flow.version`` is their hash."""
    found = yamlfile.document(content, file)
    if found.data is None:
        return Read(found.source, None, found.mistakes)
    return _as_flow(found.source, found.data, hashlib.sha256(content).hexdigest()[:16])


def _as_flow(source: Source, data: dict[str, object], version: str) -> Read:
    if "version" in data:
        what = "version 由文件内容算出，请删去 · is computed from the file: remove it"
        return Read(source, None, (source.mistake(("version",), what, at_key=True),))
    try:
        flow = Flow.model_validate({**data, "version": version})
    except ValidationError as error:
        return Read(source, None, yamlfile.explained(source, error))
    return Read(source, flow)
