"""Orders as a reader may see them: numbers, and what looks like one in the words, as in ``api.views``.

Beside those who see numbers there, a seat of one of the order's two lines sees those of the one order that it opens: it
has to call the caller back. In lists it sees none. Each order whose numbers go out is a reading (``Viewer.saw``).
"""

from __future__ import annotations

from collections.abc import Iterable

from api.schemas_linkage import OrderOut, OrderStepOut
from api.services import Services
from api.views import Sight, Viewer
from linkage.orders import Order, allowed
from telephony import numbers


def worked_on(order: Order, viewer: Viewer, services: Services) -> OrderOut:
    """One order, for whoever opens it or does something with it."""
    lines = services.switchboard.directory.lines_of_seat(viewer.seat) if viewer.seat else ()
    return order_out(order, viewer, at_work={line.id for line in lines} & {order.from_line, order.to_line} != set())


def order_out(order: Order, viewer: Viewer, *, at_work: bool = False) -> OrderOut:
    lines, private = (order.from_line, order.to_line), (order.caller,)
    clear = at_work or viewer.sight(seats=(), lines=lines, private=private).clear
    sight = Sight(clear, private)
    if clear and (order.caller or any(numbers.mask_all(text) != text for text in _words(order))):
        viewer.saw("order", order.id)
    plain = (
        *("id", "kind", "state", "from_line", "to_line", "unit", "owner", "evaluated_by", "urgent", "ordered"),
        *("urban", "handoff_id", "call_id", "category_id", "catalogue", "rule", "linked_id", "peer_reference"),
        *("assignments", "due_at", "created_at", "created_by", "revision"),
    )
    return OrderOut(
        **{name: getattr(order, name) for name in plain},
        content=sight.text(order.content),
        place=None if order.place is None else sight.text(order.place),
        caller=sight.number(order.caller),
        numbers_masked=not clear,
        history=[
            OrderStepOut(
                at=step.at,
                act=step.act,
                by=step.by,
                detail={name: text if name in _TIMES else sight.text(text) for name, text in step.detail.items()},
            )
            for step in order.history
        ],
        allowed=list(allowed(order)),
    )


_TIMES = ("until", "due")


def _words(order: Order) -> Iterable[str]:
    yield order.content
    yield order.place or ""
    for step in order.history:
        yield from (text for name, text in step.detail.items() if name not in _TIMES)
