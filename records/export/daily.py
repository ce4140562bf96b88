"""Yesterday's records as a file with its manifest, each day, into a folder and, where one is named, over SFTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from records.export.book import ExportBook
from records.export.run import Seal, sealed, to_file
from records.export.sftp import SftpPlace, bring
from records.export.spec import Format, Kind, Spec, language_for
from records.verify_ledger import lines_of, manifest_of
from telephony.errors import HotlineError, RecordsError
from telephony.ports import Clock
from telephony.service.apart import Run

log = structlog.get_logger(__name__)

_CHINA = ZoneInfo("Asia/Shanghai")
_SETTLES = timedelta(minutes=15)
"""After midnight, for what is still on its way into the database."""
_MOST_BACK = 31
_EVERY_SECONDS = 600.0
ACTOR = "schedule"


@dataclass(frozen=True, slots=True)
class Daily:
    """What is there is not made again, so that a restart makes nothing twice and catches up with what it missed."""

    url: str
    book: ExportBook
    seal: Seal
    clock: Clock
    run: Run
    folder: Path
    kinds: Sequence[Kind]
    format: Format = Format.CSV
    clear: bool = False
    place: SftpPlace | None = None

    async def run_for_ever(self) -> None:
        """Until cancelled. A fault is loud and costs this look only."""
        while True:
            try:
                await self.look()
            except HotlineError as error:
                log.error("daily_export.waits", reason=error.slug, detail=error.message)
            except OSError as error:
                log.error("daily_export.waits", folder=str(self.folder), detail=error.strerror or str(error))
            except Exception:
                log.exception("daily_export.failed")
            await asyncio.sleep(_EVERY_SECONDS)

    async def look(self) -> list[Path]:
        """Make what is missing of the last month, the oldest first; the files made.

        Raises RecordsError (RecordStoreUnavailable, ExportFailed …), OSError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        yesterday = (self.clock.now() - _SETTLES).astimezone(_CHINA).date() - timedelta(days=1)
        days = [yesterday - timedelta(days=back) for back in reversed(range(_MOST_BACK))]
        wanted = [(kind, day, self._file(kind, day)) for day in days for kind in self.kinds]
        first = next(
            (place for place, (_, _, file) in enumerate(wanted) if file.exists()), len(wanted) - len(self.kinds)
        )
        made = [file for kind, day, file in wanted[first:] if not file.exists() and await self._make(kind, day, file)]
        if self.place is not None:
            there = [file for _, _, file in wanted if file.exists()]
            await bring([part for file in there for part in parts(file)], self.place)
        return made

    def _file(self, kind: Kind, day: date) -> Path:
        return self.folder / f"{kind}-{day.isoformat()}.{self.format}"

    async def _make(self, kind: Kind, day: date, file: Path) -> bool:
        language = language_for(None, self.format)
        spec = Spec(kind, self.format, _begin(day), _begin(day + timedelta(days=1)), language, self.clear)
        entered = await self.book.begun(spec, ACTOR)
        try:
            done = await self.run(to_file, spec, self.url, file)
            await asyncio.to_thread(sealed, file, done.about(entered.id, ACTOR), self.seal)
            entered.result = done.result
        except RecordsError as failure:
            entered.problem = failure.slug
            raise
        finally:
            await self.book.ended(entered)
        log.info("daily_export.made", file=file.name, rows=done.rows)
        return True


def parts(file: Path) -> tuple[Path, ...]:
    """The file and what goes with it, the manifest last: where that is, all is."""
    return file, lines_of(file), manifest_of(file)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), _CHINA).astimezone(UTC)
