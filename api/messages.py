"""What people read when something fails: Chinese with English beside it, one entry for each slug of the error trees.

A text says what happened to the caller or to the request, and what to do next. It never holds a number or a name.
"""

from collections.abc import Mapping
from typing import NamedTuple

from records.otherside.compare import Likely
from records.recordings.marks import MarkKind
from telephony.proof import Unseen
from telephony.reconcile import Why


class Title(NamedTuple):
    zh: str
    en: str


WHY: Mapping[Why, Title] = {
    Why.GOING_ON: Title("通话仍在进行或刚结束", "the call goes on, or ended just now"),
    Why.NEVER_REACHED: Title("指令未到达交换机，记录已注明", "no command reached Asterisk, as the record says"),
    Why.SAME_MOMENT: Title("两件事同时发生，先后不定", "two things in the same moment"),
    Why.LINK_DOWN: Title("当时与交换机断开，记录已注明", "the link was down, as the record says"),
    Why.ASTERISK_ENDED: Title("交换机当时异常终止", "Asterisk died with the call"),
    Why.CEL_LATER: Title("交换机的记录已轮转或截断", "Asterisk's own record was rotated or cut"),
    Why.CEL_TORN: Title("交换机的记录缺行", "rows of Asterisk's own record are missing"),
}
"""What explains a difference between our records and Asterisk's."""

LIKELY: Mapping[Likely, Title] = {
    Likely.NOT_ANSWERED: Title("对方未接听，其系统可能无记录", "nobody answered there: they may have nothing"),
    Likely.WITHHELD: Title("来电未显示号码，无从配对", "no number had arrived to find it by"),
    Likely.OTHER_NUMBER: Title("对方记录的号码不同", "they have another number"),
    Likely.EDGE: Title("位于时段边缘，另一半可能在时段之外", "at the edge of the span: the rest may be outside"),
    Likely.CLOCKS: Title(
        "同号码时间相差过大：时钟不一致或事后补录", "same number, too far apart: clocks, or late entry"
    ),
    Likely.UNDER_WAY: Title("本系统尚无结果", "ours has no outcome yet"),
    Likely.AFTER_ANSWER: Title("一方记录开始，一方记录结束", "one side tells the beginning, the other the end"),
    Likely.UNKNOWN: Title("原因不明，请人工核查", "not known: look into it"),
}
"""What probably explains a difference between our handoffs and the other side's list."""

UNSEEN: Mapping[Unseen, Title] = {
    Unseen.NOT_LISTENING: Title("当时与交换机断开", "the link was down"),
    Unseen.NOT_TOLD: Title("交换机未给出号码", "Asterisk named no number"),
}
"""Why nobody observed what the target of a handoff was shown."""

MARKS: Mapping[MarkKind, Title] = {
    MarkKind.HANDOFF: Title("转接", "handed over to"),
    MarkKind.THREE_WAY: Title("三方通话", "three-way call with"),
    MarkKind.ANSWERED: Title("接听", "answered by"),
    MarkKind.FAILED: Title("未接通", "not reached:"),
    MarkKind.BACK: Title("接回", "back with"),
    MarkKind.PAUSE: Title("暂停录音", "recording paused:"),
}
"""What happened in the course of a recording."""

TITLES: Mapping[str, Title] = {
    # --- the request ------------------------------------------------------------------------------------------------
    "malformed-request": Title("请求无法解析", "The request cannot be parsed"),
    "invalid-request": Title("请求内容有误，请按所列字段修改", "The request is invalid: see the fields listed"),
    "idempotency-key-missing": Title(
        "缺少 Idempotency-Key 请求头，无法保证不重复转接",
        "The Idempotency-Key header is missing: a repeated request could not be told from a new one",
    ),
    "not-found": Title("没有这个地址", "There is nothing at this address"),
    "method-not-allowed": Title("该地址不支持此方法", "This address does not take this method"),
    "body-too-large": Title("请求内容过大", "The request body is too large"),
    "unsupported-media-type": Title("请求内容须为 JSON", "The request body must be JSON"),
    "bad-cursor": Title("翻页标记无效，请从第一页重新查询", "The page cursor is invalid: start from the first page"),
    "list-not-understood": Title("对方清单无法识别", "The other side's list cannot be read"),
    "no-such-period": Title("没有这一统计时段", "There is no report of that time"),
    "filter-wants-a-span": Title(
        "该条件须同时给出 since 与 until，且不超过五年",
        "This condition wants since and until as well, at most five years apart",
    ),
    "idempotency-key-reused": Title(
        "该 Idempotency-Key 已用于另一个请求", "This Idempotency-Key was used for a different request"
    ),
    # --- who asks ---------------------------------------------------------------------------------------------------
    "not-signed-in": Title("请先登录", "Please sign in"),
    "token-rejected": Title("登录已失效，请重新登录", "The sign-in is no longer valid: please sign in again"),
    "credentials-wrong": Title("用户名或密码不正确", "The user name or the password is wrong"),
    "not-allowed": Title("没有权限进行此操作", "Your role does not allow this"),
    "not-your-seat": Title("只能操作自己的坐席", "You can only act on your own seat"),
    "not-your-call": Title("只能操作自己正在接听的通话", "You can only act on the call that you have"),
    "too-many-requests": Title("操作过于频繁，请稍后再试", "Too many requests: please wait and try again"),
    # --- the call ---------------------------------------------------------------------------------------------------
    "request-refused": Title("当前无法执行该操作，通话未受影响", "Not possible now; the call is as it was"),
    "call-not-found": Title("找不到该通话", "The call was not found"),
    "call-ended": Title("通话已结束", "The call has ended"),
    "handoff-not-found": Title("找不到该转接记录", "The handoff was not found"),
    "conference-not-found": Title("找不到该三方通话", "The three-way call was not found"),
    "party-not-found": Title("三方通话中没有这一方", "The three-way call has no such party"),
    "seat-not-found": Title("找不到该坐席", "The seat was not found"),
    "unknown-target": Title("没有配置该转接目标", "No line and no linked number of that name is configured"),
    "target-has-call": Title("通话已在该热线", "The call is with that line already"),
    "handoff-in-progress": Title("该通话正在转接中", "A handoff of this call is under way"),
    "handoff-settled": Title("转接已接通或已结束，无法再更改", "Too late: the handoff was answered or has ended"),
    "handoff-not-answered": Title("对方尚未接听，不能退出", "The target has not answered, so you cannot leave yet"),
    "unknown-acceptor": Title("受理方须是参加通话的热线", "The matter is accepted by one of the lines in the call"),
    "mode-not-supported": Title("不支持该转接方式", "This mode of handoff is not supported"),
    "not-talking": Title("该通话没有坐席接听，无法转接", "No seat has the call, so nobody can hand it over"),
    "not-correctable": Title("没有可更正的内容，或转接尚未结束", "There is nothing to correct, or the handoff goes on"),
    "decision-made": Title("受理决定已登记", "The decision is on record already"),
    "call-back-not-found": Title("找不到该回拨", "The call-back was not found"),
    "call-back-settled": Title("该回拨正在拨打或已办结", "The call-back is being dialled, or is settled already"),
    "no-seat-to-ring": Title("请先在坐席登录再接手回拨", "Sign in at a seat before you take a call-back"),
    # --- recordings -------------------------------------------------------------------------------------------------
    "not-recorded": Title("该通话没有录音", "The call is not recorded"),
    "recording-not-found": Title("找不到该录音", "The recording was not found"),
    "recording-not-playable": Title("该录音暂不可收听", "The recording cannot be played"),
    "recording-altered": Title(
        "录音文件与台账不符，已停止播放，请报告管理员",
        "The file is not what the ledger says and is not played: report it to the administrator",
    ),
    # --- linkage ---------------------------------------------------------------------------------------------------
    "linkage-error": Title("联动功能出错，通话不受影响", "The linkage failed; calls go on"),
    "catalogue-not-found": Title("没有该城市或该版本的受理目录", "No such catalogue, or no such version of it"),
    "unit-not-found": Title("没有该联动单位", "There is no such unit"),
    "order-not-found": Title("没有该工单", "There is no such order"),
    "order-changed": Title("工单刚被他人更改，请重新查看", "Somebody else has just changed the order: look again"),
    "order-refused": Title("工单不能这样处理", "This cannot be done with the order"),
    "order-act-not-allowed": Title("工单当前状态不能这样处理", "Not possible in the order's state"),
    "order-first-action-missing": Title(
        "请先处置再退回（首接责任制）", "Act for the caller first; then it can be returned (first receiver's duty)"
    ),
    "order-refusal-not-allowed": Title(
        "中心已指定承办单位，不能退回", "The centre named the unit: it cannot be refused"
    ),
    "order-reason-missing": Title("请写明原因", "A reason is wanted"),
    "order-unit-missing": Title("请指定承办单位", "Name the unit that is responsible"),
    "order-feedback-missing": Title("请先反馈办理结果再办结", "Say what came of it; then it can be closed"),
    "order-extension-not-later": Title("新期限须晚于原期限", "The new date has to be later than the old one"),
    "order-rating-out-of-range": Title("评价须为 1 至 5", "A rating is 1 to 5"),
    # --- ours, and the systems behind us ----------------------------------------------------------------------------
    "internal-error": Title("系统内部错误，已记录", "Internal error; it has been logged"),
    "request-timeout": Title(
        "处理超时，请查看转接记录确认结果", "No answer in time: look at the record before you try again"
    ),
    "hotline-error": Title("系统错误", "The hotline failed"),
    "api-error": Title("接口错误", "The request failed"),
    "telephony-error": Title("电话系统错误", "The telephone system failed"),
    "command-unknown": Title("系统内部错误，已记录", "Internal error; it has been logged"),
    "configuration-rejected": Title("配置未通过检查，未生效", "The configuration was rejected; the old one stays"),
    "ami-error": Title("与交换机通信出错", "The link to Asterisk failed"),
    "ami-connect-error": Title("无法连接交换机，通话不受影响", "Asterisk cannot be reached; calls go on"),
    "ami-unreachable": Title("无法连接交换机，通话不受影响", "Asterisk cannot be reached; calls go on"),
    "ami-login-refused": Title("交换机拒绝登录，请联系管理员", "Asterisk refuses our login: call the administrator"),
    "ami-not-sent": Title("指令未发出，请重试", "The command was not sent: try again"),
    "ami-unsafe-header": Title("指令含有非法字符，未发出", "The command held unsafe characters and was not sent"),
    "ami-not-connected": Title("与交换机的连接中断，指令未发出", "The link to Asterisk is down; nothing was sent"),
    "ami-effect-unknown": Title(
        "指令可能已执行，请先查看结果，勿重复操作", "The command may have been carried out: look before you repeat it"
    ),
    "ami-timeout": Title(
        "交换机未及时答复，指令可能已执行，勿重复操作",
        "Asterisk did not answer in time; the command may have been carried out: look before you repeat it",
    ),
    "ami-link-lost": Title(
        "与交换机的连接中断，指令可能已执行，勿重复操作",
        "The link to Asterisk broke; the command may have been carried out: look before you repeat it",
    ),
    "ami-peer-silent": Title(
        "交换机无响应，指令可能已执行，勿重复操作",
        "Asterisk fell silent; the command may have been carried out: look before you repeat it",
    ),
    "ami-protocol-error": Title(
        "交换机答复无法识别，指令可能已执行，勿重复操作",
        "Asterisk's answer was not understood; the command may have been carried out: look before you repeat it",
    ),
    "ami-event-overflow": Title(
        "事件过多，连接已重建，指令可能已执行，勿重复操作",
        "Too many events, the link was reset; the command may have been carried out: look before you repeat it",
    ),
    "ami-action-failed": Title("交换机拒绝执行该指令", "Asterisk refused the command"),
    "ami-list-too-long": Title("交换机返回的列表过长", "Asterisk's list was too long"),
    "node-taken": Title("本节点已由另一服务进程接管", "Another service process has taken over this node"),
    "records-error": Title("记录系统错误", "The record system failed"),
    "export-refused": Title("导出条件有误，未导出", "The export makes no sense as it was asked for; nothing was made"),
    "export-not-found": Title("没有该次完整导出", "There is no such export that is whole"),
    "export-failed": Title("导出中断，收到的内容不完整", "The export broke off; what came of it is not whole"),
    "record-store-unavailable": Title(
        "数据库暂不可用，通话不受影响，请稍后重试", "The database is away; calls go on: try again shortly"
    ),
    "live-state-unavailable": Title(
        "共享状态暂不可用，通话不受影响，请稍后重试", "The shared state is away; calls go on: try again shortly"
    ),
}
