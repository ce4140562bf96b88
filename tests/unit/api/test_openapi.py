"""The OpenAPI document holds: what is sent by chance is answered as the document says, and never by a crash."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api.api_settings import ApiSettings
from tests.support.hall import open_hall
from tests.unit.api.conftest import Accounts
from tests.unit.api.test_permissions import ALLOWED, PUBLIC

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]
_PLENTY = ApiSettings(request_limit="100000/second")


class Served(NamedTuple):
    url: str
    document: dict[str, object]
    headers: dict[str, str]


@pytest.fixture(scope="module")
def served(accounts: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hall with a call and a handoff behind a real socket, in a loop of its own: schemathesis is not async."""
    found: list[Served] = []
    started, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with open_hall(*accounts, tmp_path_factory.mktemp("hall"), settings=_PLENTY) as hall:
            await hall.with_call()
            await hall.hand_over(hall.as_person("fang", seat="2101"))
            server = uvicorn.Server(uvicorn.Config(hall.app, host="127.0.0.1", port=0, log_config=None))
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            found.append(Served(f"http://127.0.0.1:{port}", hall.app.openapi(), hall.as_person("guan")))
            started.set()
            await asyncio.to_thread(stop.wait)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(15)
    yield found[0]
    stop.set()
    thread.join(15)


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
@pytest.mark.parametrize("operation", sorted(({*ALLOWED, *PUBLIC}) - {"signOut", "exportRecords"}))
def test_given_what_the_document_allows_or_forbids_then_the_answer_is_one_of_the_document(
    served: Served, operation: str, mode: schemathesis.GenerationMode
) -> None:
    """``signOut`` would end the session that this test asks with; ``exportRecords`` (test_exports) begins a process."""
    schema = schemathesis.openapi.from_dict(served.document)
    cases = schema.find_operation_by_id(operation).as_strategy(generation_mode=mode)

    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def answered(case: schemathesis.Case) -> None:
        with requests.Session() as session:
            session.trust_env = False
            case.call_and_validate(
                base_url=served.url, session=session, headers=served.headers, checks=_CHECKS, timeout=10
            )

    try:
        answered()
    except Unsatisfiable:
        assert mode is schemathesis.GenerationMode.NEGATIVE  # nothing can be wrong with a route that takes nothing
