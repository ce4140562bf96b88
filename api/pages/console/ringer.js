// The ringtone: 450 Hz, one second on and four off, as the country's exchanges ring (GB/T 3380), on a device of its own.

import { kept } from "./microphone.js";

const TONE_HZ = 450;
const ON_SECONDS = 1;
const EVERY_SECONDS = 5;
const LOUDNESS = 0.25;

let context = null;

export async function ring() {
  if (context) return;
  context = new AudioContext();
  const mine = context;
  const { ringer } = kept();
  if (ringer && mine.setSinkId) await mine.setSinkId(ringer).catch(() => {}); // unplugged: the machine's own then
  if (mine !== context) return;
  const tone = mine.createOscillator();
  const gate = mine.createGain();
  tone.frequency.value = TONE_HZ;
  gate.gain.value = 0;
  for (let at = mine.currentTime; at < mine.currentTime + 120; at += EVERY_SECONDS) {
    gate.gain.setValueAtTime(LOUDNESS, at);
    gate.gain.setValueAtTime(0, at + ON_SECONDS);
  }
  tone.connect(gate).connect(mine.destination);
  tone.start();
}

export function quiet() {
  context?.close();
  context = null;
}
