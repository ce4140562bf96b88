"""Every failure as an RFC 9457 problem document. ``STATUS`` is the one place where a failure gets its HTTP status.

The ``type`` is ``urn:hotline:problem:<slug>``: stable, and the only thing a program should branch on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.messages import TITLES, Title
from linkage import errors as linkage
from telephony import errors as domain

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:hotline:problem:"
_RETRY_SECONDS = 5
_IDEMPOTENCY_KEY = ("header", "idempotency-key")


class ApiError(domain.HotlineError):
    """A failure of the HTTP side; ``headers`` go out with the answer."""

    slug = "api-error"

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class MalformedRequest(ApiError):
    slug = "malformed-request"


class IdempotencyKeyMissing(ApiError):
    slug = "idempotency-key-missing"


class NotSignedIn(ApiError):
    """RFC 9110 section 11.6.1: a 401 names the scheme it wants."""

    slug = "not-signed-in"

    def __init__(self, message: str = "a token or an API key is needed") -> None:
        super().__init__(message, {"WWW-Authenticate": 'Bearer realm="hotline"'})


class TokenRejected(NotSignedIn):
    """Forged, expired, revoked, or of an account that is gone; which one is not told."""

    slug = "token-rejected"


class CredentialsWrong(NotSignedIn):
    """No such user or a wrong password; which one is not told."""

    slug = "credentials-wrong"


class NotAllowed(ApiError):
    slug = "not-allowed"


class NotYourSeat(NotAllowed):
    slug = "not-your-seat"


class NotFound(ApiError):
    slug = "not-found"


class MethodNotAllowed(ApiError):
    slug = "method-not-allowed"


class BodyTooLarge(ApiError):
    slug = "body-too-large"


class UnsupportedMediaType(ApiError):
    slug = "unsupported-media-type"


class InvalidRequest(ApiError):
    """``fields``: what is wrong where. The values sent stay out: one of them may be a password."""

    slug = "invalid-request"

    def __init__(self, fields: Sequence[Mapping[str, str]]) -> None:
        super().__init__(f"{len(fields)} field(s) are not as they should be")
        self.fields = fields


class TooManyRequests(ApiError):
    slug = "too-many-requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"try again in {retry_after} s", {"Retry-After": str(retry_after)})


class InternalError(ApiError):
    slug = "internal-error"


class RequestTimedOut(ApiError):
    slug = "request-timeout"


STATUS: Mapping[type[domain.HotlineError], HTTPStatus] = {
    domain.HotlineError: HTTPStatus.INTERNAL_SERVER_ERROR,
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    IdempotencyKeyMissing: HTTPStatus.BAD_REQUEST,
    domain.BadCursor: HTTPStatus.BAD_REQUEST,
    domain.FilterWantsASpan: HTTPStatus.BAD_REQUEST,
    domain.ListNotUnderstood: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.NoSuchPeriod: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    domain.NotYourCall: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    domain.CallNotFound: HTTPStatus.NOT_FOUND,
    domain.HandoffNotFound: HTTPStatus.NOT_FOUND,
    domain.ConferenceNotFound: HTTPStatus.NOT_FOUND,
    domain.PartyNotFound: HTTPStatus.NOT_FOUND,
    domain.SeatNotFound: HTTPStatus.NOT_FOUND,
    domain.RecordingNotFound: HTTPStatus.NOT_FOUND,
    domain.CallBackNotFound: HTTPStatus.NOT_FOUND,
    domain.ExportNotFound: HTTPStatus.NOT_FOUND,
    linkage.CatalogueNotFound: HTTPStatus.NOT_FOUND,
    linkage.OrderNotFound: HTTPStatus.NOT_FOUND,
    linkage.UnitNotFound: HTTPStatus.NOT_FOUND,
    linkage.OrderChanged: HTTPStatus.CONFLICT,
    linkage.OrderRefused: HTTPStatus.CONFLICT,
    linkage.ReasonMissing: HTTPStatus.UNPROCESSABLE_ENTITY,
    linkage.UnitMissing: HTTPStatus.UNPROCESSABLE_ENTITY,
    linkage.ExtensionNotLater: HTTPStatus.UNPROCESSABLE_ENTITY,
    linkage.RatingOutOfRange: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.RecordingAltered: HTTPStatus.CONFLICT,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    domain.RequestRefused: HTTPStatus.CONFLICT,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.UnknownTarget: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.ExportRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.UnknownAcceptor: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.ModeNotSupported: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    domain.AmiError: HTTPStatus.BAD_GATEWAY,
    domain.UnsafeHeader: HTTPStatus.INTERNAL_SERVER_ERROR,
    domain.AmiConnectError: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.AmiNotSent: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.RecordStoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.LiveStateUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.AmiEffectUnknown: HTTPStatus.GATEWAY_TIMEOUT,
    RequestTimedOut: HTTPStatus.GATEWAY_TIMEOUT,
}

_OF_HTTP_STATUS: Mapping[int, type[ApiError]] = {
    400: MalformedRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
}


def status_of(failure: type[domain.HotlineError]) -> HTTPStatus:
    """The status of the class itself or of its nearest ancestor in the table."""
    return next(STATUS[ancestor] for ancestor in failure.__mro__ if ancestor in STATUS)


def problem(failure: domain.HotlineError, instance: str) -> dict[str, Any]:
    """The document. ``detail`` is the failure's own sentence, except for our own faults (500), which stay inside."""
    status = status_of(type(failure))
    shown = failure if status is not HTTPStatus.INTERNAL_SERVER_ERROR else InternalError("see the log")
    title = _title(type(shown))
    document: dict[str, Any] = {
        "type": _TYPE_PREFIX + shown.slug,
        "title": title.zh,
        "title_en": title.en,
        "status": status.value,
        "detail": shown.message,
        "instance": instance,
    }
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        document["request_id"] = request_id
    if isinstance(shown, InvalidRequest):
        document["errors"] = list(shown.fields)
    return document


def _title(failure: type[domain.HotlineError]) -> Title:
    """Its own, or that of its nearest ancestor that has one."""
    slugs = (ancestor.slug for ancestor in failure.__mro__ if issubclass(ancestor, domain.HotlineError))
    return next(TITLES[slug] for slug in slugs if slug in TITLES)


def problem_response(failure: domain.HotlineError, instance: str) -> Response:
    headers = dict(failure.headers) if isinstance(failure, ApiError) else {}
    document = problem(failure, instance)
    if document["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(_RETRY_SECONDS))
    return Response(orjson.dumps(document), document["status"], headers, MEDIA_TYPE)


async def _hotline_error(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, domain.HotlineError)
    status = status_of(type(failure))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request.failed", slug=failure.slug, status=status.value, exc_info=failure)
    return problem_response(failure, request.url.path)


async def _http_exception(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, HTTPException)
    error = _OF_HTTP_STATUS.get(failure.status_code, MalformedRequest)
    return problem_response(error(str(failure.detail), failure.headers), request.url.path)


async def _validation_error(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, RequestValidationError)
    faults = failure.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(MalformedRequest("the body is not JSON"), request.url.path)
    if any(fault["type"] == "missing" and fault["loc"] == _IDEMPOTENCY_KEY for fault in faults):
        missing = IdempotencyKeyMissing("the Idempotency-Key header is required")
        return problem_response(missing, request.url.path)
    fields = [{"field": _field(fault["loc"]), "code": fault["type"], "message": fault["msg"]} for fault in faults]
    return problem_response(InvalidRequest(fields), request.url.path)


def _field(location: Sequence[str | int]) -> str:
    """``body.target``; whatever a client invents as a key must still fit into UTF-8."""
    return ".".join(str(part) for part in location).encode("utf-8", "replace").decode()


def install(app: FastAPI) -> None:
    app.add_exception_handler(domain.HotlineError, _hotline_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
