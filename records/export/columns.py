"""The columns of each kind of export, fixed: what each is called, holds and means. docs/call-detail.md shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column as SqlColumn
from sqlalchemy import ColumnElement, Integer, Table, cast, func, literal_column

from records import tables
from records.export.joined import of_recordings
from records.export.spec import Format, Kind


class Holds(StrEnum):
    """What may not be seen: a ``number`` is masked, a ``name`` left out, the numbers in ``prose`` and ``json`` masked.

    ``word``: one of a few; ``list``: of words or numbers, each as text.
    """

    TEXT = "text"
    WORD = "word"
    NUMBER = "number"
    NAME = "name"
    PROSE = "prose"
    LIST = "list"
    JSON = "json"
    TIME = "time"
    INTEGER = "integer"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Column:
    """``words``: the Chinese of each word it may hold. ``bulky``: only in formats for programs."""

    key: str
    zh: str
    holds: Holds
    means: str
    sql: ColumnElement[Any]
    words: Mapping[str, str] | None = None
    bulky: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One kind of export. Rows are in the order of ``at``, then ``id``, which are columns too."""

    kind: Kind
    zh: str
    table: Table
    at: SqlColumn[Any]
    id: SqlColumn[Any]
    columns: tuple[Column, ...]

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)

    def shown(self, format: Format) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if format.for_programs or not column.bulky)


MODES = {
    "transfer": "一键转接",
    "conference": "三方通话",
    "desk": "专席联动",
    "push": "系统推送",
    "ivr": "语音导航转接",
}
STATES = {
    "requested": "已请求",
    "redirected": "已转出",
    "ringing": "振铃中",
    "answered": "已接通",
    "ended": "已结束",
    "unknown": "待核实",
}
OUTCOMES = {
    "answered": "接通",
    "busy": "忙",
    "no_answer": "无人接听",
    "rejected": "拒接",
    "unreachable": "无法接通",
    "abandoned": "来电人挂机",
    "cancelled": "已取消",
    "failed": "失败",
}
RESOLUTIONS = {
    "target": "目标热线",
    "first_seat": "首接坐席",
    "queue": "排队队列",
    "callback_order": "回拨工单",
    "caller_hung_up": "来电人挂机",
}
RELEASES = {"on_answer": "对方接听后退出", "now": "立即退出"}
ROLES = {"caller": "来电人", "seat": "坐席", "target": "转接目标", "party": "第三方"}
SOURCES = {"cel": "交换机话单", "events": "事件（无时长）"}

RECORDING_STATES = {
    "recording": "制作中",
    "whole": "完整",
    "truncated": "不完整",
    "missing": "缺失",
    "deleted": "到期已删除",
}

_T, _W, _N, _P = Holds.TEXT, Holds.WORD, Holds.NUMBER, Holds.PROSE
_I, _B, _AT, _L = Holds.INTEGER, Holds.BOOLEAN, Holds.TIME, Holds.LIST


def _said(key: str) -> ColumnElement[str]:
    """Of the decision; both databases write it so."""
    return literal_column(f"decision ->> '{key}'")


_h, _c, _g, _r = tables.handoffs.c, tables.call_details.c, tables.leg_details.c, tables.recordings.c

HANDOFFS = Sheet(
    Kind.HANDOFFS,
    "转接记录",
    tables.handoffs,
    _h.created_at,
    _h.id,
    (
        Column("id", "转接编号", _T, "the handoff's id, unique for ever", _h.id),
        Column("call_id", "通话编号", _T, "the call's id (Asterisk's Linkedid)", _h.call_id),
        Column("node", "节点", _T, "the node that had the call", _h.node),
        Column("created_at", "发起时间", _AT, "when it was asked for", _h.created_at),
        Column("ended_at", "结束时间", _AT, "when it was over; empty while it is not", _h.ended_at),
        Column("mode", "方式", _W, "how responsibility was to move", _h.mode, MODES),
        Column("state", "状态", _W, "ended, or where it is", _h.state, STATES),
        Column("outcome", "结果", _W, "how the target took it", _h.outcome, OUTCOMES),
        Column("resolution", "来电人去向", _W, "where the caller ended", _h.resolution, RESOLUTIONS),
        Column("from_line", "转出热线", _T, "the line that handed over", _h.from_line),
        Column("from_seat", "转出坐席", _T, "the seat that handed over", _h.from_seat),
        Column("target", "目标热线", _T, "the line or linked number that was to receive", _h.target),
        Column("target_seat", "接听坐席", _T, "the seat there that was rung last, or answered", _h.target_seat),
        Column("original_caller", "原始主叫", _N, "the number as it arrived on the trunk", _h.original_caller),
        Column("original_caller_e164", "原始主叫（E.164）", _N, "the same in E.164", _h.original_caller_e164),
        Column(
            "caller_seen_by_target",
            "目标所见号码",
            _N,
            "observed on the outgoing call, never copied",
            _h.caller_seen_by_target,
        ),
        Column("number_mismatch", "号码不一致", _B, "whether the target was shown another number", _h.number_mismatch),
        Column("answer_ms", "接听用时（毫秒）", _I, "from created_at until the target answered", _h.answer_ms),
        Column("talk_ms", "通话时长（毫秒）", _I, "from that answer to ended_at", _h.talk_ms),
        Column("category_id", "事项类别", _T, "the category of the matter", _h.category_id),
        Column("reason", "转接原因", _P, "what the seat gave as the reason", _h.reason),
        Column("accepted_by", "受理方", _T, "who accepted the matter, by recorded decision", _h.accepted_by),
        Column("decision_reason", "受理理由", _P, "why, as it was recorded", _said("reason")),
        Column("decided_by", "决定人", _T, "who recorded it", _said("decided_by")),
        Column(
            "decided_automatically",
            "首接负责",
            _B,
            "nobody decided, so the first receiver keeps it",
            _h.decided_automatically,
        ),
        Column("order_ids", "工单编号", _L, "orders that go with it", _h.order_ids),
        Column("release", "坐席退出", _W, "when the first seat was let go", _h.release, RELEASES),
        Column("via", "发起途径", _T, "api, key, refer, phone …", _h.via),
        Column("requested_by", "发起人", _T, "the person, program or seat that asked", _h.requested_by),
        Column("target_channel", "目标通道", _T, "Asterisk's channel of the target", _h.target_channel),
        Column("hangup_cause", "挂机原因码", _I, "ITU-T Q.850", _h.hangup_cause),
        Column("sip_code", "SIP 应答码", _I, "RFC 3261 section 21", _h.sip_code),
        Column("timeline", "时间线", Holds.JSON, "every step: at, event, detail", _h.timeline, bulky=True),
    ),
)

CALLS = Sheet(
    Kind.CALLS,
    "通话明细",
    tables.call_details,
    _c.arrived_at,
    _c.call_id,
    (
        Column("call_id", "通话编号", _T, "Asterisk's Linkedid", _c.call_id),
        Column("node", "节点", _T, "the node that had the call", _c.node),
        Column("arrived_at", "呼入时间", _AT, "when it arrived on the trunk", _c.arrived_at),
        Column("answered_at", "人工接听时间", _AT, "when the first human answered; empty: nobody did", _c.answered_at),
        Column("ended_at", "结束时间", _AT, "when its last phone was gone", _c.ended_at),
        Column("original_caller", "原始主叫", _N, "the number as it arrived on the trunk", _c.original_caller),
        Column("original_caller_e164", "原始主叫（E.164）", _N, "the same in E.164", _c.original_caller_e164),
        Column("caller_name", "来电显示姓名", Holds.NAME, "the name that came with it", _c.caller_name),
        Column("presentation", "号码显示", _T, "whether the caller lets it be shown", _c.presentation),
        Column("dialled", "被叫号码", _T, "the number that the caller dialled", _c.dialled),
        Column("trunk", "中继", _T, "the trunk it came in on", _c.trunk),
        Column("first_line", "首接热线", _T, "the line that took it first", _c.first_line),
        Column("first_seat", "首接坐席", _T, "the seat that answered first", _c.first_seat),
        Column("last_line", "最后热线", _T, "the line that had it at the end", _c.last_line),
        Column("last_seat", "最后坐席", _T, "the seat that answered last", _c.last_seat),
        Column("accepted_by", "受理方", _T, "who has the matter: by decision, else who had the caller", _c.accepted_by),
        Column("accepted_seat", "受理坐席", _T, "its seat", _c.accepted_seat),
        Column("total_ms", "总时长（毫秒）", _I, "from arrived_at to ended_at", _c.total_ms),
        Column("wait_ms", "等待人工（毫秒）", _I, "until the first human answered, or until the end", _c.wait_ms),
        Column("queue_ms", "排队（毫秒）", _I, "in queues, until a seat had the caller", _c.queue_ms),
        Column("ring_ms", "转接振铃（毫秒）", _I, "while phones were rung for it outside queues", _c.ring_ms),
        Column("talk_ms", "通话（毫秒）", _I, "with somebody, not on hold", _c.talk_ms),
        Column(
            "hold_ms", "保持（毫秒）", _I, "with somebody who had put it on hold, or held out of a room", _c.hold_ms
        ),
        Column("handoffs", "转接次数", _I, "how many handoffs it had", _c.handoffs),
        Column("handoff_ids", "转接编号", _L, "their ids, in their order", _c.handoff_ids),
        Column(
            "conference_parties", "三方通话各方", _L, "who came into the room, in that order", _c.conference_parties
        ),
        Column(
            "ivr_path",
            "语音导航路径",
            _L,
            "each menu as `flow@version`, then its steps, with the key where one was pressed: `topic=2`",
            _c.ivr_path,
        ),
        Column("recording_ids", "录音编号", _L, "its recordings, in the order they began", of_recordings(_r.id)),
        Column("recording_states", "录音状态", _L, "what became of each", of_recordings(_r.state), RECORDING_STATES),
        Column(
            "recording_ms",
            "录音时长（毫秒）",
            _L,
            "how much sound each holds; empty while it is not known",
            of_recordings(cast(func.round(_r.seconds * 1000), Integer)),
        ),
        Column(
            "recording_sha256",
            "录音 SHA-256",
            _L,
            "of each file, as it is on the ledger; empty where there is none",
            of_recordings(_r.sha256),
        ),
        Column("order_ids", "工单编号", _L, "orders that go with it", _c.order_ids),
        Column("leg_count", "话路数", _I, "how many phones had part in it", _c.leg_count),
        Column("hangup_cause", "挂机原因码", _I, "of the caller's leg, ITU-T Q.850", _c.hangup_cause),
        Column(
            "source",
            "时长来源",
            _W,
            "cel: Asterisk wrote it all down; events: durations are unknown",
            _c.source,
            SOURCES,
        ),
    ),
)

LEGS = Sheet(
    Kind.LEGS,
    "话路明细",
    tables.leg_details,
    _g.created_at,
    _g.uniqueid,
    (
        Column("call_id", "通话编号", _T, "the call it belongs to", _g.call_id),
        Column("uniqueid", "话路编号", _T, "Asterisk's Uniqueid", _g.uniqueid),
        Column("position", "序号", _I, "1 is the caller, then as they were rung", _g.position),
        Column("role", "角色", _W, "what it was in the call for", _g.role, ROLES),
        Column("line", "热线", _T, "the line it was rung for, or that had the call then", _g.line),
        Column("seat", "坐席", _T, "whose phone; empty: not one of ours", _g.seat),
        Column("handoff_id", "转接编号", _T, "the handoff it was rung for", _g.handoff_id),
        Column("channel", "通道", _T, "Asterisk's channel", _g.channel),
        Column("number", "号码", _N, "the phone's number", _g.number),
        Column("outside", "外部号码", _B, "whether it is not a seat of ours", _g.outside),
        Column("created_at", "开始时间", _AT, "when it arrived, or began to be rung", _g.created_at),
        Column("answered_at", "接听时间", _AT, "when it was answered", _g.answered_at),
        Column("ended_at", "结束时间", _AT, "when it was gone", _g.ended_at),
        Column("queue_ms", "排队（毫秒）", _I, "the caller's time in queues", _g.queue_ms),
        Column("ring_ms", "振铃（毫秒）", _I, "until it answered or was given up; the caller's: see calls", _g.ring_ms),
        Column("talk_ms", "通话（毫秒）", _I, "with somebody, neither on hold", _g.talk_ms),
        Column("hold_ms", "保持（毫秒）", _I, "with somebody, one of the two on hold", _g.hold_ms),
        Column("hangup_cause", "挂机原因码", _I, "ITU-T Q.850", _g.hangup_cause),
        Column("sip_code", "SIP 应答码", _I, "RFC 3261 section 21", _g.sip_code),
    ),
)

SHEETS: Mapping[Kind, Sheet] = {sheet.kind: sheet for sheet in (HANDOFFS, CALLS, LEGS)}
