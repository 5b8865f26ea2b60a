/**
 * Values: the data that arguments and results are made of, and how it looks as JSON.
 *
 * Spec: values
 * Not here: timestamps, which look like values and are none (see messages).
 */

import { LocalProtocolError, RemoteProtocolError } from "./errors.js";

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

/** The JSON form of a value; throws LocalProtocolError with the way to the part that has none. */
export function encode(value: unknown, at = "value"): Json {
  const refuse = (rule: string): never => {
    throw new LocalProtocolError(rule, at, value);
  };
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      // [values.unicode] Parsers refuse a whole message for half a surrogate pair.
      return /\p{Surrogate}/u.test(value) ? refuse("values.unicode") : value;
    case "number":
      // [values.plain-number]
      if (isOrdinary(value)) return value;
      // [values.special-float] [values.nan-payload] Hosts differ in the bits of their NaN.
      return { $float: value === value ? eightBytes("setFloat64", value) : "AAAAAAAA+H8=" };
    case "bigint":
      // [values.int64-range]
      if (BigInt.asIntN(64, value) !== value) refuse("values.int64-range");
      // [values.int64]
      return { $integer: eightBytes("setBigInt64", value) };
    case "undefined":
      return refuse("values.undefined");
  }
  if (Array.isArray(value)) return Array.from(value, (item, index) => encode(item, `${at}[${index}]`));
  // [values.bytes]
  if (isBytes(value)) return { $bytes: toBase64(value) };
  return value === null ? value : encodeFields(value, at);
}

/** The JSON form of a plain object, which the arguments of every call must be. */
export function encodeFields(value: unknown, at = "args"): { [key: string]: Json } {
  // [errors.local-at-call]
  if (!isPlain(value)) throw new LocalProtocolError("errors.local-at-call", at, value);
  const fields: [string, Json][] = [];
  // Sorted, so that equal values have equal texts.
  for (const key of Object.keys(value).sort()) {
    const below = `${at}.${key}`;
    checkKey(key, (rule) => new LocalProtocolError(rule, below, key));
    // [values.undefined]
    if (value[key] !== undefined) fields.push([key, encode(value[key], below)]);
  }
  return Object.fromEntries(fields);
}

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
    checkKey(key, (rule) => new RemoteProtocolError(rule, key));
    json[key] = decode(json[key]!) as Json;
  }
  return json;
}

/** Whether a JSON text can hold what `decode` changes or refuses; most texts cannot. */
export const needsDecoding = (text: string): boolean => SUSPICIOUS.test(text);

// A `$` at the start of a string, and keys with an escape or a character outside of ASCII.
const SUSPICIOUS = /"\$|[^ -~][ -!#-~]*"\s*:|\\.[^"\\]*"\s*:/;

/** `fresh`, with every part that equals the same part of `old` replaced by it. */
export function share<Tree>(old: unknown, fresh: Tree): Tree {
  if (!isTree(old) || !isTree(fresh) || Array.isArray(old) !== Array.isArray(fresh)) return fresh;
  const keys = Object.keys(fresh);
  let isSame = keys.length === Object.keys(old).length;
  let copy: typeof fresh | undefined;
  for (const key of keys) {
    const kept = Object.hasOwn(old, key) ? share(old[key], fresh[key]) : fresh[key];
    isSame &&= Object.is(kept, old[key]);
    if (kept !== fresh[key]) {
      copy ??= (Array.isArray(fresh) ? [...fresh] : { ...fresh }) as typeof fresh;
      (copy as { [key: string]: unknown })[key] = kept;
    }
  }
  return (isSame ? old : (copy ?? fresh)) as Tree;
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
export const fromBase64 = (text: string): DataView | undefined =>
  // [values.base64] `atob` alone would also take spaces and missing padding.
  text.length % 4 || !/^[A-Za-z\d+/]*={0,2}$/.test(text)
    ? undefined
    : new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);

function decodeTag(tag: string, content: unknown): Value {
  const give = (rule: string): never => {
    throw new RemoteProtocolError(rule, tag);
  };
  // [values.unknown-tag] A value we do not know cannot be shown or written back.
  if (!/^\$(integer|float|bytes)$/.test(tag)) give("values.unknown-tag");
  // [values.tag-length]
  const view = fromBase64(typeof content === "string" ? content : give("values.tag-length")) ?? give("values.base64");
  if (tag === "$bytes") return view.buffer as ArrayBuffer;
  // [values.tag-length]
  if (view.byteLength !== 8) give("values.tag-length");
  if (tag === "$integer") return view.getBigInt64(0, true);
  const value = view.getFloat64(0, true);
  // [values.special-float-only]
  return isOrdinary(value) ? give("values.special-float-only") : value;
}

function checkKey(key: string, error: (rule: string) => Error): void {
  // [values.key-dollar]
  if (key[0] === "$") throw error("values.key-dollar");
  // [values.key-ascii]
  if (/[^ -~]/.test(key)) throw error("values.key-ascii");
  // [values.key-length]
  if (key.length > 1024) throw error("values.key-length");
}

const isOrdinary = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0);

// By tag and prototype, because values may come from another window or worker.
const isBytes = (value: unknown): value is ArrayBuffer => ({}).toString.call(value) === "[object ArrayBuffer]";

function isPlain(value: unknown): value is { [key: string]: unknown } {
  if (typeof value !== "object" || !value) return false;
  const prototype = Object.getPrototypeOf(value);
  return !prototype || !Object.getPrototypeOf(prototype);
}

const isTree = (value: unknown): value is { [key: string]: unknown } => Array.isArray(value) || isPlain(value);
