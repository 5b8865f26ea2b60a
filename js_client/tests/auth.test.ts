import { describe, expect, it } from "vitest";

import { refreshDelay } from "../src/core/auth.js";
import { Harness, transition, vectors } from "./harness.js";

const refreshes = vectors<{ vectors: { leeway_s: number; token: string; delay_ms: number | null; iat: unknown }[] }>(
  "refresh",
);
const HOUR_TOKEN = refreshes.vectors.find((each) => each.delay_ms !== null && each.delay_ms > 60_000)!.token;

const refusal = (baseVersion: number | null, authUpdateAttempted?: boolean): { readonly [field: string]: unknown } => ({
  type: "AuthError",
  error: "no",
  baseVersion,
  ...(authUpdateAttempted !== undefined && { authUpdateAttempted }),
});

class AuthHarness extends Harness {
  /** The fetches that were asked for, as `number`, or `number!` with force; sends are kept apart. */
  fetches(): string[] {
    return this.only("FetchToken").map(({ number, force }) => `${number}${force ? "!" : ""}`);
  }

  gives(number: number, token: string | null): void {
    this.session.token(number, token);
  }

  /** Signed in with a cached and then a fresh token, both confirmed. */
  signIn(fresh = HOUR_TOKEN): void {
    this.open();
    this.session.setAuth();
    this.gives(1, "cached");
    this.says(transition([0, 0, 0], [1, 1, 1]));
    this.gives(2, fresh);
    this.says(transition([1, 1, 1], [1, 2, 2]));
    this.effects();
  }
}

describe("refreshDelay", () => {
  it.each(refreshes.vectors)("of $iat with $leeway_s s is $delay_ms ms", ({ token, leeway_s, delay_ms }) => {
    expect(refreshDelay(token, leeway_s * 1_000)).toBe(delay_ms ?? Infinity);
  });

  it.each([[""], ["a.b.c"], ["a"], ["a.bnVsbA.c"]])("of what is no token is never: '%s'", (token) => {
    expect(refreshDelay(token, 0)).toBe(Infinity);
  });
});

describe("signing in", () => {
  it("holds everything back until the first fetch has ended, then speaks in order", () => {
    const harness = new AuthHarness();
    harness.session.setAuth();
    harness.session.subscribe("m:q", {});
    harness.mutate("m:f");
    expect(harness.open()).toEqual([]);
    harness.gives(1, "cached");

    expect(harness.sent().map(({ type, baseVersion }) => [type, baseVersion])).toEqual([
      ["Connect", undefined],
      ["Authenticate", 0],
      ["ModifyQuerySet", 0],
      ["Mutation", undefined],
    ]);
  });

  it("replaces a confirmed cached token by a fresh one, and says once that it has worked", () => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAuth();
    expect(harness.fetches()).toEqual(["1"]);
    harness.gives(1, "cached");
    expect(harness.sent()).toMatchObject([{ type: "Authenticate", baseVersion: 0, tokenType: "User", value: "cached" }]);
    harness.says(transition([0, 0, 0], [1, 1, 1]));
    expect(harness.effects()).toEqual([
      { type: "AuthChanged", isAuthenticated: true },
      { type: "FetchToken", number: 2, force: true },
      { type: "StateChanged" },
    ]);
    harness.gives(2, "fresh");
    expect(harness.sent()).toMatchObject([{ baseVersion: 1, value: "fresh" }]);
    harness.says(transition([1, 1, 1], [1, 2, 2]));

    expect(harness.types()).toEqual([]);
  });

  it("asks with force when the cache is empty, and goes on as nobody when that fails too", () => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAuth();
    harness.gives(1, null);
    expect(harness.fetches()).toEqual(["1", "2!"]);
    harness.mutate("m:f");
    expect(harness.types()).toEqual([]);
    harness.gives(2, null);

    expect(harness.types()).toEqual(["AuthChanged", "Send"]);
  });

  it("goes on after the deadline of a fetch that never ends", () => {
    const harness = new AuthHarness({ inactivityMs: 1e9 });
    harness.open();
    harness.session.setAuth();
    harness.mutate("m:f");
    harness.advance(30_000);
    harness.advance(30_000);

    expect(harness.effects()).toMatchObject([
      { type: "FetchToken", number: 1 },
      { type: "StateChanged" },
      { type: "FetchToken", number: 2, force: true },
      { type: "AuthChanged", isAuthenticated: false },
      { type: "Send" },
      { type: "StateChanged" },
    ]);
    harness.gives(2, "late");
    expect(harness.types()).toEqual([]);
  });

  it("listens to the latest fetch only", () => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAuth();
    harness.session.setAuth();
    harness.effects();
    harness.gives(1, "old user");
    expect(harness.types()).toEqual([]);
    harness.gives(2, "new user");

    expect(harness.sent()).toMatchObject([{ value: "new user" }]);
  });

  it("is not confirmed by less than what was sent", () => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAuth();
    harness.gives(1, "a");
    harness.session.setAuth();
    harness.gives(2, "b");
    harness.effects();
    harness.says(transition([0, 0, 0], [1, 1, 1]));
    expect(harness.types()).toEqual([]);
    harness.says(transition([1, 1, 1], [1, 2, 2]));

    expect(harness.types()).toEqual(["AuthChanged", "FetchToken"]);
  });
});

describe("a confirmed token", () => {
  it("is refreshed before it expires, while work goes on", () => {
    const harness = new AuthHarness({ inactivityMs: 1e12 });
    harness.signIn();
    harness.advance(refreshDelay(HOUR_TOKEN, 10_000) - 1);
    expect(harness.fetches()).toEqual([]);
    harness.advance(1);
    expect(harness.fetches()).toEqual(["3!"]);
    harness.mutate("m:f");
    expect(harness.sent()).toMatchObject([{ type: "Mutation" }]);
    harness.gives(3, "next");

    expect(harness.sent()).toMatchObject([{ type: "Authenticate", baseVersion: 2, value: "next" }]);
  });

  it("stays when the fetcher has nothing newer", () => {
    const harness = new AuthHarness({ inactivityMs: 1e12 });
    harness.signIn();
    harness.advance(refreshDelay(HOUR_TOKEN, 10_000));
    harness.effects();
    harness.gives(3, HOUR_TOKEN);

    expect(harness.types()).toEqual([]);
    expect(harness.session.nextDeadline()).toBeGreaterThan(1e11);
  });

  it("that is gone is taken back from the server", () => {
    const harness = new AuthHarness({ inactivityMs: 1e12 });
    harness.signIn();
    harness.advance(refreshDelay(HOUR_TOKEN, 10_000));
    harness.effects();
    harness.gives(3, null);

    expect(harness.effects()).toMatchObject([
      { type: "AuthChanged", isAuthenticated: false },
      { type: "Send", text: '{"type":"Authenticate","baseVersion":2,"tokenType":"None"}' },
      { type: "StateChanged" },
    ]);
  });

  it("is said again on each connection", () => {
    const harness = new AuthHarness();
    harness.signIn();

    expect(harness.reconnect()[1]).toEqual({
      type: "Authenticate",
      baseVersion: 0,
      tokenType: "User",
      value: HOUR_TOKEN,
    });
  });
});

describe("a refused token", () => {
  it("is replaced on a new connection, without delay", () => {
    const harness = new AuthHarness();
    harness.signIn();
    harness.session.act("m:a", {});
    harness.effects();
    harness.says(refusal(2, false));
    expect(harness.types()).toEqual(["Log", "FetchToken", "Close", "Settle"]);
    harness.gives(3, "newer");
    expect(harness.types()).toEqual(["Open"]);
    harness.session.opened();

    expect(harness.sent()).toMatchObject([{ lastCloseReason: null }, { value: "newer", baseVersion: 0 }, {}]);
  });

  it("is asked for four times and not for ever", () => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAuth();
    harness.gives(1, "t1");
    for (let number = 2; number <= 4; number++) {
      harness.says(refusal(0));
      harness.gives(number, `t${number}`);
      harness.session.opened();
    }
    expect(harness.fetches()).toEqual(["1", "2!", "3!", "4!"]);
    harness.says(refusal(0));

    expect(harness.types()).toEqual(["Log", "AuthChanged", "Close"]);
    harness.advance(1_000);
    harness.session.opened();
    expect(harness.sent().map(({ type }) => type)).toEqual(["Connect", "ModifyQuerySet"]);
  });

  it("that comes again counts as none", () => {
    const harness = new AuthHarness();
    harness.signIn();
    harness.says(refusal(2));
    harness.effects();
    harness.gives(3, HOUR_TOKEN);

    expect(harness.types()).toEqual(["AuthChanged", "Open"]);
  });

  it.each([
    ["an older one, by its version", 0, true],
    ["an expired one, while a newer waits", 1, false],
  ])("is not ours: %s", (_, baseVersion, isUpdate) => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAuth();
    harness.gives(1, "a");
    harness.says(transition([0, 0, 0], [1, 1, 1]));
    harness.gives(2, "b");
    harness.effects();
    harness.says(refusal(baseVersion, isUpdate));

    expect(harness.types()).toEqual(["Log"]);
  });
});

describe("signing out", () => {
  it("is told to the server, and no clock signs in again", () => {
    const harness = new AuthHarness({ inactivityMs: 1e12 });
    harness.signIn();
    harness.session.clearAuth();
    expect(harness.effects()).toMatchObject([
      { type: "AuthChanged", isAuthenticated: false },
      { type: "Send", text: '{"type":"Authenticate","baseVersion":2,"tokenType":"None"}' },
      { type: "StateChanged" },
    ]);
    harness.advance(1e11);

    expect(harness.types()).toEqual([]);
  });

  it("during a recovery opens the next connection as nobody", () => {
    const harness = new AuthHarness();
    harness.signIn();
    harness.says(refusal(2));
    harness.effects();
    harness.session.clearAuth();

    expect(harness.types()).toEqual(["AuthChanged", "Open"]);
    harness.gives(3, "late");
    harness.session.opened();
    expect(harness.sent().map(({ type }) => type)).toEqual(["Connect", "ModifyQuerySet"]);
  });
});

describe("an admin key", () => {
  it("is sent at once, and dropped when it is refused", () => {
    const harness = new AuthHarness();
    harness.open();
    harness.session.setAdmin("key", { issuer: "i", subject: "s" });
    expect(harness.sent()).toMatchObject([
      { tokenType: "Admin", value: "key", impersonating: { issuer: "i", subject: "s" } },
    ]);
    harness.says(refusal(0));

    expect(harness.types()).toEqual(["Log", "AuthChanged", "Close"]);
  });
});

describe("a client that expects auth", () => {
  it("says nothing before the auth is set", () => {
    const harness = new AuthHarness({ expectAuth: true });
    expect(harness.open()).toEqual([]);
    harness.session.clearAuth();

    expect(harness.sent().map(({ type }) => type)).toEqual(["Connect", "ModifyQuerySet"]);
  });
});
