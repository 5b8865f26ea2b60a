// A clock that moves only when it is told to, in the place of the platform's own.

const EPOCH_MS = 1_755_000_000_000;

export class VirtualClock {
  /** What every draw of a number comes to. */
  chance = 0.5;
  #now = 0;
  #timers = new Map();
  #count = 0;

  /** From now on the process has no other time and no other dice. */
  install() {
    Date.now = () => EPOCH_MS + this.#now;
    performance.now = () => this.#now;
    Math.random = () => this.chance;
    globalThis.setTimeout = (wake, ms) => {
      this.#timers.set(++this.#count, { at: this.#now + Math.max(0, ms), wake });
      return this.#count;
    };
    globalThis.clearTimeout = (timer) => this.#timers.delete(timer);
  }

  get pending() {
    return this.#timers.size;
  }

  /** Move on, and wake what is due on the way, earliest first. */
  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      const [timer, { at, wake }] = next;
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, at);
      wake();
    }
    this.#now = end;
  }
}
