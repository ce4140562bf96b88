"""One call with all that belongs to it, as it goes over the wire."""

from __future__ import annotations

from pydantic import Field

from api import examples
from api.schemas import CallOut, Given, Instant, example
from linkage.orders import OrderKind, OrderState
from records.recordings.store import RecordingState
from telephony.nuisance import Trait

_UNKNOWN = "Null: unknown, for the database is away."


class MenuStepOut(Given):
    step: str
    at: float = Field(description="Seconds after the caller came.")
    key: str = Field(description="Empty: none was pressed, or the digits of a number, which are kept nowhere.")


class MenuPassageOut(Given):
    """One way through a menu, as it stands on the ledger."""

    line: str
    flow: str
    version: str = Field(description="A hash of the flow's file.")
    began: Instant
    path: list[MenuStepOut]
    language: str
    ending: str = Field(description="Where it led: `human`, `line.110`, `gone` …")
    why: str | None


class RecordingOfCallOut(Given):
    id: str
    state: RecordingState
    seconds: float | None = Field(description="Of sound; null until it is finished.")
    sha256: str | None


class StandingOut(Given):
    """What was counted of the caller when the call came, in the windows of ``nuisance``. Null: not counted."""

    traits: list[Trait]
    calls: int | None = Field(description="This one included.")
    silent_calls: int | None = Field(description="Over within moments of a human's answer.")


class OrderOfCallOut(Given):
    """工单、警单; all of it, with who called: ``GET /v1/orders/{id}``."""

    id: str
    kind: OrderKind
    state: OrderState
    to_line: str
    unit: str


class WholeCallOut(CallOut):
    model_config = example(examples.WHOLE_CALL)

    region: str | None = Field(description="What the caller's prefix says, in both languages; for who sees the number.")
    menus: list[MenuPassageOut] | None = Field(description=f"The caller's ways through menus (IVR). {_UNKNOWN}")
    recordings: list[RecordingOfCallOut] | None = Field(description=f"In the order they began. {_UNKNOWN}")
    standing: StandingOut | None = Field(description="Of calls that are live or ended lately on this node.")
    orders: list[OrderOfCallOut] | None = Field(description=f"Those that go with it, oldest first. {_UNKNOWN}")
