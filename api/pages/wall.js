// The hall in one look: who waits and how long, who sits where, what went wrong, what the day has brought.

import { ask, at, begin, clock, doing, local, meta, show, signedOut, token } from "./common.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { Stream } from "./console/stream.js";

const SECOND_MS = 1000;
const TOGETHER_MS = 100; // notices of one moment are one reading
const DAY_EVERY_MS = 60_000;
const SHIFT_MS = 8 * 3_600_000;
const FAILED = 8;
const ALARMS = 12;
const LONG_WAIT_SECONDS = 20;
const SEAT_STATES = {
  offline: "话机未上线 · offline", signed_out: "未签入 · signed out", paused: "示忙 · paused", idle: "空闲 · free", ringing: "振铃 · ringing", talking: "通话中 · talking",
};
const ALARM_TEXTS = {
  danger: "来电人处境危险 · caller in danger",
  number_mismatch: "对方看到的号码不一致 · the other side saw another number",
};
const DIRECTION_COLUMNS = ["handoffs", "diverted", "in_time_rate", "returned", "hung_up"];
const HOUR_COLUMNS = ["calls", "handoffs"];
const words = JSON.parse(meta("words"));

const known = { lines: [], seats: [], live: [], failed: [], day: null, alarms: [], stream: "down", may: new Set() };
let stream = null;
let reading = null;
let timers = [];

const two = (text) => {
  const [zh, ...en] = text.split(" · ");
  return html`${zh} <small>${en.join(" · ")}</small>`;
};
const word = (field, value) => words[field]?.[value] ?? value ?? "–";
const since = (moment) => Math.max(0, (Date.now() - new Date(moment).getTime()) / SECOND_MS);

// ---------------------------------------------------------------- drawing

function draw() {
  render(html`
    <p class="bar">
      <span class="lamp ${known.stream === "up" ? "good" : "bad"}" id="stream">${two(known.stream === "up" ? "实时 · live" : "服务断开，重连中 · the service is away, trying")}</span>
      <time>${local(Date.now())}</time>
      <button type="button" id="full" @click=${() => document.documentElement.requestFullscreen()}>${two("全屏 · Full screen")}</button>
    </p>
    ${known.alarms.length ? alarmsView() : nothing}
    <section class="tiles" aria-label="热线 · lines">${known.lines.map(lineView)}</section>
    <div class="halves">
      <section id="seats"><h2>${two("坐席 · Seats")}</h2>${seatsView()}</section>
      <section id="failed"><h2>${two("近期未接通的转接 · Handoffs that came back")}</h2>${failedView()}</section>
      <section id="day"><h2>${two("今日 · Today")}</h2>${dayView()}</section>
      ${tableView("directions", DIRECTION_COLUMNS, (row) => row.cells[0].value > 0)}
      ${tableView("hours", HOUR_COLUMNS, (row) => row.cells.some((cell) => cell.value > 0))}
    </div>`, at("wall"));
}

const alarmsView = () => html`<section id="alarms" role="alert"><h2>${two("告警 · Alarms")}</h2><ul>${known.alarms.map((alarm) => html`
  <li data-alarm=${alarm.alarm}><time>${local(alarm.at).split(" ").at(-1)}</time> ${two(ALARM_TEXTS[alarm.alarm] ?? alarm.alarm)}
    <b>${alarm.line ?? ""} ${alarm.seat ?? ""}</b> <small>${alarm.call_id}</small></li>`)}</ul>
  <button type="button" @click=${() => { known.alarms = []; draw(); }}>${two("已知悉 · Seen")}</button></section>`;

function lineView(line) {
  const waits = known.live.filter((call) => call.state === "waiting" && call.line === line.id).map((call) => since(call.arrived_at));
  const longest = Math.max(0, ...waits);
  return html`<article data-line=${line.id} class=${longest > LONG_WAIT_SECONDS ? "late" : ""}>
    <h2>${line.id} <small>${line.name}</small></h2>
    <dl><div><dt>${two("等待 · waiting")}</dt><dd data-figure="waiting">${line.waiting}</dd></div>
      <div><dt>${two("最久 · longest")}</dt><dd data-figure="longest">${waits.length ? clock(longest) : "–"}</dd></div>
      <div><dt>${two("通话 · talking")}</dt><dd data-figure="talking">${line.talking}</dd></div>
      ${line.kind === "line" ? html`<div><dt>${two("空闲席 · free")}</dt><dd data-figure="free">${line.seats_free}</dd></div>` : nothing}</dl>
  </article>`;
}

function seatsView() {
  return html`<table><thead><tr><th>${two("坐席 · Seat")}</th><th>${two("状态 · State")}</th><th>${two("人员 · Who")}</th><th></th></tr></thead>
    <tbody>${known.seats.map((seat) => html`<tr data-seat=${seat.id} data-state=${seat.state}>
      <td>${seat.id} <small>${seat.name}</small></td><td>${two(SEAT_STATES[seat.state] ?? seat.state)} ${seat.paused_reason && seat.state === "paused" ? html`<small>${seat.paused_reason}</small>` : nothing}</td>
      <td>${seat.user ?? "–"}</td><td>${seat.user && known.may.has("manage-seats")
    ? html`<button type="button" @click=${leaves(seat.id)}>${two("签出 · Sign out")}</button>` : nothing}</td></tr>`)}</tbody></table>`;
}

const leaves = (seat) => doing(async () => {
  await ask(`/v1/seats/${seat}/sign-out`, { method: "POST" });
  read();
});

const failedView = () => (known.failed.length ? html`<ol>${known.failed.map((handoff) => html`<li data-handoff=${handoff.id}>
    <time>${local(handoff.created_at).split(" ").at(-1)}</time> ${handoff.from_line ?? "–"} → ${handoff.target}
    <b>${two(word("outcome", handoff.outcome))}</b> ${two(word("resolution", handoff.resolution))} <small>${handoff.original_caller ?? ""}</small></li>`)}</ol>`
  : html`<p>${two("八小时内没有 · None in eight hours")}</p>`);

function dayView() {
  const overview = known.day?.sections[0];
  if (!overview) return html`<p>${two(known.may.has("reports") ? "正在统计 · Counting" : "您的角色不能查看报表 · Not for your role")}</p>`;
  return html`<dl>${overview.rows.map((row) => html`<div><dt>${two(`${row.title.zh} · ${row.title.en}`)}</dt><dd>${shown(row.cells[0])}</dd></div>`)}</dl>`;
}

/** A table of the day's report: these columns of the rows that have something to tell; the first one as a bar as well. */
function tableView(id, names, tells) {
  const section = known.day?.sections.find((each) => each.id === id);
  const rows = section?.rows.filter(tells) ?? [];
  if (!rows.length) return nothing;
  const columns = names.map((name) => section.columns.findIndex((each) => each.id === name)).filter((place) => place >= 0);
  const most = Math.max(...rows.map((row) => row.cells[columns[0]].value ?? 0));
  return html`<section id=${id}><h2>${both(section.title)}</h2><table>
    <thead><tr><th></th>${columns.map((place) => html`<th>${both(section.columns[place].title)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr data-row=${row.id}><td>${both(row.title)}</td>${columns.map((place, first) => html`<td>${shown(row.cells[place])}
      ${first === 0 ? html`<meter min="0" max=${most} .value=${row.cells[place].value ?? 0} aria-hidden="true"></meter>` : nothing}</td>`)}</tr>`)}</tbody></table></section>`;
}

const both = (title) => two(title.en ? `${title.zh} · ${title.en}` : title.zh);

function shown(cell) {
  if (!cell || cell.value === null) return "–";
  if (cell.unit === "share") return `${(cell.value * 100).toFixed(1)} %`;
  return cell.unit === "ms" ? clock(cell.value / 1000) : cell.value;
}

// ---------------------------------------------------------------- reading

const startOfShift = () => new Date(Date.now() - SHIFT_MS).toISOString();

/** Soon, once for all that happened in the same moment. */
function read() {
  reading ??= setTimeout(async () => {
    reading = null;
    try {
      const came = `/v1/handoffs?since=${encodeURIComponent(startOfShift())}&returned=true&limit=${FAILED}`;
      const [lines, seats, live, failed] = await Promise.all([ask("/v1/lines"), ask("/v1/seats"), ask("/v1/calls/live"), ask(came)]);
      Object.assign(known, { lines, seats, live, failed: failed.items });
      draw();
    } catch {
      if (token()) setTimeout(read, DAY_EVERY_MS / 10); // the service or its database is away for the moment
    }
  }, TOGETHER_MS);
}

async function readDay() {
  if (!known.may.has("reports")) return;
  known.day = await ask("/v1/reports/day").catch(() => known.day);
  draw();
}

function tell(kind, data) {
  if (kind === "alarm") known.alarms = [{ ...data, at: Date.now() }, ...known.alarms].slice(0, ALARMS);
  read();
}

// ---------------------------------------------------------------- signing in

async function opened() {
  const who = await ask("/v1/sessions/current");
  known.may = new Set(who.permissions);
  show("wall");
  draw();
  stream = new Stream(tell, (state) => {
    if (state === "over") return signedOut();
    known.stream = state;
    return draw();
  });
  stream.run();
  timers = [setInterval(draw, SECOND_MS), setInterval(readDay, DAY_EVERY_MS)];
  await readDay();
}

function closed() {
  stream?.stop();
  timers.forEach((timer) => clearInterval(timer));
  Object.assign(known, { lines: [], seats: [], live: [], failed: [], day: null, alarms: [] });
  render("", at("wall"));
  show("wall", false);
}

begin(opened, closed);
