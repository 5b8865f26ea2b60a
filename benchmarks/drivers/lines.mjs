/**
 * What the JavaScript drivers share: JSON lines, a ticker, memory, and the numbers of an answer.
 * Not here: any client.
 */
import { createInterface } from "node:readline";

const TICK_MS = 1;
let idleShare;

/** Answer requests until standard input ends. `operations` maps names to async functions. */
export async function serve(operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, ...request } = JSON.parse(line);
    const operation = operations[op];
    const answer = operation
      ? await operation(request)
      : { unsupported: "this client has no such ability" };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

/** The heap in use after a collection (run with --expose-gc), with what is kept beside it. */
export function memoryBytes() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Wall time and this process's own processor time, from one moment on. */
export class Stopwatch {
  #seconds = -performance.now() / 1000;
  #processor = -processorSeconds();

  /** Leave out what follows, up to `resume`. */
  pause() {
    this.#seconds += performance.now() / 1000;
    this.#processor += processorSeconds();
  }

  /** Go on after a pause. */
  resume() {
    this.#seconds -= performance.now() / 1000;
    this.#processor -= processorSeconds();
  }

  /** The numbers of an answer, for one of `times` equal steps. */
  read(times = 1) {
    this.pause();
    return { seconds: this.#seconds / times, processor: this.#processor / times };
  }
}

/** A timer that wants to run once in every millisecond, and remembers when it did. */
export class Ticker {
  #times = [performance.now()];
  #timer = setInterval(() => this.#times.push(performance.now()), TICK_MS);

  restart() {
    this.#times = [performance.now()];
  }

  /** The share of milliseconds since the restart in which the timer ran. */
  #kept(end) {
    const ran = new Set(this.#times.map(Math.floor));
    return ran.size / Math.max(1, Math.floor(end) - Math.floor(this.#times[0]) + 1);
  }

  /** What is kept while this loop has nothing else to do; measured once. */
  async idleShare() {
    if (idleShare === undefined) {
      this.restart();
      await new Promise((resolve) => setTimeout(resolve, 200));
      idleShare = this.#kept(performance.now());
    }
    return idleShare;
  }

  /** The share of ticks lost, relative to an idle loop, and the longest pause. */
  read(idleShare) {
    const now = performance.now();
    const times = [...this.#times, now];
    const pauses = times.slice(1).map((after, at) => after - times[at]);
    const lost = 1 - Math.min(1, this.#kept(now) / idleShare);
    return { lost, pause: Math.max(0, Math.max(...pauses) - TICK_MS) / 1000 };
  }

  stop() {
    clearInterval(this.#timer);
  }
}

/** A promise that is resolved when `arrived` was called with what it waits for. */
export class Waiter {
  #wanted;
  #resolve;
  #seen = new Set();

  arrived(number) {
    this.#seen.add(number);
    if (number === this.#wanted) this.#resolve();
  }

  async until(number) {
    if (this.#seen.has(number)) return;
    this.#wanted = number;
    await new Promise((resolve) => (this.#resolve = resolve));
  }
}

/** The same operations over any client with subscribe, mutate, act and close. */
export function operationsOf(connect, { hasOptimisticUpdates = false } = {}) {
  /** Subscribe once per element of `all`; resolves when each has its first value. */
  function subscribeAll(client, path, all, arrived = () => {}) {
    let missing = all.length;
    return new Promise((resolve) => {
      all.forEach((args, at) => {
        let known = false;
        client.subscribe(path, args, (value) => {
          arrived(value, at);
          if (!known && --missing === 0) resolve(value);
          known = true;
        });
      });
    });
  }

  const numbered = (count, size = 100) =>
    Array.from({ length: count }, (_, i) => ({ size, i }));

  async function first({ url, times }) {
    const watch = new Stopwatch();
    for (let run = 0; run < times; run++) {
      const client = await connect(url);
      await subscribeAll(client, "bench:value", [{ size: 100 }]);
      watch.pause();
      await client.close();
      watch.resume();
    }
    return watch.read(times);
  }

  async function mutations({ url, count, together }) {
    const client = await connect(url);
    await subscribeAll(client, "bench:value", [{ size: 100 }]);
    const watch = new Stopwatch();
    for (let done = 0; done < count; done += together) {
      const calls = Array.from({ length: together }, () =>
        client.mutate("bench:touch", { text: "hello" }),
      );
      await Promise.all(calls);
    }
    const answer = watch.read(count);
    await client.close();
    return answer;
  }

  async function transitions({ url, count, size, queries = 1 }) {
    const client = await connect(url);
    const waiter = new Waiter();
    const middle = Math.floor(queries / 2);
    let seen = 0;
    await subscribeAll(client, "bench:value", numbered(queries, size), (value, at) => {
      if (at !== middle) return;
      seen++;
      waiter.arrived(value.n);
    });
    const { last } = await client.act("bench:prepare", { count, size, query: middle });
    seen = 0;
    const watch = new Stopwatch();
    await client.act("bench:go", {});
    await waiter.until(last);
    const answer = { ...watch.read(count), seen: seen / count };
    await client.close();
    return answer;
  }

  async function subscriptions({ url, count }) {
    const before = memoryBytes();
    const client = await connect(url);
    const kept = [];
    const watch = new Stopwatch();
    await subscribeAll(client, "bench:value", numbered(count), (value) => kept.push(value));
    const answer = { ...watch.read(), memory: memoryBytes() - before, seen: kept.length };
    await client.close();
    return answer;
  }

  async function rows({ url, count }) {
    const client = await connect(url);
    const watch = new Stopwatch();
    const value = await subscribeAll(client, "bench:rows", [{ rows: count }]);
    const answer = { ...watch.read(), seen: value.rows.length };
    await client.close();
    return answer;
  }

  async function reconnect({ url, count, token }) {
    const client = await connect(url);
    const versions = new Array(count).fill(0);
    let wanted = Infinity;
    let missing = count;
    let consistent;
    const done = new Promise((resolve) => (consistent = resolve));
    await subscribeAll(client, "bench:value", numbered(count), (value, at) => {
      const isLast = versions[at] < wanted && value.n >= wanted;
      versions[at] = value.n;
      if (isLast && --missing === 0) consistent();
    });
    wanted = versions[0] + 1;
    await client.act("bench:drop", { token });
    await done;
    const { sinceOpened, sinceDropped } = await client.act("bench:mark", {});
    await client.close();
    return { seconds: sinceOpened, felt: sinceDropped };
  }

  /** Pending mutations with an optimistic update each, then results that all of them are laid over. */
  async function optimistic({ url, layers, count }) {
    const client = await connect(url);
    const waiter = new Waiter();
    const args = { size: 100, i: 0 };
    let added = 0;
    await subscribeAll(client, "bench:value", [args], (value) => {
      added = value.added?.length ?? 0;
      waiter.arrived(value.n);
    });
    const { last } = await client.act("bench:prepare", { count, size: 100 });
    const update = (value) => ({ ...value, added: [...(value.added ?? []), "item"] });
    const laying = new Stopwatch();
    const calls = Array.from({ length: layers }, () =>
      client.mutateOptimistically("bench:hold", {}, "bench:value", args, update),
    );
    const laid = laying.read(layers);
    const replaying = new Stopwatch();
    await client.act("bench:go", {});
    await waiter.until(last);
    const answer = { ...replaying.read(count), layer: laid.seconds, seen: added };
    await client.act("bench:release", {});
    await Promise.all(calls);
    await client.close();
    return answer;
  }

  const loads = {
    async rows(client, ticker, { count }) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      ticker.restart();
      await subscribeAll(client, "bench:rows", [{ rows: count }]);
    },
    async paced(client, ticker, { count, size, rate }) {
      const waiter = new Waiter();
      await subscribeAll(client, "bench:value", [{ size }], (value) => waiter.arrived(value.n));
      ticker.restart();
      const { last } = await client.act("bench:pace", { count, size, per_second: rate });
      await waiter.until(last);
    },
    async mutations(client, ticker, { count }) {
      await subscribeAll(client, "bench:value", [{ size: 100 }]);
      ticker.restart();
      for (let done = 0; done < count; done++) {
        await client.mutate("bench:touch", { text: "hello" });
      }
    },
  };

  async function pauses({ url, load, ...request }) {
    const ticker = new Ticker();
    const idle = await ticker.idleShare();
    const client = await connect(url);
    await loads[load](client, ticker, request);
    const answer = ticker.read(idle);
    ticker.stop();
    await client.close();
    return answer;
  }

  /** How often another operation parses JSON and decodes base64, per Transition. */
  async function counted({ question, ...request }) {
    const counts = { parses: 0, decodings: 0 };
    const { parse } = JSON;
    const { atob } = globalThis;
    JSON.parse = (...args) => (counts.parses++, parse(...args));
    globalThis.atob = (text) => (counts.decodings++, atob(text));
    try {
      await all[question](request);
    } finally {
      Object.assign(JSON, { parse });
      Object.assign(globalThis, { atob });
    }
    return {
      parses: Math.floor(counts.parses / request.count),
      decodings: Math.floor(counts.decodings / request.count),
    };
  }

  const all = { counted, first, mutations, transitions, subscriptions, rows, reconnect, pauses };
  return hasOptimisticUpdates ? { ...all, optimistic } : all;
}
