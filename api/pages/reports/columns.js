// Calls and handoffs in words: the columns of their lists, and what else a record says.

import { clock, local, make, meta, put } from "../common.js";

const WORDS = JSON.parse(meta("words"));
const NOTHING = "–";

const plain = (text) => document.createTextNode(text ?? NOTHING);
const said = (text) => put(document.createElement("span"), text);
const word = (field, value) => (value === null ? plain(null) : said(WORDS[field][value] ?? value));
/** A value in words, "中文 · English". */
export const wordFor = (field, value) => WORDS[field][value] ?? value;
const moment = (at) => plain(at && local(at));
const between = (from, to) => (from && to ? new Date(to) - new Date(from) : null);
const seconds = (ms) => plain(ms === null || ms === undefined ? null : `${(ms / 1000).toFixed(1)} s`);
const length = (ms) => plain(ms === null ? null : clock(ms / 1000));
const both = (...parts) => plain(parts.filter(Boolean).join(" / ") || null);
const caller = (row) => (row.original_caller ? plain(row.original_caller) : said("未显示 · withheld"));

function seen(handoff) {
  const cell = make("span", plain(handoff.caller_seen_by_target));
  if (handoff.number_mismatch) {
    cell.className = "faulty";
    cell.append(" ", said("不一致 · another one"));
  }
  return cell;
}

function decision(handoff) {
  const decided = handoff.decision;
  if (!decided) return plain(null);
  return decided.automatic ? make("span", decided.accepted_by, " ", said("首接负责 · by rule")) : plain(decided.accepted_by);
}

/** By list: a title, and what stands below it. The first one names the record. */
export const COLUMNS = {
  calls: [
    ["到达 · Arrived", (call) => moment(call.arrived_at)],
    ["主叫 · Caller", caller],
    ["拨打 · Dialled", (call) => plain(call.dialled || null)],
    ["首接热线 · First line", (call) => plain(call.first_line)],
    ["坐席 · Seat", (call) => plain(call.seat)],
    ["接听用时 · Time to answer", (call) => seconds(between(call.arrived_at, call.answered_at))],
    ["通话 · Talk", (call) => length(between(call.answered_at, call.ended_at))],
    ["状态 · State", (call) => word("call_state", call.state)],
  ],
  handoffs: [
    ["提出 · Asked for", (handoff) => moment(handoff.created_at)],
    ["方式 · Mode", (handoff) => word("mode", handoff.mode)],
    ["转出 · From", (handoff) => both(handoff.from_line, handoff.from_seat)],
    ["转往 · To", (handoff) => both(handoff.target, handoff.target_seat)],
    ["主叫 · Caller", caller],
    ["对方所见 · Shown there", seen],
    ["结果 · Outcome", (handoff) => (handoff.outcome ? word("outcome", handoff.outcome) : word("state", handoff.state))],
    ["来电人去向 · Caller", (handoff) => word("resolution", handoff.resolution)],
    ["接听用时 · Time to answer", (handoff) => seconds(handoff.durations_ms.to_answer)],
    ["受理 · Accepted by", decision],
  ],
};

export const FIELDS = {
  calls: [
    ...COLUMNS.calls,
    ["归属地 · Region", (call) => (call.region ? said(call.region) : plain(null))],
    ["接听 · Answered", (call) => moment(call.answered_at)],
    ["结束 · Ended", (call) => moment(call.ended_at)],
    ["最后热线 · Last line", (call) => plain(call.line)],
    ["中继 · Trunk", (call) => plain(call.trunk || null)],
    ["节点 · Node", (call) => plain(call.node)],
    ["编号 · Id", (call) => plain(call.id)],
  ],
  handoffs: [
    ...COLUMNS.handoffs,
    ["结束 · Ended", (handoff) => moment(handoff.ended_at)],
    ["转接原因 · Reason", (handoff) => plain(handoff.reason)],
    ["类别 · Category", (handoff) => plain(handoff.category_id)],
    ["受理理由 · Why accepted", (handoff) => plain(handoff.decision?.reason || null)],
    ["提出人 · Asked by", (handoff) => both(handoff.requested_by, handoff.via)],
    ["SIP / Q.850", (handoff) => both(handoff.sip_code, handoff.hangup_cause)],
    ["节点 · Node", (handoff) => plain(handoff.node)],
    ["编号 · Id", (handoff) => plain(handoff.id)],
  ],
};

/** What a record was made of: the rows, and their columns. */
export const STORY = {
  calls: {
    rows: (call) => call.legs,
    columns: [
      ["开始 · From", (leg) => moment(leg.created_at)],
      ["接听 · Answered", (leg) => moment(leg.answered_at)],
      ["结束 · Ended", (leg) => moment(leg.ended_at)],
      ["号码 · Number", (leg) => plain(leg.number || null)],
      ["坐席 · Seat", (leg) => plain(leg.seat)],
      ["通道 · Channel", (leg) => plain(leg.channel)],
      ["SIP / Q.850", (leg) => both(leg.sip_code, leg.cause)],
    ],
  },
  handoffs: {
    rows: (handoff) => handoff.timeline,
    columns: [
      ["时间 · When", (step) => moment(step.at)],
      ["经过 · What", (step) => word("step", step.event)],
      ["详情 · Detail", (step) => plain(Object.entries(step.detail).map((pair) => pair.join(": ")).join("; ") || null)],
    ],
  },
};

export const headings = (columns) => columns.map(([title]) => {
  const cell = put(make("th"), title);
  cell.scope = "col";
  return cell;
});

export const cells = (columns, row) => columns.map(([, cell]) => make("td", cell(row)));

export const unseen = (why) => WORDS.unseen[why] ?? why;
