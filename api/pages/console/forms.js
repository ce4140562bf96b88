// What is filled in: the decision of a three-way call, and the headset.

import { html, nothing } from "../vendor/lit-html.js";
import { doing } from "../common.js";
import { decide } from "./actions.js";
import * as microphone from "./microphone.js";
import { nameOf, set, state, wrapUp } from "./state.js";
import { two } from "./view.js";

export function wrapView() {
  const { lines, reason } = state.wrap;
  const choose = (line) => doing(() => decide(line, reason.trim()));
  return html`<section class="sheet" id="wrap" role="dialog" aria-labelledby="wrap-title">
    <h2 id="wrap-title">${two("谁来受理？ · Who takes the matter?")}</h2>
    <div class="choices">${lines.map((line, place) => html`
      <button type="button" data-accept=${line} @click=${choose(line)}><kbd>${place + 1}</kbd> ${nameOf(line)} ${line}</button>`)}</div>
    <label>${two("说明（可不填） · In words, if you like")}
      <textarea name="reason" maxlength="500" rows="2" .value=${reason} @input=${(event) => wrapUp({ ...state.wrap, reason: event.target.value })}></textarea></label>
    <button type="button" class="plain" @click=${() => wrapUp(null)}><kbd>Esc</kbd> ${two("返回通话 · Back to the call")}</button>
  </section>`;
}

export async function openDevices() {
  set({ devices: await microphone.devices() });
}

const changed = (name) => doing(async (event) => {
  const { type, checked, value } = event.target;
  microphone.keep({ [name]: type === "checkbox" ? checked : value });
  if (name === "microphone" || name === "filter" || name === "speaker") await state.phone.changeDevices();
});

export function devicesView() {
  const kept = microphone.kept();
  const choice = (name, text, all) => html`<label>${two(text)} <select name=${name} @change=${changed(name)}>
    <option value="">${"系统默认 · the machine's own"}</option>
    ${all.map((each) => html`<option value=${each.id} ?selected=${kept[name] === each.id}>${each.name}</option>`)}</select></label>`;
  const tick = (name, text) => html`<label><input type="checkbox" name=${name} ?checked=${kept[name]} @change=${changed(name)}> ${two(text)}</label>`;
  return html`<section class="sheet" id="devices" role="dialog" aria-labelledby="devices-title">
    <h2 id="devices-title">${two("耳麦 · Headset")}</h2>
    ${choice("microphone", "麦克风 · Microphone", state.devices.microphones)}
    ${choice("speaker", "听筒 · Earphone", state.devices.speakers)}
    ${choice("ringer", "铃声 · Ringtone", state.devices.speakers)}
    ${tick("filter", "降噪与回声消除 · Noise and echo filter")}
    ${tick("answers", "自动接听 · Answer by itself")}
    <button type="button" id="echo" @click=${doing(() => { set({ devices: null }); state.phone.test(); })}>${two("回声测试 · Echo test")}</button>
    <button type="button" class="plain" @click=${() => set({ devices: null })}><kbd>Esc</kbd> ${two("关闭 · Close")}</button>
  </section>`;
}
