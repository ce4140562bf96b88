// The sheet of paper: a report, the number proof of a day, or what both sides' records differ in.

import { ask, at, fetched, make, put, show } from "../common.js";
import { address, current, dayAfter } from "./address.js";
import { headings, unseen } from "./columns.js";
import { Part } from "./part.js";

const LATE = "统计超时；已结束的时段会继续统计，请稍后再试 · Not counted in time; a period that is over is counted on: try again shortly";

/** In a tree of its own, where the report's style and ours do not meet. */
const paper = at("sheet").attachShadow({ mode: "open" });

export const sheet = new Part(async (path, signal) => {
  const proof = path.startsWith("/v1/reports/number-proof");
  await waiting("正在统计 · Counting", (proof ? proven : printed)(path, signal));
  for (const [id, day] of [["previous", at("sheet").dataset.before], ["next", at("sheet").dataset.after]]) {
    show(id, Boolean(day));
    if (day) at(id).href = address({ day, rows: null, record: null });
  }
  show("sheet");
}, () => {
  paper.replaceChildren();
  at("sheet").replaceChildren();
  delete at("sheet").dataset.before;
  delete at("sheet").dataset.after;
  for (const id of ["sheet", "previous", "next"]) show(id, false);
});

/** As the API lays it out; its links lead to the rows on this page. */
async function printed(path, signal) {
  const { body } = await fetched(`${path}&format=page`, { signal }).catch((failure) => {
    throw failure.slug === "request-timeout" ? new Error(LATE) : failure;
  });
  const made = new DOMParser().parseFromString(await body.text(), "text/html");
  signal.throwIfAborted();
  for (const link of made.querySelectorAll("a[data-count]")) lead(link, link.dataset.rows, link.dataset.count);
  const { first, last } = made.body.dataset;
  if (first) beside(first, last);
  document.title = `${made.title} · Reports`;
  paper.replaceChildren(made.querySelector("style"), made.body);
}

async function proven(path, signal) {
  const proof = await ask(path, { signal });
  const list = (finding) => `/v1/handoffs?${new URLSearchParams({
    since: proof.since, until: proof.until, ...(finding && { number_proof: finding }),
  })}`;
  const unobserved = Object.entries(proof.not_observed);
  const lines = [
    ["提出的转接 · handoffs asked for", proof.handoffs, list()],
    ["对方已振铃 · the target rang or answered", proof.reached],
    ["对方所见一致 · the same number was shown", proof.equal, list("equal")],
    ["不一致 · another one was shown", proof.mismatched, list("mismatch")],
    ["来电未显示号码 · none had arrived", proof.withheld, list("withheld")],
    ["未能观察 · not observed", unobserved.reduce((sum, [, count]) => sum + count, 0), list("not-observed")],
    ...unobserved.map(([why, count]) => [`其中：${unseen(why)}`, count]),
  ];
  beside(proof.day, proof.day);
  document.title = `号码一致性日报 ${proof.day} · Reports`;
  at("sheet").replaceChildren(
    put(make("h2"), `主叫号码一致性日报 ${proof.day} · Number proof`),
    ...(proof.handoffs ? [] : [put(make("p"), "这一天没有转接 · No handoff was asked for in that day")]),
    make("table",
      make("thead", make("tr", ...headings([["项目 · Item"], ["转接 · Handoffs"]]))),
      make("tbody", ...lines.map((each) => make("tr", put(make("th"), each[0]), make("td", figure(...each.slice(1))))))),
  );
  paper.replaceChildren(make("slot"));
}

function figure(count, path) {
  if (!path) return String(count);
  const link = make("a", String(count));
  lead(link, path, count);
  return link;
}

function lead(link, path, count) {
  Object.assign(link.dataset, { rows: path, count });
  link.href = address({ rows: path, record: null });
}

function beside(first, last) {
  Object.assign(at("sheet").dataset, { before: dayAfter(first, -1), after: dayAfter(last) });
}

// ---------------------------------------------------------------- figures

export const linkOf = (path) => [...paper.querySelectorAll("a"), ...at("sheet").querySelectorAll("a")]
  .find((link) => link.dataset.rows === path);

/** What a list is according to the sheet, and how many rows it should have; nothing where the sheet does not say. */
export function figureOf(path) {
  const link = linkOf(path);
  if (!link) return null;
  const cell = link.closest("td");
  const [row, table] = [cell.parentElement, cell.closest("table")];
  const over = table.closest("section")?.querySelector("h2");
  const told = [over, row.cells[0], table.tHead.rows[0].cells[cell.cellIndex]].filter(Boolean);
  const title = told.map((each) => each.textContent.replace(/\s+/g, " ").trim()).join(" › ");
  return { title, count: Number(link.dataset.count) };
}

// ---------------------------------------------------------------- files, and waiting for them

let offered = null;

export async function download(format) {
  const { headers, body } = await waiting("正在生成 · Making the file", fetched(`${sheetPath()}&format=${format}`));
  if (offered) URL.revokeObjectURL(offered);
  offered = URL.createObjectURL(body);
  const link = make("a");
  link.href = offered;
  link.download = /filename="([^"]+)"/.exec(headers.get("Content-Disposition"))[1];
  link.click();
}

let waits = 0;

/** Says what is under way and for how long, until the work is done. */
async function waiting(text, work) {
  const began = Date.now();
  const tell = () => { at("seconds").textContent = `${Math.round((Date.now() - began) / 1000)} s`; };
  put(at("underway"), text);
  tell();
  const clock = setInterval(tell, 1000);
  waits += 1;
  show("progress");
  try {
    return await work;
  } finally {
    clearInterval(clock);
    waits -= 1;
    show("progress", waits > 0);
  }
}

/** The address of what the sheet should show, wanting a `format` yet where it comes as one. */
export function sheetPath() {
  const { view, kind, day } = current();
  const kinds = [...at("choose").elements.kind.options].map((option) => option.value);
  if (view === "reconciliation") return "/v1/reports/reconciliation?";
  if (view === "number-proof") return `/v1/reports/number-proof?${new URLSearchParams({ day })}`;
  if (view === "report" && kinds.includes(kind)) return `/v1/reports/${kind}?${new URLSearchParams({ day })}`;
  throw new Error("没有这种报表 · There is no such report");
}
