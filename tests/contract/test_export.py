"""Exports from both databases, read back with other libraries than wrote them: duckdb, calamine, csv, orjson."""

from __future__ import annotations

import asyncio
import csv
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson
import pytest
import pytest_asyncio
from python_calamine import CalamineWorkbook

from bench.synthetic.load import load
from bench.synthetic.stories import Story, stories
from records.chain import Signer
from records.database import engine_for, migrate
from records.export.columns import SHEETS, Holds
from records.export.pages import reader
from records.export.run import sealed, to_file
from records.export.spec import Format, Kind, Language, Spec
from records.manifest import write_manifest
from records.store import SqlRecordStore
from records.verify_ledger import manifest_of, verify_file
from telephony import numbers
from telephony.handoff import Handoff, Outcome
from tests.support.records import a_handoff, ended
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.asyncio

SINCE, UNTIL = datetime(2025, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
MANY = 300
TOLD: list[Story] = list(stories(MANY, 7, datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")), 30))
HANDOFFS = {handoff.id: handoff for story in TOLD for handoff in story.handoffs}


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> AsyncIterator[str]:
    """With the same made-up calls on record; its URL."""
    url = f"sqlite:///{tmp_path}/records.db" if request.param == "sqlite" else await postgres.new_migrated_database()
    engine = engine_for(url)
    await migrate(engine)
    await load(url, TOLD, lambda more: None)
    yield url
    await engine.dispose()


async def exported(url: str, folder: Path, format: Format, kind: Kind = Kind.HANDOFFS, **asked: Any) -> Path:
    spec = Spec(kind, format, **{"since": SINCE, "until": UNTIL} | asked)
    target = folder / f"{kind}.{format}"
    await asyncio.to_thread(to_file, spec, url, target)
    return target


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def expected(handoff: Handoff) -> dict[str, Any]:
    """What an export says of a handoff, written by hand for the fields that matter most."""
    return {
        "call_id": handoff.call_id,
        "mode": handoff.mode.value,
        "outcome": handoff.outcome and handoff.outcome.value,
        "resolution": handoff.resolution and handoff.resolution.value,
        "original_caller": handoff.original_caller,
        "original_caller_e164": numbers.e164(handoff.original_caller),
        "caller_seen_by_target": handoff.caller_seen_by_target,
        "number_mismatch": handoff.number_mismatch,
        "from_line": handoff.from_line,
        "target": handoff.target,
        "reason": handoff.reason,
        "decision_reason": handoff.decision.reason if handoff.decision else None,
        "created_at": iso(handoff.created_at),
        "ended_at": iso(handoff.ended_at),
        "sip_code": handoff.sip_code,
        "order_ids": list(handoff.order_ids),
    }


async def test_each_handoff_is_in_the_jsonl_whole_and_in_the_order_of_time(database: str, tmp_path: Path) -> None:
    rows = lines(await exported(database, tmp_path, Format.JSONL, clear=True))

    assert {row["id"]: {key: row[key] for key in expected(HANDOFFS[row["id"]])} for row in rows} == {
        id: expected(handoff) for id, handoff in HANDOFFS.items()
    }
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)
    assert all(row["timeline"][0]["event"] == "started" for row in rows)


@pytest.mark.parametrize("kind", Kind)
async def test_all_formats_say_the_same(database: str, tmp_path: Path, kind: Kind) -> None:
    rows = lines(await exported(database, tmp_path, Format.JSONL, kind, clear=True))
    parquet = await exported(database, tmp_path, Format.PARQUET, kind, clear=True)
    table = await exported(database, tmp_path, Format.CSV, kind, clear=True)
    sheet = await exported(database, tmp_path, Format.XLSX, kind, clear=True)

    shown = [column.key for column in SHEETS[kind].shown(Format.CSV)]
    as_text = [[as_cell(row[key]) for key in shown] for row in rows]
    assert read_parquet(parquet, kind) == rows
    with table.open(encoding="utf-8-sig", newline="") as file:
        header, *cells = csv.reader(file)
    assert (header, cells) == (shown, [[harmless(cell) for cell in row] for row in as_text])
    assert duckdb.sql(f"SELECT count(*) FROM '{table}'").fetchall() == [(len(rows),)]
    first, *others = CalamineWorkbook.from_path(sheet).get_sheet_by_index(0).to_python()
    assert first == shown
    assert len(others) == len(rows)
    assert [row[0] for row in others] == [row[0] for row in as_text]


def as_cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return "; ".join(value)
    return str(value)


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith("=") else cell


def read_parquet(path: Path, kind: Kind) -> list[dict[str, Any]]:
    """As a line of jsonl has it."""
    times = [column.key for column in SHEETS[kind].columns if column.holds is Holds.TIME]
    in_ms = ", ".join(f"epoch_ms({name}) AS {name}" for name in times)  # its times want a library that we do not
    read = duckdb.sql(f"SELECT * REPLACE ({in_ms}) FROM '{path}'")
    rows = [dict(zip(read.columns, row, strict=True)) for row in read.fetchall()]
    for row in rows:
        row |= {name: row[name] and iso(datetime.fromtimestamp(row[name] / 1000, UTC)) for name in times}
        row |= {"timeline": orjson.loads(row["timeline"])} if "timeline" in row else {}
    return rows


async def test_given_no_right_to_numbers_then_no_format_holds_one(database: str, tmp_path: Path) -> None:
    private = {handoff.original_caller for handoff in HANDOFFS.values()} - {None, "anonymous"}
    for kind in Kind:
        for format in (Format.CSV, Format.JSONL):
            content = (await exported(database, tmp_path, format, kind)).read_text(encoding="utf-8-sig")
            assert not [number for number in private if number and number in content]
            assert "13900001234" not in content  # what a seat wrote into the reason
            assert "****" in content


async def test_a_file_for_people_is_in_chinese_and_in_their_time(database: str, tmp_path: Path) -> None:
    path = await exported(database, tmp_path, Format.XLSX, clear=True, language=Language.ZH)
    first, *others = CalamineWorkbook.from_path(path).get_sheet_by_name("转接记录").to_python()
    row = dict(zip(first, others[0], strict=True))
    handoff = HANDOFFS[row["转接编号"]]

    in_china = handoff.created_at.astimezone(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    assert abs(row["发起时间"] - in_china) < timedelta(milliseconds=2)
    assert {each["结果"] for each in (dict(zip(first, other, strict=True)) for other in others)} <= {
        *("接通", "忙", "无人接听", "拒接", "无法接通", "来电人挂机", "已取消", "失败")
    }
    assert row["号码不一致"] in ("是", "否")


@pytest.mark.parametrize("kind", Kind)
async def test_each_filter_leaves_what_it_names(database: str, tmp_path: Path, kind: Kind) -> None:
    some = next(each for each in HANDOFFS.values() if each.outcome is Outcome.ANSWERED and each.original_caller)

    async def found_by(**asked: Any) -> set[str]:
        spec = Spec(kind, Format.JSONL, **{"since": SINCE, "until": UNTIL, "clear": True} | asked)
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        await asyncio.to_thread(to_file, spec, database, target)
        return {row["call_id"] for row in lines(target)}

    everything = await found_by()
    for asked in (
        {
            "number": f"+86{some.original_caller}"
            if (some.original_caller or "").startswith("1")
            else some.original_caller
        },
        {"outcome": some.outcome},
        {"category": some.category_id},
        {"line": some.target},
        {"seat": some.target_seat or some.from_seat},
        {"since": some.created_at - timedelta(hours=2), "until": some.created_at + timedelta(hours=2)},
    ):
        found = await found_by(**asked)
        assert some.call_id in found, asked
        assert found < everything, asked
    assert await found_by(number="00000000") == set()


async def test_the_manifest_says_what_is_in_the_file(database: str, tmp_path: Path) -> None:
    path = tmp_path / "handoffs.csv"
    done = await asyncio.to_thread(to_file, Spec(Kind.HANDOFFS, Format.CSV, SINCE, UNTIL, line="110"), database, path)
    sealed(path, done.about("e-1", "auditor"), partial(write_manifest, signer=Signer("22" * 32)))
    manifest = orjson.loads(manifest_of(path).read_bytes())

    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["bytes"] == path.stat().st_size
    assert manifest["rows"] == len(path.read_bytes().splitlines()) - 1
    assert (manifest["file"], manifest["made_by"], manifest["numbers"]) == (path.name, "auditor", "masked")
    assert manifest["asked_for"]["line"] == "110"
    assert verify_file(path).unbroken
    path.write_bytes(path.read_bytes().replace(b"12345", b"12346", 1))
    assert "line 2" in str(verify_file(path).faults[-1])


async def test_given_nothing_to_export_then_the_file_is_whole_and_empty(database: str, tmp_path: Path) -> None:
    asked = {"since": datetime(2020, 1, 1, tzinfo=UTC), "until": datetime(2020, 1, 2, tzinfo=UTC)}
    for format in Format:
        await exported(database, tmp_path, format, **asked)

    assert lines(tmp_path / "handoffs.jsonl") == []
    assert (tmp_path / "handoffs.csv").read_bytes().count(b"\r\n") == 1
    assert duckdb.sql(f"SELECT * FROM '{tmp_path}/handoffs.parquet'").fetchall() == []
    assert len(CalamineWorkbook.from_path(tmp_path / "handoffs.xlsx").get_sheet_by_index(0).to_python()) == 1


async def test_pages_lose_and_repeat_nothing_whatever_their_size(database: str) -> None:
    def ids(page: int) -> list[str]:
        with reader(database, page) as rows:
            spec = Spec(Kind.HANDOFFS, Format.JSONL, SINCE, UNTIL)
            return [id for table in rows.tables(spec) for id in table["id"].to_pylist()]

    whole = await asyncio.to_thread(ids, MANY + 1)
    assert len(whole) == MANY
    assert await asyncio.to_thread(ids, 7) == whole
    assert await asyncio.to_thread(ids, MANY) == whole


async def test_what_people_write_runs_nowhere_and_comes_back_as_it_was(database: str, tmp_path: Path) -> None:
    risky = ["=1+1", "+SUM(A1)", "-2", "@x", "\tx", 'a,"b"\r\nc', "＝1", "plain", "+86*2"]
    at = datetime(2026, 6, 1, tzinfo=UTC)
    plain = [ended(a_handoff(reason=text, created_at=at)) for text in risky]
    told = [replace(handoff, original_caller="+8613800001111") for handoff in plain]
    engine = engine_for(database)
    await SqlRecordStore(engine).save_all(told)
    await engine.dispose()
    asked = {"since": at, "until": at + timedelta(seconds=1), "clear": True}

    path = await exported(database, tmp_path, Format.CSV, **asked)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    written = [rows[handoff.id]["reason"] for handoff in told]
    assert written == ["'=1+1", "'+SUM(A1)", "'-2", "'@x", "'\tx", 'a,"b"\r\nc', "'＝1", "plain", "'+86*2"]
    assert {row["original_caller"] for row in rows.values()} == {"+8613800001111"}

    found = lines(await exported(database, tmp_path, Format.JSONL, **asked))
    assert {row["id"]: row["reason"] for row in found} == {handoff.id: handoff.reason for handoff in told}
    sheet = CalamineWorkbook.from_path(await exported(database, tmp_path, Format.XLSX, **asked)).get_sheet_by_index(0)
    assert {row[20] for row in sheet.to_python()[1:]} >= {"=1+1", "+SUM(A1)", "@x"}


async def test_a_handoff_that_goes_on_is_exported_as_it_is(database: str, tmp_path: Path) -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    engine = engine_for(database)
    await SqlRecordStore(engine).save_handoff(replace(a_handoff(), created_at=at))
    await engine.dispose()
    [row] = lines(await exported(database, tmp_path, Format.JSONL, since=at, until=at + timedelta(seconds=1)))

    assert (row["state"], row["outcome"], row["ended_at"]) == ("requested", None, None)
