/**
 * The connection: when there is a socket, when it counts as dead, and when to try again.
 *
 * Spec: connection
 * Not here: what is said when it opens (see session), the socket itself (see runtime).
 */

import { encodeTimestamp, type ClientMessage, type Moment } from "./messages.js";

/**
 * Where a connection is in its life:
 *
 *     idle      not begun
 *     opening   a socket is opening
 *     live      the socket is open
 *     waiting   the delay before the next attempt
 *     stopped   no socket on purpose, while a token is fetched
 *     closed    the end
 */
export type ConnectionState = keyof typeof STEPS;

export type ConnectionEvent = "start" | "opened" | "lost" | "stop" | "close";
type Steps = { readonly [event in ConnectionEvent]?: ConnectionState };

/** What each event does in each state; an event without a cell changes nothing. */
const STEPS = {
  idle: { start: "opening", close: "closed" },
  opening: { opened: "live", lost: "waiting", stop: "stopped", close: "closed" },
  live: { lost: "waiting", stop: "stopped", close: "closed" },
  waiting: { start: "opening", stop: "stopped", close: "closed" },
  stopped: { start: "opening", close: "closed" },
  closed: {},
} as const;

/** How long to wait before the next attempt, in ms. */
export function backoff(reason: string, failures: number, jitter: number): number {
  // [connection.backoff-class]
  const initial = QUICK.test(reason) ? 100 : SLOW.test(reason) ? 3_000 : 1_000;
  // [connection.backoff] Clients that lost the same server together must not come back together.
  // [connection.backoff-cap]
  return Math.min(initial * 2 ** failures, 16_000) * (0.5 + jitter);
}

const QUICK = /^(InactiveServer|FailedToSendMessage)$/;
const SLOW =
  /^((SubscriptionsWorker|Committer|Execute)FullError|TooMany(ConcurrentRequests|WritesInTimePeriod)|AwsTooManyRequestsException|SystemTimeoutError|ExpiredInQueue|(Vector|Search)IndexTooLarge)/;

export function createConnection(sessionId: string, inactivityMs: number, moment: Moment) {
  let lastCloseReason: string | null = "InitialConnect";
  let maxObserved = 0n;
  const connection = {
    _state: "idle" as ConnectionState,
    /** Attempts that failed since things were last well. */
    _failures: 0,
    /** Connections that were opened so far. */
    _count: 0,
    /** When to give up a silent socket, or to try again. */
    _dueAt: Infinity,

    /** Take a step of the table; undefined if the state has none for this event. */
    _step(event: ConnectionEvent, reason: string | null = null): ConnectionState | undefined {
      const next = (STEPS[connection._state] as Steps)[event];
      if (next) {
        connection._state = next;
        connection._heard();
        if (next === "live") connection._count++;
        if (next === "stopped") connection._dueAt = Infinity;
        if (reason || next === "stopped") lastCloseReason = reason;
        // [connection.retry-forever] Every loss leads to another attempt.
        if (reason) connection._dueAt = moment._now + backoff(reason, connection._failures++, moment._jitter);
      }
      return next;
    },

    /** Something happened, so the socket has another while. */
    _heard(): void {
      // [connection.inactivity] It also covers a handshake that hangs.
      connection._dueAt = moment._now + inactivityMs;
    },

    /** Remember a timestamp that was observed, if it is one. */
    _observe(ts?: bigint): void {
      if (ts! > maxObserved) maxObserved = ts!;
    },

    /** The first message of a connection. */
    _connect: (): ClientMessage => ({
      type: "Connect",
      // [messages.session-id]
      sessionId,
      // [connection.connection-count] This one is not counted.
      connectionCount: connection._count - 1,
      // [connection.last-close-reason]
      lastCloseReason,
      // [connection.max-observed] A server that is behind must not answer us.
      maxObservedTimestamp: maxObserved ? encodeTimestamp(maxObserved) : undefined,
      // [connection.client-ts] [messages.client-ts-integer]
      clientTs: Math.round(moment._now),
    }),
  };
  return connection;
}
