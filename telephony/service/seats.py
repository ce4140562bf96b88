"""Seats and lines: who is there, signing in and out, pausing."""

from __future__ import annotations

from typing import Any

import structlog

from telephony import commands
from telephony.errors import LiveStateUnavailable, SeatNotFound
from telephony.ports import Presence
from telephony.presence import SIGNED_OUT, LineStatus, SeatStatus, line_statuses, seat_status
from telephony.service.node import Node

log = structlog.get_logger()


class Seats(Node):
    """A registered phone rings, signed in or not, until somebody takes the seat out: a line must be answered."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._presence: dict[str, Presence] = {}

    async def read_presence(self) -> None:
        """Who had signed in before this node started."""
        try:
            self._presence = dict(await self._live.presence())
        except LiveStateUnavailable as error:
            log.warning("presence.unread", detail=error.message)

    async def seats(self) -> tuple[SeatStatus, ...]:
        return tuple(self._status(seat.id) for seat in self.directory.seats)

    async def seat(self, seat: str) -> SeatStatus:
        """Raises SeatNotFound."""
        return self._status(seat)

    async def lines(self) -> tuple[LineStatus, ...]:
        statuses = {status.seat: status for status in await self.seats()}
        return line_statuses(self.directory, self.live_calls(), statuses)

    async def sign_in(self, seat: str, user: str) -> SeatStatus:
        """Calls ring here from now on. Raises SeatNotFound, AmiError."""
        self._status(seat)
        await self._control.execute(commands.PauseSeat(seat, False, ""))
        return await self._sit(Presence(seat, user, self._clock.now()))

    async def sign_out(self, seat: str) -> SeatStatus:
        """No calls ring here until somebody signs in; the call it has goes on. Raises SeatNotFound, AmiError."""
        self._status(seat)
        await self._control.execute(commands.PauseSeat(seat, True, SIGNED_OUT))
        return await self._sit(Presence(seat, paused_reason=SIGNED_OUT))

    async def pause(self, seat: str, reason: str | None) -> SeatStatus:
        """No calls ring here for a while; None: they ring again. Raises SeatNotFound, AmiError."""
        status = self._status(seat)
        await self._control.execute(commands.PauseSeat(seat, reason is not None, reason or ""))
        return await self._sit(Presence(seat, status.user, status.signed_in_at, reason))

    async def _sit(self, presence: Presence) -> SeatStatus:
        self._presence[presence.seat] = presence
        try:
            await self._live.set_presence(presence)
        except LiveStateUnavailable as error:
            log.warning("presence.unshared", seat=presence.seat, detail=error.message)
        await self.watch.until(lambda: (self._pause_of(presence.seat) is None) is (presence.paused_reason is None))
        self.watch.publisher.tell("seat", id=presence.seat)
        return self._status(presence.seat)

    def _pause_of(self, seat: str) -> str | None:
        return next((reason for (name, _), reason in self.tracker.pauses.items() if name == seat), None)

    def _status(self, seat_id: str) -> SeatStatus:
        seat = self.directory.seat(seat_id)
        if seat is None:
            raise SeatNotFound(f"no seat {seat_id}")
        return seat_status(
            self.directory,
            seat,
            self.tracker.phones.get(seat_id, ""),
            self._pause_of(seat_id),
            self._presence.get(seat_id),
            self.tracker.book.of_seat(seat_id),
        )
