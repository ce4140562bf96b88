// The microphone, and where sound comes out. One stream for the whole shift: calls are answered without waiting for it.

const KEPT = "hotline-devices";

export const MISSING = {
  NotAllowedError: "浏览器未获准使用麦克风：请点地址栏左侧的图标，允许使用麦克风后刷新 · The microphone is not allowed: allow it beside the address, then reload",
  NotFoundError: "没有找到麦克风：请插好耳麦后刷新 · No microphone was found: plug the headset in, then reload",
  NotReadableError: "麦克风被其他程序占用：请关闭该程序后刷新 · Another program has the microphone: close it, then reload",
};
const UNKNOWN = "无法使用麦克风 · The microphone cannot be used";
const INSECURE = "须经 HTTPS（或本机）打开本页，浏览器才允许使用麦克风 · Browsers allow the microphone over HTTPS only, or on this machine";

export class NoMicrophone extends Error {
  constructor(name) {
    super(name === "insecure" ? INSECURE : MISSING[name] ?? UNKNOWN);
    this.name = name;
  }
}

export const kept = () => ({ microphone: "", speaker: "", ringer: "", filter: true, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") });
export const keep = (change) => localStorage.setItem(KEPT, JSON.stringify({ ...kept(), ...change }));

/** A stream with one track. Raises NoMicrophone. A device that is gone is replaced by the machine's own choice. */
export async function open() {
  if (!navigator.mediaDevices) throw new NoMicrophone("insecure");
  const { microphone, filter } = kept();
  const audio = { echoCancellation: filter, noiseSuppression: filter, autoGainControl: filter };
  if (microphone) audio.deviceId = { ideal: microphone };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (failure) {
    throw new NoMicrophone(failure.name);
  }
}

/** `{microphones, speakers}`, each `{id, name}`. Names are known once the microphone has been allowed. */
export async function devices() {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind) => all.filter((each) => each.kind === kind && each.deviceId !== "default")
    .map((each) => ({ id: each.deviceId, name: each.label || each.deviceId.slice(0, 8) }));
  return { microphones: of("audioinput"), speakers: of("audiooutput") };
}

export async function sendTo(element, speaker) {
  if (element.setSinkId && element.sinkId !== speaker) await element.setSinkId(speaker);
}

/** How loud a stream is now, 0 to 1, each time it is asked. */
export class Meter {
  constructor() {
    this.context = null;
    this.stream = null;
  }

  /** null: to nothing. */
  listen(stream) {
    this.close();
    this.stream = stream;
    if (!stream) return;
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 512;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.context.createMediaStreamSource(stream).connect(this.analyser);
  }

  get level() {
    if (!this.context) return 0;
    if (this.context.state === "suspended") this.context.resume();
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, each) => sum + each * each, 0) / this.samples.length;
    return power ? Math.max(0, Math.min(1, 1 + (10 * Math.log10(power)) / 60)) : 0;
  }

  close() {
    this.context?.close();
    this.context = null;
    this.stream = null;
  }
}
