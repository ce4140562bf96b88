// What happens on the seat's call, as the service tells it: each notice is small, and what it is about is read anew.

import { ask } from "../common.js";
import { iAmInRoom, set, state } from "./state.js";

const AFTER_MS = 30; // several notices of one moment are one reading
const EARLIER = 6;
const MOST_CALLS = 500;

const newest = new Map(); // the newest handoff of each call, as far as notices told of it
let followed = null; // the id of the handoff that is shown
let waiting = null;
let again = false;

/** `kind` null: all anew. */
export function tell(kind, data) {
  const { seat, call, handoff } = state;
  if (kind === "handoff") {
    if (!newest.has(data.call_id) || data.state !== "ended") newest.set(data.call_id, data.id);
    if (newest.size > MOST_CALLS) newest.delete(newest.keys().next().value);
    if (data.call_id === call?.id || (data.from_seat === seat.id && !call)) followed = newest.get(data.call_id);
    if (data.id === handoff?.id) set({ handoff: { ...handoff, ...data } });
  }
  const about = data ?? {};
  if (kind === null || kind === "link" || about.seat === seat.id || [about.id, about.call_id].some((id) => id && [seat.id, call?.id, followed].includes(id))) read();
}

/** A handoff that this page has asked for itself. */
export function follow(handoff) {
  followed = handoff.id;
  newest.set(handoff.call_id, handoff.id);
  set({ handoff });
  read();
}

/** Soon; asked again while it reads, it reads once more. */
export function read() {
  if (waiting) {
    again = true;
    return;
  }
  waiting = setTimeout(async () => {
    try {
      await refresh();
    } catch {
      setTimeout(read, 2000); // the service or its database is away for the moment
    } finally {
      waiting = null;
      if (again) {
        again = false;
        read();
      }
    }
  }, AFTER_MS);
}

async function refresh() {
  const [seats, lines] = await Promise.all([ask("/v1/seats"), ask("/v1/lines")]);
  const seat = seats.find((each) => each.id === state.seat.id) ?? state.seat;
  const before = state.call?.id;
  if (!seat.call_id) {
    set({ seat, lines, call: null });
    if (followed) await refreshHandoff(followed);
    return;
  }
  if (seat.call_id !== before) followed = null;
  const call = await ask(`/v1/calls/${encodeURIComponent(seat.call_id)}`);
  set({ seat, lines, call, ...(call.id === before ? {} : { handoff: null, conference: null, returning: false, earlier: [] }) });
  followed ??= newest.get(call.id) ?? await newestOf(call);
  if (followed) await refreshHandoff(followed);
  if (call.id !== before) await lookBack(call);
}

/** For a page that was not there when it began. */
async function newestOf(call) {
  const { items } = await ask(`/v1/handoffs?call_id=${encodeURIComponent(call.id)}&limit=1`).catch(() => ({ items: [] }));
  return items[0]?.id ?? null;
}

async function refreshHandoff(id) {
  const handoff = await ask(`/v1/handoffs/${encodeURIComponent(id)}`);
  const conference = handoff.mode === "conference" && handoff.state !== "requested"
    ? await ask(`/v1/conferences/${encodeURIComponent(id)}`).catch(() => null) : null;
  set({ handoff, conference });
  const party = handoff.from_seat === state.seat.id ? "seat" : "target";
  state.phone?.isIn(iAmInRoom() ? { id, party } : null);
}

/** What this caller called for before; the call itself goes on without it. */
async function lookBack(call) {
  set({ earlier: [] });
  try {
    const { items } = await ask(`/v1/calls?same_caller_as=${encodeURIComponent(call.id)}&limit=${EARLIER}`);
    if (state.call?.id === call.id) set({ earlier: items.filter((each) => each.id !== call.id) });
  } catch {
    set({ earlier: [] });
  }
}
