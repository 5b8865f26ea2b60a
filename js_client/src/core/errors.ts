/**
 * What can go wrong, whose fault it was, and what to do about it.
 *
 *     UnisonoError              `kind` says which it is, in one word
 *     ├── LocalProtocolError    "local": our caller; nothing was sent, nothing was used up
 *     ├── RemoteProtocolError   "remote": the server broke the rule in `rule`
 *     ├── FunctionError         "function": a function of the app failed
 *     │   └── ApplicationError  "application": it failed on purpose, and says why in `data`
 *     ├── "lost"                an action was on its way when the connection died
 *     ├── "closed"              the client was closed before the call could finish
 *     └── "fatal"               the server told this client to stop for good
 *
 * Spec: errors
 * Not here: what the session does about each of them (see session).
 */

import type { Value } from "./values.js";

/** Which of the errors it is. */
export type ErrorKind = "local" | "remote" | "function" | "application" | "lost" | "closed" | "fatal" | "http";

/** Everything that this package throws on its own account. */
export class UnisonoError extends Error {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The caller asked for something that cannot be done; `at` leads to the bad part. */
export class LocalProtocolError extends UnisonoError {
  readonly rule: string;
  readonly at: string;

  constructor(rule: string, at: string, found: unknown) {
    super("local", `[${rule}] refuses ${at}: ${glimpse(found)}`);
    this.rule = rule;
    this.at = at;
  }
}

/** The server broke a rule of the protocol; the connection is given up. */
export class RemoteProtocolError extends UnisonoError {
  readonly rule: string;

  constructor(rule: string, found: unknown) {
    super("remote", `[${rule}] broken by the server: ${glimpse(found)}`);
    this.rule = rule;
  }
}

/** A query, mutation or action of the app failed. */
export class FunctionError extends UnisonoError {
  readonly path: string;

  constructor(path: string, message: string, kind: ErrorKind = "function") {
    super(kind, message);
    this.path = path;
  }
}

/** A function failed on purpose and says why in `data`. */
export class ApplicationError extends FunctionError {
  readonly data: Value;

  constructor(path: string, message: string, data: Value) {
    super(path, message, "application");
    this.data = data;
  }
}

/** What a failed function means to the application. */
export const functionError = (path: string, message: string, data: Value | undefined): FunctionError =>
  // [errors.application-error] Present and null differs from absent.
  data === undefined ? new FunctionError(path, message) : new ApplicationError(path, message, data);

/** What was found, in a few characters, and whatever it is. */
const glimpse = (found: unknown): string => `${typeof found} ${String(found)}`.slice(0, 99);
