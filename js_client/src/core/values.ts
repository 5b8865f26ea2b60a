/**
 * Values: the data that arguments and results are made of, and how it looks as JSON.
 *
 * Spec: values
 * Not here: timestamps, which look like values and are none (see messages).
 */

import { demand, refuse } from "./errors.js";

/** What a function takes and returns. `number` is a Float64, `bigint` an Int64. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | ArrayBuffer
  | readonly Value[]
  | { readonly [key: string]: Value };

/** The arguments of a call; a field that is undefined is left out. */
export type Args = { readonly [name: string]: Value | undefined };

/** What a JSON parser yields. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The JSON form of a value; throws a "local" error with the way to the part that has none. */
export function encode(value: unknown, at = "value"): Json {
  if (value === null || typeof value === "boolean") return value;
  // [values.plain-number]
  if (isOrdinary(value)) return value;
  // [values.special-float] [values.nan-payload] Hosts differ in the bits of their NaN.
  if (typeof value === "number") return { $float: value === value ? eightBytes("setFloat64", value) : "AAAAAAAA+H8=" };
  // [values.int64]
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) return { $integer: eightBytes("setBigInt64", value) };
  if (typeof value === "string" && !/\p{Surrogate}/u.test(value)) return value;
  if (Array.isArray(value)) return Array.from(value, (item, index) => encode(item, `${at}[${index}]`));
  // [values.bytes]
  if (isBytes(value)) return { $bytes: toBase64(value) };
  if (!isPlain(value)) return refuse(REFUSALS[typeof value] ?? "errors.local-at-call", at, value);
  // Sorted, so that equal values have equal texts.
  const keys = Object.keys(value).sort();
  return Object.fromEntries(
    keys
      // [values.undefined]
      .filter((key) => value[key] !== undefined)
      .map((key) => {
        const below = `${at}.${key}`;
        return [GOOD_KEY.test(key) ? key : refuse(brokenKeyRule(key), below, key), encode(value[key], below)];
      }),
  );
}

const REFUSALS: { readonly [type: string]: string } = {
  // [values.unicode] Parsers refuse a whole message for half a surrogate pair.
  string: "values.unicode",
  // [values.int64-range]
  bigint: "values.int64-range",
  undefined: "values.undefined",
};

/** The JSON form of the arguments of a call. */
export const encodeArgs = (args: unknown = {}): Json =>
  // [errors.local-at-call]
  isPlain(args) ? encode(args, "args") : refuse("errors.local-at-call", "args", args);

/** The value of a JSON form, which is taken over and changed in place. */
export function decode(json: Json): Value {
  // [values.number-decoding] Whatever its digits look like, a number is a Float64.
  if (typeof json !== "object" || !json) return json;
  const parts = json as { [key: string]: Json };
  const isList = Array.isArray(json);
  for (const key in parts) {
    const part = parts[key]!;
    // Tested before anything is called, as nearly all keys are good and most parts are plain.
    if (!isList && !GOOD_KEY.test(key)) {
      // [values.tag-single-key]
      if (key[0] === "$" && Object.keys(parts).length === 1) return decodeTag(key, part);
      demand(false, brokenKeyRule(key), key);
    }
    if (typeof part === "object") parts[key] = decode(part) as Json;
  }
  return json;
}

/** `fresh`, with every part that equals the same part of `old` replaced by it. */
export function share<Tree>(old: unknown, fresh: Tree): Tree {
  if (old === fresh) return fresh;
  const kind = kindOf(fresh);
  if (!kind || kind !== kindOf(old)) return fresh;
  if (kind === "bytes") return toBase64(old as ArrayBuffer) === toBase64(fresh as ArrayBuffer) ? (old as Tree) : fresh;
  const [before, after] = [old, fresh] as unknown as { [key: string]: unknown }[];
  let isSame = Object.keys(before!).length === Object.keys(after!).length;
  let merged = after!;
  for (const key in after) {
    const kept = Object.hasOwn(before!, key) ? share(before![key], after[key]) : after[key];
    isSame &&= Object.is(kept, before![key]);
    // Copied only when there is something to share.
    if (kept !== after[key]) {
      if (merged === after) merged = (kind === "list" ? [...(fresh as [])] : { ...after }) as never;
      merged[key] = kept;
    }
  }
  return (isSame ? old : merged) as Tree;
}

/** Standard base64 with padding. */
export function toBase64(buffer: ArrayBufferLike): string {
  let text = "";
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

/** For numbers on their way: a buffer for each of 40,000 would cost more than all the rest. */
const EIGHT = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));

/** The base64 of a number in eight bytes, least significant byte first. */
export function eightBytes(set: "setFloat64" | "setBigInt64", value: number | bigint): string {
  EIGHT[set](0, value as never, true);
  return toBase64(EIGHT.buffer);
}

/** The bytes of a base64 text, to be read before the next call; undefined for what is none. */
export function fromBase64(text: unknown): DataView<ArrayBuffer> | undefined {
  // [values.base64] `atob` alone would also take spaces and missing padding.
  if (typeof text !== "string" || text.length % 4 || !/^[A-Za-z\d+/]*={0,2}$/.test(text)) return undefined;
  const binary = atob(text);
  const { length } = binary;
  const view = length === 8 ? EIGHT : new DataView(new ArrayBuffer(length));
  for (let index = 0; index < length; index++) view.setUint8(index, binary.charCodeAt(index));
  return view;
}

const TAGS: { readonly [tag: string]: (view: DataView<ArrayBuffer>) => Value } = {
  $integer: (view) => view.getBigInt64(0, true),
  $float: (view) => view.getFloat64(0, true),
  $bytes: (view) => view.buffer.slice(0),
};

function decodeTag(tag: string, content: unknown): Value {
  const read = TAGS[tag];
  // [values.unknown-tag] A value we do not know cannot be shown or written back.
  demand(read, "values.unknown-tag", tag);
  // [values.tag-length]
  demand(typeof content === "string", "values.tag-length", tag);
  const view = fromBase64(content);
  demand(view, "values.base64", tag);
  // [values.tag-length]
  demand(tag === "$bytes" || view.byteLength === 8, "values.tag-length", tag);
  const value = read(view);
  // [values.special-float-only]
  demand(!isOrdinary(value), "values.special-float-only", tag);
  return value;
}

const GOOD_KEY = /^(?!\$)[ -~]{0,1024}$/;

// [values.key-dollar] [values.key-ascii] [values.key-length]
const brokenKeyRule = (key: string): string =>
  `values.key-${key[0] === "$" ? "dollar" : /[^ -~]/.test(key) ? "ascii" : "length"}`;

const isOrdinary = (value: unknown): value is number => Number.isFinite(value) && !Object.is(value, -0);

// By tag and prototype, because values may come from another window or worker.
const isBytes = (value: unknown): value is ArrayBuffer => ({}).toString.call(value) === "[object ArrayBuffer]";

/** Which of the values that have parts it is. */
const kindOf = (value: unknown): "list" | "bytes" | "object" | false =>
  Array.isArray(value) ? "list" : isBytes(value) ? "bytes" : isPlain(value) && "object";

function isPlain(value: unknown): value is { [key: string]: unknown } {
  if (typeof value !== "object" || !value) return false;
  const prototype = Object.getPrototypeOf(value);
  return !prototype || !Object.getPrototypeOf(prototype);
}
