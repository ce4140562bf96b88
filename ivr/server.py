"""The FastAGI server: many callers at the menus at once, and none whom it can hold.

Whatever goes wrong here ends a connection, and a connection that ends leaves the caller to the dialplan, which has a
human for it. So this side gives up early: too many callers, a silent Asterisk, an error of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import structlog

from ivr.agi import AgiError
from ivr.branching import Facts
from ivr.calendar import day_kind
from ivr.caller import Ending, Gateway, Visitor
from ivr.flow import History
from ivr.menu import Caller, Engine
from ivr.shelf import Stock

log = structlog.get_logger(__name__)

MOST_SESSIONS: Final = 500
_BACKLOG: Final = 512
_LONGEST_LINE: Final = 4096
_WITHHELD: Final = "unknown"  # Asterisk's word for no number
_CHINA: Final = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Passage:
    """One caller's way through the menus, for its record. ``call``: Asterisk's words for it, without `agi_`."""

    call: Mapping[str, str]
    line: str
    flow: str
    version: str
    began: datetime
    caller: Caller
    ending: Ending


class Known(Protocol):
    """What is known of a caller; must answer within a fraction of a second, for somebody waits."""

    async def history(self, call_id: str, number: str) -> frozenset[History] | None:
        """Asked once a call. None when nothing is known; ``number`` is "" when none came."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Which flow a call gets, and what that flow may decide by. ``menus``: the lines whose menu is turned on."""

    stock: Callable[[], Stock]
    menus: Callable[[], frozenset[str]]
    known: Known | None = None
    zone: ZoneInfo = _CHINA

    async def engine(self, call: Mapping[str, str]) -> Engine | None:
        """``call``: arguments 1 to 4 are the line, the number dialled, callers waiting and the queue's hold time."""
        stock = self.stock()
        line = call.get("arg_1", "")
        flow = stock.flow(line, call.get("arg_2", ""))
        if flow is None or line not in self.menus():
            return None
        now = datetime.now(self.zone)
        number = call.get("callerid", "")
        who = call.get("uniqueid", ""), "" if number == _WITHHELD else number
        history = await self.known.history(*who) if self.known else None
        waiting, wait = _number(call.get("arg_3")), _number(call.get("arg_4"))
        return Engine(flow, Facts(now, day_kind(now.date()), waiting, wait, history), stock.lengths)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


class AgiServer:
    """``on_over`` is told of every passage that came to an end; it must neither wait nor raise."""

    def __init__(
        self,
        reception: Reception,
        *,
        on_over: Callable[[Passage], None] = lambda passage: None,
        most_sessions: int = MOST_SESSIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sessions = 0
        self._reception = reception
        self._on_over = on_over
        self._most = most_sessions
        self._clock = clock

    async def run(self, host: str, port: int) -> None:
        """Until cancelled; then the connections end with it. Raises OSError when the port is taken."""
        server = await self.listen(host, port)
        async with server:
            await server.serve_forever()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connected, host, port, backlog=_BACKLOG, limit=_LONGEST_LINE)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.sessions >= self._most:
            log.warning("ivr.too_many_callers", sessions=self.sessions)
            writer.transport.abort()
            return
        self.sessions += 1
        try:
            await self._session(Gateway(reader, writer))
        except AgiError as error:
            log.warning("ivr.session_ended", reason=error.slug, detail=error.message)
        finally:
            self.sessions -= 1
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _session(self, gateway: Gateway) -> None:
        call = await gateway.environment()
        engine = await self._reception.engine(call)
        if engine is None:
            log.warning("ivr.no_flow", line=call.get("arg_1"))
            return
        began = datetime.now(self._reception.zone)
        caller, ending = await Visitor(gateway, engine, call, self._clock).run()
        flow = engine.flow
        self._on_over(Passage(call, flow.line, flow.name, flow.version, began, caller, ending))
        log.info("ivr.over", line=flow.line, version=flow.version, ending=type(ending).__name__, steps=len(caller.path))
