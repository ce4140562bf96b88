// A part of the page that shows one thing of the API at a time.

/** `load(path, signal)` fetches and draws it; `blank()` takes it away. */
export class Part {
  #path = null;
  #stop = new AbortController();

  constructor(load, blank) {
    this.load = load;
    this.blank = blank;
  }

  /** What is shown already stays; what was under way for another path is stopped. */
  async show(path) {
    if (path === this.#path) return;
    this.clear();
    this.#path = path;
    try {
      await this.load(path, this.#stop.signal);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      if (path === this.#path) this.#path = null;
      throw failure;
    }
  }

  clear() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#path = null;
    this.blank();
  }
}
