"""The words of reports: Chinese with English beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from records.reports.model import Text, Where
from records.reports.periods import Kind, Period
from telephony.handoff import Mode, Outcome
from telephony.ports import NONE
from telephony.proof import Finding

if TYPE_CHECKING:
    from records.reports.staffing import Goals

KINDS: Mapping[Kind, Text] = {
    Kind.DAY: Text("日报", "daily report"),
    Kind.WEEK: Text("周报", "weekly report"),
    Kind.HALF_MONTH: Text("半月报", "half-monthly report"),
    Kind.MONTH: Text("月报", "monthly report"),
    Kind.QUARTER: Text("季报", "quarterly report"),
    Kind.YEAR: Text("年报", "yearly report"),
}
TITLE = Text("热线联动运行", "Hotline linkage")
BEFORE = Text("上期", "before")
WHOLE = Text("总数", "of")
CHANGE = Text("增减", "change")
MADE_AT = Text("生成时间", "made at")
SPAN = Text("统计时段", "period")
EMPTY = Text("本期没有通话和转接", "no call and no handoff in this period")
RUNNING = Text("本期尚未结束，数字截至生成时间", "the period is not over: figures are as of the time above")
NOT_BEGUN = Text("本期尚未开始", "the period has not begun")
MISSED = Text("未达标", "below the goal")
GOAL = Text("目标", "goal")
ITEM = Text("项目", "item")

SECTIONS: Mapping[str, Text] = {
    "overview": Text("总览", "overview"),
    "lines": Text("各热线来电与接通", "calls by line"),
    "directions": Text("各方向转接与分流", "handoffs by direction"),
    "modes": Text("转接方式", "modes of handoff"),
    "outcomes": Text("转接结果", "outcomes of handoffs"),
    "returns": Text("回退及原因", "returns and their reasons"),
    "decisions": Text("三方通话受理决定", "decisions of three-way calls"),
    "number-proofs": Text("主叫号码一致性", "number proofs"),
    "callers": Text("反复来电", "repeat callers"),
    "hours": Text("各时段话务量", "traffic by hour of the day"),
    "busiest": Text("最忙时段", "busiest hours"),
    "staffing": Text("各时段所需坐席（爱尔兰C）", "seats needed by hour (Erlang C)"),
}
NOTES: Mapping[str, Text] = {
    "directions": Text(
        "分流率＝对方接听并受理的转接÷全部转接",
        "diversion rate: handoffs that ended with the target, of all that were asked for",
    ),
    "returns": Text("行：为何未由对方受理；列：来电人回到何处", "rows: why; columns: where the caller came back to"),
    "callers": Text("号码在报表中一律遮盖", "numbers are always masked in reports"),
}
COLUMNS: Mapping[str, Text] = {
    "value": Text("本期", "this period"),
    "calls": Text("来电", "calls"),
    "answered": Text("接通", "answered"),
    "unanswered": Text("未接通", "not answered"),
    "answer_rate": Text("接通率", "answer rate"),
    "in_time": Text("及时接听", "in time"),
    "in_time_rate": Text("及时率", "in-time rate"),
    "p50": Text("接听用时中位数", "median"),
    "p90": Text("90%用时", "p90"),
    "p99": Text("99%用时", "p99"),
    "handoffs": Text("转接", "handoffs"),
    "diverted": Text("分流成功", "diverted"),
    "diversion_rate": Text("分流率", "diversion rate"),
    "returned": Text("回退", "returned"),
    "hung_up": Text("来电人挂机", "caller hung up"),
    "share": Text("占比", "share"),
    "first_seat": Text("回原坐席", "first seat"),
    "queue": Text("回排队", "queue"),
    "callback_order": Text("记回拨", "call-back order"),
}
OVERVIEW: Mapping[str, Text] = {
    "calls": Text("来电总数", "calls"),
    "answered": Text("人工接通", "answered by a human"),
    "unanswered": Text("未接通", "not answered"),
    "answer_rate": Text("接通率", "answer rate"),
    "in_time": Text("及时接听", "answered in time"),
    "in_time_rate": Text("及时接听率", "in-time rate"),
    "call_p50": Text("来电接听用时中位数", "calls: median time to answer"),
    "call_p90": Text("来电接听用时（90%）", "calls: p90"),
    "call_p99": Text("来电接听用时（99%）", "calls: p99"),
    "handoffs": Text("转接总数", "handoffs"),
    "diverted": Text("分流成功", "diverted"),
    "diversion_rate": Text("分流率", "diversion rate"),
    "handoffs_in_time": Text("转接及时接听", "handoffs answered in time"),
    "handoffs_in_time_rate": Text("转接及时接听率", "handoffs: in-time rate"),
    "returned": Text("回退", "returned"),
    "hung_up": Text("转接后来电人挂机", "caller hung up"),
    "handoff_p50": Text("转接接听用时中位数", "handoffs: median time to answer"),
    "handoff_p90": Text("转接接听用时（90%）", "handoffs: p90"),
    "handoff_p99": Text("转接接听用时（99%）", "handoffs: p99"),
    "mismatched": Text("主叫号码不一致", "number mismatches"),
}
MODES: Mapping[Mode, Text] = {
    Mode.TRANSFER: Text("一键转接", "transfer"),
    Mode.CONFERENCE: Text("三方通话", "three-way call"),
    Mode.DESK: Text("专席联动", "desk"),
    Mode.PUSH: Text("系统推送", "push"),
    Mode.IVR: Text("语音导航", "IVR"),
}
OUTCOMES: Mapping[str, Text] = {
    Outcome.ANSWERED: Text("已接听", "answered"),
    Outcome.BUSY: Text("忙线", "busy"),
    Outcome.NO_ANSWER: Text("无人接听", "no answer"),
    Outcome.REJECTED: Text("拒接", "rejected"),
    Outcome.UNREACHABLE: Text("无法接通", "unreachable"),
    Outcome.ABANDONED: Text("来电人先挂机", "abandoned"),
    Outcome.CANCELLED: Text("坐席取消", "cancelled"),
    Outcome.FAILED: Text("转接失败", "failed"),
    NONE: Text("进行中", "under way"),
}
RETURNS: Mapping[str, Text] = {
    **OUTCOMES,
    Outcome.ANSWERED: Text("接听后退回（含首接负责）", "answered, then given back"),
}
DECISIONS: Mapping[str, Text] = {
    "all": Text("三方通话", "three-way calls"),
    "automatic": Text("未协商一致，首接负责", "no agreement: the first receiver keeps it"),
    "undecided": Text("尚无决定", "no decision"),
}
PROOFS: Mapping[Finding, Text] = {
    Finding.EQUAL: Text("一致", "the same as arrived"),
    Finding.MISMATCH: Text("不一致", "another one"),
    Finding.WITHHELD: Text("来电未显示号码", "none had arrived"),
    Finding.NOT_OBSERVED: Text("未能观察", "not observed"),
    Finding.NOT_REACHED: Text("对方未振铃", "the target did not ring"),
}
CALLERS: Mapping[str, Text] = {
    "callers": Text("反复来电人数", "repeat callers"),
    "calls": Text("其来电次数", "their calls"),
}
CHARTS: Mapping[str, Text] = {
    "lines": Text("各热线来电", "calls by line"),
    "directions": Text("各方向转接", "handoffs by direction"),
    "outcomes": Text("转接结果", "outcomes"),
    "returns": Text("回退原因", "reasons of returns"),
    "hours": Text("各时段话务量", "traffic by hour"),
    "staffing": Text("各时段所需坐席", "seats needed by hour"),
}


@dataclass(frozen=True, slots=True)
class LineNames:
    """``configured``: names by id. What is on record may have been taken out of the configuration since."""

    configured: Mapping[str, str]

    def title(self, line: str) -> Text:
        if line == NONE:
            return Text("未登记", "none on record")
        name = self.configured.get(line)
        return Text(f"{line} {name}", "") if name else Text(f"{line}（已不在配置中）", "no longer configured")

    def direction(self, begin: str, end: str) -> Text:
        return Text(f"{self._short(begin)}→{self._short(end)}", "")

    def acceptor(self, line: str) -> Text:
        return Text(f"协商由 {line} 受理", f"accepted by {line}")

    def _short(self, line: str) -> str:
        return "未登记" if line == NONE else line


def clock_hour(begin: datetime, period: Period) -> tuple[Text, Where]:
    """An hour of one day, and the condition that finds what was in it."""
    local = begin.astimezone(ZoneInfo(period.zone))
    end = min(begin + timedelta(hours=1), period.until)
    span = {"since": _plain(max(begin, period.since)), "until": _plain(end)}
    return Text(f"{local:%Y-%m-%d %H:%M}", ""), span


def in_time_note(goals: Goals) -> Text:
    within = goals.answer_within_ms / 1000
    return Text(
        f"及时：{within:g}秒内。GB/T 33358-2016：15秒内接听，接通率不低于95%",
        f"in time: within {within:g} s. GB/T 33358-2016 asks for 15 s, and for at least 95 % answered",
    )


def staffing_note(goals: Goals) -> Text:
    within, level = goals.answer_within_ms / 1000, goals.level * 100
    return Text(
        f"使{level:g}%的来电在{within:g}秒内接听；每次通话另计{goals.wrap_up_s}秒话后处理",
        f"so that {level:g} % are answered within {within:g} s, with {goals.wrap_up_s} s of work after each call",
    )


def _plain(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
