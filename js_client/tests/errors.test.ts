import { describe, expect, it } from "vitest";

import { demand, functionError, refuse, UnisonoError } from "../src/core/errors.js";

const thrown = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe("an error", () => {
  it.each([
    [functionError("m:f", "why", undefined), { kind: "function", path: "m:f", message: "why" }],
    [functionError("m:f", "why", null), { kind: "application", data: null }],
    [thrown(() => refuse("values.key-dollar", "args.$a", "$a")), { kind: "local", rule: "values.key-dollar", at: "args.$a" }],
    [thrown(() => demand(false, "messages.u32", 1.5)), { kind: "remote", rule: "messages.u32" }],
  ])("%s says which it is in one word", (error, fields) => {
    expect(error).toBeInstanceOf(UnisonoError);
    expect(error).toMatchObject(fields);
  });

  it("names the rule, the place and what was found", () => {
    expect(thrown(() => refuse("values.key-dollar", "args.$a", "$a"))).toMatchObject({
      message: "[values.key-dollar] args.$a: string $a",
    });
  });

  it("shows no more than a glimpse of what was found", () => {
    const { message } = thrown(() => demand(false, "messages.one-object", "x".repeat(10_000))) as Error;

    expect(message.length).toBeLessThan(200);
  });
});
