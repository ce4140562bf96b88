"""Differences between our records and Asterisk's as a table for people; numbers in it are masked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from api.messages import WHY
from records.reports.layout.table import TextTable
from records.reports.model import Text
from telephony.numbers import mask
from telephony.reconcile import Difference, holds_a_number
from telephony.service.reconciliation import ReconciliationJob

_UNEXPLAINED = "无法解释 · unexplained"
_NOT_YET = "尚未核对 · nothing was compared yet"


def masked(found: Difference) -> Difference:
    if not holds_a_number(found):
        return found
    ours, theirs = (mask(text) if text else text for text in (found.ours, found.asterisk))
    return Difference(found.handoff_id, found.call_id, found.field, ours, theirs, found.why)


def summed_up(compared: int, differences: int, unexplained: int) -> str:
    if not compared:
        return "这段时间没有转接 · no handoff ended in that time"
    if not differences:
        return f"{compared} 次转接，全部一致 · {compared} handoffs, all alike"
    return (
        f"{compared} 次转接，{differences} 处不同，其中 {unexplained} 处无法解释 · "
        f"{compared} handoffs, {differences} differences, {unexplained} unexplained"
    )


def table_of(differences: Sequence[Difference], facts: Sequence[str]) -> TextTable:
    """As they are: mask them before."""
    columns = (
        Text("转接", "handoff"),
        Text("项目", "field"),
        Text("本系统", "ours"),
        Text("交换机", "Asterisk's"),
        Text("原因", "why"),
    )
    rows = [(each.handoff_id, each.field, each.ours or "–", each.asterisk or "–", _why(each)) for each in differences]
    return TextTable(Text("与交换机记录核对", "our records and Asterisk's"), facts, columns, rows)


def differences_table(job: ReconciliationJob, zone: str) -> TextTable:
    """Of the node's last comparison, and what is still unexplained of earlier ones."""
    if job.last is None:
        return table_of((), (_NOT_YET,))
    explained = [each for each in job.last.differences if each.why is not None]
    found = [masked(each) for each in (*job.unexplained.values(), *explained)]
    summary = summed_up(len(job.last.compared), len(found), len(job.unexplained))
    return table_of(found, (span(job.last.since, job.last.until, zone), summary))


def span(since: datetime, until: datetime, zone: str) -> str:
    begin, end = (f"{each.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for each in (since, until))
    return f"{begin} – {end} ({zone})"


def _why(difference: Difference) -> str:
    return _UNEXPLAINED if difference.why is None else " · ".join(WHY[difference.why])
