import { describe, expect, it } from "vitest";

import type { OptimisticUpdate } from "../src/core/optimistic.js";
import { Harness, response, transition, updated } from "./harness.js";

const number = (change: (n: number) => number): OptimisticUpdate => {
  return (store) => {
    const n = store.getQuery("m:n");
    if (typeof n === "number") store.setQuery("m:n", {}, change(n));
  };
};
const plusOne = number((n) => n + 1);
const timesTwo = number((n) => n * 2);

function showing(value: unknown): { harness: Harness; token: string } {
  const harness = new Harness();
  const token = harness.session.subscribe("m:n", {});
  harness.open();
  harness.says(transition([0, 0, 0], [1, 0, 10], updated(0, value)));
  harness.effects();
  return { harness, token };
}

describe("a layer", () => {
  it("is shown in the call, before the message goes out", () => {
    const { harness, token } = showing(2);
    harness.mutate("m:add", {}, plusOne);

    expect(harness.value(token)).toBe(3);
    expect(harness.types()).toEqual(["Publish", "Send"]);
  });

  it("is shown while nothing can be sent", () => {
    const { harness, token } = showing(2);
    harness.lose();
    harness.mutate("m:add", {}, plusOne);

    expect(harness.value(token)).toBe(3);
  });

  it("sees what those before it have done, whichever of them goes first", () => {
    const { harness, token } = showing(2);
    harness.mutate("m:add", {}, plusOne);
    harness.mutate("m:double", {}, timesTwo);
    expect(harness.value(token)).toBe(6);
    harness.says({ type: "MutationResponse", requestId: 0, success: false, result: "x", ts: null, logLines: [] });
    expect(harness.value(token)).toBe(4);
    harness.says({ type: "MutationResponse", requestId: 1, success: false, result: "x", ts: null, logLines: [] });

    expect(harness.value(token)).toBe(2);
  });

  it("goes in the publication that brings the real thing", () => {
    const { harness, token } = showing([]);
    harness.mutate("m:add", {}, (store) => store.setQuery("m:n", {}, ["mine"]));
    harness.effects();
    harness.says(response(0, null, 20));
    expect(harness.value(token)).toEqual(["mine"]);
    expect(harness.types()).toEqual([]);
    harness.says(transition([1, 0, 10], [1, 0, 20], updated(0, ["real"])));

    expect(harness.value(token)).toEqual(["real"]);
    expect(harness.types()).toEqual(["Publish", "Settle"]);
  });

  it("is run again on each new snapshot, and outlives the connection", () => {
    const { harness, token } = showing(2);
    harness.mutate("m:add", {}, plusOne);
    harness.reconnect();
    expect(harness.value(token)).toBe(3);
    harness.says(transition([0, 0, 0], [1, 0, 11], updated(0, 10)));

    expect(harness.value(token)).toBe(11);
  });

  it("that throws at first rejects the call and leaves no trace", () => {
    const { harness, token } = showing(2);
    const update: OptimisticUpdate = (store) => {
      store.setQuery("m:n", {}, 99);
      throw new Error("no");
    };

    expect(() => harness.mutate("m:add", {}, update)).toThrow("no");
    expect(harness.value(token)).toBe(2);
    expect(harness.types()).toEqual([]);
    harness.mutate("m:add");
    expect(harness.sent()).toMatchObject([{ requestId: 0 }]);
  });

  it("that throws when it is run again goes, and the others stay", () => {
    const { harness, token } = showing(2);
    harness.mutate("m:bad", {}, (store) => {
      if (store.getQuery("m:n") === 10) throw new Error("later");
      store.setQuery("m:n", {}, 99);
    });
    harness.mutate("m:add", {}, plusOne);
    harness.effects();
    harness.says(transition([1, 0, 10], [1, 0, 11], updated(0, 10)));

    expect(harness.value(token)).toBe(11);
    expect(harness.types()).toEqual(["Log", "Publish"]);
    harness.says(response(0, "done", 12), transition([1, 0, 11], [1, 0, 12]));
    expect(harness.only("Settle")).toHaveLength(1);
  });

  it("can set a query that nobody subscribes to, and show one as loading", () => {
    const { harness, token } = showing(2);
    harness.mutate("m:add", {}, (store) => {
      store.setQuery("m:other", { a: 1n }, "shown");
      store.setQuery("m:n", {}, undefined);
      expect(store.getAllQueries("m:other")).toEqual([{ args: { a: 1n }, value: "shown" }]);
      expect(store.getQuery("m:n")).toBeUndefined();
    });

    expect(harness.session.visible(token)).toBeUndefined();
    expect([...harness.session.snapshot().values()]).toContainEqual({ value: "shown" });
  });

  it("cannot change the results of the server in place", () => {
    const { harness, token } = showing([{ n: 1 }]);
    const update: OptimisticUpdate = (store) => {
      (store.getQuery("m:n") as { n: number }[])[0]!.n = 2;
    };

    expect(() => harness.mutate("m:add", {}, update)).toThrow(TypeError);
    expect(harness.value(token)).toEqual([{ n: 1 }]);
  });

  it("publishes no query whose visible result it leaves as it was", () => {
    const { harness } = showing({ list: [1] });
    harness.mutate("m:add", {}, (store) => store.setQuery("m:n", {}, { list: [1] }));
    expect(harness.types()).toEqual(["Send"]);
    harness.says(transition([1, 0, 10], [1, 0, 11]));

    expect(harness.types()).toEqual([]);
  });
});
