"""The daily export, for as long as the service runs."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from api.settings_exports import ExportSettings
from records.export.book import ExportBook
from records.ledger import Ledger
from records.manifest import write_manifest
from records.tasks import report
from telephony.ports import Clock
from telephony.service.apart import apart


def exported_daily(
    settings: ExportSettings, home: Path, url: str, ledger: Ledger, clock: Clock
) -> tuple[asyncio.Task[None], ...]:
    """The task that makes the files, where the settings want any."""
    if not settings.daily:
        return ()
    from records.export.daily import Daily  # and with it the libraries that read columns: 60 MB
    from records.export.sftp import SftpPlace

    sftp, chain = settings.sftp, ledger.chain
    daily = Daily(
        url=url,
        book=ExportBook(ledger),
        seal=partial(write_manifest, signer=chain.signer, algorithm=chain.algorithm),
        clock=clock,
        run=apart,
        folder=settings.folder or home / "exports",
        kinds=settings.daily,
        format=settings.format,
        clear=settings.full_numbers,
        place=SftpPlace(**sftp.model_dump()) if sftp else None,
    )
    task = asyncio.create_task(daily.run_for_ever(), name="daily-export")
    task.add_done_callback(report)
    return (task,)
