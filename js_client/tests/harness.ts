/** A session on a clock that stands still, with a server that says what the test says. */

import { readFileSync } from "node:fs";

import { encodeTimestamp } from "../src/core/messages.js";
import type { OptimisticUpdate } from "../src/core/optimistic.js";
import { createSession, type Effect, type Session, type SessionOptions } from "../src/core/session.js";
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

export class Harness {
  readonly session: Session;
  now = 1_000;
  jitter = 0.5;
  #effects: Effect[] = [];

  constructor(options: SessionOptions = {}) {
    this.session = createSession(SESSION_ID, options);
  }

  /** What the session wants done since this was asked last. */
  effects(): Effect[] {
    this.#collect();
    return this.#effects.splice(0);
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
    this.session.start(this.now);
    this.session.opened(this.now);
    return this.sent();
  }

  says(...frames: Frame[]): void {
    for (const frame of frames) this.saysText(JSON.stringify(frame));
  }

  saysText(text: string): void {
    this.session.received(text, this.now, this.jitter);
  }

  lose(code = 1006, reason = ""): void {
    this.session.lost(this.now, this.jitter, code, reason);
  }

  advance(ms: number): void {
    this.now += ms;
    this.session.tick(this.now, this.jitter);
  }

  /** Lose the socket and open the next one. */
  reconnect(): Frame[] {
    this.effects();
    this.lose();
    this.advance(this.session.nextDeadline() - this.now);
    this.session.opened(this.now);
    return this.sent();
  }

  value(token: string): Value | undefined {
    const visible = this.session.visible(token);
    return visible && "value" in visible ? visible.value : undefined;
  }

  mutate(path: string, args: Args = {}, update?: OptimisticUpdate): number {
    return this.session.mutate(path, args, update);
  }

  #collect(): void {
    this.#effects.push(...this.session.takeEffects());
  }
}
