/**
 * The messages of the two sides: every field that a server may send, checked, and what we send.
 *
 * Spec: messages
 * Not here: what is said when (see session), the values inside (see values).
 */

import { LocalProtocolError, RemoteProtocolError } from "./errors.js";
import { decode, eightBytes, fromBase64, needsDecoding, type Json, type Value } from "./values.js";

/** What the results depend on: which queries, who asks, and which moment. */
export type Version = { readonly querySet: number; readonly identity: number; readonly ts: bigint };

/** What the server says of one query. */
export type Change =
  | { readonly type: "QueryRemoved"; readonly queryId: number }
  | {
      readonly type: "QueryUpdated" | "QueryFailed";
      readonly queryId: number;
      readonly journal: string | null;
      readonly logLines: readonly string[];
      readonly value: Value;
      readonly errorMessage: string;
      readonly errorData?: Value;
    };

/** One step from a version to the next, with every result that changed. */
export type Transition = {
  readonly type: "Transition";
  readonly startVersion: Version;
  readonly endVersion: Version;
  readonly modifications: readonly Change[];
};

export type Chunk = {
  readonly type: "TransitionChunk";
  readonly chunk: string;
  readonly partNumber: number;
  readonly totalParts: number;
  readonly transitionId: string;
};

export type Response = {
  readonly type: "MutationResponse" | "ActionResponse";
  readonly requestId: number;
  readonly success: boolean;
  /** The text of the error, if it was no success. */
  readonly result: Value;
  readonly errorData?: Value;
  /** Only of a mutation that succeeded. */
  readonly ts?: bigint;
  readonly logLines: readonly string[];
};

export type AuthError = {
  readonly type: "AuthError";
  readonly error: string;
  readonly baseVersion: number | null;
  readonly authUpdateAttempted?: boolean;
};

export type FatalError = { readonly type: "FatalError"; readonly error: string };
export type Ping = { readonly type: "Ping" };
export type ServerMessage = Transition | Chunk | Response | AuthError | FatalError | Ping;

/** A message of ours, as it is written. */
export type ClientMessage = { readonly type: string; readonly [field: string]: unknown };

/** Takes a field for what it has to be, or throws. */
type Check = (json: never, read: (json: Json) => Value, body: Fields) => unknown;
type Fields = { [field: string]: unknown };
type Shape = { readonly [field: string]: Check };

const fail = (found: unknown, rule = "transitions.unreadable"): never => {
  throw new RemoteProtocolError(rule, found);
};

const text: Check = (json: unknown) => (typeof json === "string" ? json : fail(json));
const bool: Check = (json: unknown) => (typeof json === "boolean" ? json : fail(json));
// [messages.u32]
const u32: Check = (json: number) => (json >>> 0 === json ? json : fail(json, "messages.u32"));
const value: Check = (json: Json | undefined, read) => (json === undefined ? fail(json) : read(json));
const maybe =
  (check: Check): Check =>
  (json: unknown, read, body) =>
    json == null ? null : check(json as never, read, body);
const list =
  (check: Check): Check =>
  (json: unknown, read, body) =>
    Array.isArray(json) ? json.map((item) => check(item as never, read, body)) : fail(json);
const shape =
  (fields: Shape): Check =>
  (json: Fields | null, read) => {
    if (typeof json !== "object" || !json) return fail(json);
    for (const field in fields) json[field] = fields[field]!(json[field] as never, read, json);
    return json;
  };
const timestamp: Check = (json: never, read, body) => decodeTimestamp(text(json, read, body));
const data: Check = (json: Json | undefined, read) => (json === undefined ? json : read(json));

const VERSION = shape({ querySet: u32, identity: u32, ts: timestamp });
const RESULT = { queryId: u32, journal: maybe(text), logLines: list(text) };
const RESPONSE = {
  requestId: u32,
  success: bool,
  result: (json: never, read, body) => (body["success"] ? value : text)(json, read, body),
  errorData: data,
  logLines: list(text),
} satisfies Shape;

const CHANGES: { readonly [type: string]: Check } = {
  QueryUpdated: shape({ ...RESULT, value }),
  QueryFailed: shape({ ...RESULT, errorMessage: text, errorData: data }),
  QueryRemoved: shape({ queryId: u32 }),
};

const MESSAGES: { readonly [type: string]: Check } = {
  Transition: shape({
    startVersion: VERSION,
    endVersion: VERSION,
    // [transitions.unreadable] To skip a change that we do not know would show a mixture.
    modifications: list((json: Fields | null, read: never, body) => (CHANGES[json?.["type"] as string] ?? fail)(json as never, read, body)),
  }),
  TransitionChunk: shape({ chunk: text, partNumber: u32, totalParts: u32, transitionId: text }),
  MutationResponse: shape({
    ...RESPONSE,
    ts: (json: never, read, body) => (body["success"] ? timestamp(json, read, body) : undefined),
  }),
  ActionResponse: shape(RESPONSE),
  AuthError: shape({ error: text, baseVersion: maybe(u32) }),
  FatalError: shape({ error: text }),
  Ping: shape({}),
};

/** Read a text of the server; undefined for a message that only a newer client knows. */
export function parse(json: string): ServerMessage | undefined {
  const read = needsDecoding(json) ? decode : (plain: Json): Value => plain;
  let body: Fields;
  try {
    body = JSON.parse(json);
    text(body["type"] as never, read, body);
  } catch {
    // [messages.one-object]
    return fail(json, "messages.one-object");
  }
  const type = body["type"] as string;
  // [messages.unknown-type] A client outlives many servers and must bear the newer one.
  return Object.hasOwn(MESSAGES, type) ? (MESSAGES[type]!(body as never, read, body) as ServerMessage) : undefined;
}

/** Twelve characters for a point in the history of the database. */
// [messages.timestamp-encoding]
export const encodeTimestamp = (ts: bigint): string => eightBytes("setBigInt64", ts);

/** The timestamp of twelve characters. */
export function decodeTimestamp(text: unknown): bigint {
  const view = fromBase64(text as string);
  // [messages.timestamp-compare] A double would merge neighbours above 2^53.
  const ts = view?.byteLength === 8 ? view.getBigInt64(0, true) : fail(text, "messages.timestamp-encoding");
  // [messages.timestamp-range] Above 2^63 - 1 the sign bit is set.
  return ts < 0n ? fail(text, "messages.timestamp-range") : ts;
}

/** `module:function`; throws for what no server would take for a function path. */
export function canonicalPath(path: string): string {
  // [queries.canonical-path]
  const canonical = /:[^/]*$/.test(path) ? path.replace(/\.js(?=:[^:]*$)/, "") : `${path.replace(/\.js$/, "")}:default`;
  // [errors.local-at-call] At the server a bad path would cost the whole connection.
  if (!PATH.test(canonical)) throw new LocalProtocolError("messages.path-syntax", "path", path);
  return canonical;
}

// Components of 1 to 64 characters with a letter or a digit, without a dot in the last; then a name.
const PATH = /^(?:(?=[._]*[A-Za-z\d])[\w.]{1,64}\/)*(?=_*[A-Za-z\d])\w{1,64}:(?=_*[A-Za-z\d])[A-Za-z_]\w{0,63}$/;
