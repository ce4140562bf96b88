"""The parts that keep and give recordings, put together from the settings."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from api.settings import Settings
from records.ledger import Ledger
from records.recordings.files import RecordingFiles
from records.recordings.keeper import RecordingKeeper, Rules
from records.recordings.shelf import RecordingShelf
from records.recordings.store import RecordingStore
from telephony.asterisk.layout import Layout
from telephony.ports import Clock
from telephony.service import Switchboard


def shelf_of(settings: Settings, layout: Layout, engine: AsyncEngine, ledger: Ledger) -> RecordingShelf:
    folder = settings.recordings.folder or layout.home / "recordings"
    files = RecordingFiles(layout.spool / "monitor", folder.absolute(), settings.node)
    return RecordingShelf(files, RecordingStore(engine), ledger)


def keeper_of(
    settings: Settings, shelf: RecordingShelf, ledger: Ledger, switchboard: Switchboard, clock: Clock
) -> RecordingKeeper:
    """The switchboard tells it of every change from now on."""
    wanted = settings.recordings
    algorithms = tuple(dict.fromkeys(("sha256", ledger.chain.algorithm)))
    rules = Rules(timedelta(days=wanted.keep_days), wanted.keep_free_mb << 20, algorithms)
    keeper = RecordingKeeper(shelf.files, shelf.store, ledger, clock, settings.node, rules, switchboard.is_recorded_now)
    switchboard.recording_changed, switchboard.keep_note = keeper.changed, keeper.keep_note
    return keeper
