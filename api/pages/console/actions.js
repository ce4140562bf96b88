// What the keys do. Each action is a row: its key, its words, whether it can be done now, and what it does.
//
// A press has one idempotency key until the service has answered: a second press meanwhile, or one after an answer that
// was lost on the way, asks for the same thing and not for another.

import { ask, Refused } from "../common.js";
import { follow, read } from "./live.js";
import { cameFrom, iAmInRoom, isOver, linked, nameOf, otherLine, ownLine, redraw, rings, set, state, wrapUp } from "./state.js";

const POLICE = "110";
const TEXTS = {
  danger: "危险按钮：来电人处境危险 · panic key: the caller is in danger",
  first: "首接负责 · the first receiver keeps it",
  taken: "对方受理 · the other side takes it",
};

export const REASONS = ["不属本线职责 · not of this line", "已转错热线 · the wrong line", "来电人要求转回 · the caller asks for it", "信息不足 · not enough is known"];

const pressed = new Map();

function pressOf(name) {
  const about = `${name}/${state.call?.id}/${state.handoff?.id}`;
  if (!pressed.has(about)) {
    const random = crypto.getRandomValues(new Uint8Array(16)); // randomUUID wants HTTPS, which a desk phone's page does not
    pressed.set(about, `${state.seat.id}-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
  }
  return { key: pressed.get(about), done: () => pressed.delete(about) };
}

async function handOver(name, target, mode, more = {}) {
  const { key, done } = pressOf(name);
  const body = JSON.stringify({ call_id: state.call.id, mode, target, ...more });
  try {
    follow(await ask("/v1/handoffs", { method: "POST", body, headers: { "Idempotency-Key": key } }));
  } catch (failure) {
    if (failure instanceof Refused) done(); // it was refused: the next press is a new one
    throw failure;
  }
  done();
}

async function join(name, target) {
  if (!iAmInRoom()) return handOver(name, target, "conference");
  await ask(`/v1/conferences/${state.handoff.id}/participants`, { method: "POST", body: JSON.stringify({ target }) });
  return read();
}

const ofHandoff = (rest, method = "POST") => ask(`/v1/handoffs/${encodeURIComponent(state.handoff.id)}${rest}`, { method });
const phoneCall = () => state.phone?.call ?? null;
const talks = () => Boolean(state.call && state.call.state === "talking" && state.call.seat === state.seat.id);
const free = () => talks() && isOver(state.handoff);
const freeOrTaken = () => free() || (talks() && cameFrom() !== null);

/** Each: `id`, `key` as `KeyboardEvent` names it (with "Shift+"), `zh`, `en`, `can()`, `act()`, `tone` for its looks,
 *  `on()` where it is a state to be seen. Those without `act` are drawn and pressed elsewhere. */
export function actions() {
  const other = otherLine();
  return [
    { id: "danger", key: "F1", zh: "危险", en: "Panic", tone: "danger", can: () => freeOrTaken() || iAmInRoom() || rings(state.handoff), act: panic },
    { id: "answer", key: "F2", zh: "接听", en: "Answer", tone: "go", can: () => phoneCall()?.state === "ringing", act: () => state.phone.answer() },
    other && { id: "transfer", key: "F3", zh: `转${other.id}`, en: `To ${other.id}`, tone: "main", can: freeOrTaken, act: () => handOver("transfer", other.id, "transfer"), on: () => rings(state.handoff) && state.handoff.mode === "transfer" },
    other && { id: "three-way", key: "F4", zh: "三方通话", en: "Three-way", tone: "main", can: freeOrTaken, act: () => handOver("three-way", other.id, "conference"), on: () => iAmInRoom() || (rings(state.handoff) && state.handoff.mode === "conference") },
    { id: "undo", key: "F6", zh: "取消", en: "Undo", can: () => rings(state.handoff) && state.handoff.from_seat === state.seat.id, act: () => ofHandoff("", "DELETE") },
    { id: "return", key: "F7", zh: "退回", en: "Return", can: () => talks() && cameFrom() !== null, act: () => set({ returning: !state.returning }), on: () => state.returning },
    { id: "hold", key: "F8", zh: "保持", en: "Hold", can: () => phoneCall()?.state === "talking", act: () => state.phone.hold(!phoneCall().held), on: () => Boolean(phoneCall()?.held) },
    { id: "mute", key: "F9", zh: "静音", en: "Mute", can: () => Boolean(phoneCall()) && phoneCall().state !== "ringing", act: () => state.phone.mute(!phoneCall().muted), on: () => Boolean(phoneCall()?.muted) },
    { id: "complete", key: "F10", zh: "完成并登记", en: "Done, record it", can: () => iAmInRoom() || phoneCall()?.state === "talking", act: complete },
    { id: "hang-up", key: "Shift+F2", zh: "挂机", en: "Hang up", tone: "stop", can: () => Boolean(phoneCall()), act: () => state.phone.hangUp() },
    ...linked().map((line, place) => ({
      id: `join-${line.id}`, key: JOIN_KEYS[place] ?? null, zh: `加入${line.id}`, en: `Add ${line.id}`, title: line.name, tone: "join",
      can: () => freeOrTaken() || (iAmInRoom() && !isIn(line.id)), act: () => join(`join-${line.id}`, line.id), on: () => isIn(line.id),
    })),
  ].filter(Boolean);
}

const JOIN_KEYS = ["Shift+F3", "Shift+F4", "Shift+F6", "Shift+F7", "Shift+F8", "Shift+F9"];
const isIn = (target) => Boolean(state.conference?.participants.some((each) => each.target === target && each.state !== "left"))
  || (rings(state.handoff) && state.handoff.target === target);

/** One after the other, each of them once; `fail(text)` tells what went wrong. */
export async function perform(action, fail) {
  if (!action.can() || state.busy.has(action.id)) return;
  state.busy.add(action.id);
  redraw();
  try {
    await action.act();
  } catch (failure) {
    fail(failure.message);
    read();
  } finally {
    state.busy.delete(action.id);
    redraw();
  }
}

/** The supervisor is called in, the call is recorded from now on, and 110 is brought in: each of them, whatever becomes of
 *  the others. In a room the recording begins by itself; else a key does it, of which the caller hears nothing. */
async function panic() {
  if (!iAmInRoom()) state.phone?.record();
  const steps = [ask(`/v1/calls/${encodeURIComponent(state.call.id)}/danger`, { method: "POST" })];
  const police = state.lines.some((line) => line.id === POLICE) && ownLine()?.id !== POLICE && !isIn(POLICE);
  if (police && iAmInRoom()) steps.push(join("danger", POLICE));
  else if (police && freeOrTaken()) steps.push(handOver("danger", POLICE, "conference", { reason: TEXTS.danger }));
  const failed = (await Promise.allSettled(steps)).find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}

export async function giveBack(reason) {
  const line = cameFrom();
  if (!line) return;
  set({ returning: false });
  await handOver("return", line, "transfer", { reason });
}

/** Out of a three-way call the other side keeps the caller; the decision is asked for. Else the call is hung up. */
async function complete() {
  if (iAmInRoom()) {
    const { id, from_line: first, target, from_seat: seat } = state.handoff;
    wrapUp({ handoff: id, first, lines: [first, target].filter(Boolean), leaves: seat === state.seat.id, reason: "" });
    return;
  }
  state.phone.hangUp();
}

/** Who takes the matter of the three-way call; then the seat that began it leaves it. */
export async function decide(acceptedBy, reason) {
  const { handoff, first, leaves } = state.wrap;
  const said = reason || (acceptedBy === first ? TEXTS.first : TEXTS.taken);
  const body = JSON.stringify({ accepted_by: acceptedBy, reason: said });
  await ask(`/v1/conferences/${encodeURIComponent(handoff)}/decision`, { method: "POST", body });
  wrapUp(null);
  if (leaves) await ask(`/v1/handoffs/${encodeURIComponent(handoff)}/complete`, { method: "POST" });
}

export const describe = (handoff) => (handoff ? `${nameOf(handoff.target)} ${handoff.target}` : "");
