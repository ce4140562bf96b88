"""双方校核 · our records held against Asterisk's or the other side's list, as the command tells it."""

from __future__ import annotations

import asyncio
import getpass
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from api.bootstrap import ledger_of, reports
from api.differences import masked, span, summed_up, table_of
from api.errors import NotAllowed
from api.loaded import Loaded, load
from api.messages import LIKELY
from api.settings_reports import ReportSettings
from linkage.order_store import SqlOrderStore
from records.database import engine_for
from records.otherside.compare import Checked as CheckedList
from records.otherside.compare import Disagreement, as_named_there, compare
from records.otherside.lists import Reading, Theirs, read
from records.reports.layout.table import TextTable
from records.reports.model import Text
from records.store import SqlRecordStore
from telephony.errors import UnknownTarget
from telephony.handoff import Handoff
from telephony.numbers import mask
from telephony.ports import HandoffFilter
from telephony.service.reconciliation import Reconciliation

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """``ok``: nothing is left to be explained, or, against the other side, nothing differs."""

    ok: bool
    summary: str
    plain: dict[str, Any]
    table: TextTable


async def checked(
    since: datetime, until: datetime, list_file: Path | None, line: str | None, *, whole_numbers: bool
) -> Checked:
    """Raises HotlineError, OSError. Whole numbers only where the settings let auditors see them; then on the ledger."""
    loaded = load()
    if whole_numbers:
        await _whole_numbers(loaded, since, until, list_file)
    if list_file is None or line is None:
        async with reports() as (reconciler, _):
            return _against_asterisk(await reconciler.compare(since, until), loaded.settings.reports, whole_numbers)
    if loaded.directory.target(line) is None:
        raise UnknownTarget(f"没有热线 {line} · no line {line}")
    wanted = loaded.settings.reports
    theirs = await asyncio.to_thread(read, list_file, _reading(wanted))
    found = await _against_list(loaded, line, since, until, theirs)
    return _told(found, wanted, whole_numbers)


async def _whole_numbers(loaded: Loaded, since: datetime, until: datetime, list_file: Path | None) -> None:
    if not loaded.settings.auditor_sees_numbers:
        raise NotAllowed("未允许显示完整号码（auditor_sees_numbers） · whole numbers are not allowed here")
    engine = engine_for(loaded.database_url)
    about = {"since": since.isoformat(), "until": until.isoformat(), "list": list_file.name if list_file else None}
    try:
        await ledger_of(engine, loaded).append("number-read", "reconciliation", about, actor=f"cli:{getpass.getuser()}")
    finally:
        await engine.dispose()


def _reading(wanted: ReportSettings) -> Reading:
    side = wanted.other_side
    words = {word: outcome.value for word, outcome in side.outcomes.items()}
    return Reading(side.number, side.time, side.outcome, side.order, wanted.time_zone, words)


async def _against_list(
    loaded: Loaded, line: str, since: datetime, until: datetime, theirs: list[Theirs]
) -> CheckedList:
    engine = engine_for(loaded.database_url)
    store, ours, cursor = SqlRecordStore(engine), list[Handoff](), None
    where = HandoffFilter(since=since, until=until, target=line)
    try:
        while True:
            page = await store.handoffs(where, limit=_PAGE, cursor=cursor)
            ours += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        orders = SqlOrderStore(engine, ledger_of(engine, loaded))
        references = await orders.references([handoff.id for handoff in ours])
    finally:
        await engine.dispose()
    ours = [as_named_there(handoff, references.get(handoff.id, ()), theirs) for handoff in ours]
    window = timedelta(seconds=loaded.settings.reports.other_side.window_seconds)
    return await asyncio.to_thread(compare, line, since, until, ours, theirs, window)


# --- as told ---------------------------------------------------------------------------------------------------------


def _against_asterisk(found: Reconciliation, wanted: ReportSettings, whole_numbers: bool) -> Checked:
    differences = list(found.differences) if whole_numbers else [masked(each) for each in found.differences]
    open_ones = len(found.unexplained)
    summary = summed_up(len(found.compared), len(differences), open_ones)
    plain = {
        "ok": not open_ones,
        "since": found.since,
        "until": found.until,
        "compared": len(found.compared),
        "unexplained": open_ones,
        "differences": differences,
    }
    facts = (span(found.since, found.until, wanted.time_zone), summary)
    return Checked(not open_ones, summary, plain, table_of(differences, facts))


def _told(found: CheckedList, wanted: ReportSettings, whole_numbers: bool) -> Checked:
    different = len(found.disagreements)
    summary = (
        f"本系统 {found.ours} 次，对方 {found.theirs} 次，配对 {found.paired} 次，{different} 处不同 · "
        f"ours {found.ours}, theirs {found.theirs}, {found.paired} paired, {different} differences"
    )
    listed = [_as_told(each, wanted.time_zone, whole_numbers) for each in found.disagreements]
    plain = {
        "ok": not different,
        "line": found.line,
        "since": found.since,
        "until": found.until,
        "ours": found.ours,
        "theirs": found.theirs,
        "paired": found.paired,
        "differences": [
            {**told, "at": each.at, "likely": each.likely.value}
            for told, each in zip(listed, found.disagreements, strict=True)
        ],
    }
    columns = {
        "handoff_id": Text("转接", "handoff"),
        "row": Text("对方行号", "their row"),
        "at": Text("时间", "time"),
        "number": Text("主叫号码", "caller"),
        "field": Text("项目", "field"),
        "ours": Text("本系统", "ours"),
        "theirs": Text("对方", "theirs"),
        "likely": Text("可能原因", "likely reason"),
    }
    rows = [tuple(told[name] or "–" for name in columns) for told in listed]
    title = Text(f"与 {found.line} 双方校核", f"our handoffs and the list of {found.line}")
    facts = (span(found.since, found.until, wanted.time_zone), summary)
    return Checked(not different, summary, plain, TextTable(title, facts, tuple(columns.values()), rows))


def _as_told(each: Disagreement, zone: str, whole_numbers: bool) -> dict[str, str]:
    hidden = not whole_numbers
    texts = [mask(text) if hidden and text and each.field == "number" else text for text in (each.ours, each.theirs)]
    return {
        "handoff_id": each.handoff_id,
        "row": "" if each.row is None else str(each.row),
        "at": f"{each.at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}",
        "number": mask(each.number) if hidden and each.number else each.number,
        "field": each.field,
        "ours": texts[0],
        "theirs": texts[1],
        "likely": " · ".join(LIKELY[each.likely]),
    }
