/**
 * The client: live queries, mutations and actions of one backend, in one object.
 *
 * Not here: the protocol (see core), sockets and timers (see runtime).
 */

import { closedError, refuse } from "./core/errors.js";
import type { Settlement } from "./core/mutations.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import { createSession, type ClientState, type Session, type SessionOptions } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import type { Preloaded } from "./preload.js";
import { pathOf, type Action, type AnyFunction, type Mutation, type Query, type Rest } from "./reference.js";
import { createDriver, type Driver, type FaceEffect } from "./runtime/driver.js";
import { syncUrl, webSockets, type WebSocketConstructor } from "./runtime/websocket.js";

/** Gets a token: from a cache, or, with `forceRefreshToken`, a new one; null when there is none. */
export type TokenFetcher = (options: { readonly forceRefreshToken: boolean }) => Promise<string | null | undefined>;

export type ClientOptions = SessionOptions & {
  /** For platforms without a WebSocket of their own, such as Node 20. */
  readonly WebSocket?: WebSocketConstructor;
  /** Where log lines of functions, and errors of callbacks, go. */
  readonly log?: (line: unknown, path?: string) => void;
  /** What the server has rendered the page with. */
  readonly preloaded?: Preloaded;
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
    if (!Socket) refuse("connection.url", "WebSocket", Socket);
    this.#log = options.log ?? console.log;
    const { preloaded } = options;
    this.#session = createSession(sessionId(), { expectAuth: preloaded?.isAuthenticated, ...options });
    if (preloaded) this.#session.seed(preloaded.ts, preloaded.results);
    this.#driver = createDriver(this.#session, webSockets(syncUrl(url), Socket), (effect) => this.#carryOut(effect));
    this.#driver.turn(this.#session.start);
    globalThis.addEventListener?.("online", this.reconnectNow);
  }

  /** Call back once for every snapshot, with the tokens of what changed. */
  subscribe(listener: Listener): () => void;
  /** Keep told of a query: its value now, if there is one, and each new value. */
  subscribe<Arguments, Result>(
    query: Query<Arguments, Result>,
    args: Arguments,
    onValue: (value: Result) => void,
    onError?: (error: Error) => void,
  ): Subscription;
  subscribe<Result = Value>(
    path: string,
    args: Args,
    onValue: (value: Result) => void,
    onError?: (error: Error) => void,
  ): Subscription;
  subscribe(
    query: Listener | AnyFunction,
    args?: unknown,
    onValue?: (value: never) => void,
    onError: (error: Error) => void = this.#log,
  ): Subscription | (() => void) {
    if (typeof query === "function") return added(this.#listeners, query);
    return this.watch(query, args as Args, (visible) => {
      if (visible) "value" in visible ? onValue?.(visible.value as never) : onError(visible.error);
    });
  }

  /** Call back whenever what is visible of a query has changed: to a value, an error, or nothing yet. */
  watch(query: AnyFunction, args: Args | undefined, onChange: (visible: Visible) => void): Subscription {
    const { visible, subscribe, unsubscribe } = this.#session;
    const token = this.#driver.turn(() => subscribe(pathOf(query), args));
    const watchers = this.#watchers.get(token) ?? new Set();
    this.#watchers.set(token, watchers);
    let last: Visible;
    const tell = (): void => {
      const now = visible(token);
      // [session.stop-then-silence]
      if (now === last || !this.#watchers.get(token)?.has(tell)) return;
      last = now;
      this.#guard(() => onChange(now));
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

  /** The value of a query at this moment. */
  query<Arguments, Result>(query: Query<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  query<Result = Value>(path: string, args?: Args): Promise<Result>;
  query(query: AnyFunction, args?: unknown): Promise<never> {
    let stop = (): void => undefined;
    const value = new Promise<never>((resolve, reject) => {
      const { unsubscribe } = this.subscribe(query as string, args as Args, resolve, reject);
      const forget = added(this.#asked, reject);
      stop = () => {
        forget();
        unsubscribe();
      };
      if (this.state.connection === "closed") this.#end();
    });
    return value.finally(() => stop());
  }

  /** Change something; resolves when the visible results show it. */
  mutation<Arguments extends Args, Result>(
    mutation: Mutation<Arguments, Result>,
    args: Arguments,
    options?: { readonly optimistic?: OptimisticUpdate<Arguments> | undefined },
  ): Promise<Result>;
  mutation<Result = Value>(
    path: string,
    args?: Args,
    options?: { readonly optimistic?: OptimisticUpdate | undefined },
  ): Promise<Result>;
  mutation(
    mutation: AnyFunction,
    args?: unknown,
    options?: { readonly optimistic?: OptimisticUpdate<never> | undefined },
  ): Promise<never> {
    return this.#call(() => this.#session.mutate(pathOf(mutation), args as Args, options?.optimistic as OptimisticUpdate));
  }

  /** Do something; resolves with the answer. It is not repeated when the connection breaks. */
  action<Arguments, Result>(action: Action<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  action<Result = Value>(path: string, args?: Args): Promise<Result>;
  action(action: AnyFunction, args?: unknown): Promise<never> {
    return this.#call(() => this.#session.act(pathOf(action), args as Args));
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

  /** What is visible now of what a token names; the same object until it changes. */
  visible(token: string): Visible {
    return this.#session.visible(token);
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
    // [session.stop-then-silence]
    this.#watchers.clear();
    this.#listeners.clear();
    this.#driver.turn(this.#session.close);
    return this.#driver.allClosed();
  }

  #call(start: () => number): Promise<never> {
    return new Promise((resolve, reject) => {
      this.#driver.turn(() =>
        this.#calls.set(start(), (settlement) =>
          "value" in settlement ? resolve(settlement.value as never) : reject(settlement.error),
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
    this.#asked.forEach((reject) => reject(closedError()));
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
