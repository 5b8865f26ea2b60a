/**
 * Auth: which token the client holds, whether the server has confirmed it, and where the next one comes from.
 *
 * Spec: auth
 * Not here: calling the fetcher (see runtime), closing and opening the socket (see session).
 */

import type { AuthError, ClientMessage, Moment, Version } from "./messages.js";

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

export type AuthEvent = "set" | "admin" | "clear" | "token" | "same" | "nothing" | "confirmed" | "refused" | "exhausted" | "due";
type Steps = { readonly [event in AuthEvent]?: AuthState };

/** What the user decides holds in every state. */
const BY_USER: { readonly [event in AuthEvent]?: keyof typeof STEPS } = { set: "fetching", admin: "admin", clear: "nobody" };

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
export type Credential = { readonly tokenType: "User" | "Admin"; readonly value: string; readonly impersonating?: unknown };

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

/** What the outside has to do or is told. */
type AuthEffects = {
  _fetch(number: number, force: boolean): void;
  _authChanged(isAuthenticated: boolean): void;
};

export function createAuth(
  expectAuth: boolean,
  leewayMs: number,
  deadlineMs: number,
  /** Whether the page was rendered for a user; that counts until something is decided. */
  isRendered: boolean,
  moment: Moment,
  effects: AuthEffects,
) {
  let credential: Credential | undefined;
  /** The token whose first expiry was taken for that of an older one. */
  let excused: Credential | undefined;
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
  /** What the application was told since the user has set the auth. */
  let told: boolean | undefined;

  // [auth.on-change]
  const say = (now: boolean): void => {
    if (told !== now) effects._authChanged((auth._isAuthenticated = told = now));
  };

  const auth = {
    _state: (expectAuth ? "expecting" : "nobody") as AuthState,

    /** Whether the server has confirmed the user; undefined while that is undecided. */
    _isAuthenticated: isRendered || (undefined as boolean | undefined),

    // [auth.pause-while-fetching]
    _isPausing: (): boolean => /expecting|fetching|forcing/.test(auth._state),

    /** Whether the server has confirmed all that it was told on this connection. */
    _isConfirmed: (): boolean => sent <= confirmed,

    _dueAt: (): number => Math.min(fetchUntil, refreshAt),

    /** Take a step of the table. */
    _step(event: AuthEvent, held?: Credential | false): void {
      const next: AuthState | undefined = BY_USER[event] ?? (STEPS[auth._state] as Steps)[event];
      if (!next) return;
      auth._state = next;
      // [auth.clear-stops] No fetch and no clock of an earlier state has a say any more.
      fetchUntil = refreshAt = Infinity;
      if (event !== "refused" && event !== "token") refusals = 0;
      if (held) {
        credential = held;
        isDirty = true;
      }
      if (next === "fetching" && told !== undefined) auth._isAuthenticated = told = undefined;
      if (next === "steady" || next === "refreshing") say(true);
      if (next === "nobody") {
        credential = undefined;
        // [auth.clear] [auth.none-on-loss] Or the server went on answering as the user who has left.
        isDirty = isTold || event === "clear";
        // [auth.fetch-null]
        say(false);
      }
      // [auth.refresh-ahead] [auth.same-token] If the fetcher has nothing newer, the clock asks no more.
      if (next === "steady" && event === "confirmed") refreshAt = moment._now + refreshDelay(credential!.value, leewayMs);
      // [auth.update-refetch]
      if (/ing$/.test(next)) {
        fetchUntil = moment._now + deadlineMs;
        effects._fetch(++fetches, next !== "fetching");
      }
    },

    /** A fetch has ended: with a token, or with nothing for whatever reason. */
    _fetched(number: number, token?: string | null): void {
      // [auth.race-guard] A later fetch has begun, or the user has decided otherwise.
      if (number !== fetches || fetchUntil === Infinity) return;
      // [auth.same-token]
      const isSame = token === credential?.value && auth._state !== "fetching";
      // [auth.on-change] A token that is still on its way to the server is waited for like a new one.
      const isNews = !isSame || (!auth._isConfirmed() && auth._state !== "recovering");
      auth._step(!token ? "nothing" : isNews ? "token" : "same", !!token && !isSame && { tokenType: "User", value: token });
    },

    _tick(): void {
      // [auth.fetch-deadline]
      if (moment._now >= fetchUntil) auth._fetched(fetches);
      if (moment._now >= refreshAt) auth._step("due");
    },

    /** A Transition was applied; it may confirm what we said. */
    _transition({ identity }: Version): void {
      if (identity <= confirmed) return;
      confirmed = identity;
      // [auth.confirmation] Less than what was sent confirms an older attempt.
      if (auth._isConfirmed() && !isDirty) auth._step("confirmed");
    },

    /** The server has refused a token; true if it was the one we hold. */
    _refused({ baseVersion, authUpdateAttempted }: AuthError): boolean {
      const before = auth._state;
      // [auth.stale-error]
      if ((baseVersion ?? sent) + 1 < sent) return false;
      // [auth.ignore-while-fresh] [auth.attempted] Said again of the only token that was sent, it means that token.
      if (authUpdateAttempted === false && !auth._isConfirmed() && (sent > 1 || excused !== credential)) {
        excused = credential;
        return false;
      }
      // [auth.attempts-bound]
      auth._step(before === "fresh" && ++refusals > 2 ? "exhausted" : "refused");
      return auth._state !== before;
    },

    /** The message that tells the server who we are; in an opening it knows nobody. */
    _flush(isOpening: boolean): ClientMessage[] {
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
