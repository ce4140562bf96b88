"""Too many callers: who has to know of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from telephony.events import Event, SurgeMet, TrunkFull
from telephony.service.node import Node

log = structlog.get_logger()

_SAME_SURGE: Final = timedelta(minutes=1)


class Load(Node):
    """``caller_refused`` is told of each caller for whom a trunk had no channel left: trunk and line."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.caller_refused: Callable[[str, str], None] = lambda trunk, line: None
        self._told_at: dict[tuple[str, str], datetime] = {}

    def hear_of_load(self, fact: Event) -> None:
        """Never waits. Supervisors are told once a minute for each line, not once for each caller."""
        match fact:
            case TrunkFull(trunk=trunk, line=line):
                self.caller_refused(trunk, line)
                if self._is_news(fact, line):
                    log.error("trunk.full", trunk=trunk, line=line)
                    self.watch.publisher.tell("alarm", alarm="trunk_full", trunk=trunk, line=line)
            case SurgeMet(line=line, waiting=waiting, hold_seconds=hold):
                if self._is_news(fact, line):
                    log.warning("line.surge", line=line, waiting=waiting, hold_seconds=hold)
                    self.watch.publisher.tell("surge", line=line, waiting=waiting, hold_seconds=hold)

    def _is_news(self, fact: Event, line: str) -> bool:
        key = type(fact).__name__, line
        last = self._told_at.get(key)
        if last is not None and fact.at < last + _SAME_SURGE:
            return False
        self._told_at[key] = fact.at
        return True
