/**
 * What can go wrong, whose fault it was, and what to do about it.
 *
 *     UnisonoError.kind
 *     ├── "local"        our caller: nothing was sent, nothing was used up; `at` leads to the bad part
 *     ├── "remote"       the server broke the rule in `rule`; the connection is given up
 *     ├── "function"     a function of the app failed, the one in `path`
 *     ├── "application"  ... on purpose: it says why in `data`
 *     ├── "lost"         an action was on its way when the connection died: it may have run
 *     ├── "closed"       the client was closed before the call could finish
 *     ├── "fatal"        the server told this client to stop for good
 *     └── "http"         an HTTP request was answered, but not by a function, with the `status`
 *
 * Spec: errors
 * Not here: what the session does about each of them (see session).
 */

import type { Value } from "./values.js";

/** Which of the errors it is. */
export type ErrorKind = "local" | "remote" | "function" | "application" | "lost" | "closed" | "fatal" | "http";

type Fields = {
  readonly rule?: string;
  readonly at?: string;
  readonly path?: string;
  readonly data?: Value | undefined;
  readonly status?: number;
};

/** Everything that this package throws on its own account; `kind` tells one from the other. */
export class UnisonoError extends Error implements Fields {
  declare readonly kind: ErrorKind;
  declare readonly rule?: string;
  declare readonly at?: string;
  declare readonly path?: string;
  declare readonly data?: Value | undefined;
  declare readonly status?: number;

  constructor(kind: ErrorKind, message: string, fields?: Fields) {
    super(message);
    Object.assign(this, { kind, ...fields });
  }
}

/** What a function came to. */
export type Outcome = { readonly value: Value } | { readonly error: Error };

/** The caller asked for something that cannot be done. */
export function refuse(rule: string, at: string, found: unknown, kind: ErrorKind = "local"): never {
  // What was found in a few characters, whatever it is.
  throw new UnisonoError(kind, `[${rule}] ${at}: ${typeof found} ${String(found)}`.slice(0, 199), { rule, at });
}

/** The server broke a rule, if it did. */
export function demand(isFine: unknown, rule: string, found: unknown): asserts isFine {
  if (!isFine) refuse(rule, "server", found, "remote");
}

/** The client was closed before the call could finish. */
export const closedError = (): UnisonoError => new UnisonoError("closed", "the client is closed");

/** What a failed function means to the application. */
export const functionError = (path: string, message: string, data: Value | undefined): UnisonoError =>
  // [errors.application-error] Present and null differs from absent.
  new UnisonoError(data === undefined ? "function" : "application", message, { path, data });
