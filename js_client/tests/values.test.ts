import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { UnisonoError } from "../src/core/errors.js";
import { decode, encode, encodeArgs, share, type Json, type Value } from "../src/core/values.js";
import { vectors } from "./harness.js";

type Notation = { readonly [type: string]: unknown };
type Vectors = {
  vectors: { name: string; wire: Json; value: Notation; canonical?: Json }[];
  invalid_wire: { name: string; wire?: Json; text?: string; rule: string; only?: string[] }[];
  invalid_value: { name: string; value: Notation; rule: string }[];
};

const { vectors: good, invalid_wire: badWire, invalid_value: badValue } = vectors<Vectors>("values");

function build(notation: Notation): unknown {
  const [[type, content]] = Object.entries(notation) as [[string, never]];
  switch (type) {
    case "null":
      return null;
    case "undefined":
      return undefined;
    case "int64":
      return BigInt(content);
    case "float64":
      return Buffer.from(content, "hex").readDoubleBE();
    case "bytes":
      return new Uint8Array(Buffer.from(content, "hex")).buffer;
    case "array":
      return (content as Notation[]).map(build);
    case "object":
      return Object.fromEntries((content as [string, Notation][]).map(([key, value]) => [key, build(value)]));
    default:
      return content;
  }
}

const thrown = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe("vectors", () => {
  it.each(good)("decodes $name", ({ wire, value }) => {
    expect(decode(structuredClone(wire))).toEqual(build(value));
  });

  it.each(good)("encodes $name", ({ wire, value, canonical }) => {
    expect([wire, canonical ?? wire]).toContainEqual(encode(build(value)));
  });

  it.each(badWire.filter(({ wire, only }) => wire !== undefined && !only?.every((role) => role === "server")))(
    "refuses to decode $name",
    ({ wire, rule }) => {
      // An object with a tag and something else is an ordinary one, with a key that must not be.
      const broken = rule === "values.tag-single-key" ? "values.key-dollar" : rule;
      expect(thrown(() => decode(structuredClone(wire!)))).toMatchObject({ kind: "remote", rule: broken });
    },
  );

  it.each(badValue)("refuses to encode $name", ({ value, rule }) => {
    expect(thrown(() => encode(build(value)))).toMatchObject({ kind: "local", rule });
  });
});

describe("encode", () => {
  it("says where the bad part is", () => {
    const error = thrown(() => encodeArgs({ a: [1, { b: undefined, "c d": 2n ** 63n }] }));

    expect(error).toBeInstanceOf(UnisonoError);
    expect(error).toMatchObject({ rule: "values.int64-range", at: "args.a[1].c d" });
  });

  it.each([[new Date(0)], [new Map()], [new Uint8Array(2)], [() => 1], [Symbol("s")], [[, 1]]])(
    "refuses what has no form on the wire: %s",
    (value) => {
      expect(() => encode(value)).toThrow(expect.objectContaining({ kind: "local" }));
    },
  );

  it.each([[null], [1], ["text"], [[]], [new ArrayBuffer(1)]])("takes no %s for arguments", (args) => {
    expect(() => encodeArgs(args)).toThrow(expect.objectContaining({ kind: "local" }));
  });

  it("leaves out fields that are undefined, at every depth", () => {
    expect(encode({ a: undefined, b: { c: undefined } })).toEqual({ b: {} });
  });

  it("keeps a key called __proto__ a key", () => {
    const wire = '{"__proto__":{"$integer":"AQAAAAAAAAA="}}';
    const value = decode(JSON.parse(wire) as Json);

    expect(Object.keys(value as object)).toEqual(["__proto__"]);
    expect(JSON.stringify(encode(value))).toBe(wire);
  });

  it("gives equal values equal texts, whatever the order of the keys", () => {
    expect(JSON.stringify(encode({ b: { d: 1, c: 2 }, a: 3 }))).toBe('{"a":3,"b":{"c":2,"d":1}}');
  });
});

const key = fc.stringMatching(/^[ -#%-~][ -~]{0,5}$/);
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
);
const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value")), fc.dictionary(key, tie("value"))),
}));

describe("any value", () => {
  it("survives the way over the wire", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(decode(JSON.parse(JSON.stringify(encode(value))) as Json)).toEqual(value);
      }),
    );
  });

  it("is shared with its equal, and never changed by sharing", () => {
    fc.assert(
      fc.property(anyValue, anyValue, (old, fresh) => {
        const copy = structuredClone(old);
        expect(share(old, copy)).toEqual(old);
        expect(share(old, fresh)).toEqual(structuredClone(fresh));
        expect(old).toEqual(copy);
      }),
    );
  });
});

describe("share", () => {
  it("keeps the identity of equal values", () => {
    const old = { rows: [{ n: 1 }, { n: 2n }], bytes: new Uint8Array([1]).buffer };

    expect(share(old, structuredClone(old))).toBe(old);
  });

  it("keeps the identity of the parts that stayed", () => {
    const old = { rows: [{ n: 1 }, { n: 2 }], more: { x: 1 } };
    const shared = share(old, { rows: [{ n: 1 }, { n: 3 }], more: { x: 1 } }) as unknown as typeof old;

    expect(shared).toEqual({ rows: [{ n: 1 }, { n: 3 }], more: { x: 1 } });
    expect([shared.rows[0], shared.more]).toEqual([old.rows[0], old.more]);
    expect(shared.rows[0]).toBe(old.rows[0]);
    expect(shared.more).toBe(old.more);
  });

  it.each([
    [0, -0],
    [1, 1n],
    [[], {}],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [new ArrayBuffer(0), {}],
  ] as [Value, Value][])("tells %s and %s apart", (old, fresh) => {
    expect(share(old, fresh)).toBe(fresh);
  });
});

describe("decode", () => {
  it("names the rule that the server broke", () => {
    expect(() => decode({ $integer: "AQ==" })).toThrow(expect.objectContaining({ kind: "remote", rule: "values.tag-length" }));
  });
});
