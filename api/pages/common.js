// What every page needs: signing in, asking the API, and saying what went wrong.

const TOKEN = "hotline-token";
const SESSION = "hotline-session";
const AWAY = "服务暂不可用，请稍后再试 · The service cannot be reached: please try again";

export const at = (id) => document.getElementById(id);
export const show = (id, shown = true) => { at(id).hidden = !shown; };
export const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
export const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (parts[0] ? parts : parts.slice(1)).map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
};
export const local = (moment) => new Date(moment).toLocaleString("zh-CN", { timeZone: meta("zone"), hour12: false });

/** Both languages of a text "中文 · English", the second one small. */
export function put(element, text) {
  const [zh, ...en] = text.split(" · ");
  const small = document.createElement("small");
  small.textContent = en.join(" · ");
  element.replaceChildren(zh, " ", small);
  return element;
}

export function make(tag, ...content) {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
}

export function complain(text) {
  at("problem").textContent = text;
  show("problem", Boolean(text));
}

/** What somebody does, on an event or with whatever it is about: its failure is told, and the next one clears it. */
export const doing = (step) => async (event) => {
  event?.preventDefault?.();
  complain("");
  try {
    await step(event);
  } catch (failure) {
    if (failure.name !== "AbortError") complain(failure.message);
  }
};

// ---------------------------------------------------------------- asking

/** The API said no: `slug` is what it says no with. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem ? `${problem.title} · ${problem.title_en}` : AWAY);
    this.status = status;
    this.slug = problem?.type.split(":").at(-1) ?? null;
  }
}

/** The answer's headers and the whole of its body. A request that its caller stopped fails as `fetch` does. */
export async function fetched(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.body) headers["Content-Type"] = "application/json";
  let answer, body;
  try {
    answer = await fetch(path, { ...options, headers });
    body = await answer.blob();
  } catch (failure) {
    throw options.signal?.aborted ? failure : new Error(AWAY);
  }
  if (answer.status === 401 && path !== "/v1/sessions") signedOut();
  if (!answer.ok) throw new Refused(answer.status, await body.text().then(JSON.parse).catch(() => null));
  return { headers: answer.headers, body };
}

export async function ask(path, options = {}) {
  const text = await (await fetched(path, options)).body.text();
  return text ? JSON.parse(text) : null;
}

// ---------------------------------------------------------------- signing in

let desk = null;

export const token = () => sessionStorage.getItem(TOKEN);
/** What the sign-in was answered with: `user`, `role`, `seat`, `permissions`, `seats`, `expires_at`; null without one. */
export const session = () => JSON.parse(sessionStorage.getItem(SESSION) ?? "null");

/** From now on requests are asked with this sign-in. */
export function take(answer) {
  const { token: fresh, presence, ...about } = answer;
  sessionStorage.setItem(TOKEN, fresh);
  sessionStorage.setItem(SESSION, JSON.stringify(about));
}

export function signedOut() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(SESSION);
  desk.close();
  show("sign-out", false);
  show("sign-in");
}

async function signedIn() {
  show("sign-in", false);
  show("sign-out");
  await desk.open();
}

at("sign-in").addEventListener("submit", doing(async () => {
  const fields = at("sign-in").elements;
  const body = JSON.stringify({ user: fields.user.value, password: fields.password.value });
  const answer = await ask("/v1/sessions", { method: "POST", body });
  fields.password.value = "";
  take(answer);
  await signedIn();
}));

at("sign-out").addEventListener("click", doing(async () => {
  if (!await desk.leave()) await ask("/v1/sessions/current", { method: "DELETE" }).finally(signedOut);
}));

/** `open` shows what somebody who has signed in may see; `close` leaves nothing of it. `leave` comes before a sign-out
 *  that somebody asks for, and may refuse it. */
export function begin(open, close, leave = async () => false) {
  desk = { open, close, leave };
  if (sessionStorage.getItem(TOKEN)) doing(signedIn)();
  else signedOut();
}
