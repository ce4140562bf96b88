"""A dead service loses nothing, a dead Asterisk the tail, a full disk the recording: never the call."""

import asyncio
import resource
import time
from pathlib import Path

import pytest

from demo.stage import Stage
from telephony.recordings import CALLER, OTHERS
from tests.support.recorded import heard, lasted, row_of
from tests.support.scenario import CITIZEN, CITIZEN_TONE, SEAT_TONE, hear_each_other

pytestmark = pytest.mark.asyncio(loop_scope="session")


def monitor(stage: Stage) -> Path:
    return stage.home / "spool" / "monitor"


def today(stage: Stage) -> Path:
    return monitor(stage) / time.strftime("%Y-%m-%d")


async def test_given_the_service_is_dead_from_before_the_call_to_after_it_then_the_recording_is_whole(
    stage: Stage,
) -> None:
    assert stage.parts
    seat = await stage.seat("1101")
    citizen = await stage.citizen(CITIZEN)
    await stage.parts.service.kill()
    call = await citizen.dial("110")
    incoming = await seat.incoming(10.0)
    await incoming.answer()
    await call.answered()
    await hear_each_other((call, CITIZEN_TONE), (incoming, SEAT_TONE))
    await call.hangup()
    await incoming.ended()
    (caller,) = today(stage).glob(f"*{CALLER}")
    call_id = caller.name.rpartition("-")[0]

    await stage.parts.service.start()
    await stage.ready()

    sound = await heard(stage, call_id)
    sound.caller_throughout(CITIZEN_TONE)
    assert sound.others_say(SEAT_TONE) == [SEAT_TONE]


async def test_given_asterisk_is_killed_in_a_call_then_what_it_wrote_is_kept_and_marked_as_truncated(
    stage: Stage,
) -> None:
    assert stage.parts
    talk = await stage.talk(CITIZEN, "110", "1101")
    await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
    await stage.until(lambda: _written(stage, 4096 * 10), 30.0)

    await stage.parts.asterisk.kill()
    await stage.parts.asterisk.start()
    await stage.ready()

    sound = await heard(stage, talk.call_id, "truncated")
    assert sound.row["problem"] in ("cut", "short")
    sound.caller_throughout(CITIZEN_TONE)
    assert sound.others_say(SEAT_TONE) == [SEAT_TONE]
    assert sound.seconds < lasted(sound.row)
    faults = (await stage.api.get("/v1/recordings/faults")).json()
    assert talk.call_id in [each["call_id"] for each in faults["faulty"]]
    assert 'hotline_recordings{state="truncated"} 1.0' in (await stage.api.get("/metrics")).text


async def _written(stage: Stage, size: int) -> bool:
    files = [*today(stage).glob(f"*{CALLER}"), *today(stage).glob(f"*{OTHERS}")]
    return len(files) == 2 and all(file.stat().st_size >= size for file in files)


def may_write(stage: Stage, size: int) -> None:
    """Without root nobody can fill a disk of his own: the kernel lets Asterisk make no file longer than this."""
    assert stage.parts
    pid = stage.parts.asterisk.pid
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))


async def test_given_a_disk_that_takes_nothing_then_the_call_goes_on_and_the_recording_is_reported(
    stage: Stage,
) -> None:
    await stage.seat("1101")  # who registers later could not: that is kept on disk too
    may_write(stage, 1)
    try:
        talk = await stage.talk(CITIZEN, "110", "1101")
        await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
        await asyncio.sleep(4.0)
        await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
        await talk.end()
    finally:
        may_write(stage, resource.RLIM_INFINITY)

    row = await row_of(stage, talk.call_id, "truncated")

    assert (row["problem"], row["seconds"]) in (("short", 0.0), ("cut", pytest.approx(0, abs=0.01)))


async def test_given_a_folder_that_is_none_then_the_call_goes_on_and_the_recording_is_missing(stage: Stage) -> None:
    folder = monitor(stage)
    kept = folder.with_name("kept")
    folder.rename(kept)
    folder.write_text("no folder")
    try:
        talk = await stage.talk(CITIZEN, "110", "1101")
        await hear_each_other((talk.citizen, CITIZEN_TONE), (talk.seat, SEAT_TONE))
        await row_of(stage, talk.call_id, "recording")
        await talk.end()
    finally:
        folder.unlink()
        kept.rename(folder)

    row = await row_of(stage, talk.call_id, "missing")

    assert row["problem"] == "no-file"
    assert 'hotline_recordings{state="missing"} 1.0' in (await stage.api.get("/metrics")).text
