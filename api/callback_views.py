"""Call-backs as a reader may see them."""

from __future__ import annotations

from api.schemas import StepOut
from api.schemas_callbacks import CallBackOut
from api.views import Viewer
from telephony import numbers
from telephony.callback import CallBack


def call_back(order: CallBack, viewer: Viewer) -> CallBackOut:
    """The number as it is for the seat that has taken it or kept it: its phone shows it anyway."""
    caller = order.original_caller
    sight = viewer.sight(seats=(order.wanted_by, order.served_seat), lines=(order.line,), private=(caller,))
    if sight.clear and caller:
        viewer.saw("callback", order.id)
    same = {
        name: getattr(order, name)
        for name in CallBackOut.model_fields
        if name not in ("original_caller", "original_caller_e164", "numbers_masked", "timeline")
    }
    return CallBackOut(
        **same,
        original_caller=sight.number(caller),
        original_caller_e164=sight.number(numbers.e164(caller)),
        numbers_masked=not sight.clear,
        timeline=[
            StepOut(at=step.at, event=step.event, detail={key: sight.text(text) for key, text in step.detail.items()})
            for step in order.timeline
        ],
    )
