"""The tables of a report: which figures there are and what each one counts. Pure.

Sources: 政府热线服务规范 GB/T 33358-2016 (answered within 15 s, connect rate of at least 95 %); 分流率, as in
"共分流非警务警情318.6万余起,分流率91.5%" (12345与110对接联动带来了什么, 2024-04-09); 回退情况 (巴彦淖尔市关于做好
12345政务服务便民热线与110报警服务台高效对接联动的通知). What each figure means: docs/reports.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from records.reports import texts
from records.reports.counting import Counted
from records.reports.model import Cell, Chart, ListOf, Report, Row, Rows, Section, Text, Unit, Where
from records.reports.periods import Period
from records.reports.staffing import Goals, staffing
from telephony import numbers
from telephony.handoff import Mode, Outcome, Resolution
from telephony.ports import NONE
from telephony.proof import Finding

_ALL: Where = {}
_DIVERTED: Where = {"outcome": Outcome.ANSWERED.value, "resolution": Resolution.TARGET.value}
_RETURNED: Where = {"returned": True}
_HUNG_UP: Where = {"resolution": Resolution.CALLER_HUNG_UP.value}
_CONFERENCE: Where = {"mode": Mode.CONFERENCE.value}
_PERCENTILES = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True)
class Figures:
    """Makes cells of what was counted in a period and in the one before."""

    now: Counted
    before: Counted
    goals: Goals

    @property
    def in_time(self) -> Where:
        return {"answered_within_ms": self.goals.answer_within_ms}

    def count(self, of: ListOf, where: Where, *, compared: bool = True) -> Cell:
        rows = self.rows(of, where)
        return Cell(rows.count, Unit.COUNT, rows, self.before.count(of, where) if compared else None)

    def share(self, of: ListOf, part: Where, whole: Where, *, goal: float | None = None) -> Cell:
        rows, all_rows = self.rows(of, part), self.rows(of, whole)
        before = _ratio(self.before.count(of, part), self.before.count(of, whole))
        return Cell(_ratio(rows.count, all_rows.count), Unit.SHARE, rows, before, all_rows, goal)

    def times(self, of: ListOf, where: Where) -> tuple[Cell, ...]:
        """Median, 90th and 99th percentile of the time to answer."""
        rows = self.rows(of, {**where, "answered": True})
        now, before = self.now.percentiles(of, where), self.before.percentiles(of, where)
        return tuple(
            Cell(now[i] if now else None, Unit.MS, rows, before[i] if before else None)
            for i in range(len(_PERCENTILES))
        )

    def rows(self, of: ListOf, where: Where) -> Rows:
        return Rows(of, where, self.now.count(of, where))

    def values(self, of: ListOf, *names: str) -> set[tuple[str, ...]]:
        """Which occur together, in either period."""
        return self.now.groups[of].values(*names) | self.before.groups[of].values(*names)


def report_of(
    period: Period, now: Counted, before: Counted, goals: Goals, lines: Mapping[str, str], at: datetime
) -> Report:
    """``lines``: the names of what is configured to be rung, by id; what is on record besides is told all the same."""
    figures = Figures(now, before, goals)
    own = [line for line in lines if line in goals.staffed]
    known = sorted({line for (line,) in figures.values(ListOf.CALLS, "first_line")} - set(own))
    names = texts.LineNames(lines)
    sections = (
        _overview(figures),
        _lines(figures, [*own, *known], names),
        _directions(figures, names),
        _modes(figures),
        _outcomes(figures),
        _returns(figures),
        _decisions(figures, names),
        _proofs(figures),
        _callers(figures, now),
        _hours(figures),
        _busiest(now, period),
        staffing(now, period, goals, own, names, at),
    )
    return Report(period, at, sections)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _section(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    chart: Chart | None = None,
    note: Text | None = None,
) -> Section:
    titles = tuple((column, texts.COLUMNS[column]) for column in columns)
    return Section(name, texts.SECTIONS[name], titles, tuple(rows), note or texts.NOTES.get(name), chart)


def _overview(figures: Figures) -> Section:
    calls, handoffs, in_time = ListOf.CALLS, ListOf.HANDOFFS, figures.in_time
    goal = figures.goals.answered
    call_times, handoff_times = figures.times(calls, _ALL), figures.times(handoffs, _ALL)
    cells = {
        "calls": figures.count(calls, _ALL),
        "answered": figures.count(calls, {"answered": True}),
        "unanswered": figures.count(calls, {"answered": False}),
        "answer_rate": figures.share(calls, {"answered": True}, _ALL, goal=goal),
        "in_time": figures.count(calls, in_time),
        "in_time_rate": figures.share(calls, in_time, _ALL, goal=goal),
        **{f"call_{name}": cell for name, cell in zip(_PERCENTILES, call_times, strict=True)},
        "handoffs": figures.count(handoffs, _ALL),
        "diverted": figures.count(handoffs, _DIVERTED),
        "diversion_rate": figures.share(handoffs, _DIVERTED, _ALL),
        "handoffs_in_time": figures.count(handoffs, in_time),
        "handoffs_in_time_rate": figures.share(handoffs, in_time, _ALL),
        "returned": figures.count(handoffs, _RETURNED),
        "hung_up": figures.count(handoffs, _HUNG_UP),
        **{f"handoff_{name}": cell for name, cell in zip(_PERCENTILES, handoff_times, strict=True)},
        "mismatched": figures.count(handoffs, {"number_proof": Finding.MISMATCH.value}),
    }
    rows = [Row(name, texts.OVERVIEW[name], (cell,)) for name, cell in cells.items()]
    return _section("overview", ("value",), rows, note=texts.in_time_note(figures.goals))


def _lines(figures: Figures, lines: Sequence[str], names: texts.LineNames) -> Section:
    of, goal = ListOf.CALLS, figures.goals.answered

    def row(line: str) -> Row:
        where: Where = {"first_line": line}
        answered, in_time = {**where, "answered": True}, {**where, **figures.in_time}
        cells = (
            figures.count(of, where),
            figures.count(of, answered),
            figures.count(of, {**where, "answered": False}),
            figures.share(of, answered, where, goal=goal),
            figures.count(of, in_time),
            figures.share(of, in_time, where, goal=goal),
            *figures.times(of, where),
        )
        return Row(line, names.title(line), cells)

    columns = ("calls", "answered", "unanswered", "answer_rate", "in_time", "in_time_rate", *_PERCENTILES)
    chart = Chart(texts.CHARTS["lines"], ("calls", "answered", "in_time"))
    return _section("lines", columns, map(row, lines), chart, texts.in_time_note(figures.goals))


def _directions(figures: Figures, names: texts.LineNames) -> Section:
    of = ListOf.HANDOFFS

    def row(begin: str, end: str) -> Row:
        where: Where = {"from_line": begin, "target": end}
        diverted, in_time = {**where, **_DIVERTED}, {**where, **figures.in_time}
        cells = (
            figures.count(of, where),
            figures.count(of, diverted),
            figures.share(of, diverted, where),
            figures.count(of, in_time),
            figures.share(of, in_time, where),
            figures.count(of, {**where, **_RETURNED}),
            figures.count(of, {**where, **_HUNG_UP}),
            *figures.times(of, where),
        )
        return Row(f"{begin}>{end}", names.direction(begin, end), cells)

    columns = (
        *("handoffs", "diverted", "diversion_rate", "in_time", "in_time_rate", "returned", "hung_up"),
        *_PERCENTILES,
    )
    chart = Chart(texts.CHARTS["directions"], ("handoffs", "diverted", "returned"))
    return _section(
        "directions",
        columns,
        [row(begin, end) for begin, end in sorted(figures.values(of, "from_line", "target"))],
        chart,
    )


def _modes(figures: Figures) -> Section:
    def row(mode: Mode) -> Row:
        where: Where = {"mode": mode.value}
        cells = (
            figures.count(ListOf.HANDOFFS, where),
            figures.count(ListOf.HANDOFFS, {**where, **_DIVERTED}),
            figures.count(ListOf.HANDOFFS, {**where, **_RETURNED}),
        )
        return Row(mode.value, texts.MODES[mode], cells)

    return _section("modes", ("handoffs", "diverted", "returned"), map(row, Mode))


def _outcomes(figures: Figures) -> Section:
    def row(outcome: str) -> Row:
        where: Where = {"outcome": outcome}
        cells = (figures.count(ListOf.HANDOFFS, where), figures.share(ListOf.HANDOFFS, where, _ALL))
        return Row(outcome, texts.OUTCOMES[outcome], cells)

    rows = [row(outcome) for outcome in (*map(str, Outcome), NONE)]
    return _section("outcomes", ("handoffs", "share"), rows, Chart(texts.CHARTS["outcomes"], ("handoffs",)))


def _returns(figures: Figures) -> Section:
    """Why (what came of the target) by where to."""
    places = (Resolution.FIRST_SEAT, Resolution.QUEUE, Resolution.CALLBACK_ORDER)

    def row(outcome: str) -> Row:
        where: Where = {"outcome": outcome}
        cells = [figures.count(ListOf.HANDOFFS, {**where, "resolution": place.value}) for place in places]
        return Row(outcome, texts.RETURNS[outcome], (*cells, figures.count(ListOf.HANDOFFS, {**where, **_RETURNED})))

    columns = (*(place.value for place in places), "returned")
    rows = [row(outcome) for outcome in (*map(str, Outcome), NONE)]
    return _section("returns", columns, rows, Chart(texts.CHARTS["returns"], columns[:3]))


def _decisions(figures: Figures, names: texts.LineNames) -> Section:
    of = ListOf.HANDOFFS
    known = figures.values(of, "mode", "accepted_by")
    acceptors = sorted(line for mode, line in known if mode == Mode.CONFERENCE and line != NONE)

    def row(name: str, title: Text, where: Where) -> Row:
        asked = {**_CONFERENCE, **where}
        return Row(name, title, (figures.count(of, asked), figures.share(of, asked, _CONFERENCE)))

    rows = [
        row("all", texts.DECISIONS["all"], {}),
        *(
            row(f"accepted-by-{line}", names.acceptor(line), {"accepted_by": line, "automatic": False})
            for line in acceptors
        ),
        row("automatic", texts.DECISIONS["automatic"], {"automatic": True}),
        row("undecided", texts.DECISIONS["undecided"], {"accepted_by": NONE}),
    ]
    return _section("decisions", ("handoffs", "share"), rows)


def _proofs(figures: Figures) -> Section:
    def row(found: Finding) -> Row:
        where: Where = {"number_proof": found.value}
        cells = (figures.count(ListOf.HANDOFFS, where), figures.share(ListOf.HANDOFFS, where, _ALL))
        return Row(found.value, texts.PROOFS[found], cells)

    return _section("number-proofs", ("handoffs", "share"), map(row, Finding))


def _callers(figures: Figures, now: Counted) -> Section:
    """Numbers are masked for everybody: a report goes from hand to hand."""
    often = figures.goals.calls_of_caller
    repeated: Where = {"calls_of_caller": often}
    people = Rows(ListOf.CALLS, {**repeated, "one_per_caller": True}, now.repeat_callers)
    calls = Rows(ListOf.CALLS, repeated, now.repeat_calls)
    rows = [
        Row("callers", texts.CALLERS["callers"], (_counted(people, figures.before.repeat_callers),)),
        Row("calls", texts.CALLERS["calls"], (_counted(calls, figures.before.repeat_calls),)),
    ]
    for place, each in enumerate(now.callers, 1):
        title = Text(f"第{place}位 {numbers.mask(each.number)}", f"no. {place}")
        found = Rows(ListOf.CALLS, {"same_caller_as": each.one_call}, each.calls)
        rows.append(Row(f"caller-{place}", title, (_counted(found),)))
    return _section("callers", ("value",), rows)


def _counted(rows: Rows, before: int | None = None) -> Cell:
    return Cell(rows.count, Unit.COUNT, rows, before)


def _hours(figures: Figures) -> Section:
    def row(hour: int) -> Row:
        where: Where = {"hour": hour}
        cells = [figures.count(of, where, compared=False) for of in (ListOf.CALLS, ListOf.HANDOFFS)]
        return Row(f"{hour:02}", Text(f"{hour:02}–{hour + 1:02}时", ""), tuple(cells))

    chart = Chart(texts.CHARTS["hours"], ("calls", "handoffs"), lines=True)
    return _section("hours", ("calls", "handoffs"), map(row, range(24)), chart)


def _busiest(now: Counted, period: Period) -> Section:
    def row(begin: datetime, calls: int) -> Row:
        title, where = texts.clock_hour(begin, period)
        return Row(begin.isoformat(), title, (_counted(Rows(ListOf.CALLS, where, calls)),))

    return _section("busiest", ("calls",), [row(*each) for each in now.busiest])
