// The service's event stream, with the sign-in in a header, taken up again where it broke off.

import { createParser } from "../vendor/eventsource-parser.js";
import { token } from "../common.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

/** `tell(kind, data)` for each event; `kind` null: read all anew, for something may have been missed.
 *  `state("up" | "down" | "over")`; over: the sign-in is no longer valid. */
export class Stream {
  constructor(tell, state) {
    this.tell = tell;
    this.state = state;
    this.last = null;
    this.stopping = new AbortController();
  }

  async run() {
    let wait = FIRST_WAIT_MS;
    while (!this.stopping.signal.aborted) {
      try {
        if (await this.#once(() => { wait = FIRST_WAIT_MS; })) return this.state("over");
      } catch {
        // the network, or the service, is away: the next try says when it is back
      }
      if (this.stopping.signal.aborted) return null;
      this.state("down");
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
    return null;
  }

  stop() {
    this.stopping.abort();
  }

  /** True when there is no use in trying again. */
  async #once(begun) {
    const headers = { Authorization: `Bearer ${token()}`, ...(this.last ? { "Last-Event-ID": this.last } : {}) };
    const answer = await fetch("/v1/events", { headers, signal: this.stopping.signal, cache: "no-store" });
    if (answer.status === 401) return true;
    if (!answer.ok) return false;
    begun();
    this.state("up");
    if (!this.last) this.tell(null, null);
    const parser = createParser({ onEvent: (event) => this.#event(event) });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      parser.feed(value);
    }
  }

  #event({ event, id, data }) {
    if (id) this.last = id;
    if (event === "gap") this.tell(null, null);
    else if (event) this.tell(event, JSON.parse(data));
  }
}
