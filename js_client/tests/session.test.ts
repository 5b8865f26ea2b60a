import { describe, expect, it } from "vitest";

import { Harness, response, transition, updated } from "./harness.js";

describe("a session", () => {
  it("publishes before it settles, once", () => {
    const harness = new Harness();
    harness.session.subscribe("m:q", {});
    harness.open();
    harness.mutate("m:f");
    harness.mutate("m:f");
    harness.says(response(0, 1, 20), response(1, 2, 30));
    harness.effects();
    harness.says(transition([0, 0, 0], [1, 0, 30], updated(0, "both")));

    expect(harness.types()).toEqual(["Publish", "Settle", "Settle"]);
  });

  it("counts a call as in flight until it is settled", () => {
    const harness = new Harness();
    harness.open();
    harness.mutate("m:f");
    harness.session.act("m:f", {});
    harness.says(response(0, 1, 20));
    expect(harness.session.state()).toMatchObject({ inflightMutations: 1, inflightActions: 1 });
    harness.says(transition([0, 0, 0], [1, 0, 30]));

    expect(harness.session.state()).toMatchObject({ inflightMutations: 0, inflightActions: 1 });
  });

  it("opens with the whole state when the socket opened during a pause", () => {
    const harness = new Harness();
    harness.session.pause();
    harness.session.subscribe("m:q", {});
    harness.mutate("m:f");
    expect(harness.open()).toEqual([]);
    harness.session.resume();

    expect(harness.sent().map(({ type }) => type)).toEqual(["Connect", "ModifyQuerySet", "Mutation"]);
  });

  it("resumes with what has changed, in order", () => {
    const harness = new Harness();
    harness.open();
    harness.session.pause();
    harness.mutate("m:f");
    harness.session.subscribe("m:q", {});
    harness.session.setAdmin("key", undefined);
    expect(harness.sent()).toEqual([]);
    harness.session.resume();

    expect(harness.sent().map(({ type }) => type)).toEqual(["Authenticate", "ModifyQuerySet", "Mutation"]);
  });

  it("ignores what comes from a socket that it has closed", () => {
    const harness = new Harness();
    const token = harness.session.subscribe("m:q", {});
    harness.open();
    harness.saysText("{");
    harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));

    expect(harness.value(token)).toBeUndefined();
  });

  it("comes to the same effects for the same inputs", () => {
    const play = (): string => {
      const harness = new Harness();
      harness.session.subscribe("m:q", { a: 1n });
      harness.open();
      harness.mutate("m:f", { b: [1, 2] });
      harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));
      harness.lose(1011, "InternalServerError");
      harness.advance(1_000);
      return JSON.stringify(harness.effects());
    };

    expect(play()).toBe(play());
  });
});
