"""Recordings over HTTP: paused and resumed, found, listened to by ranges, held, reported."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from records.database import engine_for
from records.recordings.audio import RATE
from telephony import commands, events
from telephony.errors import AmiNotConnected
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, Hall
from tests.support.ledgers import bodies, rows_of
from tests.support.recorded_hall import BEGAN, PATH, recorded

pytestmark = pytest.mark.asyncio

ADDRESS = f"/v1/calls/{CALL}/recording"
WHY = {"reason": "银行卡号"}


async def recorded_call(hall: Hall) -> None:
    await hall.with_call()
    await hall.hears(events.RecordingStarted(BEGAN, CALL, PATH))


# ---------------------------------------------------------------- pausing


async def test_given_a_seat_when_it_pauses_its_own_call_then_asterisk_is_told_once_and_the_answer_says_so(
    hall: Hall,
) -> None:
    await recorded_call(hall)
    seat = hall.as_person("fang", seat="2101")

    paused = (await hall.http.post(f"{ADDRESS}/pause", json=WHY, headers=seat)).json()
    again = (await hall.http.post(f"{ADDRESS}/pause", json=WHY, headers=seat)).json()

    assert again == paused
    assert (paused["paused"], paused["call_id"]) == (True, CALL)
    (pause,) = paused["pauses"]
    assert (pause["by"], pause["reason"], pause["ended_at"]) == ("fang", "银行卡号", None)
    assert pause["began_at"] is not None
    resumed = (await hall.http.post(f"{ADDRESS}/resume", headers=hall.as_person("ban"))).json()
    assert (resumed["paused"], resumed["pauses"][0]["ended_by"]) == (False, "ban")
    told = [each for each in hall.asterisk.commands if isinstance(each, commands.PauseRecording)]
    assert [each.paused for each in told] == [True, False]


async def test_given_somebody_elses_call_or_one_without_recording_then_it_is_refused(hall: Hall) -> None:
    await hall.with_call()
    not_recorded = await hall.http.post(f"{ADDRESS}/pause", json=WHY, headers=hall.as_person("ban"))
    await hall.hears(events.RecordingStarted(BEGAN, CALL, PATH))
    not_its = await hall.http.post(f"{ADDRESS}/pause", json=WHY, headers=hall.as_person("li", seat="1101"))
    of_another_line = await hall.http.post(f"{ADDRESS}/resume", headers=hall.as_program("police"))

    assert (not_recorded.status_code, not_recorded.json()["type"].rpartition(":")[2]) == (409, "not-recorded")
    assert (not_its.status_code, of_another_line.status_code) == (403, 403)


async def test_given_asterisk_cannot_be_told_then_it_is_told_when_the_link_is_back(hall: Hall) -> None:
    await recorded_call(hall)
    hall.asterisk.refuse = AmiNotConnected("away")
    refused = await hall.http.post(f"{ADDRESS}/pause", json=WHY, headers=hall.as_person("ban"))
    assert refused.status_code == 503

    snapshot = events.ChannelSnapshot(CALL, CALL, f"PJSIP/pstn-{CALL}", True, "", "", 1, {"RECORDING": PATH})
    await hall.hears(events.LinkLost(NOW, "test"), events.LinkRestored(NOW, (snapshot,), {}, {}, (), None))

    board = hall.services.switchboard
    assert await board.watch.until(lambda: board.recorded.live[CALL].settled)
    assert board.recorded.live[CALL].paused


async def test_given_a_mute_that_nobody_asked_for_then_asterisk_is_told_what_is_wanted(hall: Hall) -> None:
    await recorded_call(hall)

    await hall.hears(events.RecordingMuted(NOW, CALL, True))
    await hall.asterisk.asked(commands.PauseRecording)

    assert hall.asterisk.commands[-1] == commands.PauseRecording(f"PJSIP/pstn-{CALL}", False)


# ---------------------------------------------------------------- listening


async def test_given_a_recording_when_listed_then_it_is_there_with_its_hash_and_without_any_number(hall: Hall) -> None:
    kept = await recorded(hall)

    page = (await hall.http.get("/v1/recordings", headers=hall.as_person("shen"))).json()

    (row,) = page["items"]
    assert (row["id"], row["state"], row["seconds"], row["sha256"]) == (kept.id, "whole", 6.0, kept.sha256)
    one = await hall.http.get(f"/v1/recordings/{kept.id}", headers=hall.as_person("shen"))
    assert one.json() == row
    missing = await hall.http.get("/v1/recordings/none", headers=hall.as_person("shen"))
    assert missing.status_code == 404


async def test_given_a_playback_then_its_cookie_opens_that_sound_alone_by_ranges(hall: Hall) -> None:
    kept = await recorded(hall)
    playback = await hall.http.post(f"/v1/recordings/{kept.id}/playback", headers=hall.as_person("shen"))
    content = playback.json()
    cookie = playback.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and f"Path={content['audio']}" in cookie
    ticket = {"Cookie": cookie.partition(";")[0]}
    whole = hall.services.recordings.files.finished(kept.path).read_bytes()

    part = await hall.http.get(content["audio"], headers={**ticket, "Range": "bytes=100-199"})
    rest = await hall.http.get(content["audio"], headers={**ticket, "Range": f"bytes={len(whole) - 10}-"})
    beyond = await hall.http.get(content["audio"], headers={**ticket, "Range": f"bytes={len(whole) + 10}-"})
    all_of_it = await hall.http.get(content["audio"], headers=ticket)

    assert (part.status_code, part.content) == (206, whole[100:200])
    assert (rest.status_code, rest.content) == (206, whole[-10:])
    assert beyond.status_code == 416
    assert (all_of_it.status_code, all_of_it.content) == (200, whole)
    assert all_of_it.headers["content-type"] == "audio/flac"
    hall.http.cookies.clear()
    other = await hall.http.get("/v1/recordings/other/audio", headers=ticket)
    hall.clock.pass_by(hours=5)
    late = await hall.http.get(content["audio"], headers=ticket)
    assert (other.status_code, late.status_code) == (401, 401)
    forged = await hall.http.get(content["audio"], headers={"Cookie": "playback=a.b.c"})
    assert forged.status_code == 401


async def test_given_a_session_then_the_sound_is_given_and_each_beginning_is_a_playback_on_the_ledger(
    hall: Hall, tmp_path: Path
) -> None:
    kept = await recorded(hall)
    address, who = f"/v1/recordings/{kept.id}/audio", hall.as_person("shen")

    whole = await hall.http.get(address, headers=who)
    await hall.http.get(address, headers={**who, "Range": "bytes=100-"})
    waveform = (await hall.http.get(f"/v1/recordings/{kept.id}/waveform", headers=who)).json()

    assert whole.status_code == 200
    assert (waveform["seconds"], len(waveform["caller"])) == (6.0, 2000)
    with soundfile.SoundFile(hall.services.recordings.files.finished(kept.path)) as sound:
        assert (sound.channels, sound.frames) == (2, 6 * RATE)
    engine = engine_for(f"sqlite:///{tmp_path}/accounts.db")
    assert [each["event"] for each in bodies(await rows_of(engine), "recording")] == ["finished", "played"]
    await engine.dispose()


async def test_given_an_altered_file_then_it_is_not_played_and_the_reader_is_told(hall: Hall) -> None:
    kept = await recorded(hall)
    hall.services.recordings.files.finished(kept.path).write_bytes(b"fLaC")

    answer = await hall.http.post(f"/v1/recordings/{kept.id}/playback", headers=hall.as_person("shen"))

    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "recording-altered")


# ---------------------------------------------------------------- holding, reporting, the page


async def test_given_a_case_then_the_recording_is_held_and_released_with_a_reason(hall: Hall) -> None:
    kept = await recorded(hall)
    address, who = f"/v1/recordings/{kept.id}", hall.as_person("shen")

    held = (await hall.http.post(f"{address}/hold", json={"reason": "案件 2026-17"}, headers=who)).json()
    released = (await hall.http.post(f"{address}/release", json={"reason": "结案"}, headers=who)).json()
    nameless = await hall.http.post(f"{address}/hold", json={}, headers=who)

    assert (held["hold"], held["hold_reason"], held["held_by"]) == (True, "案件 2026-17", "shen")
    assert (released["hold"], nameless.status_code) == (False, 422)


async def test_given_all_is_well_then_the_report_of_faults_says_so(hall: Hall) -> None:
    await recorded(hall)

    found = (await hall.http.get("/v1/recordings/faults", headers=hall.as_person("shen"))).json()

    assert (found["ok"], found["faulty"], found["unrecorded"]) == (True, [], [])
    assert found["free_bytes"] > 0


async def test_the_page_runs_nothing_but_its_own_scripts_and_asks_no_other_host(hall: Hall) -> None:
    page = await hall.http.get("/playback")
    policy = page.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]

    assert "default-src 'none'; script-src 'self'; connect-src 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert nonce and f'content="{nonce}"' in page.text
    assert nonce not in (await hall.http.get("/playback")).text, "another one each time"
    assert "<script>" not in page.text and "//" not in page.text.replace("<!doctype", "")
    for path, status in (
        ("common.js", 200),
        ("playback.js", 200),
        ("vendor/wavesurfer.min.js", 200),
        ("__init__.py", 404),
        ("playback.html.j2", 404),
    ):
        assert (await hall.http.get(f"/assets/{path}")).status_code == status, path
