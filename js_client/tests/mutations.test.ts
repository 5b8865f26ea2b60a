import { describe, expect, it } from "vitest";

import { Harness, response, transition } from "./harness.js";

const failure = (requestId: number, more: object = {}): object => ({
  type: "MutationResponse",
  requestId,
  success: false,
  result: "[Request ID: 0] Server Error",
  ts: null,
  logLines: [],
  ...more,
});

describe("a mutation", () => {
  it("settles with the transition that covers it, after the response", () => {
    const harness = new Harness();
    harness.open();
    harness.mutate("m:f");
    harness.says(transition([0, 0, 0], [1, 0, 50]), response(0, "value", 20));
    expect(harness.only("Settle")).toEqual([]);
    harness.says(transition([1, 0, 50], [1, 0, 50]));

    expect(harness.only("Settle")).toEqual([{ type: "Settle", call: 0, settlement: { value: "value" } }]);
  });

  it("waits for timestamps that differ only above 2^53", () => {
    const harness = new Harness();
    harness.open();
    harness.mutate("m:f");
    const ts = 2n ** 60n;
    harness.says({ ...response(0, 1, 0), ts: "AQAAAAAAABA=" }, transition([0, 0, 0], [1, 0, ts]));
    expect(harness.only("Settle")).toEqual([]);
    harness.says(transition([1, 0, ts], [1, 0, ts + 1n]));

    expect(harness.only("Settle")).toHaveLength(1);
  });

  it("that fails settles at once, with its data if it has some", () => {
    const harness = new Harness();
    harness.open();
    harness.mutate("m:f");
    harness.mutate("m:f");
    harness.says(failure(0) as never, failure(1, { errorData: null }) as never);

    expect(harness.only("Settle").map(({ settlement }) => "error" in settlement && settlement.error)).toMatchObject([
      { kind: "function", path: "m:f", message: "[Request ID: 0] Server Error" },
      { kind: "application", data: null },
    ]);
  });

  it("is sent again on each connection until it is covered", () => {
    const harness = new Harness();
    harness.mutate("m:a");
    harness.open();
    harness.mutate("m:b");
    harness.says(response(0, "first", 20), response(0, "second", 30));
    const again = harness.reconnect().filter(({ type }) => type === "Mutation");
    expect(again.map(({ requestId }) => requestId)).toEqual([0, 1]);
    harness.says(transition([0, 0, 0], [1, 0, 25]));

    expect(harness.only("Settle")).toEqual([{ type: "Settle", call: 0, settlement: { value: "first" } }]);
  });

  it("is not disturbed by answers to nothing", () => {
    const harness = new Harness();
    harness.open();
    harness.says(response(7, 1, 20), failure(8) as never);

    expect(harness.types()).toEqual([]);
  });
});

describe("an action", () => {
  it("settles at its response", () => {
    const harness = new Harness();
    harness.open();
    harness.session.act("m:f", {});
    harness.says({ type: "ActionResponse", requestId: 0, success: true, result: 5, logLines: [] });

    expect(harness.only("Settle")).toEqual([{ type: "Settle", call: 0, settlement: { value: 5 } }]);
  });

  it("is lost with the connection that it was sent on, and not sent again", () => {
    const harness = new Harness();
    harness.open();
    harness.session.act("m:f", {});
    harness.effects();
    harness.lose();
    harness.session.act("m:later", {});

    expect(harness.only("Settle")).toMatchObject([{ call: 0, settlement: { error: { kind: "lost" } } }]);
    harness.advance(1_000);
    harness.session.opened();
    expect(harness.sent().filter(({ type }) => type === "Action")).toMatchObject([{ requestId: 1, udfPath: "m:later" }]);
  });

  it("does not settle by the response to a mutation", () => {
    const harness = new Harness();
    harness.open();
    harness.session.act("m:f", {});
    harness.says(response(0, 1, 20), transition([0, 0, 0], [1, 0, 20]));

    expect(harness.only("Settle")).toEqual([]);
  });
});

describe("the end", () => {
  it("settles every call as closed", () => {
    const harness = new Harness();
    harness.open();
    harness.mutate("m:f");
    harness.session.act("m:f", {});
    harness.effects();
    harness.session.close();

    expect(harness.only("Settle")).toMatchObject([
      { call: 0, settlement: { error: { kind: "closed" } } },
      { call: 1, settlement: { error: { kind: "closed" } } },
    ]);
    expect(() => harness.mutate("m:f")).toThrow(expect.objectContaining({ kind: "closed" }));
  });

  it("by a FatalError rejects every call and is final", () => {
    const harness = new Harness();
    harness.open();
    harness.mutate("m:f");
    harness.effects();
    harness.says({ type: "FatalError", error: "you are wrong" });

    expect(harness.effects()).toMatchObject([
      { type: "Log", line: "you are wrong" },
      { type: "Close" },
      { type: "Settle", settlement: { error: { kind: "fatal", message: "you are wrong" } } },
      { type: "StateChanged" },
    ]);
    harness.advance(100_000);
    expect(harness.effects()).toEqual([]);
  });
});
