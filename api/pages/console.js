// The seat's console: a phone, one-key buttons, and what happens on the call. It asks the documented API and Asterisk.

import { ask, at, begin, complain, doing, put, session, show, signedOut, take } from "./common.js";
import { render } from "./vendor/lit-html.js";
import { actions, decide, giveBack, perform, REASONS } from "./console/actions.js";
import { openDevices } from "./console/forms.js";
import { read, tell } from "./console/live.js";
import { kept, Meter, NoMicrophone } from "./console/microphone.js";
import { Phone } from "./console/phone.js";
import { quiet, ring } from "./console/ringer.js";
import { drawnBy, redraw, set, state, wrapKept, wrapUp } from "./console/state.js";
import { Stream } from "./console/stream.js";
import { closeForms, deskView, pauseView, seatsView, statusView } from "./console/view.js";

const SECOND_MS = 1000;
const METERS_MS = 100;
const LOCKED_MS = 3000; // a page that is loaded again finds the lock of its earlier self for a moment
const WANTED = { wall: "any-call", reports: "reports", playback: "play-recordings" };
const tabs = new BroadcastChannel("hotline-console");
const mine = new Meter();
const theirs = new Meter();

let stream = null;
let release = null;
let timers = [];

const say = (text) => { at("said").textContent = text; };

// ---------------------------------------------------------------- drawing

drawnBy(() => {
  render(state.seat ? [statusView(), pauseView(pressed)] : "", at("status"));
  if (state.seat) render(deskView(press), at("desk"));
});

function press(action) {
  perform(action, complain).then(() => { if (action.id === "answer") quiet(); });
}

const pressed = doing(async (which) => {
  if (which === "devices") {
    if (state.devices) set({ devices: null });
    else await openDevices();
    return;
  }
  const body = JSON.stringify(state.seat.state === "paused" ? { resume: true } : { reason: "示忙" });
  set({ seat: await ask(`/v1/seats/${state.seat.id}/pause`, { method: "POST", body }) });
});

function showLevels() {
  if (!at("mine") || !state.phone) return;
  if (theirs.stream !== state.phone.heard) theirs.listen(state.phone.heard);
  at("mine").value = mine.level;
  at("theirs").value = theirs.level;
}

// ---------------------------------------------------------------- keys

addEventListener("keydown", (event) => {
  if (!state.seat || event.isComposing || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.closest("input, select, textarea") && !/^(F\d+|Escape)$/.test(event.key);
  if (typing) return;
  const taken = digit(event.key) ?? named(event);
  if (!taken) return;
  event.preventDefault();
  taken();
});

function named(event) {
  if (event.key === "Escape") {
    if (state.wrap || state.devices || state.returning) return closeForms;
    const undo = actions().find((action) => action.id === "undo");
    return undo.can() ? () => press(undo) : null;
  }
  const key = event.shiftKey ? `Shift+${event.key}` : event.key;
  const action = actions().find((each) => each.key === key);
  return action ? () => press(action) : null;
}

/** The choices that are shown, by number; else a digit is a tone on the line. */
function digit(key) {
  const place = "123456789".indexOf(key);
  if (state.wrap && place >= 0) {
    const line = state.wrap.lines[place];
    return line ? doing(() => decide(line, state.wrap.reason.trim())) : null;
  }
  if (state.returning && place >= 0) {
    return REASONS[place] ? () => press({ id: "give-back", can: () => state.returning, act: () => giveBack(REASONS[place]) }) : null;
  }
  if (/^[0-9*#]$/.test(key) && state.phone?.call?.state === "talking") return () => state.phone.tones(key);
  return null;
}

// ---------------------------------------------------------------- the phone

async function takePhone() {
  const account = await ask(`/v1/seats/${state.seat.id}/phone`);
  if (account.kind === "desk") return;
  const ours = await locked(`hotline-phone-${account.seat}`);
  set({ elsewhere: !ours });
  if (!ours) return;
  const phone = new Phone(account, at("speaker"));
  phone.autoAnswer = () => Boolean(kept().answers);
  phone.addEventListener("change", () => phoneChanged(phone));
  phone.addEventListener("moved", ({ detail }) => walkInAgain(detail));
  phone.addEventListener("over", () => { quiet(); say("通话结束 · the call is over"); read(); });
  try {
    await phone.start();
  } catch (failure) {
    releasePhone();
    if (failure instanceof NoMicrophone) return complain(failure.message);
    throw failure;
  }
  mine.listen(phone.stream);
  set({ phone });
}

/** Out of the room and in again: only then is a voice from elsewhere heard there (dialog.js). Without the service it
 *  comes back by itself, later. */
async function walkInAgain(room) {
  if (!room) return;
  const mine = `/v1/conferences/${encodeURIComponent(room.id)}/participants/${room.party}`;
  try {
    await ask(`${mine}/hold`, { method: "POST" });
    await ask(`${mine}/unhold`, { method: "POST" });
  } catch (failure) {
    complain(failure.message);
  }
}

let before = null;

function phoneChanged(phone) {
  const now = phone.call?.state ?? null;
  if (now !== before) {
    if (now === "ringing" && !kept().answers) ring();
    else quiet();
    if (now === "ringing") say(`来电 ${phone.call.number} · a call`);
    before = now;
  }
  redraw();
}

/** True when this tab has the seat's phone from now on, until it is released. */
async function locked(name) {
  const late = AbortSignal.timeout(LOCKED_MS);
  return new Promise((resolve) => {
    navigator.locks.request(name, { signal: late }, () => {
      resolve(true);
      return new Promise((done) => { release = done; });
    }).catch(() => resolve(false));
  });
}

function releasePhone() {
  release?.();
  release = null;
}

document.addEventListener("take-phone", doing(async () => {
  tabs.postMessage({ kind: "wanted", seat: state.seat.id });
  await takePhone();
  if (state.elsewhere) complain("另一标签页正在通话，结束后再试 · The other tab is in a call: try again when it is over");
}));

tabs.addEventListener("message", ({ data }) => {
  if (data.kind === "signed-out" && state.seat && data.seat === state.seat.id) signedOut();
  if (data.kind === "wanted" && data.seat === state.seat?.id && state.phone && !state.phone.call) {
    state.phone.stop();
    releasePhone();
    set({ phone: null, elsewhere: true });
  }
});

// ---------------------------------------------------------------- signing in

async function opened() {
  const who = await ask("/v1/sessions/current");
  set({ who });
  for (const link of document.querySelectorAll("#menu [data-page]")) {
    link.hidden = !who.permissions.includes(WANTED[link.dataset.page]);
  }
  if (who.seat) await seated(who.seat);
  else if (state.seat) await sit(state.seat.id); // whose sign-in ended in mid-call
  else await chooseSeat(who);
}

async function sit(seat) {
  take(await ask(`/v1/seats/${seat}/sign-in`, { method: "POST" }));
  await opened();
}

async function chooseSeat(who) {
  const mine = session()?.seats ?? [];
  const seats = (await ask("/v1/seats")).filter((seat) => mine.includes(seat.id));
  show("desk");
  if (!who.permissions.includes("sit")) {
    render(put(document.createElement("p"), "您的角色没有坐席；请用上方菜单 · Your role has no seat: use the menu above"), at("desk"));
    return;
  }
  render(seatsView(seats, doing(sit)), at("desk"));
}

async function seated(id) {
  const seat = (await ask("/v1/seats")).find((each) => each.id === id);
  set({ seat, wrap: wrapKept(id) });
  show("desk");
  if (!stream) {
    stream = new Stream(tell, (what) => {
      if (what === "over") signedOut();
      else set({ stream: what });
    });
    stream.run();
    timers = [setInterval(redraw, SECOND_MS), setInterval(showLevels, METERS_MS)];
  }
  if (!state.phone) await takePhone();
}

/** A call goes on while its seat has to sign in anew. */
function closed() {
  stream?.stop();
  stream = null;
  timers.forEach(clearInterval);
  if (state.phone?.call) return;
  state.phone?.stop();
  mine.close();
  theirs.close();
  releasePhone();
  set({ phone: null, seat: null, call: null, handoff: null, conference: null });
  render("", at("desk"));
  show("desk", false);
}

async function leave() {
  const { seat } = state;
  if (!seat) return false;
  if (state.phone?.call) throw new Error("通话中不能签出 · Not while you are in a call");
  await ask(`/v1/seats/${seat.id}/sign-out`, { method: "POST" });
  tabs.postMessage({ kind: "signed-out", seat: seat.id });
  wrapUp(null);
  signedOut(); // the seat's token ended with it
  return true;
}

begin(opened, closed, leave);
