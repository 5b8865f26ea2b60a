/**
 * The client: live queries, mutations and actions of one backend, in one object.
 *
 * Not here: the protocol (see core), sockets and timers (see runtime).
 */

import { LocalProtocolError, UnisonoError } from "./core/errors.js";
import type { Settlement } from "./core/mutations.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import { createSession, type ClientState, type Session, type SessionOptions } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { createDriver, type Driver, type FaceEffect, type Platform } from "./runtime/driver.js";
import { syncUrl, webSockets, type WebSocketConstructor } from "./runtime/websocket.js";

/** Gets a token: from a cache, or, with `forceRefreshToken`, a new one; null when there is none. */
export type TokenFetcher = (options: { readonly forceRefreshToken: boolean }) => Promise<string | null | undefined>;

export type ClientOptions = SessionOptions & {
  /** For platforms without a WebSocket of their own, such as Node 20. */
  readonly WebSocket?: WebSocketConstructor;
  /** Where log lines of functions, and errors of callbacks, go. */
  readonly log?: (line: unknown, path?: string) => void;
  /** Another clock and other dice, for tests. */
  readonly platform?: Platform;
};

/** A live query; it ends with `unsubscribe()`. */
export type Subscription = {
  /** What names the query in the snapshot. */
  readonly token: string;
  /** What is visible of it now. */
  readonly current: Visible;
  unsubscribe(): void;
};

/** All that is visible at one moment, by token. */
export type Snapshot = ReadonlyMap<string, Visible>;

type Listener = (changed: readonly string[]) => void;

export class Client {
  readonly #session: Session;
  readonly #driver: Driver;
  readonly #log: (line: unknown, path?: string) => void;
  readonly #listeners = new Set<Listener>();
  readonly #stateListeners = new Set<(state: ClientState) => void>();
  readonly #watchers = new Map<string, Set<() => void>>();
  /** How to reject the queries that wait for their one value. */
  readonly #asked = new Set<(error: Error) => void>();
  readonly #calls = new Map<number, (settlement: Settlement) => void>();
  #fetcher: TokenFetcher | undefined;
  #onAuthChange: ((isAuthenticated: boolean) => void) | undefined;
  #snapshot: Snapshot | undefined;
  #state: ClientState | undefined;

  /** Begins to connect to the deployment at this URL. */
  constructor(url: string, options: ClientOptions = {}) {
    const Socket = options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
    if (!Socket) throw new LocalProtocolError("connection.url", "the option WebSocket", Socket);
    this.#log = options.log ?? console.log;
    this.#session = createSession(sessionId(), options);
    this.#driver = createDriver(
      this.#session,
      webSockets(syncUrl(url), Socket),
      (effect) => this.#carryOut(effect),
      options.platform,
    );
    this.#driver.turn(this.#session.start);
    globalThis.addEventListener?.("online", this.reconnectNow);
  }

  /** Call back once for every snapshot, with the tokens of what changed. */
  subscribe(listener: Listener): () => void;
  /** Keep told of a query: its value now, if there is one, and each new value. */
  subscribe<Result = Value>(
    path: string,
    args: Args,
    onValue: (value: Result) => void,
    onError?: (error: Error) => void,
  ): Subscription;
  subscribe(
    path: string | Listener,
    args: Args = {},
    onValue?: (value: Value) => void,
    onError?: (error: Error) => void,
  ): Subscription | (() => void) {
    return typeof path === "string" ? this.#watch(path, args, onValue, onError) : added(this.#listeners, path);
  }

  /** The value of a query at this moment. */
  query<Result = Value>(path: string, args: Args = {}): Promise<Result> {
    let stop = (): void => undefined;
    const value = new Promise<Result>((resolve, reject) => {
      const subscription = this.#watch(path, args, resolve, reject);
      const forget = added(this.#asked, reject);
      stop = () => {
        forget();
        subscription.unsubscribe();
      };
      if (this.state.connection === "closed") this.#end();
    });
    return value.finally(() => stop());
  }

  /** Change something; resolves when the visible results show it. */
  mutation<Result = Value>(
    path: string,
    args?: Args,
    options?: { readonly optimistic?: OptimisticUpdate | undefined },
  ): Promise<Result> {
    return this.#call(() => this.#session.mutate(path, args, options?.optimistic));
  }

  /** Do something; resolves with the answer. It is not repeated when the connection breaks. */
  action<Result = Value>(path: string, args?: Args): Promise<Result> {
    return this.#call(() => this.#session.act(path, args));
  }

  /** Sign in with the tokens of a fetcher, and hear when the server has confirmed or refused them. */
  setAuth(fetcher: TokenFetcher, onChange?: (isAuthenticated: boolean) => void): void {
    this.#fetcher = fetcher;
    this.#onAuthChange = onChange;
    this.#driver.turn(this.#session.setAuth);
  }

  /** Sign in with an admin key, maybe to act as a user. */
  setAdminAuth(key: string, actingAs?: Args): void {
    this.#driver.turn((now) => this.#session.setAdmin(key, actingAs, now));
  }

  /** Sign out. */
  clearAuth(): void {
    this.#driver.turn(this.#session.clearAuth);
  }

  /** How the connection is doing; the same object until something changes. */
  get state(): ClientState {
    return (this.#state ??= this.#session.state());
  }

  /** Call back when `state` has changed. */
  onState(listener: (state: ClientState) => void): () => void {
    return added(this.#stateListeners, listener);
  }

  /** All that is visible now; the same object until the next call of the listeners. */
  snapshot(): Snapshot {
    return (this.#snapshot ??= this.#session.snapshot());
  }

  /** Send nothing until `resume`. */
  pause(): void {
    this.#driver.turn(this.#session.pause);
  }

  resume(): void {
    this.#driver.turn(this.#session.resume);
  }

  /** Do not wait for the next attempt to connect. */
  readonly reconnectNow = (): void => this.#driver.turn(this.#session.reconnectNow);

  /** End everything; resolves when nothing is left. Pending calls are rejected. */
  close(): Promise<void> {
    globalThis.removeEventListener?.("online", this.reconnectNow);
    this.#driver.turn(this.#session.close);
    return this.#driver.allClosed();
  }

  #watch<Result>(
    path: string,
    args: Args,
    onValue: (value: Result) => void = () => undefined,
    onError: (error: Error) => void = this.#log,
  ): Subscription {
    const { visible, subscribe, unsubscribe } = this.#session;
    const token = this.#driver.turn(() => subscribe(path, args));
    const watchers = this.#watchers.get(token) ?? new Set();
    this.#watchers.set(token, watchers);
    let last: Visible;
    const tell = (): void => {
      const now = visible(token);
      // [session.stop-then-silence]
      if (!now || now === last || !watchers.has(tell)) return;
      last = now;
      this.#guard(() => ("value" in now ? onValue(now.value as Result) : onError(now.error)));
    };
    const stop = added(watchers, tell);
    // [queries.known-value] Soon, but not before the caller holds its subscription.
    queueMicrotask(tell);
    return {
      token,
      get current() {
        return visible(token);
      },
      unsubscribe: () => {
        if (!stop()) return;
        if (!watchers.size) this.#watchers.delete(token);
        this.#driver.turn(() => unsubscribe(token));
      },
    };
  }

  #call<Result>(start: () => number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#driver.turn(() =>
        this.#calls.set(start(), (settlement) =>
          "value" in settlement ? resolve(settlement.value as Result) : reject(settlement.error),
        ),
      );
    });
  }

  #carryOut(effect: FaceEffect): void {
    switch (effect.type) {
      case "Publish":
        this.#snapshot = undefined;
        for (const token of effect.changed) this.#watchers.get(token)?.forEach((tell) => tell());
        this.#listeners.forEach((listener) => this.#guard(() => listener(effect.changed)));
        break;
      case "Settle":
        this.#calls.get(effect.call)?.(effect.settlement);
        this.#calls.delete(effect.call);
        break;
      case "FetchToken":
        void this.#fetch(effect.number, effect.force);
        break;
      case "Log":
        this.#log(effect.line, effect.path);
        break;
      case "AuthChanged":
        this.#guard(() => this.#onAuthChange?.(effect.isAuthenticated));
      // Falls through, as that is part of the state.
      case "StateChanged":
        this.#state = undefined;
        this.#stateListeners.forEach((listener) => this.#guard(() => listener(this.state)));
        if ("connection" in effect && effect.connection === "closed") this.#end();
    }
  }

  #end(): void {
    this.#asked.forEach((reject) => reject(new UnisonoError("closed", "the client is closed")));
  }

  async #fetch(number: number, forceRefreshToken: boolean): Promise<void> {
    let token: string | null | undefined;
    try {
      token = await this.#fetcher!({ forceRefreshToken });
    } catch (error) {
      // [auth.fetch-rejects]
      this.#log(error);
    }
    this.#driver.turn((now) => this.#session.token(number, token, now));
  }

  /** A callback that throws hurts only itself. */
  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#log(error);
    }
  }
}

/** Put into a set; the way to take it out again says whether it was there. */
function added<Item>(set: Set<Item>, item: Item): () => boolean {
  set.add(item);
  return () => set.delete(item);
}

/** A UUID of version 4; `randomUUID` is missing on pages without TLS. */
const sessionId = (): string =>
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0]! & (15 >> (+digit / 4)))).toString(16),
  );
