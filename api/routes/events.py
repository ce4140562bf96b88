"""事件流 · what happens, as it happens: server-sent events (WHATWG HTML, section 9.2) that can be taken up again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import orjson
import structlog
from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.services import Services, Serving
from telephony.errors import LiveStateUnavailable
from telephony.ports import Notice

log = structlog.get_logger(__name__)
router = APIRouter(tags=["events"])

Reads = Annotated[Principal, needs(Permission.READ)]
_NOTICE_ID = r"^[0-9]{1,20}-[0-9]{1,20}$"

_FOR = {"alarm": Permission.ANY_CALL}
"""Kinds of notice that not every reader gets. None of them holds a caller's number: that is in the records."""

_RETRY_MS = 2000
_SLOW_READER_SECONDS = 30.0


@router.get(
    "/events",
    operation_id="streamEvents",
    summary="事件流 · the event stream",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Each event has an id, the notice's kind as its name, and JSON data. `gap`: events were "
            "lost, read all anew. A comment comes every 15 s. The stream ends when the token does.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 1795248000000-0\nevent: seat\ndata: {"id": "8001"}\n\n',
                }
            },
        },
        **problems(LiveStateUnavailable),
    },
)
async def events(
    who: Reads,
    services: Serving,
    last_event_id: Annotated[str | None, Header(pattern=_NOTICE_ID, description="Go on after this one.")] = None,
    after: Annotated[
        str | None,
        Query(alias="last_event_id", pattern=_NOTICE_ID, description="For who cannot set headers."),
    ] = None,
) -> EventSourceResponse:
    await services.live.presence()  # while Redis is away this is the moment to say so
    return EventSourceResponse(
        _until_expiry(services, who, last_event_id or after),
        ping=services.settings.heartbeat_seconds,
        ping_message_factory=lambda: ServerSentEvent(comment="ping"),
        send_timeout=_SLOW_READER_SECONDS,
        sep="\n",
    )


async def _until_expiry(services: Services, who: Principal, after: str | None) -> AsyncIterator[ServerSentEvent]:
    """What the reader may see, until its token ends. The reader comes back by itself when the stream ends."""
    left = services.tokens.seconds_left(who.session) if who.session else None
    deadline = None if left is None else asyncio.get_running_loop().time() + left
    yield ServerSentEvent(comment="hello", retry=_RETRY_MS)
    async with aclosing(services.live.notices(after)) as notices:  # type: ignore[type-var]  # a generator in fact
        while notice := await _next(notices, deadline):
            if _FOR.get(notice.kind, Permission.READ) in who.permissions:
                yield ServerSentEvent(orjson.dumps(dict(notice.data)).decode(), event=notice.kind, id=notice.id)


async def _next(notices: AsyncIterator[Notice], deadline: float | None) -> Notice | None:
    """None when the stream is to end."""
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(notices)
    except TimeoutError:
        log.info("events.expired")
    except LiveStateUnavailable as failure:
        log.warning("events.broke", slug=failure.slug)
    return None
