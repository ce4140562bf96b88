"""What surrounds every request: its name, its log line, its time limit, its headers."""

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from api.api_settings import ApiSettings
from api.shield import carried_out
from tests.support.hall import CALLER, Hall, open_hall
from tests.unit.api.conftest import Accounts


@pytest.mark.asyncio
async def test_given_no_answer_in_time_then_504_and_what_was_begun_is_carried_through(
    accounts: Accounts, tmp_path: Path
) -> None:
    may_end, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await may_end.wait()
        done.set()

    async def slow() -> None:
        await carried_out(work())

    async with open_hall(*accounts, tmp_path, settings=ApiSettings(request_seconds=0.05)) as hall:
        hall.app.add_api_route("/slow", slow)
        answer = await hall.http.get("/slow")
        assert answer.status_code == 504
        assert answer.json()["type"] == "urn:hotline:problem:request-timeout"
        assert not done.is_set()
        may_end.set()
        async with asyncio.timeout(20):
            await done.wait()


@pytest.mark.asyncio
async def test_given_a_report_then_it_may_take_longer_than_other_answers(accounts: Accounts, tmp_path: Path) -> None:
    async def slow() -> None:
        await asyncio.sleep(0.2)

    async with open_hall(*accounts, tmp_path, settings=ApiSettings(request_seconds=0.05)) as hall:
        hall.app.add_api_route("/v1/reports/slow/one", slow)
        hall.app.add_api_route("/v1/slow", slow)
        assert (await hall.http.get("/v1/reports/slow/one")).status_code == 200
        assert (await hall.http.get("/v1/slow")).status_code == 504


@pytest.mark.asyncio
async def test_given_abandoned_work_that_fails_then_the_log_says_so(logged: list[MutableMapping[str, Any]]) -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)
        raise RuntimeError("nobody was there to hear it")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await carried_out(work())
    await asyncio.sleep(0.05)
    assert [entry["event"] for entry in logged] == ["request.abandoned_work_failed"]


@pytest.mark.asyncio
async def test_given_a_request_id_then_it_is_kept_and_a_forged_one_is_not(hall: Hall) -> None:
    kept = await hall.http.get("/healthz", headers={"X-Request-ID": "seat-2101-press-7"})
    assert kept.headers["x-request-id"] == "seat-2101-press-7"
    made = await hall.http.get("/healthz", headers={"X-Request-ID": 'x"}\tfaked'})
    assert made.headers["x-request-id"] != 'x"}\tfaked'


@pytest.mark.asyncio
async def test_every_answer_carries_the_security_headers(hall: Hall) -> None:
    for path in ("/healthz", "/v1/nothing", "/v1/calls"):
        headers = (await hall.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.asyncio
async def test_given_a_search_by_caller_then_the_log_line_names_who_asked_and_no_number(
    hall: Hall, logged: list[MutableMapping[str, Any]]
) -> None:
    await hall.http.get(f"/v1/calls?caller={CALLER}", headers=hall.as_person("ban"))
    entry = next(entry for entry in logged if entry["event"] == "request.done")
    assert (entry["method"], entry["path"], entry["status"], entry["principal"]) == ("GET", "/v1/calls", 200, "ban")
    assert CALLER not in str(logged)


@pytest.mark.asyncio
async def test_given_requests_then_metrics_count_them_by_operation_and_not_by_path(hall: Hall) -> None:
    for number in range(3):
        await hall.http.get(f"/v1/calls/n-{number}.0", headers=hall.as_person("ban"))
    await hall.http.get("/v1/no/such/place")
    text = (await hall.http.get("/metrics")).text
    assert 'hotline_http_requests_total{method="GET",operation="getCall",status="404"} 3.0' in text
    assert 'operation="-",status="404"} 1.0' in text
    assert "n-1.0" not in text
