/**
 * The driver: gives inputs to the session, carries out its effects in order, and wakes it in time.
 *
 * Not here: what to do (see core/session), how to talk to a socket (see websocket).
 */

import type { Effect, Session } from "../core/session.js";
import type { Connect, Transport } from "./transport.js";

/** Wall clock at the start, monotonic from there. */
const EPOCH = Date.now() - performance.now();
const now = (): number => EPOCH + performance.now();

/** Effects that are not about the socket, for the face. */
export type FaceEffect = Exclude<Effect, { type: "Open" | "Send" | "Close" }>;

export type Driver = ReturnType<typeof createDriver>;

export function createDriver(
  session: Session,
  connect: Connect,
  face: (effect: FaceEffect) => void,
) {
  let transport: Transport | undefined;
  let closing: Promise<unknown> = Promise.resolve();
  let isTurning = false;
  let timerAt = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** The one entrance: an input, its effects in order, and the timer set anew. */
  const turn = <Result>(input: (now: number, jitter: number) => Result): Result => {
    const result = input(now(), Math.random());
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
    clearTimeout(timer);
    timerAt = dueAt;
    if (dueAt === Infinity) return;
    timer = setTimeout(() => {
      timerAt = Infinity;
      turn(session.tick);
    }, dueAt - now());
  };

  return {
    turn,
    /** Resolves when no socket is left. */
    allClosed: async (): Promise<void> => void (await closing),
  };
}
