import { describe, expect, it } from "vitest";

import { Harness, transition, updated, vectors } from "./harness.js";

type Frame = { readonly type: string };
const chunks = vectors<{
  accepted: { name: string; frames: Frame[]; text: string }[];
  refused: { name: string; frames: Frame[] }[];
  vectors: { name: string; frames: Frame[]; text: string }[];
}>("chunks");

function subscribed(count = 1): { harness: Harness; tokens: string[] } {
  const harness = new Harness();
  const tokens = Array.from({ length: count }, (_, index) => harness.session.subscribe(`m:q${index}`, {}));
  harness.open();
  return { harness, tokens };
}

describe("a transition", () => {
  it.each([
    [[1, 0, 0]],
    [[0, 1, 0]],
    [[0, 0, 1]],
  ] as [[number, number, number]][])("that starts at %j does not fit a new connection", (start) => {
    const { harness, tokens } = subscribed();
    harness.says(transition(start, [1, 1, 99], updated(0, "never")));

    expect(harness.types()).toEqual(["Log", "Close"]);
    expect(harness.value(tokens[0]!)).toBeUndefined();
    harness.advance(1_000);
    harness.session.opened();
    const [connect] = harness.sent();
    expect(connect).toMatchObject({ lastCloseReason: "transitions.continuity" });
    expect(connect).not.toHaveProperty("maxObservedTimestamp");
  });

  it("is published once, with all that changed", () => {
    const { harness, tokens } = subscribed(2);
    harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1), updated(1, 2)));

    expect(harness.only("Publish")).toEqual([{ type: "Publish", changed: tokens }]);
  });

  it("that is empty moves the version and publishes nothing", () => {
    const { harness } = subscribed();
    harness.says(transition([0, 0, 0], [0, 0, 5]), transition([0, 0, 5], [0, 0, 5]), transition([0, 0, 5], [1, 0, 5]));

    expect(harness.types()).toEqual([]);
  });

  it("that brings an equal result again publishes nothing", () => {
    const { harness, tokens } = subscribed();
    harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, [{ a: 1 }])));
    const before = harness.session.visible(tokens[0]!);
    harness.reconnect();
    harness.says(transition([0, 0, 0], [1, 0, 6], updated(0, [{ a: 1 }])));

    expect(harness.types()).toEqual([]);
    expect(harness.session.visible(tokens[0]!)).toBe(before);
  });

  it("leaves old results alone until the new connection has answered", () => {
    const { harness, tokens } = subscribed();
    harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, "old")));
    harness.reconnect();
    expect(harness.value(tokens[0]!)).toBe("old");
    harness.says(transition([0, 0, 0], [0, 1, 6]));
    expect(harness.value(tokens[0]!)).toBe("old");
    harness.says(transition([0, 1, 6], [1, 1, 7], updated(0, "new")));

    expect(harness.value(tokens[0]!)).toBe("new");
  });

  it("may bring results that nobody wants any more", () => {
    const { harness, tokens } = subscribed();
    harness.session.unsubscribe(tokens[0]!);
    harness.effects();
    harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));

    expect(harness.types()).toEqual([]);
    expect(harness.session.snapshot().size).toBe(0);
  });

  it("hands log lines to the log", () => {
    const { harness } = subscribed();
    harness.says(transition([0, 0, 0], [1, 0, 5], { ...updated(0, 1), logLines: ["[LOG] 'x'"] }));

    expect(harness.only("Log")).toEqual([{ type: "Log", path: "m:q0", line: "[LOG] 'x'" }]);
  });

  it("survives messages of a newer server", () => {
    const { harness, tokens } = subscribed();
    harness.says({ type: "Sunrise" }, transition([0, 0, 0], [1, 0, 5], updated(0, 1)));

    expect(harness.value(tokens[0]!)).toBe(1);
  });
});

describe("chunks", () => {
  it.each([...chunks.vectors, ...chunks.accepted])("$name are a transition", ({ frames }) => {
    const { harness } = subscribed();
    frames.forEach((frame) => harness.says(frame));

    expect(harness.types()).not.toContain("Close");
    expect(harness.session.visible('{"path":"m:q0","args":{}}')).toBeDefined();
  });

  it.each(chunks.refused)("$name end the connection", ({ frames }) => {
    const { harness } = subscribed();
    frames.slice(0, -1).forEach((frame) => harness.says(frame));
    expect(harness.types()).not.toContain("Close");
    harness.says(frames.at(-1)!);

    expect(harness.types()).toContain("Close");
    expect(harness.session.visible('{"path":"m:q0","args":{}}')).toBeUndefined();
  });

  it("are forgotten with their connection", () => {
    const { harness, tokens } = subscribed();
    harness.says(chunks.vectors[0]!.frames[0]!);
    harness.reconnect();
    harness.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));

    expect(harness.value(tokens[0]!)).toBe(1);
  });
});
