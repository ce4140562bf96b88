"""What a program's key that is bound to a line may touch. The seats' own bound is the switchboard's to hold."""

from __future__ import annotations

from api.auth import Principal
from api.services import Services
from telephony.errors import NotYourCall


async def on_its_line(services: Services, who: Principal, *, call_id: str) -> None:
    """Raises NotYourCall, CallNotFound."""
    if who.line is None:
        return
    call = await services.switchboard.call(call_id)
    if who.line not in (call.first_line, call.line):
        raise NotYourCall(f"this key acts for the line {who.line} only")


async def from_or_to_its_line(services: Services, who: Principal, *, handoff_id: str) -> None:
    """Raises NotYourCall, HandoffNotFound."""
    if who.line is None:
        return
    handoff = await services.switchboard.handoff(handoff_id)
    if who.line not in (handoff.from_line, handoff.target):
        raise NotYourCall(f"this key acts for the line {who.line} only")
