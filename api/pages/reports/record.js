// One call or handoff with all that is on record of it.

import { ask, at, make, put } from "../common.js";
import { address } from "./address.js";
import { cells, FIELDS, headings, STORY, wordFor } from "./columns.js";
import { Part } from "./part.js";
import { ladder } from "./ladder.js";
import { listen, recordingsOf } from "./recordings.js";

const MOST_HANDOFFS = 20; // more than the dialplan lets a call be handed over
const TITLES = { calls: "通话 · Call", handoffs: "转接 · Handoff" };

export const record = new Part(async (path, signal) => {
  const [, of, id] = /^(calls|handoffs)\/([A-Za-z0-9_.:+-]{1,128})$/.exec(path) ?? [];
  if (!of) throw new Error("链接有误，没有这样的记录 · The link is wrong: there is no such record");
  put(at("record-title"), TITLES[of]);
  const found = await ask(`/v1/${of}/${encodeURIComponent(id)}`, { signal });
  draw(of, found);
  if (of === "calls") await drawLadder(found, signal);
  const call = of === "calls" ? id : found.call_id;
  const recorded = await recordingsOf([call], signal);
  at("record-leads").append(" ", listen(call, recorded.get(call)));
}, () => {
  for (const part of ["title", "leads", "ladder", "fields", "table"]) at(`record-${part}`).replaceChildren();
});

function draw(of, found) {
  const values = cells(FIELDS[of], found);
  at("record-fields").replaceChildren(...FIELDS[of].flatMap(([title], place) => [
    put(make("dt"), title),
    make("dd", ...values[place].childNodes),
  ]));
  const story = STORY[of];
  at("record-table").replaceChildren(
    make("thead", make("tr", ...headings(story.columns))),
    make("tbody", ...story.rows(found).map((row) => make("tr", ...cells(story.columns, row)))),
  );
  at("record-leads").replaceChildren(of === "calls" ? handoffsOf(found.id) : callOf(found.call_id));
}

async function drawLadder(call, signal) {
  const { items } = await ask(`/v1/handoffs?${new URLSearchParams({ call_id: call.id, limit: MOST_HANDOFFS })}`, { signal });
  at("record-ladder").replaceChildren(ladder(call, items, wordFor, (record) => address({ record })));
}

function handoffsOf(call) {
  const link = put(make("a"), "此通话的转接 · Handoffs of this call");
  link.href = address({ rows: `/v1/handoffs?${new URLSearchParams({ call_id: call })}`, record: null });
  return link;
}

function callOf(call) {
  const link = put(make("a"), "所属通话 · The call");
  link.href = address({ record: `calls/${call}` });
  return link;
}
