// The JavaScript client behind the lines of ADAPTER.md: over real sockets with `ws`, or, with
// `--core`, without any socket and on the runner's clock.

import { createInterface } from "node:readline";
import { WebSocket } from "ws";

import { decode, encode } from "../../../js_client/dist/core/values.js";
import { Client } from "../../../js_client/dist/index.js";
import { inlineSocket } from "./inline_socket.mjs";
import { pointedAt } from "./pointer.mjs";
import { VirtualClock } from "./virtual_clock.mjs";

const IS_CORE = process.argv.includes("--core");
const FEATURES = ["mutations", "actions", "auth", "optimistic", "snapshot", "pause", "stats", "codec"];
const OPTIONS = ["options.inactivity", "options.expect_auth"];
const CORE_FEATURES = ["clock.virtual", "wire.inline"];

const clock = new VirtualClock();
const clients = new Map();
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** One client under test, with what the runner calls its parts. */
class Subject {
  constructor(name, url, options) {
    this.name = name;
    this.subs = new Map();
    this.fetches = new Map();
    this.fetchCount = 0;
    const Socket = IS_CORE ? inlineSocket((event, socket) => this.#wire(event, socket)) : WebSocket;
    this.client = new Client(url, {
      WebSocket: Socket,
      log: (line) => line instanceof Error && this.emit("error", { kind: line.kind ?? "callback", message: line.message }),
      ...(IS_CORE && { platform: clock }),
      ...(options.inactivity_ms !== undefined && { inactivityMs: options.inactivity_ms }),
      ...(options.expect_auth !== undefined && { expectAuth: options.expect_auth }),
    });
    this.client.subscribe((changed) => this.#published(changed));
    this.client.onState(({ connection }) => this.#stateChanged(connection));
  }

  emit(ev, fields) {
    write({ ev, client: this.name, ...fields });
  }

  #wire(event, socket) {
    this.socket = socket;
    this.emit("wire", event);
  }

  #stateChanged(connection) {
    if (connection === this.connection) return;
    this.connection = connection;
    this.emit("conn", { state: connection });
  }

  #published(changed) {
    const tokens = new Set(changed);
    const changes = [...this.subs].filter(([, { token }]) => tokens.has(token));
    if (changes.length) this.emit("update", { changes: changes.map(([sub, it]) => ({ sub, ...viewOf(it.current) })) });
  }

  subscribe({ sub, path, args }) {
    const subscription = this.client.subscribe(path, decode(args ?? {}), undefined, () => undefined);
    this.subs.set(sub, subscription);
    if (subscription.current) this.emit("update", { changes: [{ sub, ...viewOf(subscription.current) }] });
  }

  async call(id, promise) {
    try {
      this.emit("settled", { call: id, value: encode(await promise) });
    } catch (error) {
      const { kind = "local", message } = error;
      this.emit("settled", { call: id, error: { kind, message, ...dataOf(error) } });
    }
  }

  setAuth({ mode, token, acting_as: actingAs }) {
    const onChange = (authenticated) => this.emit("auth", { authenticated });
    if (mode === "none") this.client.clearAuth();
    else if (mode === "admin") this.client.setAdminAuth(token, actingAs);
    else if (mode === "static") this.client.setAuth(async () => token, onChange);
    else this.client.setAuth((options) => this.#wanted(options), onChange);
  }

  #wanted({ forceRefreshToken }) {
    const number = ++this.fetchCount;
    return new Promise((resolve, reject) => {
      this.fetches.set(number, { resolve, reject });
      this.emit("token_wanted", { number, force: forceRefreshToken });
    });
  }

  async token({ number, token, reject }) {
    const fetch = this.fetches.get(number);
    this.fetches.delete(number);
    if (reject) fetch.reject(new Error("the runner refused"));
    else fetch.resolve(token);
  }
}

const dataOf = (error) => (error.kind === "application" ? { data: encode(error.data) } : {});

function viewOf(visible) {
  if (!visible) return { loading: true };
  if ("value" in visible) return { value: encode(visible.value) };
  return { error: { message: visible.error.message, ...dataOf(visible.error) } };
}

/** The update function that a list of changes describes. */
const updateOf = (changes) => (store) => {
  for (const { path, args, transform, pointer, value } of changes) {
    const old = store.getQuery(path, decode(structuredClone(args)));
    if (old === undefined && (transform !== "set" || pointer !== "")) continue;
    const given = decode(structuredClone(value));
    const change = { set: () => given, append: (list) => [...list, given], inc: (number) => number + given }[transform];
    store.setQuery(path, decode(structuredClone(args)), pointedAt(old, pointer, change));
  }
};

const OPERATIONS = {
  hello: () => ({
    name: `unisono-js${IS_CORE ? "-core" : ""}`,
    version: "0.1.0",
    language: "typescript",
    levels: IS_CORE ? "L2" : "L1",
    features: [...FEATURES, ...OPTIONS, ...(IS_CORE ? CORE_FEATURES : [])],
  }),
  open: ({ client, url, options = {} }) => void clients.set(client, new Subject(client, url, options)),
  close: async ({ client }) => {
    const subject = clients.get(client);
    clients.delete(client);
    await subject?.client.close();
  },
  bye: () => void setImmediate(() => process.exit(0)),
  subscribe: (fields, subject) => subject.subscribe(fields),
  unsubscribe: ({ sub }, subject) => {
    subject.subs.get(sub)?.unsubscribe();
    subject.subs.delete(sub);
  },
  query: ({ call, path, args }, subject) => void subject.call(call, subject.client.query(path, decode(args ?? {}))),
  mutate: ({ call, path, args, optimistic }, subject) =>
    void subject.call(
      call,
      subject.client.mutation(path, decode(args ?? {}), optimistic && { optimistic: updateOf(optimistic) }),
    ),
  action: ({ call, path, args }, subject) => void subject.call(call, subject.client.action(path, decode(args ?? {}))),
  snapshot: (_, subject) => {
    const snapshot = subject.client.snapshot();
    return { views: Object.fromEntries([...subject.subs].map(([sub, { token }]) => [sub, viewOf(snapshot.get(token))])) };
  },
  set_auth: (fields, subject) => subject.setAuth(fields),
  token: (fields, subject) => subject.token(fields),
  state: (_, subject) => {
    const { connection, ...rest } = subject.client.state;
    return { state: connection, ...rest };
  },
  pause: (_, subject) => subject.client.pause(),
  resume: (_, subject) => subject.client.resume(),
  reconnect_now: (_, subject) => subject.client.reconnectNow(),
  advance: ({ ms }) => clock.advance(ms),
  stats: () => ({ clients: clients.size, timers: clock.pending }),
  codec: (fields) => ("encode" in fields ? { json: encode(decode(fields.encode)) } : { value: encode(decode(fields.decode)) }),
  wire: ({ do: event, text, code, reason }, { socket }) => {
    if (event === "opened") socket.onopen?.({});
    else if (event === "received") socket.onmessage?.({ data: text });
    else socket.onclose?.({ code, reason: reason ?? "" });
  },
};

async function answer(line) {
  const { seq, op, ...fields } = JSON.parse(line);
  const operation = Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined;
  if (!operation || fields.pagination) {
    return write({ re: seq, ok: false, unsupported: true, reason: `${op} is not built` });
  }
  if (fields.jitter !== undefined) clock.chance = fields.jitter;
  try {
    const result = await operation(fields, clients.get(fields.client));
    // What the operation caused by itself has settled by then.
    await new Promise(setImmediate);
    write({ re: seq, ok: true, ...result });
  } catch (error) {
    write({ re: seq, ok: false, error: error.message });
  } finally {
    clock.chance = 0.5;
  }
}

for await (const line of createInterface({ input: process.stdin })) if (line.trim()) await answer(line);
