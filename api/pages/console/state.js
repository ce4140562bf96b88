// What the page knows, in one place. A change draws the page anew, once for all that changed in the same moment.

export const state = {
  who: null, // of the sign-in
  seat: null, // SeatOut
  lines: [],
  stream: "down",
  phone: null, // the softphone; null at a desk phone and while another tab has it
  elsewhere: false, // another tab has this seat's phone
  call: null, // CallOut of the call that this seat has
  handoff: null, // HandoffOut of that call: the newest that this seat is part of
  conference: null, // ConferenceOut of that handoff
  earlier: [], // what was before on this number
  busy: new Set(), // actions that are under way
  returning: false, // the reasons for a return are shown
  devices: null, // shown when not null
  wrap: null, // what is entered after a call
};

let draw = () => {};
let asked = false;

export function drawnBy(render) {
  draw = render;
}

export function set(change) {
  Object.assign(state, change);
  redraw();
}

export function redraw() {
  if (asked) return;
  asked = true;
  queueMicrotask(() => { asked = false; draw(); });
}

export const isOver = (handoff) => !handoff || handoff.state === "ended";
export const rings = (handoff) => Boolean(handoff) && ["requested", "redirected", "ringing"].includes(handoff.state);

const WRAP = "hotline-wrap";

/** What is entered about a call is there again when the page is loaded again; null: it is done with. */
export function wrapUp(wrap) {
  if (wrap) sessionStorage.setItem(WRAP, JSON.stringify({ ...wrap, seat: state.seat.id }));
  else sessionStorage.removeItem(WRAP);
  set({ wrap });
}

export function wrapKept(seat) {
  const kept = JSON.parse(sessionStorage.getItem(WRAP) ?? "null");
  return kept?.seat === seat ? kept : null;
}

/** The line of this seat's own hall, and the one on the other side of it. */
export const ownLine = () => state.lines.find((line) => state.seat?.lines.includes(line.id)) ?? null;
export const otherLine = () => state.lines.find((line) => line.kind === "line" && !state.seat?.lines.includes(line.id)) ?? null;
export const linked = () => state.lines.filter((line) => line.kind === "linked");
export const nameOf = (id) => state.lines.find((line) => line.id === id)?.name ?? id;
/** Whoever was handed this call gives it back to who handed it over. */
export const cameFrom = () => {
  const { handoff, seat } = state;
  return handoff && handoff.target_seat === seat?.id && handoff.mode === "transfer" && handoff.outcome === "answered" ? handoff.from_line : null;
};
export const iAmInRoom = () => Boolean(state.conference && !state.conference.over && state.handoff?.state === "answered");
