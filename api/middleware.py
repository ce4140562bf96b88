"""What surrounds every request, as plain ASGI: a response that streams must not be buffered on its way out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid6 import uuid7

from api.errors import ApiError, BodyTooLarge, InternalError, RequestTimedOut, UnsupportedMediaType, problem_response
from api.metrics import Metrics

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class RequestLog:
    """Outermost: names the request, logs it, counts it, and answers for whatever nobody else answered for.

    The log has the path without its query, which may hold a caller's number. A header that the answer has is kept.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                self._metrics.request_seconds.labels(_operation(scope)).observe(time.perf_counter() - started)
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception:
            log.exception("request.broke", method=scope["method"], path=scope["path"])
            if status:
                raise
            await problem_response(InternalError("see the log"), scope["path"])(scope, receive, send_named)
        finally:
            self._finished(scope, status, time.perf_counter() - started)

    def _finished(self, scope: Scope, status: int, seconds: float) -> None:
        self._metrics.requests.labels(scope["method"], _operation(scope), str(status)).inc()
        write = log.debug if scope["path"] in _QUIET else log.info
        write("request.done", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))


class BodyGate:
    """Takes JSON bodies up to ``limit`` bytes and refuses others with a problem document.

    By hand, because Starlette's own limit answers in plain text.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(Headers(scope=scope), receive)
        except ApiError as refusal:
            await problem_response(refusal, scope["path"])(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None when the client went away before it was sent."""
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limit:
            raise BodyTooLarge(f"at most {self._limit} bytes")
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                raise BodyTooLarge(f"at most {self._limit} bytes")
        if body and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType("Content-Type: application/json")
        return bytes(body)


class TimeLimit:
    """``seconds`` to begin the answer; an answer that has begun (a stream) may take for ever.

    What was asked of Asterisk goes on behind the time-out: see ``carried_out``. ``longer``: by the beginning of a path.
    """

    def __init__(self, app: ASGIApp, seconds: float, longer: Mapping[str, float]) -> None:
        self._app = app
        self._seconds = seconds
        self._longer = longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        seconds = next((each for begin, each in self._longer.items() if path.startswith(begin)), self._seconds)
        try:
            async with asyncio.timeout(seconds) as limit:

                async def send_unhurried(message: Message) -> None:
                    limit.reschedule(None)
                    await send(message)

                await self._app(scope, receive, send_unhurried)
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("request.timed_out", path=path, seconds=seconds)
            await problem_response(RequestTimedOut(f"no answer within {seconds:g} s"), path)(scope, receive, send)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.match(given) else str(uuid7())


def _operation(scope: Scope) -> str:
    """The route's operation id: the paths themselves are without end, and a metric's labels must not be."""
    return getattr(scope.get("route"), "operation_id", None) or "-"


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
