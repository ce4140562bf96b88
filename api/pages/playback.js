import { ask, at, begin, clock, complain, doing, local, meta, put, show } from "./common.js";

const STATES = {
  recording: "录音中 · being made",
  whole: "完整 · whole",
  truncated: "不完整 · truncated",
  missing: "缺失 · missing",
  deleted: "已到期删除 · deleted",
};

// ---------------------------------------------------------------- finding

let next = null;

async function find(cursor = null) {
  const query = new URLSearchParams();
  for (const name of ["call_id", "state"]) {
    const value = at("find").elements[name].value.trim();
    if (value) query.set(name, value);
  }
  if (cursor) query.set("cursor", cursor);
  const page = await ask(`/v1/recordings?${query}`);
  const rows = page.items.map(row);
  if (cursor) at("found").append(...rows);
  else at("found").replaceChildren(...rows);
  next = page.next_cursor;
  show("more", Boolean(next));
  show("none", !at("found").childElementCount);
}

function row(recording) {
  const line = document.createElement("tr");
  const cells = [
    local(recording.started_at),
    recording.seconds === null ? "–" : clock(recording.seconds),
    STATES[recording.state],
    recording.call_id,
  ].map((text) => put(document.createElement("td"), text));
  if (recording.state === "truncated" || recording.state === "missing") cells[2].className = "faulty";
  const last = document.createElement("td");
  if (recording.state === "whole" || recording.state === "truncated") {
    const listen = put(document.createElement("button"), "收听 · Listen");
    listen.type = "button";
    listen.addEventListener("click", doing(() => open(recording.id)));
    last.append(listen);
  }
  line.append(...cells, last);
  return line;
}

at("find").addEventListener("submit", doing(() => find()));
at("more").addEventListener("click", doing(() => find(next)));

// ---------------------------------------------------------------- listening

let player = null;
let playing = null;

function closePlayer() {
  player?.destroy();
  player = playing = null;
  show("player", false);
}

async function open(id) {
  closePlayer();
  const playback = await ask(`/v1/recordings/${encodeURIComponent(id)}/playback`, { method: "POST" });
  const waveform = await ask(playback.waveform);
  show("player");
  describe(playback.recording);
  const regions = WaveSurfer.Regions.create();
  player = WaveSurfer.create({
    container: "#waveform",
    cspNonce: meta("style-nonce"),
    url: playback.audio,
    peaks: [waveform.caller, waveform.others].map((side) => side.map((percent) => percent / 100)),
    duration: waveform.seconds,
    splitChannels: [{ waveColor: "#0b5cad", progressColor: "#07396c" }, { waveColor: "#2e8b57", progressColor: "#1a5134" }],
    height: 80,
    backend: "MediaElement",
    plugins: [regions],
  });
  player.on("timeupdate", (seconds) => { at("time").textContent = `${clock(seconds)} / ${clock(waveform.seconds)}`; });
  for (const name of ["play", "pause", "finish"]) player.on(name, told);
  player.on("error", () => complain("录音无法播放，请刷新后重试 · The sound cannot be played: reload and try again"));
  player.on("ready", () => { document.body.dataset.ready = "yes"; });
  at("time").textContent = `0:00 / ${clock(waveform.seconds)}`;
  told();
  mark(regions, playback.marks);
}

function told() {
  put(at("play"), player?.isPlaying() ? "暂停 · Pause" : "播放 · Play");
}

function mark(regions, marks) {
  at("marks").replaceChildren(...marks.map((each) => {
    const color = each.until === null ? "rgba(176, 42, 31, .8)" : "rgba(176, 42, 31, .15)";
    regions.addRegion({ start: each.at, end: each.until ?? undefined, color, drag: false, resize: false });
    const item = document.createElement("li");
    const go = put(document.createElement("button"), `${clock(each.at)} ${each.zh} · ${each.en}`);
    go.type = "button";
    go.addEventListener("click", () => player.setTime(each.at));
    item.append(go);
    return item;
  }));
}

function describe(recording) {
  playing = recording;
  put(at("title"), `${local(recording.started_at)} · ${recording.call_id} · ${STATES[recording.state]}`);
  at("hash").textContent = recording.sha256;
  const until = recording.delete_after ? local(recording.delete_after) : "–";
  put(at("held"), recording.hold
    ? `已冻结：${recording.hold_reason}（${recording.held_by}） · on hold`
    : `保存至 ${until} · kept until then`);
  put(at("hold").querySelector("button"), recording.hold ? "解除冻结 · Release" : "冻结 · Hold");
}

at("play").addEventListener("click", doing(() => player.playPause()));

at("hold").addEventListener("submit", doing(async () => {
  const step = playing.hold ? "release" : "hold";
  const body = JSON.stringify({ reason: at("hold").elements.reason.value });
  describe(await ask(`/v1/recordings/${encodeURIComponent(playing.id)}/${step}`, { method: "POST", body }));
  at("hold").reset();
}));

// ---------------------------------------------------------------- signing in

async function opened() {
  show("search");
  const wanted = new URLSearchParams(location.search);
  at("find").elements.call_id.value = wanted.get("call") ?? "";
  await find();
  if (wanted.get("recording")) await open(wanted.get("recording"));
}

function closed() {
  closePlayer();
  show("search", false);
}

begin(opened, closed);
