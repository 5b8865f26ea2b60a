/**
 * The messages of the two sides: every field that a server may send, checked, and what we send.
 *
 * Spec: messages
 * Not here: what is said when (see session), the values inside (see values).
 */

import { demand, refuse } from "./errors.js";
import { decode, eightBytes, encodeArgs, fromBase64, type Json, type Value } from "./values.js";

/** When an input happens: the time in ms, and how the dice have fallen, in [0, 1). */
export type Moment = { readonly _now: number; readonly _jitter: number };

/** What the results depend on: which queries, who asks, and which moment. */
export type Version = { readonly querySet: number; readonly identity: number; readonly ts: bigint };

type Answer = { readonly queryId: number; readonly journal: string | null; readonly logLines: readonly string[] };
type Updated = { readonly type: "QueryUpdated"; readonly value: Value; readonly errorMessage?: undefined };
type Failed = { readonly type: "QueryFailed"; readonly value?: undefined; readonly errorMessage: string };

/** What the server says of one query. */
export type Change =
  | { readonly type: "QueryRemoved"; readonly queryId: number; readonly journal?: undefined }
  | (Answer & Updated & { readonly errorData?: undefined })
  | (Answer & Failed & { readonly errorData?: Value });

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

/** An edit of the query set. */
export type Edit =
  | {
      readonly type: "Add";
      readonly queryId: number;
      readonly udfPath: string;
      readonly args: readonly [Json];
      journal?: string | null | undefined;
    }
  | { readonly type: "Remove"; readonly queryId: number };

/** A message of ours, as it is written. */
export type ClientMessage =
  | {
      readonly type: "Connect";
      readonly sessionId: string;
      readonly connectionCount: number;
      readonly lastCloseReason?: string | null;
      readonly maxObservedTimestamp?: string;
      readonly clientTs?: number;
      readonly extensions?: { readonly [name: string]: Json };
    }
  | {
      readonly type: "Authenticate";
      readonly baseVersion: number;
      readonly tokenType: "User" | "Admin" | "None";
      readonly value?: string;
      readonly impersonating?: unknown;
    }
  | {
      readonly type: "ModifyQuerySet";
      readonly baseVersion: number;
      readonly newVersion: number;
      readonly modifications: readonly Edit[];
    }
  | {
      readonly type: "Mutation" | "Action";
      readonly requestId: number;
      readonly udfPath: string;
      readonly args: readonly [Json];
    };

// Each field as an example: a number stands for a u32, a list for a list of things like its first.
const VERSION = { querySet: 0, identity: 0, ts: "" };
const REMOVED = { queryId: 0 };
const UPDATED = { queryId: 0, logLines: [""] };
const RESPONSE = { requestId: 0, success: true, logLines: [""] };
const ERROR = { error: "" };

const SHAPES: { readonly [type: string]: object } = {
  Transition: { startVersion: VERSION, endVersion: VERSION, modifications: [] },
  TransitionChunk: { chunk: "", partNumber: 0, totalParts: 0, transitionId: "" },
  MutationResponse: RESPONSE,
  ActionResponse: RESPONSE,
  AuthError: ERROR,
  FatalError: ERROR,
  Ping: {},
};

// [transitions.unreadable] To skip a change that we do not know would show a mixture.
const CHANGES: { readonly [type: string]: object } = {
  QueryUpdated: UPDATED,
  QueryFailed: UPDATED,
  QueryRemoved: REMOVED,
};

type Fields = { [field: string]: unknown };

const kindOf = (json: unknown): string => (Array.isArray(json) ? "list" : json === null ? "" : typeof json);

/** Check that a JSON value looks like an example. */
function check(example: unknown, json: unknown): void {
  demand(kindOf(json) === kindOf(example), "transitions.unreadable", json);
  if (typeof example === "number") demand((json as number) >>> 0 === json, "messages.u32", json);
  if (Array.isArray(example)) for (const item of json as []) example[0] === undefined || check(example[0], item);
  else if (typeof example === "object") for (const key in example) check((example as Fields)[key], (json as Fields)[key]);
}

/** Check and decode what a function came to: a good result in one field, a bad one in another. */
function decodeOutcome(body: Fields, isGood: unknown, good: string, bad: string): void {
  if (isGood) {
    demand(body[good] !== undefined, "transitions.unreadable", good);
    body[good] = decode(body[good] as Json);
  } else check("", body[bad]);
  if (body["errorData"] !== undefined) body["errorData"] = decode(body["errorData"] as Json);
}

/** Read a text of the server; undefined for a message that only a newer client knows. */
export function parse(text: string): ServerMessage | undefined {
  let body: Fields | null = null;
  try {
    body = JSON.parse(text);
  } catch {
    // What is no JSON is no object either.
  }
  const type = body?.["type"];
  // [messages.one-object]
  demand(typeof type === "string", "messages.one-object", text);
  // [messages.unknown-type] A client outlives many servers and must bear the newer one.
  if (!body || !Object.hasOwn(SHAPES, type)) return undefined;
  check(SHAPES[type], body);
  if (type === "Transition") decodeTransition(body);
  else if (type === "AuthError") check(0, body["baseVersion"] ?? 0);
  else if (SHAPES[type] === RESPONSE) decodeResponse(body);
  return body as unknown as ServerMessage;
}

function decodeTransition(body: Fields): void {
  const { startVersion, endVersion, modifications } = body as { [field: string]: Fields };
  for (const version of [startVersion!, endVersion!]) version["ts"] = decodeTimestamp(version["ts"]);
  for (const change of modifications as unknown as Fields[]) {
    const kind = change?.["type"];
    check(CHANGES[kind as string] ?? "", change);
    if (kind === "QueryRemoved") continue;
    check("", change["journal"] ?? "");
    decodeOutcome(change, kind === "QueryUpdated", "value", "errorMessage");
  }
}

function decodeResponse(body: Fields): void {
  const { type, success, ts } = body;
  decodeOutcome(body, success, "result", "result");
  body["ts"] = type === "MutationResponse" && success ? decodeTimestamp(ts) : undefined;
}

/** Twelve characters for a point in the history of the database. */
// [messages.timestamp-encoding]
export const encodeTimestamp = (ts: bigint): string => eightBytes("setBigInt64", ts);

/** The timestamp of twelve characters. */
export function decodeTimestamp(text: unknown): bigint {
  const view = fromBase64(text);
  demand(view?.byteLength === 8, "messages.timestamp-encoding", text);
  // [messages.timestamp-compare] A double would merge neighbours above 2^53.
  const ts = view.getBigInt64(0, true);
  // [messages.timestamp-range] Above 2^63 - 1 the sign bit is set.
  demand(ts >= 0n, "messages.timestamp-range", text);
  return ts;
}

/** `module:function`; throws for what no server would take for a function path. */
export function canonicalPath(path: string): string {
  // [errors.local-at-call] At the server a bad path would cost the whole connection.
  const [, module, name = "default"] = PATH.exec(path) ?? refuse("messages.path-syntax", "path", path);
  // [queries.canonical-path]
  return `${module}:${name}`;
}

// Components of 1 to 64 characters with a letter or a digit, without a dot in the last; then a name.
const PATH =
  /^((?:(?=[._]*[A-Za-z\d])[\w.]{1,64}\/)*(?=_*[A-Za-z\d])\w{1,64})(?:\.js)?(?::((?=_*[A-Za-z\d])[A-Za-z_]\w{0,63}))?$/;

/** What names a query: equal canonical path and equal arguments give equal texts. */
export const queryToken = (path: string, args?: unknown): string =>
  JSON.stringify({ path: canonicalPath(path), args: encodeArgs(args) });
