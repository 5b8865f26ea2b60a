/**
 * One-shot calls: the request and its answer, as values.
 *
 * Spec: http
 * Not here: sending it (see runtime/http).
 */

import { functionError, UnisonoError } from "./errors.js";
import { canonicalPath } from "./messages.js";
import { decode, encodeArgs, toBase64, type Json, type Value } from "./values.js";

/** Who is asking. */
export type Identity =
  | { readonly token: string }
  | { readonly adminKey: string; readonly actingAs?: { readonly [attribute: string]: Json } }
  | undefined;

export type HttpRequest = {
  readonly method: "POST";
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
};

/** A request to an endpoint, without anything about a function yet. */
export const request = (body: object, identity: Identity): HttpRequest => ({
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    // [http.client-header]
    "Convex-Client": "unisono-0.1.0",
    ...(identity && { Authorization: authorization(identity) }),
  },
  body: JSON.stringify(body),
});

/** What names a call in the body of a request. */
export function call(path: string, args: unknown): { [field: string]: Json } {
  canonicalPath(path);
  // [http.body] [http.format]
  return { path, args: [encodeArgs(args)], format: "convex_encoded_json" };
}

/** The JSON of an answer; throws for one that is not from a function. */
export function answer(status: number, text: string): { readonly [field: string]: Json } {
  // [http.status-560]
  if (status >= 400 && status !== 560) throw new UnisonoError("http", text, { status });
  return JSON.parse(text) as { readonly [field: string]: Json };
}

/** The value of a function result; throws what the function threw. */
export function result(path: string, { status, value, errorMessage, errorData }: { readonly [field: string]: Json }): Value {
  if (status === "success") return decode(value!);
  throw functionError(path, errorMessage as string, errorData && decode(errorData));
}

function authorization(identity: NonNullable<Identity>): string {
  // [http.authorization]
  if ("token" in identity) return `Bearer ${identity.token}`;
  const { adminKey, actingAs } = identity;
  const attributes = actingAs ? `:${toBase64(new TextEncoder().encode(JSON.stringify(actingAs)).buffer)}` : "";
  return `Convex ${adminKey}${attributes}`;
}
