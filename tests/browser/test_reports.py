"""The report page in a real Chromium, over a filled database: figures to rows, files, refusals; no other host."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf
import pytest
from playwright.async_api import Download, Page, expect
from python_calamine import CalamineWorkbook

from records.database import engine_for
from records.recordings.store import Kept
from records.store import SqlRecordStore
from telephony.call import Leg
from telephony.handoff import Mode, Outcome, Step
from tests.support import traffic
from tests.support.browser import browsing, faults, picture, serving
from tests.support.hall import CALL, PASSWORD, Hall, make_accounts, open_hall
from tests.support.recorded_hall import BEGAN, recorded

pytestmark = pytest.mark.asyncio

SINCE = datetime(2026, 10, 31, 16, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=30)
MONTH = "/reports?view=report&kind=month&day=2026-11-09"
HANDOFFS = traffic.handoffs(5, 260, SINCE, UNTIL)
CALLS = [
    *traffic.calls(6, 60, SINCE, UNTIL),
    replace(traffic.calls(7, 1, BEGAN, BEGAN)[0], id=CALL, arrived_at=BEGAN, original_caller="13800001111"),
]
IN_NOVEMBER = sum(SINCE <= each.created_at < UNTIL for each in HANDOFFS)


Accounts = tuple[Path, Mapping[str, str]]


@dataclass
class Looking:
    hall: Hall
    page: Page
    asked: list[str]
    complaints: list[str]
    recording: Kept

    async def sign_in(self, user: str) -> None:
        await self.page.fill("input[name=user]", user)
        await self.page.fill("input[name=password]", PASSWORD)
        await self.page.click("#sign-in button")

    def figure(self, row: str) -> str:
        """The link of the first figure in the row of the overview with that title."""
        return f"#sheet #overview tr:has(th:text('{row}')) a"

    def only_ours(self) -> None:
        base = self.page.url.partition("/reports")[0].partition("/playback")[0]
        assert {each for each in self.asked if each.startswith("http") and not each.startswith(base)} == set()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    """Made once: hashing passwords is slow on purpose."""
    path = tmp_path_factory.mktemp("accounts") / "accounts.db"
    return path, asyncio.run(make_accounts(path))


@asynccontextmanager
async def looking(accounts: Accounts, tmp_path: Path) -> AsyncIterator[Looking]:
    """A browser at a service whose one database has everything: accounts, calls and handoffs, a recording.

    No fixture: the process that lays reports out ends with the test's own task, and the last request may want it yet.
    """
    engine = engine_for(f"sqlite:///{tmp_path}/accounts.db")
    async with open_hall(*accounts, tmp_path, store=SqlRecordStore(engine)) as hall:
        await traffic.put(engine, HANDOFFS, CALLS)
        kept = await recorded(hall)
        async with serving(hall) as base, browsing(base) as (page, asked, complaints):
            yield Looking(hall, page, asked, complaints, kept)
    await engine.dispose()


async def test_given_a_month_when_a_figure_is_followed_then_its_rows_are_all_there_and_each_leads_on(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with looking(accounts, tmp_path) as at:
        page = at.page
        await page.goto("/reports")
        await at.sign_in("shen")
        await page.fill("input[name=day]", "2026-11-09")
        await page.click("#choose button")
        await expect(page.locator("#sheet h1")).to_contain_text("热线联动运行月报 2026年11月")
        figure = page.locator(at.figure("转接总数"))
        await expect(figure).to_have_text(f"{IN_NOVEMBER}")

        await figure.press("Enter")
        await expect(page.locator("#rows-count")).to_contain_text(f"已载入 100 / {IN_NOVEMBER} 行")
        await expect(page.locator("#rows-title")).to_contain_text("转接总数")
        await expect(page.locator("#rows-title")).to_be_focused()
        await expect(page.locator("#sheet")).to_be_hidden()
        await page.click("#rows-all")
        await expect(page.locator("#rows-count")).to_contain_text(f"共 {IN_NOVEMBER} 行，与报表一致")
        await expect(page.locator("#rows-body tr")).to_have_count(IN_NOVEMBER)
        assert "13800000" not in await page.locator("#rows").inner_text(), "an auditor sees no number"
        assert "138****" in await page.locator("#rows-body").inner_text()

        shared = page.url
        await page.locator("#rows-body a").first.click()
        await expect(page.locator("#record-title")).to_contain_text("转接")
        await expect(page.locator("#record-fields")).to_contain_text("h-")
        await page.reload()
        await expect(page.locator("#record-fields")).to_contain_text("h-")
        await page.go_back()
        await expect(page.locator("#rows-title")).to_be_focused()
        assert page.url == shared
        await page.reload()
        await expect(page.locator("#rows-count")).to_contain_text(f"已载入 100 / {IN_NOVEMBER} 行")
        await page.go_back()
        await expect(page.locator(at.figure("转接总数"))).to_be_focused()
        await expect(page.locator("#rows")).to_be_hidden()

        await traffic.put(at.hall.services.reports.engine, [replace(HANDOFFS[0], id="late", created_at=SINCE)])
        await figure.click()
        await page.click("#rows-all")
        await expect(page.locator("#rows-count")).to_contain_text(
            f"共 {IN_NOVEMBER + 1} 行；报表生成时为 {IN_NOVEMBER} 行，此后有变动"
        )
        assert at.complaints == []
        at.only_ours()


async def test_given_a_recorded_call_when_its_row_is_followed_then_it_can_be_listened_to(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with looking(accounts, tmp_path) as at:
        page = at.page
        await page.goto(MONTH)
        await at.sign_in("shen")
        await page.click(at.figure("来电总数"))
        calls = sum(SINCE <= each.arrived_at < UNTIL for each in CALLS)
        await expect(page.locator("#rows-count")).to_contain_text(f"共 {calls} 行，与报表一致")
        await expect(page.locator("#rows-body a[href^='/playback']")).to_have_count(1)
        await page.click(f"#rows-body a[href*='calls%2F{CALL}']")
        await expect(page.locator("#record-fields")).to_contain_text("138****1111")
        await page.click("#record-leads a[href^='/playback']")
        await expect(page.locator("#hash")).to_have_text(str(at.recording.sha256))

        await page.click("nav a[href='/reports']")
        await expect(page.locator("#desk")).to_be_visible()
        await page.goto(f"/reports?view=report&kind=day&day=2026-11-09&record=calls%2F{CALL}")
        await page.click("#record-leads a[href*='call_id']")
        await expect(page.locator("#rows-count")).to_contain_text("没有记录")
        assert at.complaints == []
        at.only_ours()


async def test_given_a_call_that_was_handed_over_then_its_parties_are_seen_over_time(
    accounts: Accounts, tmp_path: Path
) -> None:
    at_second = [BEGAN + timedelta(seconds=each) for each in range(60)]
    legs = (
        Leg("c-ladder", "PJSIP/pstn-1", "13800001111", at_second[0], answered_at=at_second[1], ended_at=at_second[50]),
        Leg("c-seat", "PJSIP/2101-1", "2101", at_second[2], answered_at=at_second[5], ended_at=at_second[20]),
        Leg("c-target", "PJSIP/1101-1", "1101", at_second[10], answered_at=at_second[20], ended_at=at_second[50]),
    )
    call = replace(
        CALLS[-1],
        id="c-ladder",
        answered_at=at_second[5],
        ended_at=at_second[50],
        legs={leg.uniqueid: leg for leg in legs},
    )
    steps = (Step(at_second[10], "started"), Step(at_second[20], "answers"), Step(at_second[50], "parted"))
    handoff = replace(
        HANDOFFS[0],
        id="h-ladder",
        call_id="c-ladder",
        mode=Mode.TRANSFER,
        target="110",
        outcome=Outcome.ANSWERED,
        created_at=at_second[10],
        ended_at=at_second[50],
        timeline=steps,
    )
    async with looking(accounts, tmp_path) as at:
        await traffic.put(at.hall.services.reports.engine, [handoff], [call])
        page, shown = at.page, at.page.locator("#record-ladder")
        await page.goto("/reports?view=report&kind=day&day=2026-11-09&record=calls%2Fc-ladder")
        await at.sign_in("shen")
        for kind, count in {"ring": 3, "talk": 3, "asked": 1, "given": 1}.items():
            await expect(shown.locator(f"rect.{kind}")).to_have_count(count)
        await expect(shown.locator("circle.mark")).to_have_count(len(steps))
        await expect(shown.locator(".outcome")).to_contain_text("已接听")
        assert "13800001111" not in await shown.inner_html(), "an auditor sees no number"
        assert await faults(page) == []
        await picture(page, "ladder")

        await shown.locator("a").click()
        await expect(page.locator("#record-fields")).to_contain_text("h-ladder")
        await expect(shown.locator("rect")).to_have_count(0)
        assert at.complaints == []
        at.only_ours()


async def test_given_a_month_then_it_is_downloaded_and_printed_alone(accounts: Accounts, tmp_path: Path) -> None:
    async with looking(accounts, tmp_path) as at:
        page = at.page
        await page.goto(MONTH)
        await at.sign_in("ban")
        await expect(page.locator("#sheet h1")).to_contain_text("2026年11月")

        async def downloaded(format: str) -> tuple[str, bytes]:
            async with page.expect_download() as begun:
                await page.click(f"[data-format={format}]")
            download: Download = await begun.value
            return download.suggested_filename, Path(await download.path()).read_bytes()

        name, workbook = await downloaded("xlsx")
        cells = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_name("总览").to_python()
        assert name == "month-2026-11.xlsx"
        await picture(page, "reports")
        assert any("转接总数" in str(row[0]) and IN_NOVEMBER in row for row in cells)
        name, document = await downloaded("pdf")
        assert name == "month-2026-11.pdf"
        assert "月报" in pypdf.PdfReader(io.BytesIO(document)).pages[0].extract_text()

        await page.click(at.figure("转接后来电人挂机"))
        await expect(page.locator("#rows-count")).to_contain_text("与报表一致")
        printed = "".join(each.extract_text() for each in pypdf.PdfReader(io.BytesIO(await page.pdf())).pages)
        assert "转接总数" in printed
        assert "下载" not in printed and "与报表一致" not in printed
        assert at.complaints == []


async def test_given_number_proof_and_reconciliation_then_they_are_shown_with_their_rows(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with looking(accounts, tmp_path) as at:
        page = at.page
        await page.goto("/reports?view=number-proof&day=2026-11-09")
        await at.sign_in("shen")
        await page.click("#sheet tr:has(th:text('提出的转接')) a")
        since = datetime(2026, 11, 8, 16, tzinfo=UTC)
        count = sum(since <= each.created_at < since + timedelta(days=1) for each in HANDOFFS)
        await expect(page.locator("#rows-count")).to_contain_text(f"共 {count} 行，与报表一致")
        await page.click("#next")
        await expect(page.locator("#sheet h2")).to_contain_text("2026-11-10")
        await page.goto("/reports?view=number-proof&day=2020-01-01")
        await expect(page.locator("#sheet")).to_contain_text("这一天没有转接")
        await page.click("#views a[data-view=reconciliation]")
        await expect(page.locator("#sheet")).to_contain_text("尚未核对")
        await page.go_back()
        await expect(page.locator("#sheet h2")).to_contain_text("2020-01-01")
        assert at.complaints == []


async def test_given_what_cannot_be_shown_then_the_page_says_why(accounts: Accounts, tmp_path: Path) -> None:
    async with looking(accounts, tmp_path) as at:
        page, problem = at.page, at.page.locator("#problem")
        await page.goto(MONTH)
        await at.sign_in("fang")
        await expect(problem).to_contain_text("没有权限进行此操作")
        await page.click("#sign-out")
        await at.sign_in("shen")
        await expect(page.locator("#sheet h1")).to_contain_text("2026年11月")
        await page.click("#previous")
        await expect(page.locator("#sheet h1")).to_contain_text("2026年10月")

        await page.goto("/reports?kind=month&day=1200-01-01")
        await expect(problem).to_contain_text("没有这一统计时段")
        await page.goto("/reports?kind=fortnight&day=2026-11-09")
        await expect(problem).to_contain_text("没有这种报表")
        await page.goto(f"{MONTH}&rows=https%3A%2F%2Fexample.com%2Fv1%2Fcalls%3F")
        await expect(problem).to_contain_text("链接有误")

        await page.goto(MONTH)
        await expect(page.locator("#sheet h1")).to_contain_text("2026年11月")
        await page.context.set_offline(True)
        await page.click("#previous")
        await expect(problem).to_contain_text("服务暂不可用")
        await page.context.set_offline(False)
        await page.click("#again")
        await expect(page.locator("#sheet h1")).to_contain_text("2026年10月")

        at.hall.clock.pass_by(hours=11)
        await page.click("#next")
        await expect(problem).to_contain_text("登录已失效")
        await expect(page.locator("#sheet")).to_be_hidden()
        await at.sign_in("shen")
        await expect(page.locator("#sheet h1")).to_contain_text("2026年11月")
        at.only_ours()
