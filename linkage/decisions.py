"""The decision table (受理决定): facts in, the first row that fits out, with the phrase that it rests on. Pure.

The table is data: ``data/decision-table.yaml``. It is advice: who accepts a matter is decided by people.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from linkage.catalogue import GOVERNMENT, Action, Catalogue, Kind, Place

TABLE = Path(__file__).parent / "data" / "decision-table.yaml"


class Clarity(StrEnum):
    """Whether it is known whose the matter is; ``undecided``: a three-way call came to no agreement."""

    CLEAR = "clear"
    UNCLEAR = "unclear"
    UNDECIDED = "undecided"


class Channel(StrEnum):
    PHONE = "phone"
    INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a matter.

    ``shared``: an item of 110's first-action list that stands among 12345's as well. ``violent``: a dispute that may
    turn into crime or violence. ``clue``: of social stability, and the caller does not ask for police.
    ``escalating``: an order in hand. ``refused``: the other line does not take it, or does not answer.
    """

    received_by: str
    kind: Kind
    danger: bool = False
    clarity: Clarity = Clarity.CLEAR
    channel: Channel = Channel.PHONE
    shared: bool = False
    violent: bool = False
    clue: bool = False
    escalating: bool = False
    refused: bool = False


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(_Part):
    """Every condition that is not None has to hold."""

    received_by: tuple[str, ...] | None = None
    kind: tuple[Kind, ...] | None = None
    clarity: tuple[Clarity, ...] | None = None
    channel: tuple[Channel, ...] | None = None
    danger: bool | None = None
    shared: bool | None = None
    violent: bool | None = None
    clue: bool | None = None
    escalating: bool | None = None
    refused: bool = False

    def fits(self, facts: Facts) -> bool:
        for name in ("received_by", "kind", "clarity", "channel"):
            wanted = getattr(self, name)
            if wanted is not None and getattr(facts, name) not in wanted:
                return False
        for name in ("danger", "shared", "violent", "clue", "escalating", "refused"):
            wanted = getattr(self, name)
            if wanted is not None and getattr(facts, name) is not wanted:
                return False
        return True


class Cited(_Part):
    document: str
    phrase: str


class Row(_Part):
    id: str
    when: When
    action: Action
    also: str | None = None
    source: Cited


class Table(_Part):
    """``documents``: what the rows' sources are called."""

    documents: dict[str, str]
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    def decide(self, facts: Facts) -> Row:
        """The first row that fits; the table has one for every case (``tests/unit/linkage/test_decisions.py``)."""
        return next(row for row in self.rows if row.when.fits(facts))


@cache
def table() -> Table:
    return Table.model_validate(yaml.safe_load(TABLE.read_text(encoding="utf-8")))


def facts_of(catalogue: Catalogue, id: str, received_by: str, *, danger: bool = False) -> Facts:
    """Of a category or an item as this line receives it. Raises KeyError for an id that the catalogue does not have.

    An item that means the same as one of another list is, at 12345, what that other list says.
    """
    place = catalogue.places[id]
    twin = _twin(catalogue, place)
    shared = twin is not None and twin.kind is Kind.GOVERNMENT
    kind = twin.kind if twin is not None and received_by == GOVERNMENT and not shared else place.kind
    clarity = Clarity.UNCLEAR if kind is Kind.UNCLEAR else Clarity.CLEAR
    urgent = danger or place.always_urgent
    return Facts(received_by, kind, danger=urgent, clarity=clarity, shared=shared)


def _twin(catalogue: Catalogue, place: Place) -> Place | None:
    return None if place.item is None or place.item.same_as is None else catalogue.place(place.item.same_as)
