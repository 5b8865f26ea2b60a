/**
 * Auth: which token the client holds, whether the server has confirmed it, and where the next one comes from.
 *
 * Spec: auth
 * Not here: calling the fetcher (see runtime), closing and opening the socket (see session).
 */

import type { AuthError, ClientMessage, Version } from "./messages.js";

/**
 * What the client is waiting for:
 *
 *     expecting    the user to set the auth; nothing is sent before
 *     nobody       nothing
 *     admin        nothing; the key is used until it is refused
 *     fetching     the first fetch of a fetcher; nothing is sent meanwhile
 *     forcing      the same, with force, as the first fetch returned nothing
 *     cached       the confirmation of a token that was fetched without force
 *     refreshing   a fetch with force, while the confirmed token works on
 *     fresh        the confirmation of a token that was fetched with force
 *     steady       the moment to refresh
 *     recovering   a fetch with force after a refusal; there is no socket
 */
export type AuthState = keyof typeof STEPS;

type Event = "set" | "admin" | "clear" | "token" | "same" | "nothing" | "confirmed" | "refused" | "exhausted" | "due";
type Steps = { readonly [event in Event]?: AuthState };

/** What the user decides holds in every state. */
const BY_USER: { readonly [event in Event]?: keyof typeof STEPS } = { set: "fetching", admin: "admin", clear: "nobody" };

/** What each other event does in each state; an event without a cell changes nothing. */
const STEPS = {
  expecting: {},
  nobody: {},
  admin: { refused: "nobody" },
  fetching: { token: "cached", nothing: "forcing" },
  forcing: { token: "fresh", same: "steady", nothing: "nobody" },
  // [auth.force-after-cached] Nobody knows when a cached token was issued.
  cached: { confirmed: "refreshing", refused: "recovering" },
  refreshing: { token: "fresh", same: "steady", nothing: "nobody", refused: "recovering" },
  fresh: { confirmed: "steady", refused: "recovering", exhausted: "nobody" },
  steady: { due: "refreshing", refused: "recovering" },
  // [auth.same-token] After a refusal, the same token again counts as nothing.
  recovering: { token: "fresh", same: "nobody", nothing: "nobody" },
} as const;

/** Who the client says it is. */
type Credential = { readonly tokenType: "User" | "Admin"; readonly value: string; readonly impersonating?: unknown };

/** What the outside has to do or is told. */
export type AuthEffect =
  | { readonly type: "FetchToken"; readonly number: number; readonly force: boolean }
  | { readonly type: "AuthChanged"; readonly isAuthenticated: boolean };

/** How long after its confirmation a token asks for its successor, in ms; Infinity for never. */
export function refreshDelay(token: string, leewayMs: number): number {
  try {
    const { iat, exp } = JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
    // [auth.refresh-leeway] The difference does not depend on our clock.
    const life = (exp - iat) * 1_000;
    // [auth.refresh-clamp] To 20 days, as timers overflow.
    const isTimed = typeof iat === "number" && typeof exp === "number";
    if (isTimed && life > 2_000) return Math.max(0, Math.min(life - leewayMs, 1_728e6));
  } catch {
    // Not a token that tells its times: it is used until the server refuses it.
  }
  return Infinity;
}

export type Auth = ReturnType<typeof createAuth>;

export function createAuth(
  expectAuth: boolean,
  leewayMs: number,
  deadlineMs: number,
  emit: (effect: AuthEffect) => unknown,
) {
  let state: AuthState = expectAuth ? "expecting" : "nobody";
  let credential: Credential | undefined;
  /** Whether the server has to be told who we are now. */
  let isDirty = false;
  /** Whether the server takes us for somebody on this connection. */
  let isTold = false;
  let sent = 0;
  let confirmed = 0;
  let refusals = 0;
  let fetches = 0;
  let fetchUntil = Infinity;
  let refreshAt = Infinity;
  let isAuthenticated: boolean | undefined;

  const say = (now: boolean): void => {
    // [auth.on-change]
    if (isAuthenticated !== now) emit({ type: "AuthChanged", isAuthenticated: (isAuthenticated = now) });
  };

  const auth = {
    state: () => state,

    /** Whether the server has confirmed the user; undefined while that is undecided. */
    isAuthenticated: () => isAuthenticated,

    // [auth.pause-while-fetching]
    isPausing: (): boolean => /expecting|fetching|forcing/.test(state),

    /** Whether the server has confirmed all that it was told on this connection. */
    isConfirmed: (): boolean => sent <= confirmed,

    dueAt: (): number => Math.min(fetchUntil, refreshAt),

    /** Take a step of the table. */
    step(event: Event, now: number, held?: Credential): void {
      const next: AuthState | undefined = BY_USER[event] ?? (STEPS[state] as Steps)[event];
      if (!next) return;
      state = next;
      // [auth.clear-stops] No fetch and no clock of an earlier state has a say any more.
      fetchUntil = refreshAt = Infinity;
      if (event !== "refused" && event !== "token") refusals = 0;
      if (held) {
        credential = held;
        isDirty = true;
      }
      if (next === "fetching") isAuthenticated = undefined;
      if (next === "nobody") {
        credential = undefined;
        // [auth.clear] [auth.none-on-loss] Or the server went on answering as the user who has left.
        isDirty = isTold || event === "clear";
        // [auth.fetch-null]
        say(false);
      }
      if (next === "steady" || next === "refreshing") say(true);
      // [auth.refresh-ahead] [auth.same-token] If the fetcher has nothing newer, the clock asks no more.
      if (next === "steady" && event === "confirmed") refreshAt = now + refreshDelay(credential!.value, leewayMs);
      // [auth.update-refetch]
      if (/ing$/.test(next)) {
        fetchUntil = now + deadlineMs;
        emit({ type: "FetchToken", number: ++fetches, force: next !== "fetching" });
      }
    },

    /** A fetch has ended: with a token, or with nothing for whatever reason. */
    fetched(number: number, token: string | null | undefined, now: number): void {
      // [auth.race-guard] A later fetch has begun, or the user has decided otherwise.
      if (number !== fetches || fetchUntil === Infinity) return;
      // [auth.same-token]
      const isSame = token === credential?.value && state !== "fetching";
      // [auth.on-change] A token that is still on its way to the server is waited for like a new one.
      const awaits = isSame && !auth.isConfirmed() && state !== "recovering";
      if (!token || isSame) auth.step(awaits ? "token" : token ? "same" : "nothing", now);
      else auth.step("token", now, { tokenType: "User", value: token });
    },

    tick(now: number): void {
      // [auth.fetch-deadline]
      if (now >= fetchUntil) auth.fetched(fetches, null, now);
      if (now >= refreshAt) auth.step("due", now);
    },

    /** A Transition was applied; it may confirm what we said. */
    transition(start: Version, end: Version, now: number): void {
      if (end.identity <= start.identity) return;
      confirmed = end.identity;
      // [auth.confirmation] Less than what was sent confirms an older attempt.
      if (auth.isConfirmed() && !isDirty) auth.step("confirmed", now);
    },

    /** The server has refused a token; true if it was the one we hold. */
    refused({ baseVersion, authUpdateAttempted }: AuthError, now: number): boolean {
      // [auth.stale-error]
      if (baseVersion !== null && baseVersion + 1 < sent) return false;
      // [auth.ignore-while-fresh] [auth.attempted]
      if (authUpdateAttempted === false && !auth.isConfirmed()) return false;
      const before = state;
      // [auth.attempts-bound]
      auth.step(before === "fresh" && ++refusals > 2 ? "exhausted" : "refused", now);
      return state !== before;
    },

    /** The message that tells the server who we are; in an opening it knows nobody. */
    flush(isOpening: boolean): ClientMessage[] {
      if (isOpening) {
        sent = confirmed = 0;
        isDirty = !!credential;
      }
      if (!isDirty) return [];
      isDirty = false;
      isTold = !!credential;
      // [auth.base-version]
      return [{ type: "Authenticate", baseVersion: sent++, tokenType: "None", ...credential }];
    },
  };
  return auth;
}
