"""What goes over the wire of the linkage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas import Given, Taken, Text, example
from linkage.catalogue import Action
from linkage.decisions import Channel


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


class AdviceIn(Taken):
    model_config = example({"text": "路口的井盖没了，骑车的差点掉进去", "received_by": "110"})

    text: Annotated[Text, Field(description="What the caller says.")]
    received_by: Literal["110", "12345"]
    city: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = None
    channel: Channel = Channel.PHONE


class AdvisedOut(Given):
    """``words``: what of the text speaks for it."""

    category_id: str
    item_id: str
    name: str
    action: Action
    points: float
    words: list[str]


class AdviceOut(Given):
    """``rule`` is the row of the decision table, ``phrase`` the quoted sentence that it rests on, in ``document``.

    ``peers``: who else to add to the call. ``catalogue``: the version that advised.
    """

    category_id: str | None
    item_id: str | None
    action: Action
    urgent: bool
    why: str
    rule: str
    phrase: str
    document: str
    also: str | None
    peers: list[str]
    catalogue: str
    candidates: list[AdvisedOut]
