import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { canonicalPath, decodeTimestamp, encodeTimestamp, parse } from "../src/core/messages.js";
import { transition, updated, vectors } from "./harness.js";

const timestamps = vectors<{ vectors: { ts: string; wire: string }[]; invalid: { wire: string; rule: string }[] }>(
  "timestamps",
);
const paths = vectors<{ vectors: { path: string; client: string }[]; invalid: { path: string; rule: string }[] }>(
  "paths",
);

describe("timestamps", () => {
  it.each(timestamps.vectors)("write and read $ts", ({ ts, wire }) => {
    expect(encodeTimestamp(BigInt(ts))).toBe(wire);
    expect(decodeTimestamp(wire)).toBe(BigInt(ts));
  });

  it.each(timestamps.invalid)("refuse $wire", ({ wire, rule }) => {
    expect(() => decodeTimestamp(wire)).toThrow(expect.objectContaining({ rule }));
  });
});

describe("paths", () => {
  it.each(paths.vectors)("$path is $client", ({ path, client }) => {
    expect(canonicalPath(path)).toBe(client);
  });

  it.each(paths.invalid)("refuse '$path'", ({ path, rule }) => {
    expect(() => canonicalPath(path)).toThrow(expect.objectContaining({ kind: "local", rule }));
  });
});

describe("parse", () => {
  it.each([['{"type":"Sunrise","at":6}'], ['{"type":"constructor"}'], ['{"type":"__proto__"}']])(
    "knows nothing of %s and does not mind",
    (text) => {
      expect(parse(text)).toBeUndefined();
    },
  );

  it.each([["{"], ["[]"], ["null"], ['"Ping"'], ["{}"], ['{"type":1}'], ["NaN"]])("refuses %s", (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ kind: "remote" }));
  });

  const whole = transition([0, 0, 0], [1, 0, 10], updated(0, 1));
  it.each([
    [{ ...whole, startVersion: undefined }],
    [{ ...whole, endVersion: { querySet: -1, identity: 0, ts: "AAAAAAAAAAA=" } }],
    [{ ...whole, endVersion: { querySet: 1.5, identity: 0, ts: "AAAAAAAAAAA=" } }],
    [{ ...whole, endVersion: { querySet: 2 ** 32, identity: 0, ts: "AAAAAAAAAAA=" } }],
    [{ ...whole, modifications: {} }],
    [{ ...whole, modifications: [{ type: "QueryPaused", queryId: 0 }] }],
    [{ ...whole, modifications: [null] }],
    [{ ...whole, modifications: [{ ...updated(0, 1), journal: 5 }] }],
    [{ ...whole, modifications: [{ ...updated(0, 1), logLines: "x" }] }],
    [{ ...whole, modifications: [{ ...updated(0, undefined) }] }],
    [{ ...whole, modifications: [{ ...updated(0, { $foo: 1 }) }] }],
    [{ type: "MutationResponse", requestId: 0, success: true, result: 1, ts: null, logLines: [] }],
    [{ type: "MutationResponse", requestId: 0, success: "yes", result: 1, logLines: [] }],
    [{ type: "ActionResponse", requestId: 0, success: false, result: 1, logLines: [] }],
    [{ type: "AuthError", error: "x", baseVersion: "0" }],
    [{ type: "FatalError" }],
  ])("refuses a known message that it cannot read: %j", (frame) => {
    expect(() => parse(JSON.stringify(frame))).toThrow(expect.objectContaining({ kind: "remote" }));
  });

  it.each([
    [{ ...whole, success: 1, baseVersion: "x", result: 1 }],
    [{ type: "Ping", modifications: 5, success: "no", startVersion: null }],
    [{ type: "FatalError", error: "", baseVersion: -1, result: null }],
  ])("does not look at fields that a message of its type has not: %j", (frame) => {
    expect(parse(JSON.stringify(frame))).toBeDefined();
  });

  it.each([
    [{ type: "MutationResponse", requestId: 0, success: "", result: "x", logLines: [] }],
    [{ type: "TransitionChunk", chunk: false, partNumber: 0, totalParts: 1, transitionId: "1" }],
    [{ type: "FatalError", error: false }],
    [{ type: "FatalError", error: null }],
    [{ type: "AuthError", error: "", baseVersion: false }],
  ])("tells empty things of different types apart: %j", (frame) => {
    expect(() => parse(JSON.stringify(frame))).toThrow(expect.objectContaining({ kind: "remote" }));
  });

  it("throws nothing but errors of ours, whatever the text", () => {
    const word = fc.constantFrom("type", "Transition", "MutationResponse", "startVersion", "ts", "modifications", "$x");
    fc.assert(
      fc.property(fc.json(), fc.dictionary(word, fc.oneof(word, fc.jsonValue())), (text, object) => {
        for (const each of [text, JSON.stringify(object)]) {
          try {
            parse(each);
          } catch (error) {
            expect(error).toMatchObject({ kind: "remote" });
          }
        }
      }),
    );
  });
});
