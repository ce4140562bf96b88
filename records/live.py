"""What is live and shared between nodes, on Redis: presence and the event stream.

One blocking read per process serves all its readers; each has a bounded mailbox, so that a console which stopped
reading holds nobody up and gets a ``gap`` when it is back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
import stamina
import structlog
from pydantic import TypeAdapter
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from records.mapping import clean
from records.tasks import report, stop
from telephony.errors import LiveStateUnavailable
from telephony.ports import Notice, Presence

log = structlog.get_logger(__name__)

_PRESENCE, _EVENTS = "hotline:presence", "hotline:events"
_KEPT_EVENTS = 100_000
_MAILBOX_SIZE = 1_000
_PAGE = 1_000
_BLOCK_MILLISECONDS = 1_000
_DEADLINE_SECONDS = 3.0
_CONNECTIONS = 20
_RETRY = {"wait_initial": 0.05, "wait_max": 2.0, "wait_jitter": 0.2}  # seconds
_GAP = "gap"

_PRESENCE_TYPE = TypeAdapter(Presence)
_STREAM_ID = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
_Place: TypeAlias = tuple[int, int]  # a stream id that compares as Redis compares it
_Entry: TypeAlias = tuple[bytes, dict[bytes, bytes]]


def redis_client(url: str) -> Redis:
    """The client that RedisLiveState wants: a deadline on everything, and no command is ever sent twice."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_DEADLINE_SECONDS,
        socket_connect_timeout=_DEADLINE_SECONDS,
        socket_timeout=_DEADLINE_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis.from_pool(pool)


@dataclass(frozen=True, slots=True)
class _Stream:
    """What the stream holds; ``added`` counts all there ever were."""

    first: _Place = (0, 0)
    last: _Place = (0, 0)
    added: int = 0
    length: int = 0

    def misses_some_after(self, place: _Place) -> bool:
        """Also when the stream never came as far as ``place``: Redis has lost what it had."""
        return place > self.last or (place < self.first and self.added > self.length)


class _Mailbox:
    def __init__(self) -> None:
        self._notices: asyncio.Queue[Notice] = asyncio.Queue(_MAILBOX_SIZE)

    def put(self, notice: Notice) -> None:
        """Never waits: a reader that is too slow finds a gap in place of all that it has not read."""
        if self._notices.full():
            while not self._notices.empty():
                self._notices.get_nowait()
            notice = Notice(notice.id, _GAP, {})
        self._notices.put_nowait(notice)

    async def next(self) -> Notice:
        return await self._notices.get()


class RedisLiveState:
    """``telephony.ports.LiveState`` on a Redis from ``redis_client``, which belongs to the caller.

    ``node`` is put on each event. ``close`` before the event loop ends.
    """

    def __init__(self, client: Redis, node: str) -> None:
        self._redis = client
        self._node = node
        self._mailboxes: set[_Mailbox] = set()
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def presence(self) -> Mapping[str, Presence]:
        async with reached():
            seats: Any = await self._redis.hgetall(_PRESENCE)
        return {seat.decode(): _PRESENCE_TYPE.validate_json(value) for seat, value in seats.items()}

    async def set_presence(self, presence: Presence) -> None:
        async with reached():
            await self._redis.hset(_PRESENCE, presence.seat, _PRESENCE_TYPE.dump_json(presence))

    async def publish(self, kind: str, data: Mapping[str, Any]) -> str:
        fields: Any = {"kind": kind, "node": self._node, "data": orjson.dumps(clean(dict(data)))}
        async with reached():
            entry_id: Any = await self._redis.xadd(_EVENTS, fields, maxlen=_KEPT_EVENTS)
        return str(entry_id.decode())

    async def notices(self, after: str | None) -> AsyncIterator[Notice]:
        """Raises LiveStateUnavailable at the beginning only; later a lost Redis is waited for."""
        await self._start_reading()
        mailbox = _Mailbox()
        self._mailboxes.add(mailbox)  # before the stream is looked at: nothing can fall between the two
        try:
            stream = await self._stream()
            place = stream.last if after is None else _place(after)
            if place is None or stream.misses_some_after(place):
                place = stream.last
                yield _gap(place)
            async for notice in self._kept(place, stream.last):
                yield notice
            place = stream.last
            while True:
                notice = await mailbox.next()
                here = _place(notice.id) or place
                if here > place or notice.kind == _GAP:
                    place = here
                    yield notice
        finally:
            self._mailboxes.discard(mailbox)

    async def close(self) -> None:
        """Stop reading; who still waits for notices gets no more."""
        if self._reader is not None:
            await stop(self._reader)

    async def _start_reading(self) -> None:
        async with self._starting:
            if self._reader is None or self._reader.done():
                stream = await self._stream()
                self._reader = asyncio.create_task(self._read_for_ever(stream.last), name="live-reader")
                self._reader.add_done_callback(report)

    async def _read_for_ever(self, place: _Place) -> None:
        while True:
            notices: list[Notice] = []
            async for attempt in stamina.retry_context(on=LiveStateUnavailable, attempts=None, timeout=None, **_RETRY):
                with attempt:
                    if attempt.num > 1:
                        place = await self._resume(place)
                    notices = await self._next_page(place)
            for notice in notices:
                self._deliver(notice)
                place = _place(notice.id) or place

    async def _resume(self, place: _Place) -> _Place:
        """Redis was away: the place to go on from, all readers told when something is missing there."""
        stream = await self._stream()
        if not stream.misses_some_after(place):
            return place
        log.error("live.events_lost", read_up_to=_text(place), redis_is_at=_text(stream.last))
        self._deliver(_gap(stream.last))
        return stream.last

    def _deliver(self, notice: Notice) -> None:
        for mailbox in self._mailboxes:
            mailbox.put(notice)

    async def _next_page(self, place: _Place) -> list[Notice]:
        async with reached():
            found: Any = await self._redis.xread({_EVENTS: _text(place)}, count=_PAGE, block=_BLOCK_MILLISECONDS)
        return [_notice(entry) for _stream, entries in found for entry in entries]

    async def _kept(self, after: _Place, until: _Place) -> AsyncIterator[Notice]:
        """(after, until], by pages: a reader that was away for long is never held in memory as a whole."""
        while after < until:
            async with reached():
                entries: Any = await self._redis.xrange(_EVENTS, f"({_text(after)}", _text(until), count=_PAGE)
            for entry in entries:
                yield _notice(entry)
            if len(entries) < _PAGE:
                return
            after = _place(entries[-1][0].decode()) or until

    async def _stream(self) -> _Stream:
        async with reached():
            try:
                found: Any = await self._redis.xinfo_stream(_EVENTS)
            except ResponseError as error:
                if "no such key" in str(error):
                    return _Stream()
                raise
        first = found["first-entry"]
        last = _place(found["last-generated-id"].decode()) or (0, 0)
        oldest = _place(first[0].decode()) if first else None
        return _Stream(oldest or last, last, found["entries-added"], found["length"])


@asynccontextmanager
async def reached() -> AsyncIterator[None]:
    """Raises LiveStateUnavailable for whatever keeps Redis from answering, also that it is slow."""
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise LiveStateUnavailable(f"Redis is away: {type(error).__name__}") from error


def _notice(entry: _Entry) -> Notice:
    entry_id, fields = entry
    return Notice(entry_id.decode(), fields[b"kind"].decode(), orjson.loads(fields[b"data"]))


def _gap(place: _Place) -> Notice:
    return Notice(_text(place), _GAP, {})


def _place(text: str) -> _Place | None:
    """None when it is no stream id; a browser may send anything."""
    found = _STREAM_ID.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def _text(place: _Place) -> str:
    return f"{place[0]}-{place[1]}"
