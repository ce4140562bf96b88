"""The units that join in (联动单位): what each does, within what time and where, and who of it is on duty now. Pure.

A city's list is data: the file that ``linkage.units`` names. Tiers, duty phones and contact cards are 漳平 2023's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ivr.yamlfile import Mistake, Source
from linkage.catalogue import Id, Words

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9-]{1,19}$")]


class Tier(StrEnum):
    FIRST = "first"
    """落实专职人员7×24小时值班，应急联动值班电话保持畅通."""
    SECOND = "second"
    """正常工作时间应急联动值班电话保持畅通，应急联动工作负责人和联络员随时保持通讯畅通."""


class Days(StrEnum):
    EVERY = "every"
    WORKED = "worked"
    FREE = "free"
    """Weekends and holidays; not the weekends that are worked to make up for one."""


class Why(StrEnum):
    ROSTER = "roster"
    DUTY_PHONE = "duty-phone"
    LIAISON = "liaison"
    LEADER = "leader"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Contact(_Data):
    name: Words
    phone: Phone


class Shift(Contact):
    """Somebody's duty on one ``day``, or on such ``days``. ``until`` not after ``since``: of the next day."""

    day: date | None = None
    days: Days | None = None
    since: time = time(0, 0)
    until: time = time(0, 0)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.day is None) == (self.days is None):
            raise ValueError("须填 day 或 days 之一 · either day or days")
        return self


class Hours(_Data):
    """正常工作时间, on worked days."""

    since: time = time(8, 30)
    until: time = time(17, 30)


class Unit(_Data):
    """包括服务内容、时限、范围、电话; 明确单位分管领导和联络员 (漳平 2023).

    ``target``: the line or linked number that adds it to a live call with one key. ``limit_minutes``: on scene.
    """

    id: Id
    name: Words
    tier: Tier
    service: Words
    area: Words
    limit_minutes: Annotated[int, Field(ge=1, le=14400)] | None = None
    duty_phone: Phone
    target: Annotated[str, Field(min_length=1, max_length=24)] | None = None
    leader: Contact
    liaison: Contact
    hours: Hours = Hours()
    roster: tuple[Shift, ...] = ()


class Units(_Data):
    units: tuple[Unit, ...] = ()

    def unit(self, id: str) -> Unit | None:
        return next((unit for unit in self.units if unit.id == id), None)

    @property
    def trades(self) -> Mapping[str, timedelta]:
        """Of each unit that has its own limit, by id and by name, as orders name it."""
        own = ((unit, unit.limit_minutes) for unit in self.units)
        limits = ((unit, timedelta(minutes=minutes)) for unit, minutes in own if minutes is not None)
        return {name: limit for unit, limit in limits for name in (unit.id, unit.name)}


@dataclass(frozen=True, slots=True)
class OnDuty:
    name: str
    phone: str
    why: Why


def on_duty(unit: Unit, at: datetime, zone: ZoneInfo, worked: Callable[[date], bool]) -> tuple[OnDuty, ...]:
    """Whom to call, in this order; never empty. ``worked``: whether a day is.

    Who is on the roster comes first, then the duty phone while it is staffed, then liaison and leader, who can be
    reached at all hours.
    """
    local = at.astimezone(zone)
    found = [OnDuty(shift.name, shift.phone, Why.ROSTER) for shift in _shifts(unit, local, worked)]
    if unit.tier is Tier.FIRST or _at_work(unit.hours, local, worked):
        found.append(OnDuty(unit.name, unit.duty_phone, Why.DUTY_PHONE))
    found.append(OnDuty(unit.liaison.name, unit.liaison.phone, Why.LIAISON))
    found.append(OnDuty(unit.leader.name, unit.leader.phone, Why.LEADER))
    first = {each.phone: each for each in reversed(found)}
    return tuple(each for each in found if each is first[each.phone])


def _at_work(hours: Hours, local: datetime, worked: Callable[[date], bool]) -> bool:
    return worked(local.date()) and hours.since <= local.time() < hours.until


def _shifts(unit: Unit, local: datetime, worked: Callable[[date], bool]) -> Iterator[Shift]:
    """Those of one day before those of kinds of days: a roster is changed for one day without touching the rest."""
    covering = [shift for shift in unit.roster if _covers(shift, local, worked)]
    yield from (shift for shift in covering if shift.day is not None)
    yield from (shift for shift in covering if shift.day is None)


def _covers(shift: Shift, local: datetime, worked: Callable[[date], bool]) -> bool:
    now, today = local.time(), local.date()
    if shift.since < shift.until:
        return shift.since <= now < shift.until and _is_of(shift, today, worked)
    begun, yesterday = now >= shift.since, today - timedelta(days=1)
    return (begun and _is_of(shift, today, worked)) or (now < shift.until and _is_of(shift, yesterday, worked))


def _is_of(shift: Shift, day: date, worked: Callable[[date], bool]) -> bool:
    if shift.day is not None:
        return shift.day == day
    return shift.days is Days.EVERY or (shift.days is Days.WORKED) == worked(day)


def mistakes(units: Units, source: Source, known: Callable[[str], bool]) -> tuple[Mistake, ...]:
    """In the order of their place; ``known``: whether there is such a line or linked number."""
    return tuple(sorted(_mistakes(units, source, known)))


def _mistakes(units: Units, source: Source, known: Callable[[str], bool]) -> Iterator[Mistake]:
    names: set[str] = set()
    for place, unit in enumerate(units.units):
        for field in ("id", "name"):
            text = getattr(unit, field)
            if text in names:
                yield source.mistake(("units", place, field), f"{text}: 重复 · stands twice")
        names |= {unit.id, unit.name}
        if unit.target is not None and not known(unit.target):
            what = f"{unit.target}: 没有该热线或联动号码 · no such line or linked number"
            yield source.mistake(("units", place, "target"), what)
