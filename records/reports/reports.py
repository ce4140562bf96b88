"""Reports on request: counted beside the calls, on connections of their own, and remembered once a period is over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records import tables
from records.database import transaction
from records.reports.contents import report_of
from records.reports.counting import Counted, Counting
from records.reports.model import Report
from records.reports.periods import Kind, Period
from records.reports.staffing import Goals
from telephony.handoff import State
from telephony.lines import Directory
from telephony.ports import Clock

_SECONDS = 300.0
_SETTLED_AFTER = timedelta(days=1)
_MOST_REMEMBERED = 64

_Size: TypeAlias = tuple[int, int]


@dataclass
class Reports:
    """``engine``: for reports alone, so that none ever takes a connection from the records of a call.

    ``directory``: what is configured now; its names are told.
    """

    engine: AsyncEngine
    clock: Clock
    zone: str
    goals: Goals
    directory: Callable[[], Directory]
    _remembered: OrderedDict[Period, tuple[_Size, Counted]] = field(default_factory=OrderedDict)

    def period(self, kind: Kind, day: date | None = None) -> Period:
        """The one with that day in it, else the running one. Raises NoSuchPeriod."""
        today = self.clock.now().astimezone(ZoneInfo(self.zone)).date()
        return Period.containing(kind, day or today, self.zone)

    async def of(self, period: Period) -> Report:
        """Raises RecordStoreUnavailable."""
        now = self.clock.now()
        async with transaction(self.engine, _SECONDS) as connection:
            await _one_snapshot(connection)
            counted, before = await self._counted(connection, period), await self._counted(connection, period.before)
        directory = self.directory()
        goals = replace(self.goals, staffed=tuple(line.id for line in directory.lines))
        names = {line.id: line.name for line in directory.lines}
        names |= {linked.id: linked.name for linked in directory.linked_numbers}
        return report_of(period, counted, before, goals, names, now)

    async def first_record(self) -> datetime | None:
        """When the oldest call or handoff on record was. Raises RecordStoreUnavailable."""
        oldest = (select(func.min(tables.calls.c.arrived_at)), select(func.min(tables.handoffs.c.created_at)))
        async with transaction(self.engine, _SECONDS) as connection:
            found = [(await connection.execute(query)).scalar_one() for query in oldest]
        return min((at for at in found if at is not None), default=None)

    def remembered(self, period: Period) -> Counted | None:
        known = self._remembered.get(period)
        return known[1] if known else None

    async def _counted(self, connection: AsyncConnection, period: Period) -> Counted:
        """What is remembered holds as long as no record has come since."""
        size = await _size(connection, period)
        known = self._remembered.get(period)
        if known is not None and known[0] == size:
            self._remembered.move_to_end(period)
            return known[1]
        counting = Counting(self.goals.answer_within_ms, self.goals.calls_of_caller)
        counted = await counting.count(connection, period)
        if self.clock.now() - period.until > _SETTLED_AFTER and not await _live(connection, period):
            self._remembered[period] = size, counted
            while len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return counted


async def _one_snapshot(connection: AsyncConnection) -> None:
    """All figures of a report are of one moment."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN")
    else:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


async def _size(connection: AsyncConnection, period: Period) -> _Size:
    handoffs, calls = tables.handoffs.c, tables.calls.c
    queries = (
        select(func.count()).where(handoffs.created_at >= period.since, handoffs.created_at < period.until),
        select(func.count()).where(calls.arrived_at >= period.since, calls.arrived_at < period.until),
    )
    first, second = [(await connection.execute(query)).scalar_one() for query in queries]
    return first, second


async def _live(connection: AsyncConnection, period: Period) -> bool:
    """Of all that goes on: with a condition on its time SQLite would look through all that ever was."""
    handoffs, calls = tables.handoffs.c, tables.calls.c
    either = union_all(
        select(handoffs.created_at).where(handoffs.state != State.ENDED),
        select(calls.arrived_at).where(calls.ended_at.is_(None)),
    )
    return any(at < period.until for at in (await connection.execute(either)).scalars())
