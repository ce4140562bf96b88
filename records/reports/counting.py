"""What reports count, in SQL: a few grouped passes over a period, summed up in Python for each figure.

The groups have the names and values of the lists' conditions (``records.filters``), so that a figure is a condition.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, and_, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records import tables
from records.filters import RETURNED, callers, epoch, hour_of_day
from records.reports.model import ListOf, Where
from records.reports.periods import Period
from telephony.ports import NONE

PERCENTILES = (50, 90, 99)
_HOUR_S = 3600
_MOST_CALLERS, _BUSIEST = 10, 5

_H, _C = tables.handoffs.c, tables.calls.c
_AT: Mapping[ListOf, Column[datetime]] = {ListOf.CALLS: _C.arrived_at, ListOf.HANDOFFS: _H.created_at}
_GROUPS: Mapping[ListOf, Mapping[str, Column[Any]]] = {
    ListOf.CALLS: {"first_line": _C.first_line},
    ListOf.HANDOFFS: {
        "from_line": _H.from_line,
        "target": _H.target,
        "mode": _H.mode,
        "outcome": _H.outcome,
        "resolution": _H.resolution,
        "number_proof": _H.number_proof,
        "accepted_by": _H.accepted_by,
        "automatic": _H.decided_automatically,
    },
}
_HOURLY: Mapping[ListOf, str] = {ListOf.CALLS: "first_line", ListOf.HANDOFFS: "target"}
_TIMED: Mapping[ListOf, tuple[str, ...]] = {
    ListOf.CALLS: ("first_line",),
    ListOf.HANDOFFS: ("from_line", "target"),
}
Times: TypeAlias = Mapping[tuple[ListOf, frozenset[tuple[str, str]]], tuple[int, ...]]
"""The percentiles, by list and line or lines."""

_FLAGS = ("automatic", "returned", "answered")


@dataclass(frozen=True, slots=True)
class Group:
    """``items`` of a list that are alike in ``has``; ``talk_ms`` is theirs together."""

    has: Mapping[str, str | int | bool | None]
    items: int
    talk_ms: int = 0


class Groups:
    """Sums over groups, by the names and values that are asked for."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._sums: dict[tuple[str, ...], dict[tuple[Any, ...], list[int]]] = {}

    def items(self, where: Where) -> int:
        return self._found(where)[0]

    def talk_ms(self, where: Where) -> int:
        return self._found(where)[1]

    def values(self, *names: str) -> set[tuple[str, ...]]:
        """Which occur together."""
        return {tuple(map(str, values)) for values in self._by(names)}

    def _found(self, where: Where) -> Sequence[int]:
        names = tuple(sorted(where))
        return self._by(names).get(tuple(where[name] for name in names), (0, 0))

    def _by(self, names: tuple[str, ...]) -> Mapping[tuple[Any, ...], Sequence[int]]:
        """One pass for each set of names, however many figures ask for it."""
        sums = self._sums.get(names)
        if sums is None:
            sums = self._sums[names] = {}
            for group in self._groups:
                found = sums.setdefault(tuple(group.has[name] for name in names), [0, 0])
                found[0] += group.items
                found[1] += group.talk_ms
        return sums


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called again and again: as received, and one of the calls."""

    number: str
    calls: int
    one_call: str


@dataclass(frozen=True, slots=True)
class Counted:
    """All that a report of one period is made of."""

    groups: Mapping[ListOf, Groups]
    hourly: Mapping[ListOf, Groups]
    times: Times
    repeat_callers: int
    repeat_calls: int
    callers: Sequence[Caller] = ()
    busiest: Sequence[tuple[datetime, int]] = field(default=())

    def count(self, of: ListOf, where: Where) -> int:
        return (self.hourly if "hour" in where else self.groups)[of].items(where)

    def talk_ms(self, of: ListOf, where: Where) -> int:
        return self.groups[of].talk_ms(where)

    def percentiles(self, of: ListOf, where: Where) -> tuple[int, ...] | None:
        """Of the time to answer, in milliseconds (``PERCENTILES``); None where nobody answered."""
        return self.times.get((of, _key(where.items())))


@dataclass(frozen=True, slots=True)
class Counting:
    """``within_ms``: how fast is in time; ``calls_of_caller``: from how many calls on somebody is a repeat caller."""

    within_ms: int
    calls_of_caller: int

    async def count(self, connection: AsyncConnection, period: Period) -> Counted:
        people, their_calls, most = await self._repeat(connection, period)
        return Counted(
            groups={of: Groups(await self._groups(connection, period, of)) for of in ListOf},
            hourly={of: Groups(await self._by_hour(connection, period, of)) for of in ListOf},
            times={key: times for of in ListOf for key, times in (await _times(connection, period, of)).items()},
            repeat_callers=people,
            repeat_calls=their_calls,
            callers=most,
            busiest=await _busiest_hours(connection, period),
        )

    async def _groups(self, connection: AsyncConnection, period: Period, of: ListOf) -> list[Group]:
        table = _AT[of].table
        in_time = case((table.c.answer_ms <= self.within_ms, 2), (table.c.answer_ms.is_not(None), 1), else_=0)
        columns = [*_GROUPS[of].values(), in_time.label("in_time")]
        query = select(*columns, func.count(), func.sum(table.c.talk_ms)).where(_in(period, of)).group_by(*columns)
        return [self._group(of, tuple(row)) for row in await connection.execute(query)]

    def _group(self, of: ListOf, row: tuple[Any, ...]) -> Group:
        *values, in_time, items, talk_ms = row
        has = dict(zip(_GROUPS[of], values, strict=True))
        named = {name: value if name in _FLAGS else NONE if value is None else value for name, value in has.items()}
        named |= {"answered": in_time > 0, "answered_within_ms": self.within_ms if in_time == 2 else None}
        if of is ListOf.HANDOFFS:
            named["returned"] = has["resolution"] in RETURNED
        return Group(named, items, int(talk_ms or 0))

    async def _by_hour(self, connection: AsyncConnection, period: Period, of: ListOf) -> list[Group]:
        name = _HOURLY[of]
        line = _GROUPS[of][name]
        hour = hour_of_day(_AT[of], period.since, period.until, period.zone).label("hour")
        query = select(line, hour, func.count()).where(_in(period, of)).group_by(line, hour)
        rows = await connection.execute(query)
        return [Group({name: NONE if line is None else line, "hour": int(hour)}, n) for line, hour, n in rows]

    async def _repeat(self, connection: AsyncConnection, period: Period) -> tuple[int, int, list[Caller]]:
        """How many they are, how many calls are theirs, and those who called most."""
        found = callers(period.since, period.until, self.calls_of_caller)
        all_of_them = (func.count().over(), func.sum(found.c.calls).over())
        query = select(found.c.caller, found.c.calls, *all_of_them).order_by(found.c.calls.desc(), found.c.caller)
        rows = (await connection.execute(query.limit(_MOST_CALLERS))).all()
        if not rows:
            return 0, 0, []
        key: ColumnElement[str] = literal_column(tables.CALLER_KEY)
        theirs = select(key, _C.original_caller, _C.id).where(
            _in(period, ListOf.CALLS), key.in_([row[0] for row in rows])
        )
        last = {who: (number, call) for who, number, call in await connection.execute(theirs.order_by(_C.id))}
        most = [Caller(last[who][0], calls, last[who][1]) for who, calls, *_ in rows]
        return rows[0][2], int(rows[0][3]), most


def _in(period: Period, of: ListOf) -> ColumnElement[bool]:
    return and_(_AT[of] >= period.since, _AT[of] < period.until)


async def _times(connection: AsyncConnection, period: Period, of: ListOf) -> Times:
    """By nearest rank (the smallest time within which at least that share was answered), of all and of each line.

    One pass that groups equal times: sorting all rows in window functions took three times as long on SQLite.
    """
    ms = _AT[of].table.c.answer_ms
    names = _TIMED[of]
    columns = [_GROUPS[of][name] for name in names]
    query = select(*columns, ms, func.count()).where(_in(period, of), ms.is_not(None)).group_by(*columns, ms)
    of_all: Counter[int] = Counter()
    of_group: dict[tuple[Any, ...], Counter[int]] = {}
    for *values, took, items in await connection.execute(query):
        of_all[took] += items
        of_group.setdefault(tuple(values), Counter())[took] += items
    found = {(of, _key(zip(names, values, strict=True))): _ranks(took) for values, took in of_group.items()}
    return found | ({(of, _key(())): _ranks(of_all)} if of_all else {})


def _key(values: Iterable[tuple[str, Any]]) -> frozenset[tuple[str, str]]:
    return frozenset((name, NONE if value is None else str(value)) for name, value in values)


def _ranks(took: Counter[int]) -> tuple[int, ...]:
    ranks = [(took.total() * share + 99) // 100 for share in PERCENTILES]
    times = sorted(took)
    reached = list(accumulate(took[ms] for ms in times))
    return tuple(times[bisect_left(reached, rank)] for rank in ranks)


async def _busiest_hours(connection: AsyncConnection, period: Period) -> list[tuple[datetime, int]]:
    """By the clock: where that is half an hour off UTC, so are its hours."""
    offset = period.since.astimezone(ZoneInfo(period.zone)).utcoffset() or timedelta()
    shift = round(offset.total_seconds()) % _HOUR_S
    hour = ((epoch(_C.arrived_at) + shift) // _HOUR_S).label("hour")
    query = select(hour, func.count()).where(_in(period, ListOf.CALLS)).group_by(hour)
    rows = await connection.execute(query.order_by(func.count().desc(), hour).limit(_BUSIEST))
    return [(datetime.fromtimestamp(int(hour) * _HOUR_S - shift, UTC), calls) for hour, calls in rows]
