"""Seats that each line needs in each hour of the day, from the calls that came. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from records.reports import texts
from records.reports.counting import Counted
from records.reports.erlang import seats_needed
from records.reports.model import Cell, Chart, ListOf, Row, Rows, Section, Text, Unit, Where
from records.reports.periods import Period
from telephony.handoff import Mode


@dataclass(frozen=True, slots=True)
class Goals:
    """``answered``: the share of calls to be answered, and to be answered in time (GB/T 33358-2016: 95 % in 15 s).

    ``level``: the share that the planned seats are to answer in time. ``wrap_up_s``: a seat's work after each call.
    ``staffed``: the lines that have seats of ours.
    """

    answer_within_ms: int = 15_000
    answered: float = 0.95
    level: float = 0.95
    wrap_up_s: int = 30
    calls_of_caller: int = 3
    staffed: tuple[str, ...] = ()


def staffing(
    now: Counted, period: Period, goals: Goals, lines: Sequence[str], names: texts.LineNames, at: datetime
) -> Section:
    """By Erlang C: calls of that hour on an average day so far, and the mean time that a call keeps a seat busy."""
    passed = hours_passed(period, at)
    handling = {line: handling_s(now, line, goals.wrap_up_s) for line in lines}

    def cell(line: str, hour: int) -> Cell:
        calls_here: Where = {"first_line": line, "hour": hour}
        handed_here: Where = {"target": line, "hour": hour}
        calls = Rows(ListOf.CALLS, calls_here, now.count(ListOf.CALLS, calls_here))
        handed = Rows(ListOf.HANDOFFS, handed_here, now.count(ListOf.HANDOFFS, handed_here))
        seconds, came = handling[line], calls.count + handed.count
        seats = None
        if passed[hour] and (seconds is not None or not came):
            seats = seats_needed(came / passed[hour], seconds or 0, goals.answer_within_ms / 1000, goals.level)
        return Cell(seats, Unit.SEATS, calls, whole=handed)

    rows = tuple(
        Row(f"{hour:02}", Text(f"{hour:02}–{hour + 1:02}时", ""), tuple(cell(line, hour) for line in lines))
        for hour in range(24)
    )
    columns = tuple((line, names.title(line)) for line in lines)
    chart = Chart(texts.CHARTS["staffing"], tuple(lines), lines=True) if lines else None
    return Section("staffing", texts.SECTIONS["staffing"], columns, rows, texts.staffing_note(goals), chart)


def handling_s(now: Counted, line: str, wrap_up_s: int) -> float | None:
    """Mean seconds that a call or a handoff keeps a seat of the line busy; None where none was answered.

    The talk of a call counts for the line that took it, less what the targets of its handoffs talked; in a conference
    both sides sit there.
    """
    here: Where = {"target": line}
    away = [{"from_line": line, "mode": mode.value} for mode in Mode if mode is not Mode.CONFERENCE]
    talk_ms = now.talk_ms(ListOf.CALLS, {"first_line": line}) + now.talk_ms(ListOf.HANDOFFS, here)
    talk_ms -= sum(now.talk_ms(ListOf.HANDOFFS, where) for where in away)
    answered = now.count(ListOf.CALLS, {"first_line": line, "answered": True})
    answered += now.count(ListOf.HANDOFFS, {**here, "answered": True})
    return max(talk_ms, 0) / 1000 / answered + wrap_up_s if answered else None


def hours_passed(period: Period, at: datetime) -> Counter[int]:
    """How often each hour of the day has begun in the period so far; a change of the clocks skips or doubles one."""
    passed: Counter[int] = Counter()
    zone, moment = ZoneInfo(period.zone), period.since
    while moment < min(period.until, at.astimezone(UTC)):
        passed[moment.astimezone(zone).hour] += 1
        moment += timedelta(hours=1)
    return passed
