/**
 * The driver: gives inputs to the session, carries out its effects in order, and wakes it in time.
 *
 * Not here: what to do (see core/session), how to talk to a socket (see websocket).
 */

import type { Effect, Session } from "../core/session.js";
import type { Connect, Transport } from "./transport.js";

/** The clock and the chance of a platform; tests bring their own. */
export type Platform = {
  /** Milliseconds since the epoch; never goes backwards. */
  now(): number;
  /** A number from 0 up to 1. */
  random(): number;
  /** Call back after so many ms, or never if the returned function is called before. */
  after(ms: number, wake: () => void): () => void;
};

const STARTED_AT = Date.now() - performance.now();

export const PLATFORM: Platform = {
  now: () => STARTED_AT + performance.now(),
  random: Math.random,
  after: (ms, wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
};

/** Effects that are not about the socket, for the face. */
export type FaceEffect = Exclude<Effect, { type: "Open" | "Send" | "Close" }>;

export type Driver = ReturnType<typeof createDriver>;

export function createDriver(
  session: Session,
  connect: Connect,
  face: (effect: FaceEffect) => void,
  { now, random, after }: Platform = PLATFORM,
) {
  let transport: Transport | undefined;
  let closing: Promise<unknown> = Promise.resolve();
  let isTurning = false;
  let timerAt = Infinity;
  let cancelTimer: (() => void) | undefined;

  /** The one entrance: an input, its effects in order, and the timer set anew. */
  const turn = <Result>(input: (now: number, jitter: number) => Result): Result => {
    const result = input(now(), random());
    // What a callback asks for is done after what it was called for.
    if (!isTurning) {
      isTurning = true;
      for (let effects; (effects = session.takeEffects())[0]; ) effects.forEach(carryOut);
      isTurning = false;
      arm();
    }
    return result;
  };

  const carryOut = (effect: Effect): void => {
    switch (effect.type) {
      case "Open":
        transport = connect({
          opened: () => turn(session.opened),
          received: (text) => turn((...moment) => session.received(text, ...moment)),
          lost: (code, reason) => turn((...moment) => session.lost(...moment, code, reason)),
        });
        break;
      case "Send":
        try {
          transport!.send(effect.text);
        } catch {
          carryOut({ type: "Close" });
          turn((...moment) => session.lost(...moment, 0, "FailedToSendMessage"));
        }
        break;
      case "Close":
        closing = Promise.all([closing, transport!.close()]);
        break;
      default:
        face(effect);
    }
  };

  const arm = (): void => {
    const dueAt = session.nextDeadline();
    // A timer that rings too early does no harm; setting it anew for every message would.
    if (dueAt >= timerAt && dueAt < Infinity) return;
    cancelTimer?.();
    timerAt = dueAt;
    cancelTimer =
      dueAt < Infinity
        ? after(Math.max(0, dueAt - now()), () => {
            timerAt = Infinity;
            turn(session.tick);
          })
        : undefined;
  };

  return {
    turn,
    /** Resolves when no socket is left. */
    allClosed: async (): Promise<void> => void (await closing),
  };
}
