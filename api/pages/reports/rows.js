// The rows that a figure was counted from, page by page until all are there.

import { ask, at, doing, make, put, show } from "../common.js";
import { address } from "./address.js";
import { COLUMNS, cells, headings } from "./columns.js";
import { Part } from "./part.js";
import { listen, recordingsOf } from "./recordings.js";
import { figureOf } from "./sheet.js";

const PAGE = 100;
const TITLES = { calls: "通话 · Calls", handoffs: "转接记录 · Handoffs" };

let list = null;

export const rows = new Part(async (path, signal) => {
  const of = /^\/v1\/(calls|handoffs)\?/.exec(path)?.[1];
  if (!of) throw new Error("链接有误，没有这样的列表 · The link is wrong: there is no such list");
  list = { of, path, signal, cursor: null, count: 0, begun: false, all: false };
  at("rows-head").replaceChildren(...headings([...COLUMNS[of], ["录音 · Recording"]]));
  describe();
  await more(list);
}, () => {
  list = null;
  for (const id of ["rows-title", "rows-count", "rows-head", "rows-body"]) at(id).replaceChildren();
  for (const id of ["rows-more", "rows-all"]) show(id, false);
});

async function more(mine) {
  at("rows-more").disabled = true;
  try {
    const query = new URLSearchParams({ limit: PAGE, ...(mine.cursor && { cursor: mine.cursor }) });
    const page = await ask(`${mine.path}&${query}`, { signal: mine.signal });
    const recorded = await recordingsOf([...new Set(page.items.map((row) => callOf(mine, row)))], mine.signal);
    at("rows-body").append(...page.items.map((row) => line(mine, row, recorded)));
    mine.begun = true;
    mine.cursor = page.next_cursor;
    mine.count += page.items.length;
  } finally {
    at("rows-more").disabled = false;
  }
  describe();
}

const callOf = (mine, row) => (mine.of === "calls" ? row.id : row.call_id);

function line(mine, row, recorded) {
  const [first, ...others] = cells(COLUMNS[mine.of], row);
  const lead = make("a", ...first.childNodes);
  lead.href = address({ record: `${mine.of}/${row.id}` });
  first.append(lead);
  const call = callOf(mine, row);
  return make("tr", first, ...others, make("td", listen(call, recorded.get(call))));
}

/** Anew when the report comes in, too: it knows what the rows are and how many there should be. */
export function describe() {
  if (!list) return;
  const figure = figureOf(list.path);
  if (figure) at("rows-title").textContent = figure.title;
  else put(at("rows-title"), TITLES[list.of]);
  put(at("rows-count"), list.begun ? counted(figure) : "正在载入 · Loading");
  show("rows-more", Boolean(list.cursor));
  show("rows-all", Boolean(list.cursor));
  put(at("rows-all"), list.all ? "停止 · Stop" : "全部载入 · Load all");
}

function counted(figure) {
  const { count, cursor } = list;
  if (cursor) {
    return figure
      ? `已载入 ${count} / ${figure.count} 行 · ${count} of ${figure.count} rows loaded`
      : `已载入 ${count} 行，还有更多 · ${count} rows loaded, there are more`;
  }
  if (figure && figure.count !== count) {
    return `共 ${count} 行；报表生成时为 ${figure.count} 行，此后有变动 · ${count} rows; ${figure.count} when the report was made`;
  }
  if (!count) return "没有记录 · No rows";
  return figure ? `共 ${count} 行，与报表一致 · ${count} rows, as the report says` : `共 ${count} 行 · ${count} rows`;
}

at("rows-more").addEventListener("click", doing(() => more(list)));

at("rows-all").addEventListener("click", doing(async () => {
  const mine = list;
  mine.all = !mine.all;
  describe();
  try {
    while (mine === list && mine.all && mine.cursor) await more(mine);
  } finally {
    mine.all = false;
    describe();
  }
}));
