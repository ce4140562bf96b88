// The softphone: SIP over WebSocket to Asterisk itself, which goes on working while the service is down.

import { UA, WebSocketInterface } from "../vendor/jssip.js";
import * as dialog from "./dialog.js";
import * as microphone from "./microphone.js";

const ECHO = "*43"; // extensions.conf
const REGISTERED_FOR = 120;
const HEARD_WITHIN_MS = 25_000; // Asterisk asks every 10 s whether we are there
const ANSWER_SECONDS = 3600; // who is rung, and for how long, is Asterisk's to say
const AGAIN_AFTER_MS = 3000;
const CONNECTED_WITHIN_MS = 5000;
const RUNG_WITHIN_MS = 10_000;
const SOUND_WITHIN_MS = 2000;
const MOST_SILENT_TIMES = 3;

export class Phone extends EventTarget {
  /** `account`: of `GET /v1/seats/{id}/phone`. Each change is an event "change"; `call` is null or what it is now. */
  constructor(account, speaker) {
    super();
    this.account = account;
    this.speaker = speaker;
    this.registered = false;
    this.connected = false;
    this.moved = true; // Asterisk does not know yet where a call's phone is
    this.silentTimes = 0;
    this.problem = null;
    this.call = null;
    this.lately = null; // the call before
    this.givenUp = false; // our leg of this call: it is to ring again
    this.heard = null; // the stream that arrives
    this.autoAnswer = () => false;
  }

  /** Raises NoMicrophone: a phone that cannot be spoken into is not to be rung. */
  async start() {
    this.stream = await microphone.open();
    this.#watchTrack();
    const { uri, password, socket, seat } = this.account;
    const ua = new UA({
      sockets: [new WebSocketInterface(socket)],
      uri,
      password,
      // as before after a reload: what Asterisk sends goes to whom it knows
      contact_uri: `sip:${seat}@hotline.invalid;transport=ws`,
      register_expires: REGISTERED_FOR,
      no_answer_timeout: ANSWER_SECONDS,
      session_timers: false, // Asterisk refreshes; a page that is loaded again would not know when
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 4,
      user_agent: "hotline-console",
    });
    ua.on("connected", () => this.#changed({ connected: true }));
    ua.on("disconnected", () => this.#changed({ connected: false, registered: false, moved: true }));
    ua.on("registered", () => this.#isRegistered());
    ua.on("unregistered", () => this.#changed({ registered: false }));
    ua.on("registrationFailed", ({ cause, response }) => this.#changed({ registered: false, problem: refusal(cause, response) }));
    ua.on("newRTCSession", ({ session, originator }) => { if (originator === "remote") this.#rung(session); });
    ua.on("newOptions", ({ message }) => { this.#heard(); message.accept(); });
    this.ua = ua;
    this.online = () => this.#reconnect();
    addEventListener("online", this.online);
    ua.start();
  }

  /** Away from the line; a call that goes on is not ended. */
  stop() {
    clearTimeout(this.silence);
    removeEventListener("online", this.online);
    this.ua?.stop();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.#changed({ registered: false, connected: false });
  }

  // ---------------------------------------------------------------- doing

  answer() {
    if (this.call?.state !== "ringing") return;
    this.session.answer({ mediaStream: this.stream, pcConfig: dialog.PEER });
    this.#changed({ call: { ...this.call, state: "answering" } });
  }

  hangUp() {
    if (!this.session) return;
    this.session.terminate(this.call.state === "ringing" ? { status_code: 486 } : {});
  }

  mute(muted) {
    if (!this.call) return;
    dialog.change({ muted });
    this.#changed({ call: { ...this.call, muted } });
    this.#sound();
  }

  /** The caller hears music. Raises dialog.Refused, or Error while there is no way to Asterisk; then all is as before. */
  async hold(held) {
    if (this.call?.state !== "talking") return;
    const [transceiver] = this.session.connection.getTransceivers();
    transceiver.direction = held ? "sendonly" : "sendrecv";
    try {
      await dialog.renew(this.session);
    } catch (failure) {
      transceiver.direction = held ? "sendrecv" : "sendonly";
      throw failure;
    }
    if (!this.call) return;
    dialog.change({ held });
    this.#changed({ call: { ...this.call, held } });
    this.#sound();
  }

  /** One hears oneself: whether microphone and earphone work. */
  test() {
    if (this.call || !this.registered) return;
    const session = this.ua.call(ECHO, {
      mediaStream: this.stream,
      mediaConstraints: { audio: true, video: false },
      pcConfig: dialog.PEER,
      eventHandlers: {
        peerconnection: ({ peerconnection }) => this.#watch(peerconnection),
        ended: ({ cause }) => this.#over(session, cause),
        failed: ({ cause }) => this.#over(session, cause),
      },
    });
    this.session = session;
    this.#changed({ call: { state: "testing", number: null, name: null, handoff: null, since: Date.now(), held: false, muted: false } });
  }

  /** `{id, party}` of the three-way call that this leg is in, or null; a page that is loaded again has to know. */
  isIn(room) {
    if (this.call) dialog.change({ room });
  }

  tones(digits) {
    this.session?.sendDTMF(digits, { transportType: "RFC2833", duration: 120, interToneGap: 120 });
  }

  /** From now on, also while the service is down; where it is recorded already nothing changes. */
  record() {
    const { recording_key: key } = this.account;
    if (key && this.call?.state === "talking") this.tones(key);
  }

  /** Another microphone or speaker, in mid-call too. */
  async changeDevices() {
    const fresh = await microphone.open();
    this.stream.getTracks().forEach((track) => track.stop());
    this.stream = fresh;
    this.#watchTrack();
    const [sender] = this.session?.connection?.getSenders() ?? [];
    await sender?.replaceTrack(fresh.getAudioTracks()[0]);
    await microphone.sendTo(this.speaker, microphone.kept().speaker);
    this.#sound();
    this.#changed({});
  }

  // ---------------------------------------------------------------- what happens

  #changed(change) {
    Object.assign(this, change);
    this.dispatchEvent(new Event("change"));
  }

  async #isRegistered() {
    this.#heard();
    const { moved } = this;
    this.#changed({ registered: true, problem: null, moved: false });
    if (!moved) return; // only that the registration was about to expire
    if (this.session) await this.#renew();
    else await this.#takeUp();
  }

  #rung(session) {
    const header = (name) => session._request.getHeader(name) ?? null;
    const { user: number } = session.remote_identity.uri;
    // we were talking with this caller until our leg was lost; in the first second of a talk the line's queue rings anew
    const again = Boolean(header("X-Cut-Off")) || (this.givenUp && this.call?.number === number);
    const before = again || this.givenUp ? this.#letGo() : null;
    if (this.call) { // one call a seat; JsSIP has not answered yet
      session.terminate({ status_code: 486 });
      return;
    }
    this.#follow(session);
    session.on("accepted", () => {
      dialog.keepAnswered(session);
      this.#changed({ call: { ...this.call, state: "talking", since: (again && before?.since) || Date.now() } });
      if (again && before?.muted) this.mute(true);
      this.#sound();
      if (again && before?.held) this.hold(true).catch((failure) => this.#changed({ problem: failure.message }));
    });
    session.on("failed", ({ cause }) => this.#over(session, cause));
    dialog.keepRinging(session);
    const about = { number, name: session.remote_identity.display_name || null, handoff: header("X-Handoff-Id") };
    dialog.change({ about });
    this.#changed({ call: { ...about, state: "ringing", since: Date.now(), held: false, muted: false } });
    if (this.autoAnswer() || again) this.answer();
  }

  /** What both a call that rang here and one that was taken up do. */
  #follow(session) {
    this.session = session;
    session.on("peerconnection", ({ peerconnection }) => this.#watch(peerconnection));
    session.on("ended", ({ cause }) => this.#over(session, cause));
  }

  /** What the call was whose leg is gone, without a word about its end: it goes on. */
  #letGo() {
    const { session, call } = this;
    clearTimeout(this.coming);
    this.givenUp = false;
    this.session = null;
    session?._close();
    this.#changed({ call: null, heard: null });
    return call ?? this.lately;
  }

  async #takeUp() {
    const was = dialog.kept();
    if (!was) return;
    if (!was.tag) {
      dialog.forget();
      dialog.ringAgain(this.ua, was);
      return;
    }
    const session = dialog.takeUp(this.ua, was);
    this.#follow(session);
    const { held = false, muted = false, since, about } = was;
    this.#changed({ call: { ...about, state: "lost", since, held, muted } });
    await this.#comeBack();
  }

  /** Asterisk learns where we are now, and says whether the call is still there. */
  async #renew() {
    const session = this.session;
    if (this.call?.state === "lost") return this.#comeBack();
    if (this.call?.state !== "talking") return null;
    return this.#trying(session, () => dialog.renew(session), () => this.#renew());
  }

  /** The sound of a call whose other end it has lost, until it is there or Asterisk says that the call is not. */
  async #comeBack() {
    const session = this.session;
    if (!dialog.kept()?.room) return this.#beRung(session);
    const [track] = this.stream.getAudioTracks();
    await this.#trying(session, () => dialog.reconnect(session, track, this.call.held ? "sendonly" : "sendrecv"), () => this.#comeBack());
    this.#sound();
    clearTimeout(this.coming);
    this.coming = setTimeout(() => {
      if (this.session === session && this.call.state === "lost" && this.registered) this.#comeBack();
    }, CONNECTED_WITHIN_MS);
  }

  /** For the same caller, on a new leg. */
  async #beRung(session) {
    this.givenUp = true;
    await this.#trying(session, () => dialog.giveUp(session), () => this.#beRung(session));
    clearTimeout(this.coming);
    this.coming = setTimeout(() => {
      if (this.session === session && this.registered) this.#gone(session);
    }, RUNG_WITHIN_MS);
  }

  async #trying(session, step, again) {
    try {
      await step();
    } catch (failure) {
      if (this.session !== session) return;
      if (failure.gone) this.#gone(session);
      else if (failure instanceof dialog.Refused) setTimeout(() => { if (this.session === session) again(); }, AGAIN_AFTER_MS);
      // else the way is gone, and comes back with a registration
    }
  }

  #gone(session) {
    session._close();
    this.#over(session, "ended while we were away");
  }

  #over(session, cause) {
    if (session !== this.session) return;
    dialog.forget();
    this.givenUp = false;
    this.session = null;
    this.speaker.srcObject = null;
    this.#changed({ call: null, heard: null, lately: this.call });
    this.dispatchEvent(new CustomEvent("over", { detail: cause }));
    this.#sound();
  }

  #watch(connection) {
    connection.addEventListener("track", ({ track }) => {
      this.speaker.srcObject = new MediaStream([track]);
      this.#changed({ heard: this.speaker.srcObject });
      microphone.sendTo(this.speaker, microphone.kept().speaker).catch(() => microphone.keep({ speaker: "" }));
    });
    connection.addEventListener("connectionstatechange", () => {
      if (!this.call || connection !== this.session.connection) return;
      const state = connection.connectionState;
      if (state === "connected" && this.call.state === "lost") {
        this.#changed({ call: { ...this.call, state: "talking" } });
        this.#listen(connection);
        this.dispatchEvent(new CustomEvent("moved", { detail: dialog.kept()?.room }));
      }
      if (state === "disconnected" || state === "failed") this.#changed({ call: { ...this.call, state: "lost" } });
      if (state === "failed" && this.registered) this.#comeBack();
    });
  }

  /** Asterisk sends all the time. Where nothing comes of a connection that came back it is made once more, not for ever. */
  async #listen(connection) {
    const arrived = async () => [...(await connection.getStats()).values()].find(({ type }) => type === "inbound-rtp")?.packetsReceived ?? 0;
    const before = await arrived();
    await new Promise((resolve) => { setTimeout(resolve, SOUND_WITHIN_MS); });
    if (connection !== this.session?.connection || this.call.held) return;
    if (await arrived() > before) {
      this.silentTimes = 0;
    } else if (this.silentTimes < MOST_SILENT_TIMES) {
      this.silentTimes += 1;
      this.#changed({ call: { ...this.call, state: "lost" } });
      await this.#comeBack();
    }
  }

  /** The microphone is heard only while somebody is to hear it. */
  #sound() {
    const quiet = Boolean(this.call?.muted || this.call?.held);
    this.stream?.getAudioTracks().forEach((track) => { track.enabled = !quiet; });
  }

  #watchTrack() {
    const [track] = this.stream.getAudioTracks();
    track.addEventListener("ended", () => {
      this.changeDevices().catch((failure) => this.#changed({ problem: failure.message }));
    });
  }

  #heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.#reconnect(), HEARD_WITHIN_MS);
  }

  /** A connection that is only thought to be there is given up for a new one. */
  #reconnect() {
    this.ua.transport.disconnect();
    this.ua.transport.connect();
    this.#heard();
  }
}

function refusal(cause, response) {
  const status = response?.status_code;
  if (status === 401 || status === 403) return "话机口令不对，无法注册：请重新登录 · Asterisk refused the phone's password: sign in again";
  if (status === 404) return "交换机不认识本坐席：请联系管理员 · Asterisk does not know this seat: tell the administrator";
  return `话机未注册，正在重试（${status ?? cause}） · The phone is not registered, trying again`;
}
