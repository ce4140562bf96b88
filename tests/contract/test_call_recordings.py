"""A call's recordings in its one row of an export, on both databases; a call that has none says so."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.calldetail import detail_of
from records.calldetail_store import CallDetails
from records.export.run import to_file
from records.export.spec import Format, Kind, Spec, language_for
from records.recordings.store import Finished, RecordingState, RecordingStore
from records.tables import call_details
from tests.support.archive import a_recording
from tests.support.ledgers import database
from tests.support.records import NOON, a_call

__all__ = ["database"]
pytestmark = pytest.mark.asyncio

JOINED = ("recording_ids", "recording_states", "recording_ms", "recording_sha256")


async def exported(engine: AsyncEngine, folder: Path, format: Format) -> Path:
    url = engine.url.set(drivername=engine.url.get_backend_name()).render_as_string(hide_password=False)
    day = timedelta(days=1)
    target = folder / f"calls.{format}"
    await asyncio.to_thread(
        to_file, Spec(Kind.CALLS, format, NOON - day, NOON + 9 * day, language_for(None, format)), url, target
    )
    return target


async def on_record(engine: AsyncEngine) -> tuple[str, list[str]]:
    """A call without a recording; one with three, of which one is finished, one missing and one being made."""
    plain, recorded = (a_call(arrived_at=NOON + timedelta(hours=n), ended_at=NOON + timedelta(hours=n)) for n in (0, 1))
    await CallDetails(engine).save([detail_of(each, (), (), (), ()) for each in (plain, recorded)])
    store, made = RecordingStore(engine), [replace(a_recording(n), call_id=recorded.id) for n in (2, 0, 1)]
    for recording in made:
        await store.save(recording)
    ends = NOON + timedelta(hours=2)
    whole = Finished(RecordingState.WHOLE, ends, ends, None, 61.234, 9, "ab" * 32)
    missing = Finished(RecordingState.MISSING, ends, ends, "no-file")
    async with engine.begin() as connection:
        assert await store.finishing(made[1].id, whole)(connection)
        assert await store.finishing(made[2].id, missing)(connection)
    return plain.id, [made[1].id, made[2].id, made[0].id]


async def test_given_recordings_then_the_call_has_them_in_the_order_they_began(
    database: AsyncEngine, tmp_path: Path
) -> None:
    plain, ids = await on_record(database)

    rows = [orjson.loads(line) for line in (await exported(database, tmp_path, Format.JSONL)).read_bytes().splitlines()]
    found = {row["call_id"]: [row[name] for name in JOINED] for row in rows}

    assert found.pop(plain) == [[], [], [], []]
    assert list(found.values()) == [[ids, ["whole", "missing", "recording"], ["61234", "", ""], ["ab" * 32, "", ""]]]


async def test_given_a_sheet_for_people_then_cells_are_text_in_chinese_and_empty_where_there_is_none(
    database: AsyncEngine, tmp_path: Path
) -> None:
    _, ids = await on_record(database)

    with (await exported(database, tmp_path, Format.CSV)).open(encoding="utf-8-sig", newline="") as file:
        plain, recorded = csv.DictReader(file)
    sheet: list[list[Any]] = (
        CalamineWorkbook.from_path(await exported(database, tmp_path, Format.XLSX)).get_sheet_by_index(0).to_python()
    )

    assert [plain[name] for name in (*JOINED, "ivr_path")] == [""] * 5
    assert [recorded[name] for name in JOINED] == [
        "; ".join(ids),
        "whole; missing; recording",
        "61234; ; ",
        f"{'ab' * 32}; ; ",
    ]
    assert sheet[2][sheet[0].index("录音状态")] == "完整; 缺失; 制作中"
    assert sheet[1][sheet[0].index("录音状态")] == ""


async def test_given_a_detail_of_a_call_without_menu_then_its_path_is_empty(database: AsyncEngine) -> None:
    await on_record(database)

    async with database.connect() as connection:
        assert set(map(str, (await connection.execute(select(call_details.c.ivr_path))).scalars())) == {"[]"}
