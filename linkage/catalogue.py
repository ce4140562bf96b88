"""The acceptance catalogue of a city (受理范围、分流清单): which matter is whose, as that city published it. Pure.

A catalogue is data: ``cities/*.yaml``. Texts are the city's own; ids, kinds and ``received_by_*`` are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

POLICE, GOVERNMENT = "110", "12345"
LINES = (POLICE, GOVERNMENT)

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Action(StrEnum):
    """What the receiving line does with a matter; the words of the documents stand in ``decision-table.yaml``."""

    ACCEPT_LOCAL = "accept_local"
    TRANSFER_TO_110 = "transfer_to_110"
    TRANSFER_TO_12345 = "transfer_to_12345"
    THREE_WAY = "three_way"
    FIRST_RECEIVER_ACCEPTS = "first_receiver_accepts"
    POLICE_FIRST_THEN_12345 = "police_first_then_12345"
    DUAL_PUSH = "dual_push"
    EXPLAIN = "explain"
    ONLINE_TRANSFER = "online_transfer"
    FLAG_ABUSE = "flag_abuse"


class Kind(StrEnum):
    """Whose a matter is, in the words that all cities' catalogues share."""

    GOVERNMENT = "government"
    """12345's (非警务类)."""
    POLICE = "police"
    """110's (警务类)."""
    EMERGENCY = "emergency"
    """12345 hands it to 110 at once, and to the local government and departments at the same time."""
    POLICE_FIRST = "police_first"
    """110 acts first and passes on to 12345 what is left (先期处置)."""
    EXCEPTION = "exception"
    """Stands in a list of 12345's, but is 110's when grave (需要公安机关到场参与处置的除外)."""
    UNCLEAR = "unclear"
    """责任单位不明确或者职责交叉."""
    NOT_LISTED = "not_listed"
    """本机制未明确的事项."""
    EXCLUDED = "excluded"
    """不纳入受理范围."""
    OUTSIDE = "outside"
    """明确不属于110和12345职责范围."""
    ABUSE = "abuse"
    """无正当理由多次反复拨打."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fragment(_Part):
    id: Id
    text: Words


class Item(_Part):
    """``same_as``: the item or category that means the same matter, received by the other line.

    ``received_by_12345`` takes the place of the list's own. ``parts``: what the text names one by one.
    """

    id: Id
    text: Words
    short: Words | None = None
    condition: Words | None = None
    same_as: Id | None = None
    received_by_12345: Action | None = None
    parts: tuple[Fragment, ...] = ()


class Category(_Part):
    id: Id
    name: Words
    condition: Words | None = None
    items: tuple[Item, ...] = ()


class CatalogueList(_Part):
    """A list that the document gives one direction: what each line does with everything in it."""

    id: Id
    kind: Kind
    heading: Words
    received_by_110: Action
    received_by_12345: Action
    always_urgent: bool = False
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]


class Special(_Part):
    """What stands in no list: 职责交叉, 不纳入受理范围 …"""

    id: Id
    kind: Kind
    text: Words


class Overlap(_Part):
    """A matter that stands in several categories, and how the receiving line chooses."""

    topic: Words
    categories: Annotated[tuple[Id, ...], Field(min_length=1)]
    rule: Words


class Document(_Part):
    document: Words
    number: Words | None = None
    date: Words


class Place(BaseModel):
    """Where an id stands. ``item`` is None for a category or a special entry itself."""

    model_config = ConfigDict(frozen=True)

    category_id: str
    name: str
    kind: Kind
    list_id: str | None = None
    always_urgent: bool = False
    item: Item | None = None
    actions: Mapping[str, Action] = Field(default_factory=dict)


class Catalogue(_Part):
    """``version`` is the hash of the file: two catalogues are the same when it is. ``edition``: the document's date."""

    id: Id
    name: Words
    region: Words
    title: Words
    edition: Words
    version: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    source: Document
    lists: Annotated[tuple[CatalogueList, ...], Field(min_length=1)]
    special: tuple[Special, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    notes: tuple[Words, ...] = ()

    @property
    def stamp(self) -> str:
        """How a record names what decided: ``bayannur@2023-04-13+91ab…``."""
        return f"{self.id}@{self.edition}+{self.version}"

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Every id that a record may name, by itself. Of an id that stands twice, the first."""
        found: dict[str, Place] = {}
        for id, place in self._every_place():
            found.setdefault(id, place)
        return found

    def _every_place(self) -> Iterator[tuple[str, Place]]:
        for special in self.special:
            yield special.id, Place(category_id=special.id, name=special.text, kind=special.kind)
        for each in self.lists:
            actions = {POLICE: each.received_by_110, GOVERNMENT: each.received_by_12345}
            for category in each.categories:
                place = Place(
                    category_id=category.id,
                    name=category.name,
                    kind=each.kind,
                    list_id=each.id,
                    always_urgent=each.always_urgent,
                    actions=actions,
                )
                yield category.id, place
                for item in category.items:
                    own = {} if item.received_by_12345 is None else {GOVERNMENT: item.received_by_12345}
                    here = place.model_copy(update={"item": item, "actions": actions | own})
                    yield item.id, here
                    yield from ((part.id, here) for part in item.parts)

    def place(self, id: str) -> Place | None:
        return self.places.get(id)

    def special_of(self, kind: Kind) -> Special | None:
        return next((each for each in self.special if each.kind is kind), None)

    @classmethod
    def versioned(cls, data: Mapping[str, object], version: str) -> Self:
        """Raises pydantic's ValidationError."""
        return cls.model_validate({**data, "version": version})
