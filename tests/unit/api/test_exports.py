"""``GET /v1/records/export``: made by a process of its own, seen by a role, on the ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from api.export_desk import ExportDesk
from records import tables
from records.accounts import Role
from records.chain import Chain, Signer
from records.export.book import ExportBook
from records.export.spec import Format, spec_of
from records.ledger import Ledger
from records.store import SqlRecordStore
from records.verify_ledger import manifest_of, verify_file
from telephony.errors import ExportNotFound, RecordStoreUnavailable
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


async def manifest_for(hall: Hall, export: str, role: Role = Role.AUDITOR) -> Any:
    return await hall.http.get(f"/v1/records/exports/{export}/manifest", headers=hall.as_role(role))


def named(answer: Any) -> str:
    return str(answer.headers["content-disposition"]).split('"')[1]


@pytest.mark.parametrize("format", Format)
async def test_given_a_download_and_its_manifest_then_the_offline_verifier_knows_the_file_and_each_change(
    hall: Hall, tmp_path: Path, format: Format
) -> None:
    await on_record(hall, *(ended(a_handoff()) for _ in range(3)))
    answer = await asked(hall, format=format)
    manifest = await manifest_for(hall, answer.headers["x-export-id"])

    file = tmp_path / named(answer)
    file.write_bytes(answer.content)
    (tmp_path / named(manifest)).write_bytes(manifest.content)
    assert named(manifest) == manifest_of(file).name
    key = hall.services.ledger.chain.signer.public_key
    assert verify_file(file, [key]).unbroken
    told = manifest.json()
    assert (told["file"], told["rows"], told["bytes"]) == (file.name, 3, len(answer.content))
    assert (told["made_by"], told["kind"], told["numbers"]) == ("ban", "handoffs", "whole")
    file.write_bytes(answer.content[:-1])
    assert [fault.name for fault in verify_file(file, [key]).faults] == ["file-changed"]
    (tmp_path / named(manifest)).write_bytes(manifest.content.replace(b'"rows":3', b'"rows":4'))
    assert "manifest-forged" in [fault.name for fault in verify_file(file, [key]).faults]


async def test_given_an_empty_export_then_it_has_a_manifest_too(hall: Hall, tmp_path: Path) -> None:
    answer = await asked(hall)
    file = tmp_path / named(answer)
    file.write_bytes(answer.content)
    manifest_of(file).write_bytes((await manifest_for(hall, answer.headers["x-export-id"])).content)

    assert answer.content == b""
    assert verify_file(file).unbroken


async def test_given_sm3_on_the_ledger_then_the_manifest_holds_after_a_restart_and_says_no_number(
    hall: Hall, tmp_path: Path
) -> None:
    engine = hall.services.accounts._engine

    def started() -> ExportDesk:
        book = ExportBook(Ledger(engine, Chain("n2", Signer("22" * 32), "sm3")))
        return ExportDesk(hall.services.exports._url, engine, book, lambda: DIRECTORY)

    await on_record(hall, ended(a_handoff()))
    spec = spec_of({"kind": "handoffs", "format": "csv", "number": NUMBER, **SPAN})
    outgoing = await started().open(spec, "ban")
    file = tmp_path / spec.file_name
    file.write_bytes(b"".join([chunk async for chunk in outgoing.chunks()]))
    manifest = await started().manifest(outgoing.id)
    manifest_of(file).write_bytes(orjson.dumps(manifest))

    assert verify_file(file, [Signer("22" * 32).public_key]).unbroken
    assert (manifest["digest"].partition(":")[0], manifest["rows"]) == ("sm3", 1)
    assert manifest["asked_for"]["number"] == "-"
    assert NUMBER not in str(await entries(hall))
    with pytest.raises(ExportNotFound):
        await hall.services.exports.manifest(outgoing.id)  # another node's: it has another key


async def test_given_an_export_that_is_not_whole_or_unknown_then_there_is_no_manifest(hall: Hall) -> None:
    await on_record(hall, ended(a_handoff()))
    outgoing = await hall.services.exports.open(spec_of({"kind": "calls", "format": "csv", **SPAN}), "x")
    begun = await manifest_for(hall, outgoing.id)
    await outgoing.close()

    for answer in (begun, await manifest_for(hall, outgoing.id), await manifest_for(hall, "e-1")):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:hotline:problem:export-not-found")
    assert (await manifest_for(hall, outgoing.id, Role.SEAT)).status_code == 403


async def test_given_a_key_for_one_line_then_it_gets_the_manifests_of_its_own_exports_only(hall: Hall) -> None:
    _, key = await hall.services.accounts.add_key("of-110", Role.SUPERVISOR, line="110")
    headers = {"X-API-Key": key}
    others = await asked(hall)
    own = await hall.http.get("/v1/records/export", params={"format": "jsonl", **SPAN}, headers=headers)

    def path(answer: Any) -> str:
        return f"/v1/records/exports/{answer.headers['x-export-id']}/manifest"

    assert (await hall.http.get(path(own), headers=headers)).json()["asked_for"]["line"] == "110"
    assert (await hall.http.get(path(others), headers=headers)).status_code == 404
