import { describe, expect, it } from "vitest";

import { Harness, transition, updated } from "./harness.js";

describe("the query set", () => {
  it("asks once for equal subscriptions, whatever the spelling", () => {
    const harness = new Harness();
    harness.open();
    const first = harness.session.subscribe("m.js:list", { a: 1, b: 2 });
    const second = harness.session.subscribe("m:list", { b: 2, a: 1 });

    expect(second).toBe(first);
    expect(harness.sent()).toEqual([
      {
        type: "ModifyQuerySet",
        baseVersion: 1,
        newVersion: 2,
        modifications: [{ type: "Add", queryId: 0, udfPath: "m:list", args: [{ a: 1, b: 2 }] }],
      },
    ]);
  });

  it("removes a query with its last subscriber", () => {
    const harness = new Harness();
    const token = harness.session.subscribe("m:list", {});
    harness.session.subscribe("m:list", {});
    harness.open();
    harness.session.unsubscribe(token);
    expect(harness.sent()).toEqual([]);
    harness.session.unsubscribe(token);

    expect(harness.sent()).toMatchObject([{ modifications: [{ type: "Remove", queryId: 0 }] }]);
  });

  it("says only the difference after a pause", () => {
    const harness = new Harness();
    const gone = harness.session.subscribe("m:gone", {});
    harness.open();
    harness.session.pause();
    harness.session.unsubscribe(harness.session.subscribe("m:brief", {}));
    harness.session.unsubscribe(gone);
    harness.session.subscribe("m:new", {});
    expect(harness.sent()).toEqual([]);
    harness.session.resume();

    expect(harness.sent()).toMatchObject([
      {
        baseVersion: 1,
        newVersion: 2,
        modifications: [
          { type: "Remove", queryId: 0 },
          { type: "Add", queryId: 2, udfPath: "m:new" },
        ],
      },
    ]);
  });

  it("is rebuilt on a new connection, with numbers and journals", () => {
    const harness = new Harness();
    harness.session.subscribe("m:a", {});
    const b = harness.session.subscribe("m:b", {});
    harness.open();
    harness.says(transition([0, 0, 0], [1, 0, 1], updated(0, 1, "j0"), updated(1, 1)));
    harness.session.unsubscribe(b);
    harness.session.subscribe("m:b", {});

    expect(harness.reconnect()[1]).toEqual({
      type: "ModifyQuerySet",
      baseVersion: 0,
      newVersion: 1,
      modifications: [
        { type: "Add", queryId: 0, udfPath: "m:a", args: [{}], journal: "j0" },
        { type: "Add", queryId: 2, udfPath: "m:b", args: [{}] },
      ],
    });
  });

  it("keeps the journal of a failure too", () => {
    const harness = new Harness();
    harness.session.subscribe("m:a", {});
    harness.open();
    const failed = { type: "QueryFailed", queryId: 0, errorMessage: "x", logLines: [], journal: "jf" };
    harness.says(transition([0, 0, 0], [1, 0, 1], failed));

    expect(harness.reconnect()[1]).toMatchObject({ modifications: [{ journal: "jf" }] });
  });

  it.each([
    ["bad path", {}],
    ["m:f", { "": undefined, $a: 1 }],
    ["m:f", []],
  ])("refuses %s %j at the call, and uses no number", (path, args) => {
    const harness = new Harness();
    harness.open();
    expect(() => harness.session.subscribe(path, args as never)).toThrow(expect.objectContaining({ kind: "local" }));
    expect(() => harness.mutate(path, args as never)).toThrow(expect.objectContaining({ kind: "local" }));
    expect(harness.sent()).toEqual([]);
    harness.session.subscribe("m:f", {});
    harness.mutate("m:f");

    expect(harness.sent()).toMatchObject([{ modifications: [{ queryId: 0 }] }, { requestId: 0 }]);
  });
});
