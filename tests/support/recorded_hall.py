"""A finished recording in a hall, as Asterisk and the keeper would have made it."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from records.recordings.keeper import RecordingKeeper, Rules
from records.recordings.store import Kept
from softphones.tones import tone
from telephony.recordings import originals, recording_of
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, Hall

BEGAN = NOW
PATH = f"2026-11-21/{CALL}-{round(BEGAN.timestamp() * 1000)}"


async def recorded(hall: Hall, *, seconds: float = 6.0) -> Kept:
    """The caller's tone is 440 Hz, the others' 620 Hz."""
    shelf = hall.services.recordings
    recording = recording_of(PATH, "n1")
    assert recording is not None
    for path, frequency in zip(originals(recording.path), (440.0, 620.0), strict=True):
        file = shelf.files.monitor / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tone(frequency, 24000, 0, round(seconds * 24000)).tobytes())
        os.utime(file, (time.time() - 600,) * 2)
    rules = Rules(timedelta(days=180), 0)
    keeper = RecordingKeeper(
        shelf.files, shelf.store, hall.services.ledger, hall.clock, "n1", rules, lambda call_id: False
    )
    await keeper.round()
    return await shelf.store.find(recording.id)
