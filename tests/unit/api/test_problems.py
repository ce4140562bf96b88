"""Every failure is a problem document, with a title in Chinese and English."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest

from api import errors as api_errors
from api.errors import problem, status_of
from api.messages import TITLES
from linkage import errors as linkage_errors
from telephony import errors
from telephony.errors import HotlineError
from tests.support.hall import Hall

# what other programs rely on: slug → status
STATUSES = {
    "malformed-request": 400,
    "idempotency-key-missing": 400,
    "bad-cursor": 400,
    "filter-wants-a-span": 400,
    "no-such-period": 422,
    "list-not-understood": 422,
    "not-signed-in": 401,
    "token-rejected": 401,
    "credentials-wrong": 401,
    "not-allowed": 403,
    "not-your-seat": 403,
    "not-your-call": 403,
    "not-found": 404,
    "call-not-found": 404,
    "handoff-not-found": 404,
    "conference-not-found": 404,
    "party-not-found": 404,
    "seat-not-found": 404,
    "catalogue-not-found": 404,
    "order-not-found": 404,
    "unit-not-found": 404,
    "order-changed": 409,
    "order-refused": 409,
    "order-act-not-allowed": 409,
    "order-first-action-missing": 409,
    "order-refusal-not-allowed": 409,
    "order-feedback-missing": 409,
    "order-reason-missing": 422,
    "order-unit-missing": 422,
    "order-extension-not-later": 422,
    "order-rating-out-of-range": 422,
    "method-not-allowed": 405,
    "request-refused": 409,
    "call-ended": 409,
    "target-has-call": 409,
    "handoff-in-progress": 409,
    "handoff-settled": 409,
    "handoff-not-answered": 409,
    "not-talking": 409,
    "decision-made": 409,
    "not-correctable": 409,
    "not-recorded": 409,
    "recording-altered": 409,
    "recording-not-found": 404,
    "call-back-not-found": 404,
    "call-back-settled": 409,
    "no-seat-to-ring": 409,
    "export-not-found": 404,
    "recording-not-playable": 409,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "invalid-request": 422,
    "unknown-target": 422,
    "unknown-acceptor": 422,
    "mode-not-supported": 422,
    "idempotency-key-reused": 422,
    "too-many-requests": 429,
    "hotline-error": 500,
    "api-error": 500,
    "internal-error": 500,
    "telephony-error": 500,
    "linkage-error": 500,
    "configuration-rejected": 500,
    "command-unknown": 500,
    "records-error": 500,
    "ami-unsafe-header": 500,
    "ami-error": 502,
    "ami-action-failed": 502,
    "ami-list-too-long": 502,
    "node-taken": 502,
    "ami-connect-error": 503,
    "ami-unreachable": 503,
    "ami-login-refused": 503,
    "ami-not-sent": 503,
    "ami-not-connected": 503,
    "record-store-unavailable": 503,
    "export-refused": 422,
    "export-failed": 500,
    "live-state-unavailable": 503,
    "ami-effect-unknown": 504,
    "ami-timeout": 504,
    "ami-link-lost": 504,
    "ami-peer-silent": 504,
    "ami-protocol-error": 504,
    "ami-event-overflow": 504,
    "request-timeout": 504,
}


def tree(root: type[HotlineError]) -> Iterator[type[HotlineError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def named_here(failure: type[HotlineError]) -> bool:
    return failure.__module__ in (errors.__name__, api_errors.__name__, linkage_errors.__name__)


FAILURES = sorted(filter(named_here, tree(HotlineError)), key=lambda failure: failure.slug)


def test_the_message_catalogue_names_every_failure_and_nothing_else() -> None:
    assert {failure.slug for failure in FAILURES} == set(TITLES)


def test_every_failure_has_its_status_on_the_list() -> None:
    assert {failure.slug: status_of(failure).value for failure in FAILURES} == STATUSES


def test_no_two_failures_share_a_slug() -> None:
    slugs = [failure.slug for failure in FAILURES]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize("slug", sorted(TITLES))
def test_each_title_is_chinese_with_english_beside_it(slug: str) -> None:
    assert any("\u4e00" <= sign <= "\u9fff" for sign in TITLES[slug].zh)
    assert TITLES[slug].en.isascii()


def test_given_a_failure_of_another_tree_when_it_is_told_then_its_nearest_ancestors_title_is_used() -> None:
    class NewFailure(errors.CallEnded):
        slug = "call-ended-in-a-new-way"

    document = problem(NewFailure("it is over"), "/v1/handoffs")
    assert document["type"] == "urn:hotline:problem:call-ended-in-a-new-way"
    assert (document["status"], document["title"]) == (409, "通话已结束")


def is_problem(answer: Any, slug: str) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["type"] == f"urn:hotline:problem:{slug}"
    assert document["status"] == answer.status_code == STATUSES[slug]
    assert document["title"] == TITLES[slug].zh
    assert document["title_en"] == TITLES[slug].en
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


@pytest.mark.asyncio
async def test_given_an_address_that_is_not_there_then_not_found(hall: Hall) -> None:
    is_problem(await hall.http.get("/v1/nothing"), "not-found")
    is_problem(await hall.http.get("/v1/calls/"), "not-found")


@pytest.mark.asyncio
async def test_given_a_method_that_is_not_taken_then_405_names_those_that_are(hall: Hall) -> None:
    answer = await hall.http.put("/v1/handoffs")
    is_problem(answer, "method-not-allowed")
    assert {"GET", "POST"} & set(answer.headers["allow"].replace(",", " ").split())


@pytest.mark.asyncio
async def test_given_a_body_beyond_the_cap_then_413_whether_its_length_is_declared_or_not(hall: Hall) -> None:
    class Chunks:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for _ in range(70):
                yield b" " * 1024

    url, headers = "/v1/sessions", {"Content-Type": "application/json"}
    is_problem(await hall.http.post(url, content=b" " * 70_000, headers=headers), "body-too-large")
    is_problem(await hall.http.post(url, content=Chunks(), headers=headers), "body-too-large")


@pytest.mark.asyncio
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_given_a_body_that_is_not_json_by_name_then_415(hall: Hall, content_type: str) -> None:
    answer = await hall.http.post("/v1/sessions", content=b"user=x", headers={"Content-Type": content_type})
    is_problem(answer, "unsupported-media-type")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"[" * 30_000, b'{"user": ' + b"9" * 5_000 + b"}"],
    ids=["cut", "no-utf8", "deep", "big"],
)
async def test_given_a_body_that_is_not_json_at_all_then_400(hall: Hall, body: bytes) -> None:
    answer = await hall.http.post("/v1/sessions", content=body, headers={"Content-Type": "application/json"})
    is_problem(answer, "malformed-request")


@pytest.mark.asyncio
async def test_given_wrong_fields_then_422_lists_them_without_what_was_sent(hall: Hall) -> None:
    body = {"user": "", "password": "x" * 300, "sneaky": "secret-value"}
    answer = await hall.http.post("/v1/sessions", json=body)
    document = is_problem(answer, "invalid-request")
    assert {(fault["field"], fault["code"]) for fault in document["errors"]} == {
        ("body.user", "string_too_short"),
        ("body.password", "string_too_long"),
        ("body.sneaky", "extra_forbidden"),
    }
    assert "secret-value" not in answer.text
    assert "xxx" not in answer.text


@pytest.mark.asyncio
async def test_given_half_a_surrogate_pair_then_422_and_not_a_crash(hall: Hall) -> None:
    body = b'{"user": "\\ud800", "password": "p", "\\udfff": 1}'
    answer = await hall.http.post("/v1/sessions", content=body, headers={"Content-Type": "application/json"})
    is_problem(answer, "invalid-request")


@pytest.mark.asyncio
async def test_given_a_fault_of_ours_then_500_tells_nothing_and_the_log_has_the_traceback(
    hall: Hall, logged: list[MutableMapping[str, Any]]
) -> None:
    def broken() -> None:
        raise RuntimeError("the password is 12345")

    hall.app.add_api_route("/broken", broken)
    answer = await hall.http.get("/broken")
    is_problem(answer, "internal-error")
    assert "12345" not in answer.text
    entry = next(entry for entry in logged if entry["event"] == "request.broke")
    assert entry["exc_info"]
    assert entry["request_id"] == answer.headers["x-request-id"]


@pytest.mark.asyncio
async def test_given_a_domain_failure_of_ours_then_its_message_stays_inside(hall: Hall) -> None:
    def unsafe() -> None:
        raise errors.UnsafeHeader("Variable", "holds a line break")

    hall.app.add_api_route("/unsafe", unsafe)
    answer = await hall.http.get("/unsafe")
    is_problem(answer, "internal-error")
    assert "Variable" not in answer.text


@pytest.mark.asyncio
async def test_given_something_behind_us_is_away_then_503_says_when_to_come_back(hall: Hall) -> None:
    hall.store.away = True
    answer = await hall.http.get("/v1/handoffs", headers=hall.as_person("ban"))
    is_problem(answer, "record-store-unavailable")
    assert answer.headers["retry-after"] == "5"
