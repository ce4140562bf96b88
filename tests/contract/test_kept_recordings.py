"""Finished recordings, on both databases: found, listened to, held, deleted when their time is over, checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from structlog.testing import capture_logs

from records.recordings.audio import peaks_of
from records.recordings.store import RecordingFilter, RecordingState
from telephony.errors import BadCursor, RecordingAltered, RecordingNotFound, RecordingNotPlayable
from tests.support.archive import BEGAN, DAY, Archive, a_recording, archive
from tests.support.ledgers import bodies, database, rows_of

__all__ = ["archive", "database"]
pytestmark = pytest.mark.asyncio

_EVER = (BEGAN - DAY, BEGAN + 400 * DAY)


# ---------------------------------------------------------------- finding


async def test_given_recordings_when_listed_then_the_newest_come_first_page_by_page(archive: Archive) -> None:
    ids = [(await archive.written(number)).id for number in range(5)]
    await archive.keeper().round()

    first = await archive.store.page(RecordingFilter(), limit=3, cursor=None)
    second = await archive.store.page(RecordingFilter(), limit=3, cursor=first.next_cursor)

    assert [each.id for each in (*first.items, *second.items)] == ids[::-1]
    assert second.next_cursor is None
    with pytest.raises(BadCursor):
        await archive.store.page(RecordingFilter(), limit=3, cursor="x")


async def test_given_filters_then_only_what_they_name_is_found(archive: Archive) -> None:
    for number in range(3):
        await archive.written(number)
    await archive.keeper().round()
    await archive.shelf.hold(a_recording(1).id, "shen", "案件")

    async def found(**where: object) -> list[str]:
        page = await archive.store.page(RecordingFilter(**where), limit=9, cursor=None)  # type: ignore[arg-type]
        return [each.call_id for each in page.items]

    assert await found(call_ids=["n1-2.0"]) == ["n1-2.0"]
    assert await found(call_ids=["n1-2.0", "n1-0.0", "n1-9.0"]) == ["n1-2.0", "n1-0.0"]
    assert await found(call_ids=[]) == []
    assert await found(hold=True) == ["n1-1.0"]
    assert await found(hold=False, since=BEGAN + timedelta(minutes=1)) == ["n1-2.0"]
    assert await found(until=BEGAN + timedelta(minutes=1)) == ["n1-0.0"]
    assert await found(state=RecordingState.MISSING) == []
    assert [each.id for each in await archive.store.of_call("n1-1.0")] == [a_recording(1).id]


# ---------------------------------------------------------------- listening


async def test_given_somebody_listens_then_the_ledger_says_who(archive: Archive) -> None:
    kept = await archive.whole()

    assert await archive.shelf.open(kept.id, "shen") == kept

    rows = [row for row in await rows_of(archive.engine) if row.kind == "recording"]
    assert [(row.actor, orjson.loads(row.body)["event"]) for row in rows] == [
        ("system", "finished"),
        ("shen", "played"),
    ]
    assert await archive.shelf.file(kept.id) == archive.files.finished(kept.path)


async def test_given_a_waveform_that_was_lost_then_it_is_made_anew(archive: Archive) -> None:
    kept = await archive.whole()
    before = await archive.shelf.waveform(kept.id)
    peaks_of(archive.files.finished(kept.path)).unlink()

    assert await archive.shelf.waveform(kept.id) == before


@pytest.mark.parametrize("how", ["the file", "the row", "both"])
async def test_given_a_file_that_is_not_what_the_ledger_says_then_it_is_not_played_and_that_is_on_the_ledger(
    archive: Archive, how: str
) -> None:
    kept = await archive.whole()
    file = archive.files.finished(kept.path)
    if how != "the row":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    if how != "the file":
        await archive.forge(kept.id, sha256=archive.files.digest(kept.path, "sha256") if how == "both" else "0" * 64)

    with pytest.raises(RecordingAltered):
        await archive.shelf.open(kept.id, "shen")

    assert await archive.told(kept.id) == ["finished", "refused"]
    assert (await archive.shelf.check((), *_EVER, read=True)).altered[0].id == kept.id


async def test_given_nothing_to_listen_to_then_it_says_why(archive: Archive) -> None:
    kept = await archive.whole()
    archive.files.finished(kept.path).unlink()

    with pytest.raises(RecordingNotPlayable, match="not where it was put"):
        await archive.shelf.open(kept.id, "shen")
    with pytest.raises(RecordingNotFound):
        await archive.shelf.open("x", "shen")
    recording = a_recording(7)
    await archive.store.save(recording)
    with pytest.raises(RecordingNotPlayable, match="still being made"):
        await archive.shelf.waveform(recording.id)
    assert [each.id for each in (await archive.shelf.check((), *_EVER, read=True)).lost] == [kept.id]


# ---------------------------------------------------------------- the end of its time


async def test_given_its_time_is_over_then_its_files_go_and_its_row_and_ledger_stay(archive: Archive) -> None:
    kept = await archive.whole()
    archive.time = BEGAN + 181 * DAY

    await archive.keeper().round()

    gone = await archive.store.find(kept.id)
    assert (gone.state, gone.deleted_at, gone.sha256) == (RecordingState.DELETED, archive.time, kept.sha256)
    assert [each for each in archive.files.folder.rglob("*") if each.is_file()] == []
    assert await archive.told(kept.id) == ["finished", "deleted"]
    with pytest.raises(RecordingNotPlayable, match="deleted"):
        await archive.shelf.open(kept.id, "shen")
    with pytest.raises(RecordingNotPlayable, match="deleted"):
        await archive.shelf.hold(kept.id, "shen", "too late")


async def test_given_it_is_on_hold_then_it_stays_until_it_is_released_with_reasons_on_the_ledger(
    archive: Archive,
) -> None:
    kept = await archive.whole()
    held = await archive.shelf.hold(kept.id, "shen", "案件 2026-17")
    assert (held.hold, held.hold_reason, held.held_by) == (True, "案件 2026-17", "shen")
    archive.time = BEGAN + 400 * DAY
    await archive.keeper(keep_free=1 << 60).round()
    assert (await archive.store.find(kept.id)).playable, "not even for a full disk"

    released = await archive.shelf.release(kept.id, "ban", "结案")
    await archive.keeper().round()

    assert (released.hold, released.hold_reason, released.held_by) == (False, None, None)
    assert (await archive.store.find(kept.id)).state is RecordingState.DELETED
    entries = bodies(await rows_of(archive.engine), "recording")
    assert [each["event"] for each in entries] == ["finished", "held", "released", "deleted"]
    assert [each.get("reason") for each in entries] == [None, "案件 2026-17", "结案", "expired"]


async def test_given_a_crash_between_the_row_and_the_files_then_the_files_go_later(archive: Archive) -> None:
    kept = await archive.whole()
    archive.time = BEGAN + 181 * DAY
    await archive.forge(kept.id, state="deleted")

    await archive.keeper().round()

    assert not archive.files.finished(kept.path).exists()
    assert (await archive.store.find(kept.id)).deleted_at == archive.time


async def test_given_the_disk_is_nearly_full_then_what_has_expired_goes_at_once_and_the_rest_stays(
    archive: Archive,
) -> None:
    old = await archive.whole()
    keeper = archive.keeper(keep_free=1 << 60)
    archive.time = BEGAN + 180 * DAY
    await keeper.round()
    young = await archive.written(24 * 60)
    archive.live = {young.call_id}
    archive.time += timedelta(minutes=20)

    with capture_logs() as logged:
        await keeper.round()

    assert (await archive.store.find(old.id)).state is RecordingState.DELETED
    assert archive.files.has_originals(young.path)
    assert keeper.low_on_disk and keeper.free_bytes > 0
    assert "recordings.disk_nearly_full" not in [each["event"] for each in logged], "said once"


async def test_given_the_disk_is_nearly_full_or_has_room_again_then_the_log_says_each_once(archive: Archive) -> None:
    with capture_logs() as logged:
        nearly_full = archive.keeper(keep_free=1 << 60)
        await nearly_full.round()
        await nearly_full.round()
        nearly_full.rules = archive.keeper().rules
        await nearly_full.round()

    events = [each["event"] for each in logged if each["event"].startswith("recordings.disk")]
    assert events == ["recordings.disk_nearly_full", "recordings.disk_has_room"]
    assert not nearly_full.low_on_disk


# ---------------------------------------------------------------- checking


async def test_given_all_is_well_then_nothing_is_reported(archive: Archive) -> None:
    await archive.whole()

    found = await archive.shelf.check(("12345",), *_EVER, read=True)

    assert found.none and found.read == 1


async def test_given_truncated_missing_and_unrecorded_calls_then_each_is_reported(archive: Archive) -> None:
    short = await archive.written(0, seconds=5)
    await archive.called(short, first_line="12345", answered_at=BEGAN)
    lost = a_recording(1)
    await archive.store.save(replace(lost, ended_at=lost.started_at + timedelta(minutes=1)))
    await archive.called(a_recording(2), first_line="12345", answered_at=BEGAN)
    await archive.called(a_recording(3), first_line="110", answered_at=BEGAN)
    await archive.called(a_recording(4), first_line="12345")
    await archive.keeper().round()

    found = await archive.shelf.check(("12345",), *_EVER)

    assert [(each.id, each.state) for each in found.faulty] == [
        (short.id, RecordingState.TRUNCATED),
        (lost.id, RecordingState.MISSING),
    ]
    assert found.unrecorded == ("n1-2.0",), "answered, on a line that records"
    assert not found.none
