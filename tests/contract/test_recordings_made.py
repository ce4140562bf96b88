"""From what Asterisk wrote to what is kept, on both databases: made, put on the ledger, held, deleted, reported."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from records.database import engine_for
from records.recordings.keeper import RecordingKeeper
from records.recordings.store import RecordingFilter, RecordingState, RecordingStore
from telephony.errors import (
    RecordingNotFound,
)
from telephony.recordings import Recording
from tests.support.archive import BEGAN, DAY, Archive, a_recording, archive
from tests.support.ledgers import a_ledger, bodies, database, faults_of, rows_of

__all__ = ["archive", "database"]
pytestmark = pytest.mark.asyncio

# ---------------------------------------------------------------- making


async def test_given_a_call_is_over_then_its_recording_is_whole_and_its_hash_on_the_ledger(archive: Archive) -> None:
    recording = await archive.written()
    await archive.called(recording)
    keeper = archive.keeper()
    keeper.changed(replace(recording, ended_at=recording.started_at + timedelta(seconds=60.5)))
    await keeper.round()

    kept = await archive.store.find(recording.id)
    assert (kept.state, kept.problem, kept.seconds, kept.channels) == (RecordingState.WHOLE, None, 60.0, 2)
    assert kept.ended_at == recording.started_at + timedelta(seconds=60), "the earlier of the two that were told"
    assert kept.delete_after == kept.ended_at + 180 * DAY
    assert kept.sha256 == hashlib.sha256(archive.files.finished(kept.path).read_bytes()).hexdigest()
    assert kept.bytes == archive.files.finished(kept.path).stat().st_size
    (entry,) = bodies(await rows_of(archive.engine), "recording")
    assert (entry["sha256"], entry["state"], entry["call_id"]) == (kept.sha256, "whole", kept.call_id)
    assert list(archive.files.unfinished()) == [], "the originals are not needed any more"
    assert faults_of(await rows_of(archive.engine)) == []


async def test_given_the_ledger_is_kept_in_sm3_then_it_has_that_hash_as_well(archive: Archive) -> None:
    recording = await archive.written()
    await archive.keeper(algorithm="sm3").round()

    (entry,) = bodies(await rows_of(archive.engine), "recording")
    assert len(entry["sm3"]) == len(entry["sha256"]) == 64
    assert entry["sm3"] == archive.files.digest(recording.path, "sm3")


async def test_given_the_service_was_dead_all_the_while_then_the_folder_alone_says_what_was_recorded(
    archive: Archive,
) -> None:
    recording = await archive.written()

    await archive.keeper().round()

    kept = await archive.store.find(recording.id)
    assert (kept.state, kept.call_id, kept.started_at) == (RecordingState.WHOLE, "n1-0.0", BEGAN)
    assert kept.ended_at == BEGAN + timedelta(seconds=60)


@pytest.mark.parametrize(("seconds", "cut"), [(30, "short"), (57.9, "short"), (58.0001, None), (30.00512, "cut")])
async def test_given_it_is_shorter_than_the_call_beyond_the_first_and_last_moments_then_it_is_truncated(
    archive: Archive, seconds: float, cut: str | None
) -> None:
    recording = await archive.written(seconds=round(seconds * 50) / 50 if cut != "cut" else seconds)
    await archive.called(recording)

    await archive.keeper().round()

    kept = await archive.store.find(recording.id)
    assert (kept.problem, kept.state) == (cut, RecordingState.TRUNCATED if cut else RecordingState.WHOLE)
    assert kept.playable


async def test_given_a_call_goes_on_then_its_files_are_left_alone(archive: Archive) -> None:
    recording = await archive.written()
    archive.live = {recording.call_id}
    keeper = archive.keeper()
    keeper.changed(recording)

    await keeper.round()

    assert (await archive.store.find(recording.id)).state is RecordingState.RECORDING
    assert keeper.counts[RecordingState.RECORDING] == 1
    assert archive.files.has_originals(recording.path)


async def test_given_nobody_knows_which_calls_go_on_then_only_what_asterisk_has_long_stopped_writing_is_finished(
    archive: Archive,
) -> None:
    long_ago, just_now = await archive.written(0), await archive.written(1)
    os.utime(archive.files.monitor / just_now.path.replace(".flac", ".others.sln24"))
    archive.live = None

    await archive.keeper().round()

    assert (await archive.store.find(long_ago.id)).state is RecordingState.WHOLE
    with pytest.raises(RecordingNotFound):
        await archive.store.find(just_now.id)


async def test_given_a_crash_after_the_ledger_had_it_then_it_is_made_again_the_same(archive: Archive) -> None:
    recording = await archive.written()
    before = archive.files.make(recording.path, ("sha256",))

    await archive.keeper().round()

    assert (await archive.store.find(recording.id)).sha256 == before.digests["sha256"]


async def test_given_a_crash_before_the_originals_were_removed_then_they_go_and_the_finished_one_stays(
    archive: Archive,
) -> None:
    kept = await archive.whole()
    await archive.written()

    await archive.keeper().round()

    assert await archive.store.find(kept.id) == kept
    assert not archive.files.has_originals(kept.path)


async def test_given_pauses_then_they_outlive_the_service_and_stand_on_the_finished_recording(
    archive: Archive,
) -> None:
    recording = (await archive.written()).pause(BEGAN, "fang", "银行卡号").told(BEGAN, True)
    await archive.keeper().keep_note(recording)

    after = archive.keeper()
    assert await after.going_on() == [recording]
    await after.round()

    kept = await archive.store.find(recording.id)
    assert kept.pauses == recording.pauses
    assert await after.going_on() == []


async def test_given_asterisk_said_more_after_the_note_then_the_finished_recording_has_all_of_it(
    archive: Archive,
) -> None:
    asked = (await archive.written()).pause(BEGAN, "fang", "银行卡号")
    keeper = archive.keeper()
    await keeper.keep_note(asked)
    told = asked.told(BEGAN, True).resume("ban").told(BEGAN + timedelta(seconds=9), False)
    keeper.changed(told)

    await keeper.round()

    assert (await archive.store.find(asked.id)).pauses == told.pauses


async def test_given_more_is_told_while_the_database_is_slow_then_the_newest_note_stays(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await archive.written()
    archive.live = {recording.call_id}
    asked = recording.pause(BEGAN, "wang", "银行卡号")
    settled = asked.told(BEGAN + timedelta(seconds=1), paused=True)
    keeper, save = archive.keeper(), archive.store.save

    async def slow(written: Recording) -> None:
        await save(written)
        if written is asked:
            keeper.changed(settled)
            await keeper.keep_note(settled)

    monkeypatch.setattr(archive.store, "save", slow)
    keeper.changed(asked)
    await keeper.round()

    assert archive.files.note(recording.path) == settled


async def test_given_a_note_that_cannot_be_kept_or_read_then_it_is_loud_and_the_recording_is_made(
    archive: Archive,
) -> None:
    recording = await archive.written()
    note = archive.files.monitor / recording.path.replace(".flac", ".note.json")
    note.write_bytes(b"{")
    (note.parent / (note.name + ".new")).symlink_to("/dev/full")
    keeper = archive.keeper()

    with capture_logs() as logged:
        await keeper.keep_note(recording)
    await keeper.round()

    assert "recording.note_not_kept" in [each["event"] for each in logged]
    assert (await archive.store.find(recording.id)).state is RecordingState.WHOLE


async def test_given_no_file_of_a_recording_that_was_begun_then_it_is_missing_and_the_ledger_says_so(
    archive: Archive,
) -> None:
    recording = a_recording()
    keeper = archive.keeper()
    keeper.changed(recording)
    archive.live = {recording.call_id}
    await keeper.round()
    archive.live = set()
    archive.time = BEGAN + timedelta(seconds=20)
    await keeper.round()
    assert (await archive.store.find(recording.id)).state is RecordingState.RECORDING, "it may take a moment"

    archive.time = BEGAN + timedelta(seconds=40)
    await keeper.round()

    kept = await archive.store.find(recording.id)
    assert (kept.state, kept.problem) == (RecordingState.MISSING, "no-file")
    assert await archive.told(kept.id) == ["missing"]
    assert keeper.counts[RecordingState.MISSING] == 1


async def test_given_one_file_that_no_disk_takes_then_the_others_are_made_and_it_waits(archive: Archive) -> None:
    stuck, good = await archive.written(0), await archive.written(1)
    folder = archive.files.finished(stuck.path).parent
    folder.mkdir(parents=True)
    (folder / (stuck.id + ".flac.new")).symlink_to("/dev/full")

    await archive.keeper().round()

    assert (await archive.store.find(good.id)).state is RecordingState.WHOLE
    assert (await archive.store.find(stuck.id)).state is RecordingState.RECORDING
    await archive.keeper().round()
    assert (await archive.store.find(stuck.id)).state is RecordingState.WHOLE


async def test_given_the_database_is_away_then_nothing_is_lost_and_it_is_done_when_it_is_back(
    archive: Archive, tmp_path: Path
) -> None:
    recording = await archive.written()
    keeper = archive.keeper()
    keeper.changed(recording)
    away = RecordingKeeper(
        archive.files,
        RecordingStore(engine_for(f"sqlite:///{tmp_path}/nowhere/records.db")),
        a_ledger(archive.engine),
        archive,
        "n1",
        keeper.rules,
        lambda call_id: False,
    )
    await away.round()
    assert archive.files.has_originals(recording.path)

    await keeper.round()

    assert (await archive.store.find(recording.id)).state is RecordingState.WHOLE


async def test_given_the_job_runs_then_what_it_is_told_is_done_without_being_asked(archive: Archive) -> None:
    recording = await archive.written()
    keeper = archive.keeper()
    job = asyncio.create_task(keeper.run())
    keeper.changed(recording)
    try:
        async with asyncio.timeout(20):
            while (await archive.store.page(RecordingFilter(), limit=1, cursor=None)).items == () or not (
                await archive.store.find(recording.id)
            ).playable:
                await asyncio.sleep(0.05)
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
