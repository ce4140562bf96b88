"""What goes over the wire of the linkage."""

from __future__ import annotations

from pydantic import Field

from api.schemas import Given
from linkage.catalogue import Action


class CatalogueOut(Given):
    """A catalogue that is in force. ``stamp`` is what records name it by."""

    id: str
    name: str
    region: str
    title: str
    edition: str
    version: str
    stamp: str
    categories: int
    conflicts: int
    versions: list[str] = Field(description="Every version that was in force here, newest first.")


class ConflictOut(Given):
    """A text for which the receiving line would do different things; ``rule`` settles it, null leaves it open."""

    text: str
    line: str
    ways: dict[str, Action]
    rule: str | None


class DifferenceOut(Given):
    id: str
    what: str
    before: str | None
    after: str | None


class DifferencesOut(Given):
    before: str
    after: str
    differences: list[DifferenceOut]
