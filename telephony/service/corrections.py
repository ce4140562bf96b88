"""Putting a record right."""

from __future__ import annotations

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
        self.watch.keep(self.tracker.update(right))
        if not await self._sink.flush(_KEPT_WITHIN):
            log.warning("handoff.correction_not_in_database_yet", handoff_id=handoff.id)
        log.info("handoff.corrected", handoff_id=handoff.id, field=field.value, by=actor.name)
        return right
