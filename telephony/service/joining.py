"""Three at once for a caller who came through the menus: the line that is left joins when the other has answered."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog

from telephony.errors import TelephonyError
from telephony.events import Event, HandoffReported
from telephony.handoff import Handoff, Mode
from telephony.service.handoffs import HandoffRequest, Handoffs
from telephony.service.node import Actor

log = structlog.get_logger()

_THREE_WAY: Final = ("ivr-danger", "ivr-three-way")
"""What the dialplan says of how such a handoff came about (`[menu-next]`)."""


class Joining(Handoffs):
    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._joins: set[asyncio.Task[None]] = set()

    def hear_of_menus(self, fact: Event) -> None:
        """Never waits. What was answered before a restart is left as it is: the two have talked since."""
        if not isinstance(fact, HandoffReported) or fact.step != "answered" or fact.source:
            return
        handoff = self.tracker.handoffs.get(fact.handoff_id)
        if handoff is not None and handoff.via in _THREE_WAY and handoff.from_line is not None:
            task = asyncio.get_running_loop().create_task(self._join(handoff, handoff.from_line), name="join")
            self._joins.add(task)
            task.add_done_callback(self._joins.discard)

    async def _join(self, handoff: Handoff, line: str) -> None:
        def talking() -> bool:
            call = self.tracker.book.calls.get(handoff.call_id)
            return call is None or not call.live or call.seat_channel is not None

        await self.watch.until(talking)
        request = HandoffRequest(handoff.call_id, Mode.CONFERENCE, line, reason=handoff.via)
        try:
            joined = await self.start_handoff(request, Actor("ivr", any_call=True))
        except TelephonyError as error:  # the caller talks with the target all the same
            log.warning("menus.line_not_joined", handoff_id=handoff.id, reason=error.slug, detail=error.message)
            return
        log.info("menus.line_joins", handoff_id=handoff.id, conference=joined.id, line=line)
