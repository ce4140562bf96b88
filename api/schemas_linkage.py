"""What goes over the wire of the linkage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.schemas import Given, Instant, Moment, Name, Person, Taken, Text, example
from linkage.catalogue import Action
from linkage.deadlines import Timer, TimerState
from linkage.decisions import Channel
from linkage.orders import Act, OrderKind, OrderState

_NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


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


class OrderIn(Taken):
    """The caller's number comes from the call; nobody can give one."""

    model_config = example({"to": "12345", "content": "路灯不亮", "category_id": "byn-a01", "from_line": "110"})

    to: Annotated[str, Field(min_length=1, max_length=60, description="110, 12345, or a unit.")]
    from_line: Annotated[str, Field(min_length=1, max_length=24)]
    content: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=_NO_CONTROLS)]
    category_id: Name | None = None
    unit: Person | None = Field(None, description="Who is responsible (谁主管、谁负责); the receiver when left out.")
    place: Text | None = None
    urgent: bool = False
    urban: bool | None = Field(None, description="Within the city (城区): 30 minutes to be on scene.")
    handoff_id: Name | None = None
    call_id: Name | None = None
    linked_id: Name | None = Field(None, description="The order that this one came from.")
    peer_reference: Person | None = Field(None, description="What the other side calls it (警单号、工单号).")


class OrderActIn(Taken):
    """What the act wants; the problem document says what is missing."""

    model_config = example({"reason": "不属本单位职责，已现场设警示标志"})

    reason: Text | None = None
    unit: Person | None = None
    until: Moment | None = Field(None, description="The new date of an extension.")
    outcome: Text | None = None
    result: Text | None = None
    rating: Literal[1, 2, 3, 4, 5] | None = None

    def detail(self) -> dict[str, str]:
        told = self.model_dump(exclude_none=True, exclude={"until", "rating"})
        if self.until is not None:
            told["until"] = self.until.isoformat()
        if self.rating is not None:
            told["rating"] = str(self.rating)
        return told


class OrderStepOut(Given):
    at: Instant
    act: Act
    by: str
    detail: dict[str, str]


class OrderOut(Given):
    """工单（12345）、警单（110）或直派单位的单. ``owner`` follows it up; ``allowed``: what may be done with it now."""

    id: str
    kind: OrderKind
    state: OrderState
    from_line: str
    to_line: str
    unit: str
    owner: str
    evaluated_by: str
    urgent: bool
    ordered: bool
    urban: bool | None
    content: str
    place: str | None
    caller: str | None
    numbers_masked: bool
    handoff_id: str | None
    call_id: str | None
    category_id: str | None
    catalogue: str | None
    rule: str | None
    linked_id: str | None
    peer_reference: str | None
    assignments: int
    due_at: Instant | None
    created_at: Instant
    created_by: str
    revision: int
    history: list[OrderStepOut]
    allowed: list[Act]


class DeadlineOut(Given):
    """``level``: 0 without a supervision slip; 1 督办单, 2 专题协调会, 3 约谈提醒, 4 通报, 5 追责."""

    timer: Timer
    started_at: Instant
    warn_at: Instant
    due_at: Instant
    state: TimerState
    met_at: Instant | None
    level: int


class EscalatedOut(Given):
    order: OrderOut
    police_order: OrderOut
