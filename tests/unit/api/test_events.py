"""The event stream over a real socket: the test client would wait for its end before it shows anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from api.api_settings import ApiSettings
from tests.support.hall import CALL, CALLER, Hall, open_hall
from tests.unit.api.conftest import Accounts
from tests.unit.api.test_problems import is_problem


@asynccontextmanager
async def listening(hall: Hall) -> AsyncIterator[httpx.AsyncClient]:
    config = uvicorn.Config(hall.app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


class Reader:
    """The blocks of a stream: each a dict of its fields, a comment under ``""``."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def block(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                if line:
                    fields[name.rstrip(":")] = value
        return fields

    async def event(self) -> tuple[str, Any, str]:
        while "event" not in (fields := await self.block()):
            assert fields, "the stream has ended"
        return fields["event"], orjson.loads(fields["data"]), fields["id"]


@asynccontextmanager
async def reading(
    client: httpx.AsyncClient, who: dict[str, str], *, query: str = "", last: str | None = None
) -> AsyncIterator[Reader]:
    headers = {**who, **({"Last-Event-ID": last} if last else {})}
    async with client.stream("GET", f"/v1/events{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        reader = Reader(answer)
        assert (await reader.block())["retry"] == "2000"
        yield reader


async def told_of_anything(hall: Hall, reader: Reader) -> None:
    """The stream is open, and asks for what comes next."""
    first = asyncio.create_task(reader.event())
    while not first.done():
        await hall.live.publish("seat", {"id": "2101"})
        await asyncio.wait((first,), timeout=0.05)
    await first


@pytest.mark.asyncio
async def test_given_a_reader_when_a_call_comes_then_it_is_told_without_the_number(hall: Hall) -> None:
    async with listening(hall) as client, reading(client, hall.as_person("fang", seat="2101")) as reader:
        await told_of_anything(hall, reader)
        await hall.with_call()
        while (told := await reader.event())[0] == "seat":
            pass
        kind, data, _ = told
        assert (kind, data["id"]) == ("call", CALL)
        assert CALLER not in str(data)


@pytest.mark.asyncio
async def test_given_a_reader_that_comes_back_then_it_gets_what_it_missed_by_header_or_query(hall: Hall) -> None:
    ids = [await hall.live.publish("seat", {"id": f"210{number}"}) for number in range(4)]
    async with listening(hall) as client:
        for ways in ({"last": ids[1]}, {"query": f"?last_event_id={ids[1]}"}):
            async with reading(client, hall.as_person("shen"), **ways) as reader:
                assert [await reader.event() for _ in range(2)] == [
                    ("seat", {"id": "2102"}, ids[2]),
                    ("seat", {"id": "2103"}, ids[3]),
                ]


@pytest.mark.asyncio
async def test_given_a_reader_that_was_away_too_long_then_it_is_told_of_the_gap(hall: Hall) -> None:
    async with listening(hall) as client, reading(client, hall.as_person("shen"), last="999-0") as reader:
        kind, data, _ = await reader.event()
        assert (kind, data) == ("gap", {})


@pytest.mark.asyncio
async def test_given_an_alarm_then_supervisors_are_told_and_seats_are_not(hall: Hall) -> None:
    first = await hall.live.publish("seat", {"id": "start"})
    await hall.live.publish("alarm", {"alarm": "number_mismatch", "handoff_id": "h-1"})
    await hall.live.publish("seat", {"id": "end"})
    async with listening(hall) as client:
        async with reading(client, hall.as_person("ban"), last=first) as reader:
            assert (await reader.event())[0] == "alarm"
        async with reading(client, hall.as_person("fang", seat="2101"), last=first) as reader:
            assert (await reader.event())[1] == {"id": "end"}


@pytest.mark.asyncio
async def test_given_silence_then_a_comment_keeps_the_line_open_and_the_token_ends_it(
    accounts: Accounts, tmp_path: Path
) -> None:
    settings = ApiSettings(heartbeat_seconds=0.3, request_seconds=1.0)
    async with open_hall(*accounts, tmp_path, settings=settings) as hall, listening(hall) as client:
        who = hall.as_person("ban")
        hall.clock.pass_by(hours=9, minutes=59, seconds=56)
        async with reading(client, who) as reader:
            pings = [await reader.block() for _ in range(5)]
            assert pings == [{"": "ping"}] * 5  # beyond the time limit for an answer to begin
            while await reader.block():
                pass  # as the token ends, the stream does so by itself


@pytest.mark.asyncio
async def test_given_redis_is_away_then_503_before_the_stream_begins(hall: Hall) -> None:
    hall.live.away = True
    is_problem(await hall.http.get("/v1/events", headers=hall.as_person("ban")), "live-state-unavailable")


@pytest.mark.asyncio
async def test_given_an_id_that_never_was_one_then_422(hall: Hall) -> None:
    headers = {**hall.as_person("ban"), "Last-Event-ID": "yesterday"}
    is_problem(await hall.http.get("/v1/events", headers=headers), "invalid-request")
