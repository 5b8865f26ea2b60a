/**
 * The session: where the parts of a client meet.
 *
 * Spec: session
 * Not here: sockets, timers, token fetchers and callbacks (see runtime/driver and client).
 */

import { createAuth, type AuthEvent, type Credential } from "./auth.js";
import { createConnection, type ConnectionState } from "./connection.js";
import { closedError, functionError, UnisonoError, type Outcome } from "./errors.js";
import { decodeTimestamp, parse, type Moment, type Transition } from "./messages.js";
import { createCalls, type CallKind } from "./mutations.js";
import { createLayers, type OptimisticUpdate } from "./optimistic.js";
import { createQuerySet, type Query } from "./queries.js";
import { createVersionChain } from "./transitions.js";
import { decode, type Args, type Json, type Value } from "./values.js";

/** What the outside has to do, in order, once the input is worked off. */
export type Effects<Done> = {
  _open(): void;
  _send(text: string): void;
  _close(): void;
  _publish(changed: readonly string[], watchers: readonly (() => void)[]): void;
  _settle(done: Done, outcome: Outcome): void;
  _fetch(number: number, force: boolean): void;
  _authChanged(isAuthenticated: boolean): void;
  _stateChanged(state: ClientState): void;
  _log(line: unknown, path?: string): void;
};

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
  /** Results of a moment, as plain JSON, to show until the server has sent its own; and whose they are. */
  readonly preloaded?: {
    readonly ts: string;
    readonly identity: string | null;
    readonly results: readonly (readonly [token: string, value: Json])[];
  };
};

export type Session<Done> = ReturnType<typeof createSession<Done>>;

export function createSession<Done>(
  sessionId: string,
  {
    preloaded,
    inactivityMs = 60_000,
    // Nothing is asked as nobody that was shown to somebody.
    expectAuth = !!preloaded?.identity,
    authLeewayMs = 10_000,
    fetchDeadlineMs = 30_000,
  }: SessionOptions,
  moment: Moment,
  effects: Effects<Done>,
) {
  const connection = createConnection(sessionId, inactivityMs, moment);
  const auth = createAuth(expectAuth, authLeewayMs, fetchDeadlineMs, !!preloaded?.identity, moment, effects);
  const queries = createQuerySet();
  const calls = createCalls<Done, OptimisticUpdate>();
  const layers = createLayers();
  let chain = createVersionChain();
  let isPaused = false;
  /** Whether the opening has been said on this connection. */
  let isIntroduced = false;

  const isLive = (): boolean => connection._state === "live";
  const isClosed = (): boolean => connection._state === "closed";

  // [session.connected-state] [session.inflight]
  const look = (): ClientState => ({
    connection: connection._state,
    connectionCount: connection._count,
    failures: connection._failures,
    inflightMutations: calls._inflight.Mutation,
    inflightActions: calls._inflight.Action,
    isAuthenticated: auth._isAuthenticated,
  });
  let state = look();
  /** The state as a text, which is easily compared. */
  let told = JSON.stringify(state);

  if (preloaded) {
    connection._observe(decodeTimestamp(preloaded.ts));
    for (const [token, value] of preloaded.results) {
      const { path, args } = JSON.parse(token) as { path: string; args: Json };
      // Wanted before anybody subscribes, so that one Transition replaces them all.
      queries._add(path, decode(args));
      layers._results.set(token, { value: decode(value) });
    }
  }

  const open = (): void => {
    if (connection._step("start")) effects._open();
  };

  /** Tell the server what it does not know yet, if it can be told anything now. */
  const flush = (): void => {
    if (!isLive() || isPaused || auth._isPausing()) return;
    const isOpening = !isIntroduced;
    isIntroduced = true;
    const messages = [
      // [connection.opening-order] [session.resume-order] [auth.authenticate-first]
      ...(isOpening ? [connection._connect()] : []),
      ...auth._flush(isOpening),
      ...queries._flush(isOpening),
      ...calls._flush(isOpening),
    ];
    // [messages.text-frames]
    for (const message of messages) effects._send(JSON.stringify(message));
  };

  const publish = (changed: readonly string[]): void => {
    // [transitions.atomic] [session.only-changed-published]
    if (changed[0]) effects._publish(changed, changed.flatMap(queries._watchers));
  };

  /** Publish what is visible without the layers of the calls that are done, then settle those. */
  const settle = (upTo = 0n): void => {
    const settled = calls._settled(upTo);
    // [optimistic.drop-at-transition] [optimistic.drop-at-failure]
    publish(layers._replay(calls._pending.values(), effects._log));
    // [session.publish-then-settle]
    for (const call of settled) effects._settle(call._done, call._outcome!);
  };

  /** The socket is gone, or no good; come back later, or stop. */
  const leave = (event: "lost" | "stop" | "close", reason?: string, error?: UnisonoError): void => {
    if (!connection._step(event, reason)) return;
    effects._close();
    // [session.close-settles] [errors.fatal-rejects-calls]
    calls._fail(error);
    settle();
  };

  /** What a function came to, after its log lines. */
  const outcome = (
    path: string,
    isGood: boolean,
    value: Value | undefined,
    message: unknown,
    { logLines, errorData }: { readonly logLines: readonly string[]; readonly errorData?: Value },
  ): Outcome => {
    // [transitions.log-lines]
    for (const line of logLines) effects._log(line, path);
    return isGood ? { value: value! } : { error: functionError(path, message as string, errorData) };
  };

  const transition = ({ endVersion, modifications }: Transition): void => {
    // [connection.max-observed-accepted] Only now: a refused one must not lock us out.
    connection._observe(endVersion.ts);
    for (const change of modifications) {
      const query = queries._answered(change);
      // [queries.late-result]
      if (!query) continue;
      layers._take(
        query._token,
        change.type === "QueryRemoved"
          ? undefined
          : outcome(query._addition.udfPath, change.type === "QueryUpdated", change.value, change.errorMessage, change),
      );
    }
    auth._transition(endVersion);
    // [mutations.read-your-writes] Before the query set is looked at, the old results are still shown.
    settle(endVersion.querySet ? endVersion.ts : undefined);
  };

  const handle = (text: string): void => {
    const message = chain._whole(parse(text));
    switch (message?.type) {
      case "Transition":
        chain._step(message);
        transition(message);
        break;
      case "MutationResponse":
      case "ActionResponse": {
        const { success, result, ts } = message;
        // [mutations.ts-raises-observed]
        connection._observe(ts);
        const call = calls._find(message);
        if (call) {
          call._outcome = outcome(call._message.udfPath, success, result, result, message);
          call._ts = ts ?? 0n;
          // What succeeded with a timestamp waits for its Transition.
          if (!ts) settle();
        }
        break;
      }
      case "AuthError":
        effects._log(message.error);
        // An older token than the one we hold: the server closes, and we come back with ours.
        if (!auth._refused(message)) break;
        if (auth._state === "recovering") leave("stop");
        else leave("lost", "AuthError");
        break;
      case "FatalError":
        effects._log(message.error);
        // [errors.fatal-final]
        leave("close", undefined, new UnisonoError("fatal", message.error));
    }
    // [connection.no-reply-to-ping]
  };

  return {
    /** What follows on every input: say what is new. */
    _proceed(): void {
      // [auth.no-backoff]
      if (connection._state === "stopped" && auth._state !== "recovering") open();
      flush();
      // [connection.backoff-reset] An open socket proves nothing; answers do.
      if (
        connection._failures &&
        isLive() &&
        chain._held.querySet &&
        queries._isAnswered() &&
        calls._isCaughtUp() &&
        auth._isConfirmed()
      ) {
        connection._failures = 0;
      }
      const now = look();
      const text = JSON.stringify(now);
      if (text !== told) effects._stateChanged((state = now));
      told = text;
    },

    // What comes out.

    /** When to call `_tick`; Infinity for never. */
    _nextDeadline: (): number => (isClosed() ? Infinity : Math.min(connection._dueAt, auth._dueAt())),

    /** What is visible of a query now. */
    _visible: layers._visible,

    // [session.one-snapshot]
    /** All that is visible now. */
    _snapshot: layers._all,

    _state: (): ClientState => state,

    // The user.

    _start: open,

    _subscribe: queries._add,

    _unsubscribe(query: Query, watcher: () => void): void {
      if (queries._remove(query, watcher)) layers._results.delete(query._token);
    },

    _call(kind: CallKind, path: string, args: Args = {}, done: Done, update?: OptimisticUpdate): void {
      if (isClosed()) throw closedError();
      const call = calls._prepare(kind, path, args, done, update);
      // [optimistic.apply-first]
      if (update) publish(layers._add(call));
      calls._add(call);
    },

    // [auth.admin]
    /** The user signs in or out. */
    _identify(event: AuthEvent, held?: Credential): void {
      // [session.stop-then-silence]
      if (!isClosed()) auth._step(event, held);
    },

    /** The end of a fetch; without a token if it has failed. */
    _token(number: number, token?: string | null): void {
      // [session.stop-then-silence] A fetch may end after everything else has.
      if (!isClosed()) auth._fetched(number, token);
    },

    _pause: (now: boolean): void => void (isPaused = now),

    /** The platform or the user says that it is worth a try. */
    _reconnectNow(): void {
      if (connection._state === "waiting") open();
    },

    // [connection.close-by-user]
    _close: (): void => leave("close", undefined, closedError()),

    // The wire.

    _opened(): void {
      if (!connection._step("opened")) return;
      chain = createVersionChain();
      isIntroduced = false;
    },

    _received(text: string): void {
      if (!isLive()) return;
      connection._heard();
      try {
        handle(text);
      } catch (error) {
        // [transitions.failed-heals] A new connection brings every result anew.
        effects._log(error);
        leave("lost", String((error as UnisonoError).rule));
      }
    },

    // [connection.last-close-reason]
    _lost: (code: number, reason: string): void => leave("lost", reason || `closed with code ${code}`),

    // The clock.

    _tick(): void {
      if (moment._now >= connection._dueAt) {
        if (connection._state === "waiting") open();
        else leave("lost", "InactiveServer");
      }
      auth._tick();
    },
  };
}
