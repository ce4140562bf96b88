"""``call_backs`` in ``hotline.yaml``: how promised call-backs are kept."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from api.settings_reports import Part
from telephony.callback import CallBackRules

Minutes = Annotated[float, Field(ge=0.01, le=1440)]
LineId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$")]


class CallBackSettings(Part):
    """``automatic``: false: nobody is dialled but whom a seat takes. ``since`` to ``until``: when citizens may be rung,
    but for the lines ``at_any_hour``. ``attempts``: those in which the citizen could have answered.
    """

    automatic: bool = True
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    retry_minutes: Annotated[tuple[Minutes, ...], Field(min_length=1, max_length=20)] = (5.0, 20.0, 60.0)
    since: time = time(8)
    until: time = time(21)
    at_any_hour: tuple[LineId, ...] = ("110",)
    give_up_hours: Annotated[float, Field(ge=0.1, le=720)] = 48.0

    def rules(self, time_zone: str) -> CallBackRules:
        return CallBackRules(
            automatic=self.automatic,
            attempts=self.attempts,
            retry_after=tuple(timedelta(minutes=each) for each in self.retry_minutes),
            since=self.since,
            until=self.until,
            at_any_hour=frozenset(self.at_any_hour),
            give_up_after=timedelta(hours=self.give_up_hours),
            zone=ZoneInfo(time_zone),
        )
