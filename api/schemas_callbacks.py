"""What goes over the wire of call-backs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas import Given, Instant, StepOut, Taken, Text, example
from telephony.callback import CallBackState

CALL_BACK: dict[str, Any] = {
    "id": "5f0c9f0e-7a8e-4d53-9d1f-2f1c6d9c2c11",
    "node": "hall1",
    "line": "12345",
    "state": "waiting",
    "reason": "queue",
    "original_caller": "138****1111",
    "original_caller_e164": "+861****1111",
    "numbers_masked": True,
    "trunk": "pstn",
    "call_id": "hall1-1795303782.12",
    "handoff_id": None,
    "created_at": "2026-11-21T08:01:30.000Z",
    "since": "2026-11-21T08:00:00.000Z",
    "dialled": 1,
    "tries": 1,
    "not_before": "2026-11-21T08:12:00.000Z",
    "wanted_by": None,
    "served_call_id": None,
    "served_seat": None,
    "ended_at": None,
    "timeline": [{"at": "2026-11-21T08:07:00.000Z", "event": "fails", "detail": {"attempt": "1", "status": "BUSY"}}],
}


class CallBackReasonIn(Taken):
    reason: Annotated[Text, Field(description="Why nobody need call back: reached otherwise, asked not to …")]


class CallBackOut(Given):
    """``since``: when the caller came, which is the place kept. ``reason``: how it was promised: ladder, menu, queue.

    ``dialled`` numbers the attempts; ``tries`` counts those in which the citizen could have answered.
    """

    model_config = example(CALL_BACK)

    id: str
    node: str
    line: str
    state: CallBackState
    reason: str
    original_caller: str | None
    original_caller_e164: str | None
    numbers_masked: bool
    trunk: str
    call_id: str = Field(description="The call in which it was promised.")
    handoff_id: str | None
    created_at: Instant
    since: Instant
    dialled: int
    tries: int
    not_before: Instant | None
    wanted_by: str | None = Field(description="The seat that has taken it.")
    served_call_id: str | None
    served_seat: str | None
    ended_at: Instant | None
    timeline: list[StepOut]
