import { describe, expect, it } from "vitest";

import { backoff } from "../src/core/connection.js";
import { Harness, response, transition, updated, vectors } from "./harness.js";

const delays = vectors<{ vectors: { reason: string | null; failures: number; jitter: number; delay_ms: number }[] }>(
  "backoff",
);

describe("backoff", () => {
  it.each(delays.vectors)("after $failures failures, for $reason with $jitter: $delay_ms ms", (vector) => {
    expect(backoff(vector.reason ?? "", vector.failures, vector.jitter)).toBeCloseTo(vector.delay_ms, 6);
  });
});

describe("a connection", () => {
  it("is introduced with the session, in order", () => {
    const harness = new Harness();
    harness.session.subscribe("a:b", {});
    harness.mutate("a:c");

    const [connect, ...rest] = harness.open();

    expect(connect).toEqual({
      type: "Connect",
      sessionId: "123e4567-e89b-42d3-a456-426614174000",
      connectionCount: 0,
      lastCloseReason: "InitialConnect",
      clientTs: 1000,
    });
    expect(rest.map(({ type }) => type)).toEqual(["ModifyQuerySet", "Mutation"]);
  });

  it("writes a whole number of milliseconds", () => {
    const harness = new Harness();
    harness.now = 1234.5678;

    expect(harness.open()[0]).toMatchObject({ clientTs: 1235 });
  });

  it("tells the next one why it ended and what was seen", () => {
    const harness = new Harness();
    harness.open();
    harness.says(transition([0, 0, 0], [1, 0, 2n ** 60n + 1n]));
    harness.lose(1013, "CommitterFullError");
    harness.advance(3_000);
    harness.session.opened();

    expect(harness.sent()[0]).toMatchObject({
      connectionCount: 1,
      lastCloseReason: "CommitterFullError",
      maxObservedTimestamp: "AQAAAAAAABA=",
    });
  });

  it("is given up after a minute of silence, also while it opens", () => {
    const harness = new Harness();
    harness.session.start();
    expect(harness.types()).toEqual(["Open"]);
    harness.advance(59_999);
    expect(harness.types()).toEqual([]);
    harness.advance(1);
    expect(harness.types()).toEqual(["Close"]);
    harness.advance(100);
    expect(harness.types()).toEqual(["Open"]);
  });

  it("is kept by a ping, which is not answered", () => {
    const harness = new Harness();
    harness.open();
    harness.advance(59_000);
    harness.says({ type: "Ping" });
    harness.advance(59_000);

    expect(harness.types()).toEqual([]);
  });

  it("counts failures until everything of its opening is answered", () => {
    const harness = new Harness();
    harness.session.subscribe("a:b", {});
    harness.mutate("a:c");
    harness.open();
    harness.reconnect();
    harness.reconnect();
    expect(harness.session.state().failures).toBe(2);
    harness.says(transition([0, 0, 0], [1, 0, 10]));
    expect(harness.session.state().failures).toBe(2);
    harness.says(transition([1, 0, 10], [1, 0, 11], updated(0, 1)));
    expect(harness.session.state().failures).toBe(2);
    harness.says(response(0, null, 12), transition([1, 0, 11], [1, 0, 12]));

    expect(harness.session.state().failures).toBe(0);
  });

  it("is tried at once when the platform says so, and only while it waits", () => {
    const harness = new Harness();
    harness.open();
    harness.session.reconnectNow();
    expect(harness.types()).toEqual([]);
    harness.lose();
    harness.effects();
    harness.session.reconnectNow();

    expect(harness.types()).toEqual(["Open"]);
  });

  it("is never opened again after close", () => {
    const harness = new Harness();
    harness.open();
    harness.session.close();
    expect(harness.types()).toEqual(["Close"]);
    harness.session.start();
    harness.session.reconnectNow();
    harness.lose();
    harness.advance(100_000);

    expect(harness.types()).toEqual([]);
    expect(harness.session.nextDeadline()).toBe(Infinity);
  });
});
