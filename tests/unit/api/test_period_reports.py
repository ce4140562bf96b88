"""The reports of periods as routes and as the command, and the figures followed to their rows."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pypdf
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from records.database import engine_for, migrate
from records.reports.layout.page import policy
from records.store import SqlRecordStore
from tests.support import traffic
from tests.support.hall import Hall

SINCE = datetime(2026, 10, 31, 16, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=30)


async def filled(hall: Hall) -> None:
    """Into the database that reports count in, and into the store that lists are read from."""
    handoffs, calls = traffic.handoffs(5, 60, SINCE, UNTIL), traffic.calls(6, 60, SINCE, UNTIL)
    await traffic.put(hall.services.reports.engine, handoffs, calls)
    await hall.store.save_all((*handoffs, *calls))


def cells(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for section in report["sections"] for row in section["rows"] for cell in row["cells"]]


@pytest.mark.asyncio
async def test_given_a_month_then_its_figures_lead_to_lists_of_that_length(hall: Hall) -> None:
    await filled(hall)
    who = hall.as_person("shen")
    answer = await hall.http.get("/v1/reports/month", params={"day": "2026-11-09"}, headers=who)
    report = answer.json()

    assert answer.status_code == 200
    assert (report["name"], report["empty"], report["running"]) == ("2026-11", False, True)
    links = {cell["rows"]["list"]: cell["rows"]["count"] for cell in cells(report) if cell["rows"]["count"]}
    assert len(links) > 60
    for link, count in list(links.items())[::7]:
        found = await hall.http.get(f"{link}&limit=200", headers=who)
        assert found.status_code == 200
        assert len(found.json()["items"]) == count, link


@pytest.mark.asyncio
async def test_given_each_form_then_it_comes_as_such_and_shut_in(hall: Hall) -> None:
    who = hall.as_person("ban")
    page = await hall.http.get("/v1/reports/week?format=page", headers=who)
    pdf = await hall.http.get("/v1/reports/quarter?format=pdf", headers=who)
    xlsx = await hall.http.get("/v1/reports/year?format=xlsx", headers=who)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == f"{policy()}; frame-ancestors 'none'"
    assert "<h1>热线联动运行周报" in page.text
    assert pdf.headers["content-disposition"] == 'attachment; filename="quarter-2026-Q4.pdf"'
    assert "季报" in pypdf.PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    assert xlsx.content[:2] == b"PK"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "status"),
    [("/day?day=1200-01-01", 422), ("/day?day=tomorrow", 422), ("/fortnight", 422), ("/day?format=doc", 422)],
)
async def test_given_what_is_no_report_then_it_is_refused(hall: Hall, path: str, status: int) -> None:
    answer = await hall.http.get(f"/v1/reports{path}", headers=hall.as_person("ban"))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.asyncio
async def test_given_a_filter_about_a_span_without_one_then_it_is_refused(hall: Hall) -> None:
    for path in ("/v1/calls?hour=3", "/v1/handoffs?hour=3", "/v1/calls?calls_of_caller=3"):
        answer = await hall.http.get(path, headers=hall.as_person("ban"))
        assert answer.json()["type"] == "urn:hotline:problem:filter-wants-a-span"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_CONFIG", str(Path("hotline.yaml").resolve()))

    async def write() -> None:
        engine = engine_for(f"sqlite:///{tmp_path / 'hotline.db'}")
        await migrate(engine)
        await SqlRecordStore(engine).save_all(traffic.calls(6, 20, SINCE, UNTIL))
        await engine.dispose()

    asyncio.run(write())
    return tmp_path


def hotline(*command: str) -> Result:
    return CliRunner().invoke(app, command)


def test_given_the_command_then_json_goes_to_the_screen_and_files_into_the_folder(home: Path) -> None:
    shown = hotline("report", "month", "2026-11-30")
    kept = hotline("report", "half-month", "2026-11-30", "--format", "page", "-o", str(home))

    assert orjson.loads(shown.stdout)["name"] == "2026-11"
    assert kept.exit_code == 0
    page = (home / "half-month-2026-11-b.html").read_text(encoding="utf-8")
    assert "http://127.0.0.1:8110/reports?" in page and 'data-rows="/v1/calls?' in page


def test_given_no_day_then_it_is_the_period_that_is_over(home: Path) -> None:
    told = orjson.loads(hotline("report", "day").stdout)
    yesterday = (datetime.now(UTC) + timedelta(hours=8)).date() - timedelta(days=1)
    assert date.fromisoformat(told["first"]) - yesterday in (timedelta(0), timedelta(days=-1))  # at midnight


def test_given_a_place_that_cannot_be_written_then_the_command_says_so(home: Path) -> None:
    failed = hotline("report", "day", "-o", str(home / "hotline.db" / "x.json"))
    assert failed.exit_code == 1
    assert "hotline.db" in failed.output + str(failed.exception)
    assert hotline("report", "century").exit_code == 2
    assert hotline("report", "day", "1900-01-01").exit_code == 1
