/**
 * The connection: when there is a socket, when it counts as dead, and when to try again.
 *
 * Spec: connection
 * Not here: what is said when it opens (see session), the socket itself (see runtime).
 */

import { encodeTimestamp, type ClientMessage } from "./messages.js";

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

type Event = "start" | "opened" | "lost" | "stop" | "close";
type Steps = { readonly [event in Event]?: ConnectionState };

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
  /^(SubscriptionsWorkerFullError|TooManyConcurrentRequests|CommitterFullError|AwsTooManyRequestsException|ExecuteFullError|SystemTimeoutError|ExpiredInQueue|VectorIndexTooLarge|SearchIndexTooLarge|TooManyWritesInTimePeriod)/;

export type Connection = ReturnType<typeof createConnection>;

export function createConnection(sessionId: string, inactivityMs: number) {
  let lastCloseReason: string | null = "InitialConnect";
  let maxObserved: bigint | undefined;
  const connection = {
    state: "idle" as ConnectionState,
    /** Attempts that failed since things were last well. */
    failures: 0,
    /** Connections that were opened so far. */
    count: 0,
    /** When to give up a silent socket, or to try again. */
    dueAt: Infinity,

    /** Take a step of the table; false if the state has none for this event. */
    step(event: Event, now = Infinity, jitter = 0, reason: string | null = null): boolean {
      const next = (STEPS[connection.state] as Steps)[event];
      if (!next) return false;
      connection.state = next;
      connection.heard(now);
      if (next === "live") connection.count++;
      if (reason || next === "stopped") lastCloseReason = reason;
      // [connection.retry-forever] Every loss leads to another attempt.
      if (reason) connection.dueAt = now + backoff(reason, connection.failures++, jitter);
      return true;
    },

    /** Something happened, so the socket has another while. */
    heard(now: number): void {
      // [connection.inactivity] It also covers a handshake that hangs.
      connection.dueAt = now + inactivityMs;
    },

    /** Remember a timestamp that was observed. */
    observe(ts: bigint): void {
      if (!(ts < maxObserved!)) maxObserved = ts;
    },

    /** The first message of a connection. */
    connect: (now: number): ClientMessage => ({
      type: "Connect",
      // [messages.session-id]
      sessionId,
      // [connection.connection-count] This one is not counted.
      connectionCount: connection.count - 1,
      // [connection.last-close-reason]
      lastCloseReason,
      // [connection.max-observed] A server that is behind must not answer us.
      maxObservedTimestamp: maxObserved === undefined ? maxObserved : encodeTimestamp(maxObserved),
      // [connection.client-ts] [messages.client-ts-integer]
      clientTs: Math.round(now),
    }),
  };
  return connection;
}
