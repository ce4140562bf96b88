"""The OpenAPI document: every failure a route can answer with, as a problem document with an example for each slug."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api import errors
from api.schemas import Problem
from telephony.errors import HotlineError

_ALWAYS = (errors.InternalError, errors.RequestTimedOut)
_PROTECTED = (errors.NotSignedIn, errors.TokenRejected, errors.NotAllowed, errors.TooManyRequests)
_TAKING_A_BODY = (errors.MalformedRequest, errors.BodyTooLarge, errors.UnsupportedMediaType)
_REFERENCE = "#/components/schemas/{model}"

Responses = dict[int | str, dict[str, Any]]


def problems(
    *failures: type[HotlineError], parameters: bool = True, body: bool = False, protected: bool = True
) -> Responses:
    """For a route's ``responses``: these failures, and those that any route has which takes and wants such things."""
    common = (
        *(_TAKING_A_BODY if body else ()),
        *((errors.InvalidRequest,) if parameters or body else ()),
        *(_PROTECTED if protected else ()),
        *_ALWAYS,
    )
    by_status: dict[int, dict[str, Any]] = defaultdict(dict)
    for failure in (*failures, *common):
        by_status[errors.status_of(failure).value][failure.slug] = {"value": _example(failure)}
    return {
        status: {
            "description": " · ".join(examples),
            "content": {
                errors.MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}, "examples": examples}
            },
        }
        for status, examples in sorted(by_status.items())
    }


def _example(failure: type[HotlineError]) -> Mapping[str, Any]:
    """Made without calling the class, whose arguments differ."""
    sample = failure.__new__(failure)
    sample.message = "what exactly was wrong"
    if isinstance(sample, errors.InvalidRequest):
        sample.fields = [{"field": "body.target", "code": "missing", "message": "Field required"}]
    return errors.problem(sample, "/v1/…")


def install(app: FastAPI) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _built(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way FastAPI documents for an extended document


def _built(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    _, definitions = models_json_schema([(Problem, "serialization")], ref_template=_REFERENCE)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return document
