"""A catalogue, or the list of units, from its YAML file, with line and column for everything that is wrong in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ivr import yamlfile
from ivr.yamlfile import Mistake, Source
from linkage import checks
from linkage.catalogue import Catalogue
from linkage.units import Units
from linkage.units import mistakes as unit_mistakes

SHIPPED = Path(__file__).parent / "cities"


@dataclass(frozen=True, slots=True)
class Read:
    """``catalogue`` is there unless ``mistakes`` says why not. ``content``: the bytes of the file."""

    source: Source
    catalogue: Catalogue | None
    mistakes: tuple[Mistake, ...] = ()
    content: bytes = b""


def read(path: Path) -> Read:
    content, unreadable = yamlfile.read(path)
    if unreadable is not None:
        return Read(unreadable.source, None, unreadable.mistakes)
    return parse(content, str(path))


def parse(content: bytes, file: str) -> Read:
    """As `read`, from the bytes of a file. ``catalogue.version`` is their hash."""
    found = yamlfile.document(content, file)
    if found.data is None:
        return Read(found.source, None, found.mistakes)
    if "version" in found.data:
        what = "version 由文件内容算出，请删去 · is computed from the file: remove it"
        return Read(found.source, None, (found.source.mistake(("version",), what, at_key=True),))
    try:
        catalogue = Catalogue.versioned(found.data, hashlib.sha256(content).hexdigest()[:16])
    except ValidationError as error:
        return Read(found.source, None, yamlfile.explained(found.source, error))
    mistakes = checks.mistakes(catalogue, found.source)
    return Read(found.source, None if mistakes else catalogue, mistakes, content)


def read_units(path: Path, known: Callable[[str], bool]) -> tuple[Units, tuple[Mistake, ...]]:
    """The units of the file; none, when anything is wrong in it. ``known``: see ``linkage.units.mistakes``."""
    content, unreadable = yamlfile.read(path)
    found = unreadable or yamlfile.document(content, str(path))
    if found.data is None:
        return Units(), found.mistakes
    try:
        units = Units.model_validate(found.data)
    except ValidationError as error:
        return Units(), yamlfile.explained(found.source, error)
    wrong = unit_mistakes(units, found.source, known)
    return Units() if wrong else units, wrong
