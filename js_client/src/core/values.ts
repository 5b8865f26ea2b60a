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
        const broken = brokenKeyRule(key);
        return [broken ? refuse(broken, below, key) : key, encode(value[key], below)];
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
  if (Array.isArray(json)) {
    json.forEach((item, index) => (json[index] = decode(item) as Json));
    return json;
  }
  const keys = Object.keys(json);
  // [values.tag-single-key]
  if (keys.length === 1 && keys[0]![0] === "$") return decodeTag(keys[0]!, json[keys[0]!]);
  for (const key of keys) {
    const broken = brokenKeyRule(key);
    demand(!broken, `${broken}`, key);
    json[key] = decode(json[key]!) as Json;
  }
  return json;
}

/** Whether a JSON text can hold what `decode` changes or refuses; most texts cannot. */
export const needsDecoding = (text: string): boolean => /[^ -#%-[\]-~]/.test(text) && SUSPICIOUS.test(text);

// A `$` at the start of a string, and keys with an escape or a character outside of ASCII.
const SUSPICIOUS = /"\$|[^ -~][ -!#-~]*"\s*:|\\.[^"\\]*"\s*:/;

/** `fresh`, with every part that equals the same part of `old` replaced by it. */
export function share<Tree>(old: unknown, fresh: Tree): Tree {
  if (old === fresh) return fresh;
  let isSame = true;
  if (Array.isArray(old) && Array.isArray(fresh)) {
    const merged = fresh.map((item, index) => {
      const kept = share(old[index], item);
      isSame &&= Object.is(kept, old[index]);
      return kept;
    });
    return (isSame && old.length === merged.length ? old : merged) as Tree;
  }
  if (!isPlain(old) || !isPlain(fresh)) {
    return isBytes(old) && isBytes(fresh) && toBase64(old) === toBase64(fresh) ? (old as Tree) : fresh;
  }
  let copy: { [key: string]: unknown } | undefined;
  let surplus = 0;
  for (const key in fresh) {
    surplus++;
    const kept = Object.hasOwn(old, key) ? share(old[key], fresh[key]) : fresh[key];
    isSame &&= Object.is(kept, old[key]);
    // Copied only when there is something to share.
    if (kept !== fresh[key]) (copy ??= { ...fresh })[key] = kept;
  }
  for (const _ in old) surplus--;
  return (isSame && !surplus ? old : (copy ?? fresh)) as Tree;
}

/** Standard base64 with padding. */
export function toBase64(buffer: ArrayBufferLike): string {
  let text = "";
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The base64 of a number in eight bytes, least significant byte first. */
export function eightBytes(set: "setFloat64" | "setBigInt64", value: number | bigint): string {
  const view = new DataView(new ArrayBuffer(8));
  view[set](0, value as never, true);
  return toBase64(view.buffer);
}

/** The bytes of a base64 text; undefined for what is none. */
export const fromBase64 = (text: string): DataView<ArrayBuffer> | undefined =>
  // [values.base64] `atob` alone would also take spaces and missing padding.
  text.length % 4 || !/^[A-Za-z\d+/]*={0,2}$/.test(text)
    ? undefined
    : new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);

const TAGS: { readonly [tag: string]: (view: DataView<ArrayBuffer>) => Value } = {
  $integer: (view) => view.getBigInt64(0, true),
  $float: (view) => view.getFloat64(0, true),
  $bytes: (view) => view.buffer,
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

// [values.key-dollar] [values.key-ascii] [values.key-length]
const brokenKeyRule = (key: string): string | false =>
  key[0] === "$"
    ? "values.key-dollar"
    : /[^ -~]/.test(key)
      ? "values.key-ascii"
      : key.length > 1024 && "values.key-length";

const isOrdinary = (value: unknown): value is number => Number.isFinite(value) && !Object.is(value, -0);

// By tag and prototype, because values may come from another window or worker.
const isBytes = (value: unknown): value is ArrayBuffer => ({}).toString.call(value) === "[object ArrayBuffer]";

function isPlain(value: unknown): value is { [key: string]: unknown } {
  if (typeof value !== "object" || !value) return false;
  const prototype = Object.getPrototypeOf(value);
  return !prototype || !Object.getPrototypeOf(prototype);
}
