/**
 * The session: where the parts of a client meet.
 *
 * Spec: session
 * Not here: sockets, timers, token fetchers and callbacks (see runtime/driver and client).
 */

import { createAuth, type AuthEffect } from "./auth.js";
import { createConnection, type ConnectionState } from "./connection.js";
import { closedError, functionError, UnisonoError } from "./errors.js";
import { decodeTimestamp, parse, type Transition } from "./messages.js";
import { createCalls, type CallKind, type Settled } from "./mutations.js";
import { createLayers, type OptimisticUpdate, type Visible } from "./optimistic.js";
import { createQuerySet } from "./queries.js";
import { createVersionChain } from "./transitions.js";
import { decode, share, type Args, type Json } from "./values.js";

/** What the outside has to do, in order. */
export type Effect =
  | AuthEffect
  | { readonly type: "Open" }
  | { readonly type: "Send"; readonly text: string }
  | { readonly type: "Close" }
  | { readonly type: "Publish"; readonly changed: readonly string[] }
  | ({ readonly type: "Settle" } & Settled)
  | { readonly type: "StateChanged"; readonly connection: ConnectionState }
  | { readonly type: "Log"; readonly line: unknown; readonly path?: string };

/** How the connection is doing, for people. */
export type ClientState = {
  readonly connection: ConnectionState;
  /** Connections that were opened so far. */
  readonly connectionCount: number;
  /** Attempts that failed since things were last well. */
  readonly failures: number;
  readonly inflightMutations: number;
  readonly inflightActions: number;
  /** Undefined while it is undecided. */
  readonly isAuthenticated: boolean | undefined;
};

export type SessionOptions = {
  /** Silence after which a connection counts as dead. */
  readonly inactivityMs?: number;
  /** Send nothing before the auth was set. */
  readonly expectAuth?: boolean | undefined;
  /** How long before its expiry a token is replaced. */
  readonly authLeewayMs?: number;
  /** How long a token fetch may take. */
  readonly fetchDeadlineMs?: number;
};

export type Session = ReturnType<typeof createSession>;

export function createSession(
  sessionId: string,
  { inactivityMs = 60_000, expectAuth = false, authLeewayMs = 10_000, fetchDeadlineMs = 30_000 }: SessionOptions = {},
) {
  const effects: Effect[] = [];
  const emit = (effect: Effect): void => void effects.push(effect);
  const log = (line: unknown, path?: string): void => emit({ type: "Log", line, path });

  /** The server's results by token. */
  // [transitions.keep-old-results] They outlive connections.
  const results = new Map<string, Visible>();
  const connection = createConnection(sessionId, inactivityMs);
  // [session.stop-then-silence] A fetch may end after everything else has.
  const auth = createAuth(expectAuth, authLeewayMs, fetchDeadlineMs, (effect) => isClosed() || emit(effect));
  const queries = createQuerySet();
  const calls = createCalls();
  const layers = createLayers(results);
  let chain = createVersionChain();
  let isPaused = false;
  /** Whether the opening has been said on this connection. */
  let isIntroduced = false;

  const stateChanged = (): void => emit({ type: "StateChanged", connection: connection.state });
  const isLive = (): boolean => connection.state === "live";
  const isClosed = (): boolean => connection.state === "closed";

  /** Tell the server what it does not know yet, if it can be told anything now. */
  const flush = (now?: number): void => {
    const isOpening = !isIntroduced;
    if (!isLive() || isPaused || auth.isPausing() || (isOpening && now === undefined)) return;
    isIntroduced = true;
    const messages = [
      // [connection.opening-order] [session.resume-order] [auth.authenticate-first]
      ...(isOpening ? [connection.connect(now!)] : []),
      ...auth.flush(isOpening),
      ...queries.flush(isOpening),
      ...calls.flush(isOpening),
    ];
    // [messages.text-frames]
    for (const message of messages) emit({ type: "Send", text: JSON.stringify(message) });
  };

  const open = (now: number): void => {
    if (!connection.step("start", now)) return;
    emit({ type: "Open" });
    stateChanged();
  };

  /** Publish what is visible without the layers of these calls, then settle the calls. */
  const settle = (settled: Settled[], changed: readonly string[] = []): void => {
    // [optimistic.drop-at-transition] [optimistic.drop-at-failure]
    publish(layers.replay((call) => settled.some((each) => each.call === call), changed, log));
    // [session.publish-then-settle]
    for (const each of settled) emit({ type: "Settle", ...each });
    if (settled[0]) stateChanged();
  };

  const publish = (changed: readonly string[]): void => {
    // [transitions.atomic] [session.only-changed-published]
    if (changed[0]) emit({ type: "Publish", changed });
  };

  /** The socket is gone, or no good and closed by us; come back later, or stop. */
  const leave = (event: "lost" | "stop" | "close", now?: number, jitter?: number, reason?: string): void => {
    if (!connection.step(event, now, jitter, reason)) return;
    stateChanged();
    // [mutations.action-lost] Only the application can know whether a second run does harm.
    settle(
      calls.end(
        ({ kind, isSent, path }) => kind === "Action" && isSent && new UnisonoError("lost", `${path} may have run`),
      ),
    );
  };

  const closeSocket = (): void => {
    if (isLive() || connection.state === "opening") emit({ type: "Close" });
  };

  const giveUp = (reason: string, now: number, jitter: number): void => {
    closeSocket();
    leave("lost", now, jitter, reason);
  };

  const end = (error: UnisonoError): void => {
    closeSocket();
    // [session.close-settles] [errors.fatal-rejects-calls]
    settle(calls.end(() => error));
    // [connection.close-by-user] [errors.fatal-final]
    leave("close");
  };

  /** After an input for auth: open a socket that auth has stopped, and say what is new. */
  const authChanged = (now: number): void => {
    // [auth.no-backoff]
    if (connection.state === "stopped" && auth.state() !== "recovering") open(now);
    flush(now);
  };

  const transition = ({ startVersion, endVersion, modifications }: Transition, now: number): void => {
    // [connection.max-observed-accepted] Only now: a refused one must not lock us out.
    connection.observe(endVersion.ts);
    const changed: string[] = [];
    for (const change of modifications) {
      const query = queries.answered(change);
      // [queries.late-result]
      if (!query) continue;
      const { path, token } = query;
      const old = results.get(token);
      if (change.type === "QueryRemoved") results.delete(token);
      else {
        const { type, value, errorMessage, errorData, logLines } = change;
        // [transitions.log-lines]
        for (const line of logLines) log(line, path);
        const result = type === "QueryUpdated" ? { value } : { error: functionError(path, errorMessage, errorData) };
        results.set(token, share(old, result));
      }
      if (results.get(token) !== old) changed.push(token);
    }
    auth.transition(startVersion, endVersion, now);
    // [mutations.read-your-writes] Before the query set is looked at, the old results are still shown.
    settle(endVersion.querySet ? calls.cover(endVersion.ts) : [], changed);
  };

  /** Work off a message; true if it proves that things go well. */
  const handle = (text: string, now: number, jitter: number): void => {
    const message = chain.whole(parse(text));
    switch (message?.type) {
      case "Transition":
        chain.step(message);
        transition(message, now);
        break;
      case "MutationResponse":
      case "ActionResponse": {
        // [mutations.ts-raises-observed]
        if (message.ts !== undefined) connection.observe(message.ts);
        const call = calls.find(message);
        if (!call) return;
        for (const line of message.logLines) log(line, call.path);
        settle(calls.respond(call, message));
        break;
      }
      case "AuthError":
        log(message.error);
        // An older token than the one we hold: the server closes, and we come back with ours.
        if (!auth.refused(message, now)) return;
        if (auth.state() === "recovering") {
          closeSocket();
          leave("stop");
        } else giveUp("AuthError", now, jitter);
        return;
      case "FatalError":
        log(message.error);
        return end(new UnisonoError("fatal", message.error));
      default:
        // [connection.no-reply-to-ping] Nor does it prove anything but life.
        return;
    }
    // [connection.backoff-reset] An open socket proves nothing; answers do.
    if (connection.failures && queries.isAnswered() && calls.isCaughtUp() && auth.isConfirmed()) {
      connection.failures = 0;
      stateChanged();
    }
  };

  const call = (kind: CallKind, path: string, args: Args = {}, update?: OptimisticUpdate): number => {
    if (isClosed()) throw closedError();
    const prepared = calls.prepare(kind, path, args);
    // [optimistic.apply-first]
    if (update) publish(layers.add({ call: prepared.id, update, args }));
    calls.add(prepared);
    stateChanged();
    flush();
    return prepared.id;
  };

  return {
    // What comes out.

    takeEffects: (): Effect[] => effects.splice(0),

    /** When to call `tick`; Infinity for never. */
    nextDeadline: (): number => (isClosed() ? Infinity : Math.min(connection.dueAt, auth.dueAt())),

    /** What is visible of a query now. */
    visible: layers.visible,

    // [session.one-snapshot]
    /** All that is visible now. */
    snapshot: layers.all,

    // [session.connected-state] [session.inflight]
    state: (): ClientState => ({
      connection: connection.state,
      connectionCount: connection.count,
      failures: connection.failures,
      inflightMutations: calls.count("Mutation"),
      inflightActions: calls.count("Action"),
      isAuthenticated: auth.isAuthenticated(),
    }),

    // The user.

    start: open,

    /** Show these results of a moment, which are taken over, until the server has sent its own. */
    seed(ts: string, values: readonly (readonly [token: string, value: Json])[]): void {
      connection.observe(decodeTimestamp(ts));
      for (const [token, value] of values) results.set(token, { value: decode(value) });
    },

    subscribe(path: string, args?: Args): string {
      const token = queries.add(path, args);
      flush();
      return token;
    },

    unsubscribe(token: string): void {
      if (queries.remove(token)) results.delete(token);
      flush();
    },

    mutate: (path: string, args?: Args, update?: OptimisticUpdate): number => call("Mutation", path, args, update),

    act: (path: string, args?: Args): number => call("Action", path, args),

    setAuth(now: number): void {
      auth.step("set", now);
      authChanged(now);
    },

    setAdmin(value: string, impersonating: unknown, now: number): void {
      // [auth.admin]
      auth.step("admin", now, { tokenType: "Admin", value, impersonating });
      authChanged(now);
    },

    clearAuth(now: number): void {
      auth.step("clear", now);
      authChanged(now);
    },

    /** The end of a fetch; null for one that failed. */
    token(number: number, token: string | null | undefined, now: number): void {
      auth.fetched(number, token, now);
      authChanged(now);
    },

    pause: (): void => void (isPaused = true),

    resume(now: number): void {
      isPaused = false;
      flush(now);
    },

    /** The platform or the user says that it is worth a try. */
    reconnectNow(now: number): void {
      if (connection.state === "waiting") open(now);
    },

    close: (): void => end(closedError()),

    // The wire.

    opened(now: number): void {
      if (!connection.step("opened", now)) return;
      chain = createVersionChain();
      isIntroduced = false;
      stateChanged();
      flush(now);
    },

    received(text: string, now: number, jitter: number): void {
      if (!isLive()) return;
      connection.heard(now);
      try {
        handle(text, now, jitter);
      } catch (error) {
        if (!(error instanceof UnisonoError)) throw error;
        // [transitions.failed-heals] A new connection brings every result anew.
        log(error);
        giveUp(error.rule!, now, jitter);
      }
      authChanged(now);
    },

    lost(now: number, jitter: number, code: number, reason: string): void {
      // [connection.last-close-reason]
      leave("lost", now, jitter, reason || `closed with code ${code}`);
    },

    // The clock.

    tick(now: number, jitter: number): void {
      if (now >= connection.dueAt) {
        if (connection.state === "waiting") open(now);
        else giveUp("InactiveServer", now, jitter);
      }
      auth.tick(now);
      authChanged(now);
    },
  };
}
