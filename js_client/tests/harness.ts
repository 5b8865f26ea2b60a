/** A session on a clock that stands still, with a server that says what the test says. */

import { readFileSync } from "node:fs";

import { encodeTimestamp } from "../src/core/messages.js";
import type { OptimisticUpdate, Visible } from "../src/core/optimistic.js";
import type { Query } from "../src/core/queries.js";
import { createSession, type ClientState, type Session, type SessionOptions } from "../src/core/session.js";
import type { Args, Value } from "../src/core/values.js";

export const SESSION_ID = "123e4567-e89b-42d3-a456-426614174000";

type Frame = { readonly [field: string]: unknown };
type Parts = readonly [querySet: number, identity: number, ts: number | bigint];

export const vectors = <Shape>(name: string): Shape =>
  JSON.parse(readFileSync(new URL(`../../protocol/v1/vectors/${name}.json`, import.meta.url), "utf8")) as Shape;

export const version = ([querySet, identity, ts]: Parts): Frame => ({
  querySet,
  identity,
  ts: encodeTimestamp(BigInt(ts)),
});

export const updated = (queryId: number, value: unknown, journal: string | null = null): Frame => ({
  type: "QueryUpdated",
  queryId,
  value,
  logLines: [],
  journal,
});

export const transition = (start: Parts, end: Parts, ...modifications: Frame[]): Frame => ({
  type: "Transition",
  startVersion: version(start),
  endVersion: version(end),
  modifications,
  clientClockSkew: null,
  serverTs: 1755000000000000000,
});

export const response = (requestId: number, result: unknown, ts: number): Frame => ({
  type: "MutationResponse",
  requestId,
  success: true,
  result,
  ts: encodeTimestamp(BigInt(ts)),
  logLines: [],
});

/** What a session wants done, as a record. */
export type Effect =
  | { readonly type: "Open" | "Close" | "StateChanged" }
  | { readonly type: "Send"; readonly text: string }
  | { readonly type: "Publish"; readonly changed: readonly string[] }
  | { readonly type: "Settle"; readonly call: number; readonly settlement: { value: Value } | { error: Error } }
  | { readonly type: "FetchToken"; readonly number: number; readonly force: boolean }
  | { readonly type: "AuthChanged"; readonly isAuthenticated: boolean }
  | { readonly type: "Log"; readonly line: unknown; readonly path: string | undefined };

type Watch = { readonly query: Query; readonly watcher: () => void };

/** The inputs of a session as sentences: each happens now, and the session proceeds after it. */
export class Inputs {
  readonly effects: Effect[] = [];
  readonly #moment: { _now: number; _jitter: number };
  readonly #session: Session<number>;
  readonly #watches: Watch[] = [];
  #calls = 0;

  constructor(moment: { _now: number; _jitter: number }, options: SessionOptions = {}) {
    this.#moment = moment;
    const emit = (effect: Effect): void => void this.effects.push(effect);
    this.#session = createSession<number>(SESSION_ID, options, this.#moment, {
      _open: () => emit({ type: "Open" }),
      _send: (text) => emit({ type: "Send", text }),
      _close: () => emit({ type: "Close" }),
      _publish: (changed) => emit({ type: "Publish", changed }),
      _settle: (call, settlement) => emit({ type: "Settle", call, settlement }),
      _fetch: (number, force) => emit({ type: "FetchToken", number, force }),
      _authChanged: (isAuthenticated) => emit({ type: "AuthChanged", isAuthenticated }),
      _stateChanged: () => emit({ type: "StateChanged" }),
      _log: (line, path) => emit({ type: "Log", line, path }),
    });
  }

  #turn<Result>(input: (session: Session<number>) => Result): Result {
    const result = input(this.#session);
    this.#session._proceed();
    return result;
  }

  start = (): void => this.#turn(({ _start }) => _start());
  pause = (): void => this.#turn(({ _pause }) => _pause(true));
  resume = (): void => this.#turn(({ _pause }) => _pause(false));
  reconnectNow = (): void => this.#turn(({ _reconnectNow }) => _reconnectNow());
  close = (): void => this.#turn(({ _close }) => _close());
  opened = (): void => this.#turn(({ _opened }) => _opened());
  received = (text: string): void => this.#turn(({ _received }) => _received(text));
  lost = (code: number, reason: string): void => this.#turn(({ _lost }) => _lost(code, reason));
  tick = (): void => this.#turn(({ _tick }) => _tick());
  setAuth = (): void => this.#turn(({ _identify }) => _identify("set"));
  clearAuth = (): void => this.#turn(({ _identify }) => _identify("clear"));
  token = (number: number, token: string | null): void => this.#turn(({ _token }) => _token(number, token));

  setAdmin(value: string, impersonating?: unknown): void {
    this.#turn(({ _identify }) => _identify("admin", { tokenType: "Admin", value, impersonating }));
  }

  subscribe(path: string, args?: Args): string {
    const watcher = (): void => undefined;
    const query = this.#turn(({ _subscribe }) => _subscribe(path, args, watcher));
    this.#watches.push({ query, watcher });
    return query._token;
  }

  unsubscribe(token: string): void {
    const index = this.#watches.findIndex(({ query }) => query._token === token);
    const [watch] = this.#watches.splice(index, 1);
    this.#turn(({ _unsubscribe }) => _unsubscribe(watch!.query, watch!.watcher));
  }

  mutate(path: string, args?: Args, update?: OptimisticUpdate): number {
    this.#turn(({ _call }) => _call("Mutation", path, args, this.#calls, update));
    return this.#calls++;
  }

  act(path: string, args?: Args): number {
    this.#turn(({ _call }) => _call("Action", path, args, this.#calls));
    return this.#calls++;
  }

  visible = (token: string): Visible => this.#session._visible(token);
  snapshot = (): ReadonlyMap<string, Visible> => this.#session._snapshot();
  state = (): ClientState => this.#session._state();
  nextDeadline = (): number => this.#session._nextDeadline();
}

export class Harness {
  readonly #moment = { _now: 1_000, _jitter: 0.5 };
  readonly session: Inputs;

  constructor(options: SessionOptions = {}) {
    this.session = new Inputs(this.#moment, options);
  }

  get now(): number {
    return this.#moment._now;
  }

  set now(ms: number) {
    this.#moment._now = ms;
  }

  /** What the session wants done since this was asked last. */
  effects(): Effect[] {
    return this.session.effects.splice(0);
  }

  /** The effects of one type, the others forgotten. */
  only<Type extends Effect["type"]>(type: Type): Extract<Effect, { type: Type }>[] {
    return this.effects().filter((effect): effect is Extract<Effect, { type: Type }> => effect.type === type);
  }

  types(): string[] {
    return this.effects()
      .map((effect) => effect.type)
      .filter((type) => type !== "StateChanged");
  }

  /** The frames that were sent since effects were asked for last. */
  sent(): Frame[] {
    return this.only("Send").map(({ text }) => JSON.parse(text) as Frame);
  }

  /** Start, or come back, and let the socket open. */
  open(): Frame[] {
    this.session.start();
    this.session.opened();
    return this.sent();
  }

  says(...frames: Frame[]): void {
    for (const frame of frames) this.saysText(JSON.stringify(frame));
  }

  saysText(text: string): void {
    this.session.received(text);
  }

  lose(code = 1006, reason = ""): void {
    this.session.lost(code, reason);
  }

  advance(ms: number): void {
    this.now += ms;
    this.session.tick();
  }

  /** Lose the socket and open the next one. */
  reconnect(): Frame[] {
    this.effects();
    this.lose();
    this.advance(this.session.nextDeadline() - this.now);
    this.session.opened();
    return this.sent();
  }

  value(token: string): Value | undefined {
    const visible = this.session.visible(token);
    return visible && "value" in visible ? visible.value : undefined;
  }

  mutate(path: string, args: Args = {}, update?: OptimisticUpdate): number {
    return this.session.mutate(path, args, update);
  }
}
