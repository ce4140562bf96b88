"""Reports made by themselves soon after each period, once each, into a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from records.reports.formats import file_name, keep
from records.reports.model import Format, Report
from records.reports.periods import Kind, Period, newest_closed
from records.reports.reports import Reports
from telephony.errors import RecordStoreUnavailable

log = structlog.get_logger(__name__)

SETTLES = timedelta(minutes=15)
"""After the end of a period, for what is still on its way into the database."""
_MOST_BACK = 31
_RETRY_SECONDS = 60.0
_LONGEST_SLEEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is there is not made again, so that a restart makes nothing twice and catches up with what it missed.

    ``lay_out``: the content of a report in a format; it may take seconds and must not hold up the event loop.
    """

    reports: Reports
    folder: Path
    kinds: Sequence[Kind]
    formats: Sequence[Format]
    lay_out: Callable[[Report, Format], Awaitable[bytes]]

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this look only."""
        while True:
            wait = _RETRY_SECONDS
            try:
                await self.look()
                wait = self._until_next()
            except RecordStoreUnavailable as error:
                log.warning("reports.wait", detail=error.message)
            except OSError as error:
                log.error("reports.not_kept", folder=str(self.folder), detail=error.strerror)
            except Exception:
                log.exception("reports.failed")
            await asyncio.sleep(wait)

    async def look(self) -> list[Path]:
        """Make what is missing, the oldest first; the files made. Raises RecordStoreUnavailable, OSError."""
        if not self.kinds:
            return []
        first = await self.reports.first_record()
        if first is None:
            return []
        made: list[Path] = []
        for kind in self.kinds:
            for period in reversed(self._missing(kind, first)):
                made += await self._make(period)
        return made

    def _missing(self, kind: Kind, first: datetime) -> list[Period]:
        """Newest first, back to the one that is there, or in which the records begin."""
        found: list[Period] = []
        period = newest_closed(kind, self.reports.clock.now() - SETTLES, self.reports.zone)
        while len(found) < _MOST_BACK and period.until > first and not self._there(period):
            found.append(period)
            period = period.before
        return found

    def _there(self, period: Period) -> bool:
        return all((self.folder / file_name(period, format)).exists() for format in self.formats)

    async def _make(self, period: Period) -> list[Path]:
        report = await self.reports.of(period)
        made = []
        for format in self.formats:
            path = self.folder / file_name(period, format)
            if not path.exists():
                await asyncio.to_thread(keep, path, await self.lay_out(report, format))
                made.append(path)
        log.info("reports.made", kind=period.kind.value, period=period.name, files=[path.name for path in made])
        return made

    def _until_next(self) -> float:
        """Seconds to the end of the day and what settles after; never long, since clocks may be set."""
        now = self.reports.clock.now()
        over = self.reports.period(Kind.DAY).until + SETTLES
        return min(_LONGEST_SLEEP, max(over - now, timedelta(seconds=1))).total_seconds()
