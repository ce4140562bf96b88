"""What the linkage may be told in ``hotline.yaml``."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from ivr.calendar import day_kind
from ivr.flow import DayKind
from linkage.deadlines import Calendar, Limits


class DeadlineSettings(BaseModel):
    """The documents' own numbers are the defaults; where a document names none, there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feedback_minutes: Annotated[int, Field(ge=1, le=14400)] = 120
    close_days: Annotated[int, Field(ge=1, le=365)] = 2
    close_calendar: Calendar = Calendar.CLOCK
    on_scene_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    trades: dict[str, Annotated[int, Field(ge=1, le=14400)]] = {}
    warn_share: Annotated[float, Field(ge=0, lt=1)] = 0.25
    level_hours: Annotated[int, Field(ge=1, le=720)] = 24

    def limits(self, zone: str) -> Limits:
        """``trades``: minutes on scene, by unit."""
        return Limits(
            feedback=timedelta(minutes=self.feedback_minutes),
            close_days=self.close_days,
            calendar=self.close_calendar,
            on_scene=timedelta(minutes=self.on_scene_minutes),
            trades={unit: timedelta(minutes=minutes) for unit, minutes in self.trades.items()},
            warn_share=self.warn_share,
            level_after=timedelta(hours=self.level_hours),
            zone=ZoneInfo(zone),
            worked=worked,
        )


def worked(day: date) -> bool:
    """In a year whose holidays nobody has announced yet, the week decides."""
    kind = day_kind(day)
    return day.weekday() < 5 if kind is DayKind.UNKNOWN else kind in (DayKind.WORKDAY, DayKind.MAKE_UP)


class LinkageSettings(BaseModel):
    """``city``: whose acceptance catalogue decides. ``catalogues``: a folder of the city's own, before the shipped.

    ``units``: the file that lists the units that join in. ``local_unit``: who gets the order beside 110 in a dual push
    (属地政府和相关职能部门).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    city: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "bayannur"
    catalogues: Path | None = None
    units: Path | None = None
    local_unit: Annotated[str, Field(min_length=1, max_length=60)] = "属地政府"
    deadlines: DeadlineSettings = DeadlineSettings()
