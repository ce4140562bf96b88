"""Reports as people get them, read back with other libraries."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import zipfile
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import orjson
import pypdf
import pypdfium2
import pytest
from python_calamine import CalamineWorkbook

from records.database import engine_for, migrate
from records.reports.formats import file_name, keep, laid_out
from records.reports.layout.page import policy, style
from records.reports.model import Format, Report, Unit
from records.reports.periods import Kind, Period
from records.reports.reports import Reports
from records.reports.staffing import Goals
from telephony.lines import Directory, Line
from tests.support import traffic

ODD = "=1+1 <b>&齉</b>"
ZONE = "Asia/Shanghai"
PERIOD = Period.containing(Kind.HALF_MONTH, date(2026, 3, 4), ZONE)


class Later:
    def now(self) -> datetime:
        return datetime(2026, 6, 1, tzinfo=UTC)


def made(path: Path, *, filled: bool) -> Report:
    async def make() -> Report:
        engine = engine_for(f"sqlite:///{path / 'records.db'}")
        await migrate(engine)
        if filled:
            span = (PERIOD.since, PERIOD.until)
            await traffic.put(engine, traffic.handoffs(1, 150, *span), traffic.calls(2, 150, *span))
        directory = Directory((Line("110", "公安报警", ("110",), ()), Line("12345", ODD, ("12345",), ())), (), ())
        report = await Reports(engine, Later(), ZONE, Goals(), lambda: directory).of(PERIOD)
        await engine.dispose()
        return report

    return asyncio.run(make())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return made(tmp_path_factory.mktemp("report"), filled=True)


@pytest.fixture(scope="module")
def pdf(report: Report) -> bytes:
    return laid_out(report, Format.PDF)


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return laid_out(report, Format.PAGE).decode()


def told(report: Report) -> set[str]:
    """Every Chinese word that must be there."""
    rows = {row.title.zh for section in report.sections for row in section.rows if row.title.zh.isalpha()}
    return {section.title.zh for section in report.sections} | rows


def test_the_pdf_says_it_all_in_its_own_font_with_charts(report: Report, pdf: bytes) -> None:
    read = pypdf.PdfReader(io.BytesIO(pdf))
    text = re.sub(r"\s", "", "".join(page.extract_text() for page in read.pages))

    assert read.metadata is not None and read.metadata.title == "热线联动运行半月报 2026年3月上半月"
    assert {word for word in told(report) if re.sub(r"\s", "", word) not in text} == set()
    fonts = [font.get_object() for page in read.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]  # pypdf's dictionaries
    ours = [font for font in fonts if "NotoSansSC" in font["/BaseFont"]]
    assert ours and all("/FontFile2" in font["/FontDescriptor"] for font in ours)
    assert PERIOD.title in text


def test_a_page_of_the_pdf_shows_glyphs_and_bars(pdf: bytes) -> None:
    """Each character of the title has ink of its own shape, and the charts their colours."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [document[number].render(scale=1).to_numpy() for number in range(len(document))]
    finally:
        document.close()
    title = pages[0][36:66, 30:420]
    assert (title < 128).any(axis=2).mean() > 0.03
    columns = (title < 128).any(axis=(0, 2)).nonzero()[0]
    assert columns[-1] - columns[0] > 250  # one glyph beside the other, not one on the other
    blue = sum(
        int(((abs(page.astype(int) - (0xA8, 0x5F, 0x1F)) < 12).all(axis=2)).sum()) for page in pages
    )  # BGR of the first series
    assert blue > 2_000


def test_a_character_that_the_font_lacks_is_still_in_the_text(pdf: bytes) -> None:
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "=1+1" in text
    assert "齉" in text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_asks_nobody_and_runs_nothing(report: Report, html: str) -> None:
    found = _Tags()
    found.feed(html)

    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "iframe", "object", "form", "base", "b"}
    assert all(not name.startswith("on") and name != "style" for _, given in found.tags for name in given)
    assert all(str(given["src"]).startswith("data:image/svg+xml;base64,") for tag, given in found.tags if tag == "img")
    links = [(str(given["href"]), str(given["data-rows"])) for tag, given in found.tags if tag == "a"]
    assert links and all(rows.startswith(("/v1/calls?", "/v1/handoffs?")) for _, rows in links)
    for link, rows in links:
        where = dict(parse_qsl(urlsplit(link).query))
        assert (urlsplit(link).path, where.pop("rows")) == ("/reports", rows)
        assert where == {"view": "report", "kind": "half-month", "day": "2026-03-01"}
    shares = [cell.whole if cell.unit is Unit.SHARE else None for cell in report.cells()]
    figures = [each for cell, whole in zip(report.cells(), shares, strict=True) for each in (cell.rows, whole) if each]
    assert any(shares)
    assert [str(given["data-count"]) for tag, given in found.tags if tag == "a"] == [
        str(each.count) for each in figures
    ]
    assert "default-src 'none'" in policy() and "unsafe" not in policy() and "script" not in policy()
    assert style() in html
    assert {word for word in told(report) if word not in html} == set()


def test_the_charts_of_the_page_are_drawings_with_their_words(report: Report, html: str) -> None:
    drawings = [base64.b64decode(found).decode() for found in re.findall(r"svg\+xml;base64,([^\"]+)", html)]

    assert len(drawings) == sum(section.chart is not None for section in report.sections)
    assert all(text.lstrip().startswith("<?xml") and "<svg" in text for text in drawings)
    assert "各热线来电" in "".join(drawings)


def test_in_a_file_the_links_name_the_host_of_the_api(report: Report) -> None:
    html = laid_out(report, Format.PAGE, "http://127.0.0.1:8110").decode()
    assert 'href="http://127.0.0.1:8110/reports?view=report&amp;kind=half-month&amp;day=2026-03-01&amp;rows=' in html


def test_the_workbook_has_a_sheet_a_table_with_its_figures_and_charts(report: Report) -> None:
    content = laid_out(report, Format.XLSX, "http://127.0.0.1:8110")
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))

    assert book.sheet_names[1:] == [section.title.zh for section in report.sections]
    for section in report.sections:
        rows = book.get_sheet_by_name(section.title.zh).to_python(skip_empty_area=False)
        table = [row[1 : 1 + len(section.columns)] for row in rows[3 : 3 + len(section.rows)]]
        for row, read in zip(section.rows, table, strict=True):
            for cell, value in zip(row.cells, read, strict=True):
                known = cell.value / 1000 if cell.unit is Unit.MS and cell.value is not None else cell.value
                assert value == ("" if known is None else pytest.approx(known)), (section.id, row.id)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        charts = [name for name in parts.namelist() if name.startswith("xl/charts/chart")]
        sheets = b"".join(parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet"))
        links = b"".join(parts.read(name) for name in parts.namelist() if "comments" in name)
    assert len(charts) == sum(section.chart is not None for section in report.sections)
    assert b"<f>" not in sheets  # a line's name is never a formula
    assert b"http://127.0.0.1:8110/reports?view=report" in links and b"rows=%2Fv1%2Fcalls%3Fsince%3D" in links


def test_json_has_each_figure_with_its_rows(report: Report) -> None:
    read = orjson.loads(laid_out(report, Format.JSON))
    first = read["sections"][0]["rows"][0]

    assert (read["kind"], read["name"], read["first"]) == ("half-month", "2026-03-a", "2026-03-01")
    assert first["id"] == "calls"
    assert first["cells"][0]["value"] == first["cells"][0]["rows"]["count"]
    assert first["cells"][0]["rows"]["list"].startswith("/v1/calls?since=2026-02-28T16")


@pytest.mark.parametrize("format", Format)
def test_given_nothing_on_record_then_each_form_says_so(tmp_path: Path, format: Format) -> None:
    content = laid_out(made(tmp_path, filled=False), format)
    if format is Format.PDF:
        words = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    elif format is Format.XLSX:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        words = str(book.get_sheet_by_index(0).to_python())
    else:
        words = content.decode()
    assert ('"empty": true' if format is Format.JSON else "本期没有通话和转接") in words


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / file_name(PERIOD, Format.PAGE)
    keep(path, b"one")
    keep(path, b"two")

    assert path.name == "half-month-2026-03-a.html"
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
