"""录音 · recordings: what is left out while the call goes on; afterwards finding, listening, holding, checking."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Cookie, Query, Request, Response
from fastapi.responses import FileResponse

from api import recording_views as views
from api.auth import Asking, Principal, needs
from api.errors import NotSignedIn
from api.openapi import problems
from api.permissions import Permission
from api.schemas import Moment, Name, PageOut, PathId
from api.schemas_recordings import (
    FaultsOut,
    LiveRecordingOut,
    PlaybackOut,
    RecordingOut,
    RecordingReasonIn,
    WaveformOut,
)
from api.scope import on_its_line
from api.services import Serving
from api.shield import carried_out
from api.tickets import COOKIE, LIFETIME
from records.recordings.marks import marks_of
from records.recordings.store import RecordingFilter, RecordingState
from telephony import errors
from telephony.ports import HandoffFilter

router = APIRouter(tags=["recordings"])

Pauses = Annotated[Principal, needs(Permission.PAUSE_RECORDING)]
Plays = Annotated[Principal, needs(Permission.PLAY_RECORDINGS)]
Holds = Annotated[Principal, needs(Permission.HOLD_RECORDINGS)]

_MARKED_HANDOFFS = 200
_MOST_CALLS = 200
_CHECKED_DAYS = 31
_PAUSING = problems(
    errors.CallNotFound,
    errors.CallEnded,
    errors.NotYourCall,
    errors.NotRecorded,
    errors.AmiNotConnected,
    errors.AmiActionFailed,
    errors.AmiTimeout,
    body=True,
)
_ONE = (errors.RecordingNotFound, errors.RecordStoreUnavailable)


@router.post(
    "/calls/{call_id}/recording/pause",
    operation_id="pauseRecording",
    summary="暂停录音（依法不得录的内容） · leave out of the recording what the law wants left out",
    responses=_PAUSING,
)
async def pause(call_id: PathId, body: RecordingReasonIn, who: Pauses, services: Serving) -> LiveRecordingOut:
    """From the answer on the recording holds silence. Who asked, why and when stand on the recording."""
    await on_its_line(services, who, call_id=call_id)
    return views.live(await carried_out(services.switchboard.pause_recording(call_id, body.reason, who.actor)))


@router.post(
    "/calls/{call_id}/recording/resume",
    operation_id="resumeRecording",
    summary="恢复录音 · go on recording",
    responses=_PAUSING,
)
async def resume(call_id: PathId, who: Pauses, services: Serving) -> LiveRecordingOut:
    await on_its_line(services, who, call_id=call_id)
    return views.live(await carried_out(services.switchboard.resume_recording(call_id, who.actor)))


@router.get(
    "/recordings",
    operation_id="listRecordings",
    summary="录音列表 · recordings, newest first",
    responses=problems(errors.BadCursor, errors.RecordStoreUnavailable),
)
async def listed(
    who: Plays,
    services: Serving,
    call_id: Annotated[
        list[Name] | None, Query(max_length=_MOST_CALLS, description="Of this call, or of any of several.")
    ] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    state: RecordingState | None = None,
    hold: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> PageOut[RecordingOut]:
    where = RecordingFilter(since, until, call_id, state, hold)
    page = await services.recordings.store.page(where, limit=limit, cursor=cursor)
    return PageOut(items=[views.recording(each) for each in page.items], next_cursor=page.next_cursor)


@router.get(
    "/recordings/faults",
    operation_id="recordingFaults",
    summary="缺失或不完整的录音 · recordings that are missing or shorter than their call",
    responses=problems(errors.RecordStoreUnavailable),
)
async def faults(who: Plays, services: Serving, since: Moment | None = None, until: Moment | None = None) -> FaultsOut:
    """Of the last month where no time is given. Hashes are checked by ``hotline recordings check --read``."""
    end = until or datetime.now(UTC)
    begin = since or end - timedelta(days=_CHECKED_DAYS)
    lines = services.switchboard.directory.recorded_lines
    shelf = services.recordings
    return views.faults(await shelf.check(lines, begin, end), await asyncio.to_thread(shelf.files.free_bytes))


@router.get(
    "/recordings/{recording_id}",
    operation_id="getRecording",
    summary="一段录音 · one recording",
    responses=problems(*_ONE),
)
async def one(recording_id: PathId, who: Plays, services: Serving) -> RecordingOut:
    return views.recording(await services.recordings.store.find(recording_id))


@router.post(
    "/recordings/{recording_id}/playback",
    operation_id="playRecording",
    summary="开始收听（记入台账） · begin to listen; it is put on the ledger",
    responses=problems(*_ONE, errors.RecordingNotPlayable, errors.RecordingAltered),
)
async def play(recording_id: PathId, who: Plays, services: Serving, request: Request, answer: Response) -> PlaybackOut:
    """Its hash is compared with the ledger's. The answer's cookie lets this browser's player read the sound."""
    kept = await services.recordings.open(recording_id, who.name)
    where = HandoffFilter(call_id=kept.call_id)
    handoffs = await services.switchboard.handoffs(where, limit=_MARKED_HANDOFFS, cursor=None)
    address = f"/v1/recordings/{recording_id}/audio"
    answer.set_cookie(
        COOKIE,
        services.tickets.issue(recording_id, who.name),
        max_age=int(LIFETIME.total_seconds()),
        path=address,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return views.playback(kept, marks_of(kept, handoffs.items), address)


@router.get(
    "/recordings/{recording_id}/audio",
    operation_id="recordingAudio",
    summary="录音内容（FLAC，支持 Range） · the sound: FLAC, by ranges (RFC 9110 section 14)",
    response_class=FileResponse,
    responses={
        200: {"content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "Part of it.", "content": {"audio/flac": {"schema": {"type": "string"}}}},
        **problems(*_ONE, errors.RecordingNotPlayable, errors.RecordingAltered),
    },
)
async def audio(
    recording_id: PathId,
    services: Serving,
    asking: Asking,
    request: Request,
    ticket: Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)] = None,
) -> FileResponse:
    """With a sign-in each request from the beginning is a playback; a browser's player has the cookie of one."""
    if asking is None:
        if ticket is None or not services.tickets.opens(ticket, recording_id):
            raise NotSignedIn
    else:
        asking.must(Permission.PLAY_RECORDINGS)
        if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
            await services.recordings.open(recording_id, asking.name)
    return FileResponse(await services.recordings.file(recording_id), media_type="audio/flac")


@router.get(
    "/recordings/{recording_id}/waveform",
    operation_id="recordingWaveform",
    summary="波形 · the waveform",
    response_model=WaveformOut,
    responses=problems(*_ONE, errors.RecordingNotPlayable),
)
async def waveform(recording_id: PathId, who: Plays, services: Serving) -> Response:
    return Response(await services.recordings.waveform(recording_id), media_type="application/json")


@router.post(
    "/recordings/{recording_id}/hold",
    operation_id="holdRecording",
    summary="冻结：到期不删 · keep it beyond its time",
    responses=problems(*_ONE, errors.RecordingNotPlayable, body=True),
)
async def hold(recording_id: PathId, body: RecordingReasonIn, who: Holds, services: Serving) -> RecordingOut:
    return views.recording(await services.recordings.hold(recording_id, who.name, body.reason))


@router.post(
    "/recordings/{recording_id}/release",
    operation_id="releaseRecording",
    summary="解除冻结 · let its time count again",
    responses=problems(*_ONE, errors.RecordingNotPlayable, body=True),
)
async def release(recording_id: PathId, body: RecordingReasonIn, who: Holds, services: Serving) -> RecordingOut:
    return views.recording(await services.recordings.release(recording_id, who.name, body.reason))
