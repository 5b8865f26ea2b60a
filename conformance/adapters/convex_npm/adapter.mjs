// The official npm package `convex` behind the adapter protocol, version 1.
//
//   node adapters/convex_npm/adapter.mjs
//
// Built on BaseConvexClient, which tells of all changes of a transition in one call. The package
// is an independent implementation of the protocol; it is judged here, not copied.
import readline from "node:readline";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { BaseConvexClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, jsonToConvex } from "convex/values";
import WebSocket from "ws";

const require = createRequire(import.meta.url);
const manifest = require.resolve("convex/package.json");
const { version } = JSON.parse(readFileSync(manifest, "utf8"));
const features = ["mutations", "actions", "auth", "optimistic", "snapshot", "query", "state"];

const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const quiet = { logVerbose() {}, log() {}, warn() {}, error() {} };

class Unsupported extends Error {}

class RaisedOnPurpose extends Error {}

function errorOf(error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RaisedOnPurpose) return { kind: "local", message };
  if (error instanceof ConvexError) {
    return { kind: "application", message, data: convexToJson(error.data) };
  }
  const isLost = message.includes("Connection lost while action was in flight");
  return { kind: isLost ? "lost" : "function", message };
}

function pointed(root, pointer, change) {
  if (pointer === "") return change(root);
  const [head, ...rest] = pointer.split("/").slice(1);
  const copy = Array.isArray(root) ? [...root] : { ...root };
  const below = rest.length === 0 ? "" : `/${rest.join("/")}`;
  copy[head] = pointed(copy[head], below, change);
  return copy;
}

function changed(old, { transform, value }) {
  const given = value === undefined ? undefined : jsonToConvex(value);
  if (transform === "append") return [...old, given];
  if (transform === "inc") return old + given;
  return given;
}

class Client {
  constructor(name, url, options = {}) {
    this.name = name;
    this.subs = new Map();
    this.fetches = new Map();
    this.count = 0;
    if (options.inactivity_ms !== undefined) throw new Unsupported("inactivity_ms is fixed");
    this.client = new BaseConvexClient(url, (tokens) => this.published(tokens), {
      webSocketConstructor: WebSocket,
      skipConvexDeploymentUrlCheck: true,
      unsavedChangesWarning: false,
      logger: quiet,
      expectAuth: options.expect_auth ?? false,
    });
  }

  emit(ev, fields) {
    if (!this.isClosed) write({ ev, client: this.name, ...fields });
  }

  view(token) {
    try {
      const value = this.client.localQueryResultByToken(token);
      return value === undefined ? { loading: true } : { value: convexToJson(value) };
    } catch (error) {
      const { message, data } = errorOf(error);
      return { error: data === undefined ? { message } : { message, data } };
    }
  }

  published(tokens) {
    const changes = [];
    for (const [sub, { token }] of this.subs) {
      if (tokens.includes(token)) changes.push({ sub, ...this.view(token) });
    }
    if (changes.length > 0) this.emit("update", { changes });
  }

  subscribe({ sub, path, args, pagination }) {
    if (pagination) throw new Unsupported("pagination lives in its React hooks");
    const { queryToken, unsubscribe } = this.client.subscribe(path, jsonToConvex(args));
    this.subs.set(sub, { token: queryToken, unsubscribe });
    const view = this.view(queryToken);
    if (!view.loading) this.emit("update", { changes: [{ sub, ...view }] });
  }

  unsubscribe({ sub }) {
    this.subs.get(sub).unsubscribe();
    this.subs.delete(sub);
  }

  settle(call, promise) {
    promise.then(
      (value) => this.emit("settled", { call, value: convexToJson(value ?? null) }),
      (error) => this.emit("settled", { call, error: errorOf(error) }),
    );
  }

  optimistic(changes) {
    let runs = 0;
    return (store) => {
      runs += 1;
      for (const change of changes) {
        const reference = makeFunctionReference(change.path);
        const args = jsonToConvex(change.args);
        if (change.transform === "raise") {
          if (runs >= (change.value ?? 1)) throw new RaisedOnPurpose("raised on purpose");
        } else if (change.transform === "loading") {
          store.setQuery(reference, args, undefined);
        } else {
          const old = store.getQuery(reference, args);
          const isWhole = change.transform === "set" && change.pointer === "";
          if (old === undefined && !isWhole) continue;
          store.setQuery(reference, args, pointed(old, change.pointer, (at) => changed(at, change)));
        }
      }
    };
  }

  mutate({ call, path, args, optimistic }) {
    const options = optimistic ? { optimisticUpdate: this.optimistic(optimistic) } : {};
    this.settle(call, this.client.mutation(path, jsonToConvex(args), options));
  }

  action({ call, path, args }) {
    this.settle(call, this.client.action(path, jsonToConvex(args)));
  }

  setAuth({ mode, token, acting_as: actingAs }) {
    const onChange = (authenticated) => this.emit("auth", { authenticated });
    if (mode === "static") this.client.setAuth(async () => token, onChange);
    else if (mode === "none") this.client.clearAuth();
    else if (mode === "admin") this.client.setAdminAuth(token, actingAs);
    else this.client.setAuth(({ forceRefreshToken }) => this.fetch(forceRefreshToken), onChange);
  }

  fetch(force) {
    this.count += 1;
    const number = this.count;
    this.emit("token_wanted", { number, force });
    return new Promise((resolve, reject) => this.fetches.set(number, { resolve, reject }));
  }

  token({ number, token, reject }) {
    const fetch = this.fetches.get(number);
    if (reject) fetch.reject(new Error("the fetcher raises"));
    else fetch.resolve(token);
  }

  state() {
    const state = this.client.connectionState();
    return {
      state: state.isWebSocketConnected ? "connected" : "disconnected",
      connected: state.isWebSocketConnected,
      ever_connected: state.hasEverConnected,
      connections: state.connectionCount,
      retries: state.connectionRetries,
      inflight: state.inflightMutations + state.inflightActions,
    };
  }

  snapshot() {
    const views = {};
    for (const [sub, { token }] of this.subs) views[sub] = this.view(token);
    return { views };
  }

  close() {
    void this.client.close();
    this.isClosed = true;
  }
}

const clients = new Map();

function handle(op) {
  if (op.op === "hello") {
    return { name: "convex (npm)", version, language: "javascript", levels: "L1", features };
  }
  if (op.op === "bye") return {};
  if (op.op === "open") {
    clients.set(op.client, new Client(op.client, op.url, op.options));
    return {};
  }
  const client = clients.get(op.client);
  const methods = { set_auth: "setAuth" };
  const method = methods[op.op] ?? op.op;
  const known = "subscribe unsubscribe mutate action set_auth token state snapshot close".split(" ");
  if (!known.includes(op.op)) throw new Unsupported(`${op.op} is not in its API`);
  if (client === undefined) return {};
  return client[method](op) ?? {};
}

// The package throws some protocol errors out of its socket callbacks.
process.on("uncaughtException", (error) => process.stderr.write(`${error.message}\n`));
process.on("unhandledRejection", (error) => process.stderr.write(`${error}\n`));

for await (const line of readline.createInterface({ input: process.stdin })) {
  const op = JSON.parse(line);
  try {
    write({ re: op.seq, ok: true, ...handle(op) });
  } catch (error) {
    const unsupported = error instanceof Unsupported;
    const body = unsupported ? { unsupported, reason: error.message } : { error: error.message };
    write({ re: op.seq, ok: false, ...body });
  }
  if (op.op === "bye") process.exit(0);
}
