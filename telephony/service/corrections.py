"""Putting a record right, and naming on it what was made for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import structlog

from telephony.corrections import Correctable, corrected
from telephony.errors import UnknownAcceptor
from telephony.handoff import Handoff
from telephony.service.node import Actor, Node

log = structlog.get_logger()

_KEPT_WITHIN = 1.5


class Corrections(Node):
    async def correct(self, handoff_id: str, field: Correctable, value: str, reason: str, actor: Actor) -> Handoff:
        """The record as it is now; it is kept, in the database or on disk, when this returns.

        Raises HandoffNotFound, NotCorrectable, UnknownAcceptor.
        """
        handoff = await self.handoff(handoff_id)  # nothing is awaited between reading it and changing it
        if field is Correctable.ACCEPTED_BY and self.directory.target(value) is None:
            raise UnknownAcceptor(f"no line and no linked number {value!r} is configured")
        right = corrected(handoff, field, value, reason=reason, by=actor.name, at=self._clock.now())
        self.watch.amend(right)
        if not await self._sink.flush(_KEPT_WITHIN):
            log.warning("handoff.correction_not_in_database_yet", handoff_id=handoff.id)
        log.info("handoff.corrected", handoff_id=handoff.id, field=field.value, by=actor.name)
        return right

    async def name_orders(self, handoff_id: str, order_ids: Collection[str]) -> bool:
        """Whether the record names these orders, or is another node's to write; if not, it is to be tried again later.

        Nothing of the call changes, and nobody waits for it. Raises HandoffNotFound, RecordStoreUnavailable.
        """
        found = await self.handoff(handoff_id)
        handoff = self.watch.find(handoff_id) or found  # nothing is awaited from here on
        if handoff.node != self.node:
            return True
        if handoff.live and handoff_id not in self.tracker.handoffs:
            return False  # a restart has not taken it up yet
        fresh = [id for id in order_ids if id not in handoff.order_ids]
        if fresh:
            self.watch.amend(replace(handoff, order_ids=(*handoff.order_ids, *fresh)))
        return True
