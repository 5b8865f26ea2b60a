/**
 * The driver: gives inputs to the session, carries out its effects in order, and wakes it in time.
 *
 * Not here: what to do (see core/session), the address of the socket (see websocket).
 */

import { createSession, type Effects, type Session, type SessionOptions } from "../core/session.js";
import type { WebSocketLike } from "./websocket.js";

/** Wall clock at the start, monotonic from there. */
const EPOCH = Date.now() - performance.now();
const now = (): number => EPOCH + performance.now();

type Functions = { readonly [name: string]: (...args: never[]) => unknown };

/** The same functions, each wrapped. */
const wrapped = <Those extends object>(those: Those, wrap: (each: (...args: never[]) => unknown) => unknown): Those =>
  Object.fromEntries(Object.entries(those as Functions).map(([name, each]) => [name, wrap(each)])) as Those;

export type Driver<Done> = ReturnType<typeof createDriver<Done>>;

export function createDriver<Done>(
  sessionId: string,
  options: SessionOptions,
  connect: () => WebSocketLike,
  /** Effects that are not about the socket. */
  face: Omit<Effects<Done>, "_open" | "_send" | "_close">,
) {
  const moment = { _now: 0, _jitter: 0 };
  const queue: (() => unknown)[] = [];
  let isTurning = false;
  let socket: WebSocketLike | undefined;
  let closing: Promise<unknown> | undefined;
  let timerAt = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** What throws hurts only itself. */
  const attempt = (effect: () => unknown): void => {
    try {
      effect();
    } catch (error) {
      queueMicrotask(() => face._log(error));
    }
  };

  /** Something that is done after what is being done now. */
  const later =
    <Args extends unknown[]>(effect: (...args: Args) => unknown) =>
    (...args: Args): unknown =>
      queue.push(() => effect(...args));

  /** The one entrance: an input, its effects in order, and the timer set anew. */
  const turn =
    <Args extends unknown[], Result>(input: (...args: Args) => Result) =>
    (...args: Args): Result => {
      moment._now = now();
      moment._jitter = Math.random();
      const result = input(...args);
      session._proceed();
      // What a callback asks for is done after what it was called for.
      if (!isTurning) {
        isTurning = true;
        for (const effect of queue) attempt(effect);
        queue.length = 0;
        isTurning = false;
        arm();
      }
      return result;
    };

  const effects: Effects<Done> = {
    ...face,
    _open() {
      socket = connect();
      socket.onopen = input._opened;
      socket.onmessage = ({ data }) => input._received(String(data));
      socket.onclose = ({ code, reason }) => {
        socket = undefined;
        input._lost(code, reason);
      };
      // The close event that follows tells all there is to tell.
      socket.onerror = () => undefined;
    },
    _send(text) {
      try {
        socket?.send(text);
      } catch {
        input._lost(0, "FailedToSendMessage");
      }
    },
    _close() {
      const leaving = socket;
      socket = undefined;
      if (!leaving) return;
      const gone = new Promise((resolve) => {
        leaving.onopen = leaving.onmessage = null;
        leaving.onclose = resolve;
        leaving.close();
      });
      closing = Promise.all([closing, gone]);
    },
  };

  const arm = (): void => {
    const dueAt = session._nextDeadline();
    // A timer that rings too early does no harm; setting it anew for every message would.
    if (dueAt >= timerAt && dueAt < Infinity) return;
    clearTimeout(timer);
    timerAt = dueAt;
    if (dueAt === Infinity) return;
    timer = setTimeout(() => {
      timerAt = Infinity;
      input._tick();
    }, dueAt - now());
  };

  const session: Session<Done> = createSession<Done>(sessionId, options, moment, wrapped(effects, later));
  const input = wrapped(session, turn);
  input._start();
  return {
    _session: session,
    /** The session's inputs, each as a turn. */
    _input: input,
    _attempt: attempt,
    _later: later,
    /** Resolves when no socket is left. */
    _allClosed: async (): Promise<void> => void (await closing),
  };
}
