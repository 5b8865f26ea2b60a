/**
 * The client: live queries, mutations and actions of one backend, in one object.
 *
 * Not here: the protocol (see core), sockets and timers (see runtime).
 */

import { closedError, refuse, type Outcome } from "./core/errors.js";
import type { CallKind } from "./core/mutations.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import type { ClientState, SessionOptions } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { pathOf, type Action, type AnyFunction, type Mutation, type Query, type Rest } from "./reference.js";
import { createDriver } from "./runtime/driver.js";
import { syncUrl, type WebSocketConstructor } from "./runtime/websocket.js";

/** Gets a token: from a cache, or, with `forceRefreshToken`, a new one; null when there is none. */
export type TokenFetcher = (options: { readonly forceRefreshToken: boolean }) => Promise<string | null | undefined>;

export type ClientOptions = SessionOptions & {
  /** For platforms without a WebSocket of their own, such as Node 20. */
  readonly WebSocket?: WebSocketConstructor;
  /** Where log lines of functions, and errors of callbacks, go. */
  readonly log?: (line: unknown, path?: string) => void;
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

/** Live queries, mutations and actions of one deployment. */
export interface Client {
  /** What the page was rendered with: the same on the server and here, however fast the socket is. */
  readonly initial: { readonly results: Snapshot; readonly state: ClientState };

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

  /** Call back whenever what is visible of a query has changed: to a value, an error, or nothing yet. */
  watch(query: AnyFunction, args: Args | undefined, onChange: (visible: Visible) => void): Subscription;

  /** The value of a query at this moment. */
  query<Arguments, Result>(query: Query<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  query<Result = Value>(path: string, args?: Args): Promise<Result>;

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

  /** Do something; resolves with the answer. It is not repeated when the connection breaks. */
  action<Arguments, Result>(action: Action<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  action<Result = Value>(path: string, args?: Args): Promise<Result>;

  /** Sign in with the tokens of a fetcher, and hear when the server has confirmed or refused them. */
  setAuth(fetcher: TokenFetcher, onChange?: (isAuthenticated: boolean) => void): void;
  /** Sign in with an admin key, maybe to act as a user. */
  setAdminAuth(key: string, actingAs?: Args): void;
  /** Sign out. */
  clearAuth(): void;

  /** How the connection is doing; the same object until something changes. */
  readonly state: ClientState;
  /** Call back when `state` has changed. */
  onState(listener: (state: ClientState) => void): () => void;
  /** What is visible now of what a token names; the same object until it changes. */
  visible(token: string): Visible;
  /** All that is visible now; the same object until the next call of the listeners. */
  snapshot(): Snapshot;

  /** Send nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Do not wait for the next attempt to connect. */
  reconnectNow(): void;
  /** End everything; resolves when nothing is left. Pending calls are rejected. */
  close(): Promise<void>;
}

/** How to end something: well, or badly. */
type Done = readonly [onValue?: (value: never) => void, onError?: (error: Error) => void];

const end = ([onValue, onError]: Done, outcome: Outcome): void =>
  "value" in outcome ? onValue?.(outcome.value as never) : onError?.(outcome.error);

/** Put into a set; the way to take it out again. */
const added = <Item>(set: Set<Item>, item: Item): (() => void) => {
  set.add(item);
  return () => void set.delete(item);
};

function createClient(url: string, options: ClientOptions = {}): Client {
  const { WebSocket: Socket = globalThis.WebSocket as WebSocketConstructor, log = console.log } = options;
  if (!Socket) refuse("connection.url", "WebSocket", Socket);
  const address = syncUrl(url);
  const listeners = new Set<Listener>();
  const stateListeners = new Set<(state: ClientState) => void>();
  let fetcher: TokenFetcher;
  let onAuthChange: ((isAuthenticated: boolean) => void) | undefined;
  let snapshot: Snapshot | undefined;
  let isOver = false;

  const driver = createDriver<Done>(
    sessionId(),
    options,
    () => new Socket(address),
    {
      _log: log,
      _settle: end,
      _publish(changed, watchers) {
        snapshot = undefined;
        for (const tell of [...watchers, ...listeners]) driver._later(tell)(changed);
      },
      _authChanged: (isAuthenticated) => onAuthChange?.(isAuthenticated),
      _stateChanged(now) {
        for (const tell of stateListeners) driver._later(tell)(now);
      },
      async _fetch(number, forceRefreshToken) {
        let token;
        try {
          token = await fetcher({ forceRefreshToken });
        } catch (error) {
          // [auth.fetch-rejects]
          log(error);
        }
        input._token(number, token);
      },
    },
  );
  const { _session: session, _input: input } = driver;

  const watch: Client["watch"] = (query, args, onChange) => {
    let last: Visible;
    const tell = (): void => {
      const now = session._visible(token);
      // [session.stop-then-silence]
      if (now === last || isOver || !entry._watchers.has(tell)) return;
      last = now;
      onChange(now);
    };
    const entry = input._subscribe(pathOf(query), args, tell);
    const token = entry._token;
    // [queries.known-value] Soon, but not before the caller holds its subscription.
    queueMicrotask(() => driver._attempt(tell));
    return {
      token,
      get current() {
        return session._visible(token);
      },
      unsubscribe: () => input._unsubscribe(entry, tell),
    };
  };

  const call =
    (kind: CallKind) =>
    (reference: AnyFunction, args?: unknown, callOptions?: { readonly optimistic?: unknown }): Promise<never> =>
      new Promise((...done) =>
        input._call(kind, pathOf(reference), args as Args, done, callOptions?.optimistic as OptimisticUpdate),
      );

  const initial = { results: session._snapshot(), state: session._state() };
  const { _reconnectNow: reconnectNow } = input;
  globalThis.addEventListener?.("online", reconnectNow);

  return {
    initial,
    subscribe: ((query: Listener | AnyFunction, args?: Args, onValue?: () => void, onError = log) =>
      typeof query === "function"
        ? added(listeners, query)
        : watch(query, args, (visible) => visible && end([onValue, onError], visible))) as Client["subscribe"],
    watch,
    query: (query: AnyFunction, args?: unknown): Promise<never> =>
      new Promise((...done) => {
        const leave = (outcome: Outcome): void => {
          unsubscribe();
          forget();
          end(done, outcome);
        };
        const { unsubscribe } = watch(query, args as Args, (visible) => visible && leave(visible));
        const look = (): unknown => session._state().connection === "closed" && leave({ error: closedError() });
        const forget = added(stateListeners, look);
        look();
      }),
    mutation: call("Mutation"),
    action: call("Action"),
    setAuth(...auth) {
      [fetcher, onAuthChange] = auth;
      input._identify("set");
    },
    setAdminAuth: (value, impersonating) => input._identify("admin", { tokenType: "Admin", value, impersonating }),
    clearAuth: () => input._identify("clear"),
    get state() {
      return session._state();
    },
    onState: (listener) => added(stateListeners, listener),
    visible: session._visible,
    snapshot: () => (snapshot ??= session._snapshot()),
    pause: () => input._pause(true),
    resume: () => input._pause(false),
    reconnectNow,
    close() {
      globalThis.removeEventListener?.("online", reconnectNow);
      // [session.stop-then-silence]
      isOver = true;
      listeners.clear();
      input._close();
      return driver._allClosed();
    },
  };
}

/** Begins to connect to the deployment at a URL; throws for what cannot be one. */
export const Client = createClient as unknown as new (url: string, options?: ClientOptions) => Client;

/** A UUID of version 4; `randomUUID` is missing on pages without TLS. */
const sessionId = (): string =>
  "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
    (crypto.getRandomValues(new Uint8Array(1))[0]! & 15).toString(16),
  );
