// A clock that moves only when it is told to, with the timers that run on it.

const EPOCH_MS = 1_755_000_000_000;

export class VirtualClock {
  chance = 0.5;
  #now = EPOCH_MS;
  #timers = new Set();

  now = () => this.#now;
  random = () => this.chance;

  after = (ms, wake) => {
    const timer = { at: this.#now + ms, wake };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get pending() {
    return this.#timers.size;
  }

  /** Move on, and wake what is due on the way, earliest first. */
  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = end;
  }
}
