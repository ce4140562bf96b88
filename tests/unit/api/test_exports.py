"""``GET /v1/records/export``: made by a process of its own, seen by a role, on the ledger."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from api.export_desk import ExportDesk
from records import tables
from records.accounts import Role
from records.export.book import ExportBook
from records.export.spec import spec_of
from records.store import SqlRecordStore
from telephony.errors import RecordStoreUnavailable
from tests.support.hall import DIRECTORY, Hall
from tests.support.records import a_handoff, ended

pytestmark = pytest.mark.asyncio

NUMBER = "13800001111"
SPAN = {"since": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}


async def asked(hall: Hall, role: Role = Role.SUPERVISOR, **more: Any) -> Any:
    params = {"format": "jsonl", **SPAN, **more}
    return await hall.http.get("/v1/records/export", params=params, headers=hall.as_role(role))


async def on_record(hall: Hall, *handoffs: Any) -> None:
    await SqlRecordStore(hall.services.accounts._engine).save_all(handoffs)


async def entries(hall: Hall) -> list[dict[str, Any]]:
    query = select(tables.ledger.c.body).where(tables.ledger.c.kind == "export").order_by(tables.ledger.c.seq)
    async with hall.services.accounts._engine.connect() as connection:
        return [orjson.loads(body) for body in (await connection.execute(query)).scalars()]


async def test_given_a_supervisor_then_the_rows_come_with_whole_numbers_and_both_ends_are_on_the_ledger(
    hall: Hall,
) -> None:
    await on_record(hall, one := ended(a_handoff()))
    answer = await asked(hall)

    assert answer.status_code == 200
    [row] = [orjson.loads(line) for line in answer.content.splitlines()]
    assert (row["id"], row["original_caller"]) == (one.id, NUMBER)
    assert answer.headers["content-disposition"] == 'attachment; filename="handoffs-2026-11-01.jsonl"'
    begun, done = await entries(hall)
    assert (begun["phase"], begun["clear"], done["phase"], done["rows"]) == ("begun", True, "done", 1)
    assert done["bytes"] == len(answer.content)


async def test_given_an_auditor_then_the_numbers_are_masked_and_cannot_be_searched_for(hall: Hall) -> None:
    await on_record(hall, ended(a_handoff()))
    answer = await asked(hall, Role.AUDITOR)

    assert (answer.headers["x-numbers"], NUMBER in answer.text) == ("masked", False)
    assert "138****1111" in answer.text
    assert (await asked(hall, Role.AUDITOR, number=NUMBER)).status_code == 403


async def test_given_who_sees_numbers_then_they_are_masked_when_that_is_asked_for(hall: Hall) -> None:
    await on_record(hall, ended(a_handoff()))

    assert NUMBER not in (await asked(hall, masked="true", format="csv")).text


@pytest.mark.parametrize(
    ("wrong", "slug"),
    [
        ({"since": "2026-12-02T00:00:00Z"}, "export-refused"),
        ({"line": "999"}, "export-refused"),
        ({"seat": "9999"}, "export-refused"),
        ({"language": "zh"}, "export-refused"),
        ({"since": "2026-11-01"}, "invalid-request"),
        ({"format": "doc"}, "invalid-request"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_not_begun(hall: Hall, wrong: dict[str, str], slug: str) -> None:
    answer = await asked(hall, **wrong)

    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:hotline:problem:{slug}")
    assert await entries(hall) == []


async def test_given_a_database_that_cannot_be_read_then_a_problem_and_the_ledger_says_so(hall: Hall) -> None:
    book = ExportBook(hall.services.ledger)
    desk = ExportDesk("sqlite:////nowhere/at/all.db", hall.services.accounts._engine, book, lambda: DIRECTORY)
    spec = spec_of({"kind": "handoffs", "format": "csv", **SPAN})
    with pytest.raises(RecordStoreUnavailable):
        await desk.open(spec, "x")

    assert [entry["phase"] for entry in await entries(hall)] == ["begun", "broken-off"]


async def test_given_a_reader_who_goes_away_then_the_process_ends_and_the_ledger_says_so(hall: Hall) -> None:
    spec = spec_of({"kind": "handoffs", "format": "jsonl", **SPAN})
    await on_record(hall, *(ended(a_handoff()) for _ in range(3)))
    outgoing = await hall.services.exports.open(spec, "x")
    await outgoing.close()
    await outgoing.close()

    assert [entry["phase"] for entry in await entries(hall)] == ["begun", "broken-off"]
    first, second = await asyncio.gather(*(hall.services.exports.open(spec, "x") for _ in range(2)))
    answer = await asked(hall)
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:hotline:problem:too-many-requests")
    await first.close()
    await second.close()
