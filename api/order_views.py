"""Orders as a reader may see them: the caller's number, and what looks like one in the words, as in ``api.views``."""

from __future__ import annotations

from api.schemas_linkage import OrderOut, OrderStepOut
from api.views import Viewer
from linkage.orders import Order, allowed


def order_out(order: Order, viewer: Viewer) -> OrderOut:
    sight = viewer.sight(seats=(), lines=(order.from_line, order.to_line), private=(order.caller,))
    if sight.clear and order.caller:
        viewer.saw("order", order.id)
    plain = (
        *("id", "kind", "state", "from_line", "to_line", "unit", "owner", "evaluated_by", "urgent", "ordered"),
        *("urban", "handoff_id", "call_id", "category_id", "catalogue", "rule", "linked_id", "peer_reference"),
        *("assignments", "due_at", "created_at", "created_by", "revision"),
    )
    return OrderOut(
        **{name: getattr(order, name) for name in plain},
        content=sight.text(order.content),
        place=order.place,
        caller=sight.number(order.caller),
        numbers_masked=not sight.clear,
        history=[
            OrderStepOut(
                at=step.at,
                act=step.act,
                by=step.by,
                detail={name: text if name == "until" else sight.text(text) for name, text in step.detail.items()},
            )
            for step in order.history
        ],
        allowed=list(allowed(order)),
    )
