// A call as a picture: its parties below each other over time, who rang, who talked, and what was handed over when.

import { clock } from "../common.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const LABELS = 220;
const ROW = 30;
const BAR = 16;
const HEAD = 24;
const TICKS = 5;
const SHORTEST = 2;

const time = (moment) => new Date(moment).getTime();

/** What is drawn, from top to bottom: `{label, href, bars: [{kind, from, to}], marks: [{at, title}]}`, times in ms.
 *  `word(field, value)` and the labels are "中文 · English". Pure. */
export function rows(call, handoffs, word, now) {
  const end = call.ended_at ? time(call.ended_at) : now;
  const legs = call.legs.map((leg) => {
    const ended = leg.ended_at ? time(leg.ended_at) : end;
    const answered = leg.answered_at ? time(leg.answered_at) : ended;
    const mine = leg.uniqueid === call.id;
    return {
      from: time(leg.created_at),
      label: mine ? `来电人 · caller ${leg.number}` : leg.seat ? `坐席 · seat ${leg.seat}` : `对方 · party ${leg.number}`,
      bars: [{ kind: "ring", from: time(leg.created_at), to: answered }, { kind: "talk", from: answered, to: ended }],
      marks: [],
    };
  });
  const moved = handoffs.map((handoff) => {
    const steps = handoff.timeline.map((step) => ({ at: time(step.at), title: word("step", step.event), event: step.event }));
    const until = handoff.ended_at ? time(handoff.ended_at) : end;
    const answered = steps.find((step) => step.event === "answers")?.at ?? until;
    return {
      from: time(handoff.created_at),
      label: `${word("mode", handoff.mode)} → ${handoff.target}`,
      outcome: handoff.outcome ? word("outcome", handoff.outcome) : null,
      href: `handoffs/${handoff.id}`,
      bars: [{ kind: "asked", from: time(handoff.created_at), to: answered }, { kind: "given", from: answered, to: until }],
      marks: steps,
    };
  });
  return [...legs, ...moved]
    .map((row) => ({ ...row, bars: row.bars.filter((bar) => bar.to > bar.from) }))
    .sort((one, other) => one.from - other.from);
}

/** The picture; `address(record)` is where a record is shown. What it says also stands in the table below it. */
export function ladder(call, handoffs, word, address, now = Date.now()) {
  const all = rows(call, handoffs, word, now);
  const begin = Math.min(time(call.arrived_at), ...all.map((row) => row.from));
  const end = Math.max(call.ended_at ? time(call.ended_at) : now, begin + 1, ...all.flatMap((row) => row.bars.map((bar) => bar.to)));
  const x = (at) => LABELS + ((at - begin) / (end - begin)) * (WIDTH - LABELS - 10);
  const height = HEAD + all.length * ROW;
  const picture = shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", class: "ladder", "aria-label": "通话经过 · The call over time" });
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const at = begin + ((end - begin) * tick) / TICKS;
    picture.append(
      shape("line", { x1: x(at), x2: x(at), y1: HEAD - 6, y2: height, class: "tick" }),
      text("text", { x: x(at), y: 12, class: "tick", "text-anchor": tick === TICKS ? "end" : "middle" }, clock((at - begin) / 1000)),
    );
  }
  all.forEach((row, place) => picture.append(...drawn(row, HEAD + place * ROW, x, address)));
  return picture;
}

function drawn(row, top, x, address) {
  const label = text("text", { x: 0, y: top + 12 }, row.label);
  const bars = row.bars.map((bar) => {
    const box = shape("rect", { x: x(bar.from), y: top, height: BAR, width: Math.max(SHORTEST, x(bar.to) - x(bar.from)), class: bar.kind });
    box.append(text("title", {}, `${KINDS[bar.kind]} ${clock((bar.to - bar.from) / 1000)}`));
    return box;
  });
  const marks = row.marks.map((mark) => {
    const dot = shape("circle", { cx: x(mark.at), cy: top + BAR / 2, r: 4, class: "mark" });
    dot.append(text("title", {}, mark.title));
    return dot;
  });
  const outcome = row.outcome ? [text("text", { x: x(row.bars.at(-1)?.to ?? row.from) - 6, y: top + 12, "text-anchor": "end", class: "outcome" }, row.outcome)] : [];
  if (!row.href) return [label, ...bars, ...marks];
  const link = shape("a", { href: address(row.href) });
  link.append(label);
  return [link, ...bars, ...marks, ...outcome];
}

const KINDS = { ring: "振铃 · rings", talk: "通话 · talks", asked: "转接中 · being handed over", given: "已接通 · handed over" };

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}

function text(name, attributes, content) {
  const element = shape(name, attributes);
  element.textContent = content;
  return element;
}
