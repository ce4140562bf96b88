"""What the linkage wants from around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from linkage.orders import Order, OrderState
from telephony.ports import Page


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """All given conditions hold; times are half-open [since, until), of the creation. ``open``: not closed yet."""

    since: datetime | None = None
    until: datetime | None = None
    state: OrderState | None = None
    open: bool | None = None
    from_line: str | None = None
    to_line: str | None = None
    either_line: str | None = None
    unit: str | None = None
    handoff_id: str | None = None
    call_id: str | None = None
    linked_id: str | None = None
    assigned_at_least: int | None = None


class OrderStore(Protocol):
    """Every method raises RecordStoreUnavailable when the database is away."""

    async def create(self, order: Order) -> Order:
        """The order as it is on record: of an id that is there already, the one that was first."""

    async def get(self, id: str) -> Order:
        """Raises OrderNotFound."""

    async def change(self, id: str, change: Callable[[Order], Order], *, actor: str) -> Order:
        """The order after the change. ``change`` may run more than once; what it raises changes nothing.

        Raises OrderNotFound, OrderChanged when others keep changing it.
        """

    async def page(self, where: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Newest first. Raises BadCursor."""
