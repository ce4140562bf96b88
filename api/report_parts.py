"""The reports' own parts, put together from their settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from api.settings_reports import ReportSettings
from records.reports.formats import laid_out
from records.reports.model import Format, Report
from records.reports.reports import Reports
from records.reports.schedule import Schedule
from records.reports.staffing import Goals
from telephony.lines import Directory
from telephony.ports import Clock
from telephony.service.apart import apart


def reports_of(
    wanted: ReportSettings, engine: AsyncEngine, clock: Clock, directory: Callable[[], Directory]
) -> Reports:
    goals = Goals(
        answer_within_ms=round(wanted.answer_within_seconds * 1000),
        answered=wanted.answered_goal,
        level=wanted.service_level,
        wrap_up_s=wanted.wrap_up_seconds,
        calls_of_caller=wanted.repeat_calls,
    )
    return Reports(engine, clock, wanted.time_zone, goals, directory)


def schedule_of(wanted: ReportSettings, reports: Reports, home: Path, root: str) -> Schedule:
    """``root``: the API's address, for the links in the files."""

    async def lay_out(made: Report, format: Format) -> bytes:
        return await apart(laid_out, made, format, root)

    return Schedule(reports, wanted.folder or home / "reports", wanted.kinds, wanted.formats, lay_out)
