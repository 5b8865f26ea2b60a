// The operations of ADAPTER.md on the JavaScript client, wherever it runs.

import { given as read } from "./host_values.mjs";
import { pointedAt } from "./pointer.mjs";

const FEATURES = "mutations actions auth optimistic snapshot pause stats codec state log query pagination host.int64 host.undefined".split(" ");

/** The parts of the client that are played, whoever loaded them. */
export async function load() {
  const { decode, encode } = await import("../../../js_client/dist/core/values.js");
  const { HttpClient } = await import("../../../js_client/dist/http.js");
  const { Client } = await import("../../../js_client/dist/index.js");
  const { paginate } = await import("../../../js_client/dist/pagination.js");
  return { Client, HttpClient, paginate, decode, encode };
}

/**
 * What answers lines. `Socket` gives a client the class of its sockets, and to these a way to
 * report what is done with them; `about` is what `hello` says of this place; `turn` waits until
 * what an operation caused by itself has settled.
 */
export function adapter({ library, write, Socket, about, clock, turn, bye }) {
  const { Client, HttpClient, paginate, decode, encode } = library;
  const clients = new Map();

  /** One client under test, with what the runner calls its parts. */
  class Subject {
    constructor(name, url, options) {
      this.name = name;
      this.subs = new Map();
      this.fetches = new Map();
      this.fetchCount = 0;
      this.client = new Client(url, {
        WebSocket: Socket((event, socket) => this.#wire(event, socket)),
        log: (line) => this.#logged(line),
        ...(options.inactivity_ms !== undefined && { inactivityMs: options.inactivity_ms }),
        ...(options.expect_auth !== undefined && { expectAuth: options.expect_auth }),
      });
      this.client.subscribe((changed) => this.#published(changed));
      this.client.onState(({ connection }) => this.#stateChanged(connection));
    }

    emit(ev, fields) {
      write({ ev, client: this.name, ...fields });
    }

    #logged(line) {
      if (line instanceof Error) this.emit("error", { kind: line.kind ?? "callback", message: line.message });
      else this.emit("log", { line });
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
      this.#update([...this.subs].filter(([, { token, isNew }]) => (token ? tokens.has(token) : isNew())));
    }

    #update(subs) {
      if (subs.length) this.emit("update", { changes: subs.map(([sub, it]) => ({ sub, ...it.view() })) });
    }

    subscribe({ sub, path, args, pagination }) {
      const given = read(args ?? {}, decode);
      const subscription = pagination ? this.#list(path, given, pagination) : this.#query(path, given);
      this.subs.set(sub, subscription);
      if (pagination || subscription.current) this.#update([[sub, subscription]]);
    }

    #query(path, args) {
      const subscription = this.client.subscribe(path, args, undefined, () => undefined);
      return Object.assign(Object.create(subscription), { view: () => viewOf(subscription.current) });
    }

    #list(path, args, { initial_items: initialItems }) {
      const list = paginate(this.client, path, args, { initialItems });
      let last;
      const view = () => listOf((last = list.current));
      return Object.assign(Object.create(list), { view, isNew: () => list.current !== last });
    }

    loadMore({ sub, items }) {
      const list = this.subs.get(sub);
      list.loadMore(items);
      if (list.isNew()) this.#update([[sub, list]]);
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

  const listOf = ({ items, status, error }) =>
    error ? viewOf({ error }) : { value: { items: encode(items), status } };

  /** A one-shot call; its log goes nowhere. */
  function http({ url, kind, path, args, token, admin }) {
    const client = new HttpClient(url, { log: () => undefined });
    client.setAuth(admin ? { adminKey: admin } : token ? { token } : undefined);
    return client[kind](path, read(args ?? {}, decode));
  }

  /** The update function that a list of changes describes. */
  function updateOf(changes) {
    let runs = 0;
    return (store) => {
      runs++;
      for (const { path, args, transform, pointer, value } of changes) {
        const given = decode(structuredClone(value ?? null));
        if (transform === "raise" && runs >= (given ?? 1)) throw new Error("this layer raises");
        if (transform !== "raise") change(store, path, decode(structuredClone(args)), transform, pointer, given);
      }
    };
  }

  function change(store, path, args, transform, pointer, given) {
    if (transform === "loading") return store.setQuery(path, args, undefined);
    const old = store.getQuery(path, args);
    if (old === undefined && (transform !== "set" || pointer !== "")) return;
    const changes = { set: () => given, append: (list) => [...list, given], inc: (number) => number + given };
    store.setQuery(path, args, pointedAt(old, pointer, changes[transform]));
  }

  const OPERATIONS = {
    hello: () => ({
      version: "0.1.0",
      language: "typescript",
      levels: "L1",
      ...about,
      features: [...FEATURES, ...about.features],
    }),
    open: ({ client, url, options = {} }) => void clients.set(client, new Subject(client, url, options)),
    close: async ({ client }) => {
      const subject = clients.get(client);
      clients.delete(client);
      await subject?.client.close();
    },
    bye: () => bye(),
    subscribe: (fields, subject) => subject.subscribe(fields),
    unsubscribe: ({ sub }, subject) => {
      subject.subs.get(sub)?.unsubscribe();
      subject.subs.delete(sub);
    },
    query: ({ call, path, args }, subject) => void subject.call(call, subject.client.query(path, read(args ?? {}, decode))),
    mutate: ({ call, path, args, optimistic }, subject) =>
      void subject.call(
        call,
        subject.client.mutation(path, read(args ?? {}, decode), optimistic && { optimistic: updateOf(optimistic) }),
      ),
    action: ({ call, path, args }, subject) => void subject.call(call, subject.client.action(path, read(args ?? {}, decode))),
    snapshot: (_, subject) => {
      const snapshot = subject.client.snapshot();
      const views = [...subject.subs].map(([sub, { token, view }]) => [sub, token ? viewOf(snapshot.get(token)) : view()]);
      return { views: Object.fromEntries(views) };
    },
    load_more: (fields, subject) => subject.loadMore(fields),
    http: (fields, subject) => void subject.call(fields.call, http(fields)),
    set_auth: (fields, subject) => subject.setAuth(fields),
    token: (fields, subject) => subject.token(fields),
    state: (_, subject) => {
      const { connection, connectionCount, failures, inflightMutations, inflightActions } = subject.client.state;
      return {
        state: connection,
        connected: connection === "live",
        ever_connected: connectionCount > 0,
        connections: connectionCount,
        retries: failures,
        inflight: inflightMutations + inflightActions,
      };
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
    if (!operation) {
      return write({ re: seq, ok: false, unsupported: true, reason: `${op} is not built` });
    }
    if (fields.jitter !== undefined) clock.chance = fields.jitter;
    try {
      const result = await operation(fields, clients.get(fields.client));
      // What the operation caused by itself has settled by then.
      await turn();
      write({ re: seq, ok: true, ...result });
    } catch (error) {
      write({ re: seq, ok: false, error: error.message });
    } finally {
      clock.chance = 0.5;
    }
  }

  return answer;
}
