import { describe, expect, it } from "vitest";

import * as errors from "../src/core/errors.js";

describe("every error", () => {
  it.each([
    [new errors.LocalProtocolError("values.undefined", "args.a", "undefined"), "local"],
    [new errors.RemoteProtocolError("messages.u32", 1.5), "remote"],
    [new errors.FunctionError("m:f", "why"), "function"],
    [new errors.ApplicationError("m:f", "why", null), "application"],
    [new errors.UnisonoError("lost", "m:f may have run"), "lost"],
  ])("%s says which it is in one word", (error, kind) => {
    expect(error).toBeInstanceOf(errors.UnisonoError);
    expect(error).toMatchObject({ kind });
    expect(error.message).not.toBe("");
  });

  it("names the rule and the place", () => {
    const error = new errors.LocalProtocolError("values.key-dollar", "args.$a", "$a");

    expect(error.message).toContain("values.key-dollar");
    expect(error.message).toContain("args.$a");
  });

  it("shows no more than a glimpse of what was found", () => {
    expect(new errors.RemoteProtocolError("messages.one-object", "x".repeat(10_000)).message.length).toBeLessThan(200);
  });
});
