"""A caller's way through a menu, as it stands on the ledger (kind ``menu``, under the call's id). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

MENU = "menu"


@dataclass(frozen=True, slots=True)
class MenuStep:
    """``at``: seconds after the caller came; ``key``: what was pressed there, digits of a number left out."""

    step: str
    at: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class MenuPassage:
    """``version``: of the flow, a hash of its file. ``ending``: where it led, in the dialplan's word."""

    line: str
    flow: str
    version: str
    began: datetime
    path: tuple[MenuStep, ...]
    language: str
    ending: str
    why: str | None = None

    @property
    def words(self) -> Iterator[str]:
        """``flow@version``, then each step, with the key that was pressed there: ``topic=2``."""
        yield f"{self.flow}@{self.version}"
        for each in self.path:
            yield f"{each.step}={each.key}" if each.key else each.step


_PASSAGE = TypeAdapter(MenuPassage)


def passage_of(body: str) -> MenuPassage:
    """Of an entry's body. Raises ValueError when it is none."""
    return _PASSAGE.validate_json(body)
