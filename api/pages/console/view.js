// The page as it follows from the state: one function for each part of it.

import { html, nothing } from "../vendor/lit-html.js";
import { clock, local, session } from "../common.js";
import { actions, describe, giveBack, REASONS } from "./actions.js";
import { devicesView, wrapView } from "./forms.js";
import { iAmInRoom, nameOf, rings, set, state, wrapUp } from "./state.js";

const ENDS_SOON_MS = 15 * 60_000;
const words = JSON.parse(document.querySelector("meta[name=words]").content);

export const two = (text) => {
  const [zh, ...en] = text.split(" · ");
  return html`${zh} <small>${en.join(" · ")}</small>`;
};
export const word = (field, value) => words[field]?.[value] ?? value ?? "–";

const SEAT_STATES = {
  offline: "话机未上线 · phone offline", signed_out: "未签入 · signed out", paused: "示忙 · paused",
  idle: "空闲 · free", ringing: "振铃 · ringing", talking: "通话中 · talking",
};

const seconds = (since) => clock((Date.now() - new Date(since).getTime()) / 1000);

// ---------------------------------------------------------------- above

export function statusView() {
  const { seat, phone, stream } = state;
  if (!seat) return nothing;
  const lamp = (id, good, text) => html`<span class="lamp ${good ? "good" : "bad"}" data-lamp=${id}>${two(text)}</span>`;
  return html`
    <strong id="seat" data-seat=${seat.id}>${seat.id} <small>${seat.name}</small></strong>
    <span id="seat-state" data-state=${seat.state}>${two(SEAT_STATES[seat.state] ?? seat.state)}</span>
    ${phone ? lamp("phone", phone.registered, phone.registered ? "话机已注册 · phone ready" : phone.connected ? "正在注册 · registering" : "与交换机断开，重连中 · no way to Asterisk, trying") : nothing}
    ${endsSoon() ? html`<span class="lamp bad" id="ends">${two(`登录将于 ${local(session().expires_at).split(" ").at(-1)} 到期 · the sign-in ends then`)}</span>` : nothing}
    ${lamp("stream", stream === "up", stream === "up" ? "服务已连接 · service" : "服务断开，重连中；通话不受影响 · service away, trying; calls go on")}`;
}

const endsSoon = () => {
  const at = session()?.expires_at;
  return at && new Date(at).getTime() - Date.now() < ENDS_SOON_MS;
};

// ---------------------------------------------------------------- the desk

export function deskView(press) {
  return html`
    ${state.elsewhere ? elsewhereView() : nothing}
    ${state.phone?.problem ? html`<p class="warning" role="alert" id="phone-problem">${two(state.phone.problem)}</p>` : nothing}
    <div class="desk">
      ${callerView()}
      ${buttonsView(press)}
      ${besideView(press)}
    </div>
    ${state.wrap ? wrapView() : nothing}
    ${state.devices ? devicesView() : nothing}`;
}

const elsewhereView = () => html`<p class="warning" role="alert" id="elsewhere">
  ${two("本坐席的话机正在另一标签页使用 · This seat's phone is in use in another tab")}
  <button type="button" @click=${() => document.dispatchEvent(new Event("take-phone"))}>${two("在此使用 · Use it here")}</button></p>`;

const CALL_STATES = {
  ringing: "来电振铃 · ringing", answering: "正在接听 · answering", talking: "通话中 · talking",
  testing: "回声测试：请说话，应听到自己 · Echo test: speak, and hear yourself",
  lost: "声音中断，正在恢复；来电人仍在线 · sound lost, coming back; the caller is still there",
};

function callerView() {
  const sip = state.phone?.call;
  const { call, earlier } = state;
  const number = call?.original_caller ?? sip?.number ?? null;
  const shown = sip?.state ?? call?.state;
  return html`<section class="caller" aria-label="来电 · the caller">
    ${!sip && !call ? html`<p id="nobody" class="nobody">${two("没有通话，等待来电 · No call: waiting")}</p>` : html`
      <p id="call-state" data-state=${shown}>${two(CALL_STATES[shown] ?? word("call_state", shown))}
        ${sip?.held ? html`<b id="held">${two("已保持 · on hold")}</b>` : nothing}
        ${sip?.muted ? html`<b id="muted">${two("已静音 · muted")}</b>` : nothing}
        <time>${seconds(sip?.since ?? call.answered_at ?? call.arrived_at)}</time></p>
      ${sip?.state === "testing" ? nothing : html`<p id="number" class="number">${number || two("未显示号码 · no number")}</p>`}
      ${call?.original_caller_e164 && call.original_caller_e164 !== number ? html`<p class="quiet">${call.original_caller_e164}</p>` : nothing}
      ${call?.region ? html`<p class="region" id="region">${two(call.region)}</p>` : nothing}
      <p class="quiet" id="way">${call ? html`${call.dialled} → ${call.first_line ? nameOf(call.first_line) : "–"}` : nothing}</p>
      ${call?.menus?.map(pathView) ?? nothing}
      ${earlier.length ? html`<p class="repeat" id="repeat">${two(`近期来电 ${earlier.length} 次 · called ${earlier.length} times before`)}</p>
        <ol class="earlier">${earlier.map((each) => html`<li>${local(each.arrived_at)} · ${each.first_line ?? "–"} · ${two(word("call_state", each.state))}</li>`)}</ol>` : nothing}`}
    ${state.phone ? html`<p class="levels"><label>${two("我 · me")} <meter id="mine" min="0" max="1"></meter></label>
      <label>${two("对方 · them")} <meter id="theirs" min="0" max="1"></meter></label></p>` : nothing}
  </section>`;
}

/** What the caller pressed on the way here, as the flow's file calls its steps. */
const pathView = (passage) => html`<p class="quiet path">${two(`菜单 · menu ${passage.flow}`)}：
  ${passage.path.map((step) => html`${step.step}${step.key ? html` <kbd>${step.key}</kbd>` : nothing} → `)}<b>${passage.ending}</b></p>`;

function buttonsView(press) {
  return html`<section class="buttons" aria-label="操作 · actions">
    ${actions().map((action) => {
      const can = action.can();
      const on = action.on?.() ?? false;
      const busy = state.busy.has(action.id);
      return html`<button type="button" id=${action.id} class=${action.tone ?? ""} data-on=${on} title=${action.title ?? nothing}
        aria-disabled=${!can || busy} aria-pressed=${action.on ? on : nothing} aria-keyshortcuts=${action.key ?? nothing}
        @click=${() => press(action)}>
        <span>${action.zh} <small>${action.en}</small></span>
        ${progressOf(action)}
        ${action.key ? html`<kbd>${action.key.replace("Shift+", "⇧")}</kbd>` : nothing}</button>`;
    })}
  </section>`;
}

/** What becomes of it stands on the button that was pressed: 振铃 3 s, 已接通, 对方忙. */
function progressOf(action) {
  const { handoff } = state;
  const shown = handoff && { transfer: "transfer", conference: "three-way" }[handoff.mode];
  const button = action.id.startsWith("join-") ? action.id === `join-${handoff?.target}` : action.id === shown && !state.lines.some((line) => line.kind === "linked" && line.id === handoff.target);
  if (!button || handoff.from_seat !== state.seat.id) return nothing;
  return html`<em data-progress=${handoff.outcome ?? handoff.state}>${two(progress(handoff))}</em>`;
}

function progress(handoff) {
  if (rings(handoff)) {
    const [zh, en] = word("state", handoff.state).split(" · ");
    return `${zh} ${seconds(handoff.created_at)} · ${en}`;
  }
  return word("outcome", handoff.outcome ?? handoff.state);
}

// ---------------------------------------------------------------- beside

function besideView(press) {
  const { handoff, conference } = state;
  return html`<section class="beside" aria-label="转接 · the handoff">
    ${state.returning ? returnView(press) : nothing}
    ${handoff ? html`<h2 id="handoff" data-state=${handoff.state} data-outcome=${handoff.outcome ?? ""}>${two(word("mode", handoff.mode))} → ${describe(handoff)}</h2>
      <p id="outcome">${two(progress(handoff))} ${handoff.resolution ? html`· ${two(word("resolution", handoff.resolution))}` : nothing}</p>
      ${handoff.number_mismatch ? html`<p class="warning">${two("对方看到的号码与来电号码不一致 · The other side saw another number")}</p>` : nothing}
      ${handoff.reason ? html`<p>${two("原因 · reason")}：${handoff.reason}</p>` : nothing}
      ${iAmInRoom() && conference ? roomView(conference) : nothing}
      <ol class="timeline">${(handoff.timeline ?? []).map((step) => html`<li><time>${local(step.at).split(" ").at(-1)}</time> ${two(word("step", step.event))}</li>`)}</ol>`
    : html`<p class="quiet" id="hint">${two(hint())}</p>`}
  </section>`;
}

const PARTIES = { caller: "来电人 · caller", seat: "本席 · first seat", target: "对方 · target" };

const roomView = (conference) => html`<ul id="room">${conference.participants.map((each) => html`
  <li data-party=${each.id} data-state=${each.state}>${two(PARTIES[each.id] ?? each.id)} ${each.target ?? ""} <small>${each.state}</small></li>`)}</ul>`;

const returnView = (press) => html`<fieldset id="reasons"><legend>${two("退回原因（按数字键） · Why it goes back (press the digit)")}</legend>
  ${REASONS.map((reason, place) => html`<button type="button" @click=${() => press({ id: "give-back", can: () => state.returning, act: () => giveBack(reason) })}>
    <kbd>${place + 1}</kbd> ${two(reason)}</button>`)}</fieldset>`;

function hint() {
  if (state.phone && !state.phone.registered) return "话机就绪后即可接听 · Calls come when the phone is ready";
  if (state.seat?.state === "paused") return "示忙中：不会有来电 · Paused: no calls come";
  if (state.call) return "按键旁为键盘快捷键 · Each button shows its key";
  return "来电时按 F2 接听 · Press F2 when it rings";
}

export const pauseView = (press) => html`
  <button type="button" id="pause" @click=${() => press("pause")} aria-pressed=${state.seat?.state === "paused"}>${two(state.seat?.state === "paused" ? "示闲 · Take calls" : "示忙 · Pause")}</button>
  ${state.phone ? html`<button type="button" id="settings" @click=${() => press("devices")} aria-expanded=${Boolean(state.devices)}>${two("耳麦 · Headset")}</button>` : nothing}`;

export const seatsView = (seats, sit) => html`<section id="seats"><h2>${two("选择坐席 · Choose your seat")}</h2>
  ${seats.length ? nothing : html`<p>${two("没有分配给您的坐席：请联系管理员 · No seat is assigned to you: ask the administrator")}</p>`}
  ${seats.map((seat) => html`<button type="button" data-seat=${seat.id} @click=${() => sit(seat.id)}>
    ${seat.id} ${seat.name} ${seat.user ? html`<small>${seat.user}</small>` : nothing}</button>`)}</section>`;

export function closeForms() {
  wrapUp(null);
  set({ devices: null, returning: false });
}
