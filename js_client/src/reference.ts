/**
 * References: functions of the backend that know the types of their arguments and results.
 *
 * A generator writes the type of the whole backend, and `references` makes the object:
 *
 *     type Api = { messages: { list: FunctionReference<"query", { channel: string }, Message[]> } };
 *     const api = references<Api>();
 *     client.subscribe(api.messages.list, { channel: "general" }, (messages) => ...);
 *
 * Not here: what is done with a path (see core/messages).
 */

import type { Args, Value } from "./core/values.js";

/** Shared with other tools, so that the `api` objects they generate work here too. */
const NAME = Symbol.for("functionName");

/** A function of the backend; the fields exist in the types alone. */
export type FunctionReference<Kind extends string = string, Arguments = Args, Result = Value> = {
  readonly _type: Kind;
  readonly _args: Arguments;
  readonly _returnType: Result;
};

export type Query<Arguments = never, Result = unknown> = FunctionReference<"query", Arguments, Result>;
export type Mutation<Arguments = never, Result = unknown> = FunctionReference<"mutation", Arguments, Result>;
export type Action<Arguments = never, Result = unknown> = FunctionReference<"action", Arguments, Result>;

/** What a function takes, and what it returns; anything at all if only its path is known. */
export type ArgsOf<Reference> = Reference extends { readonly _args: infer Arguments } ? Arguments : Args;
export type ResultOf<Reference> = Reference extends { readonly _returnType: infer Result } ? Result : Value;

/** A function of any types, by its reference or its path. */
export type AnyFunction = string | FunctionReference<string, unknown, unknown>;

/** The arguments after the reference; they may be left out when there are none. */
export type Rest<Arguments> = Record<never, never> extends Arguments ? [args?: Arguments] : [args: Arguments];

/** The path that a reference stands for. */
export const pathOf = (reference: AnyFunction): string =>
  typeof reference === "string" ? reference : (reference as unknown as { [NAME]: string })[NAME];

/** An object in which `api.folder.module.name` is the reference to `folder/module:name`. */
export function references<Api>(parts: readonly string[] = []): Api {
  return new Proxy({} as object, {
    get(_, part) {
      if (part === NAME) return `${parts.slice(0, -1).join("/")}:${parts.at(-1)}`;
      return typeof part === "string" ? references([...parts, part]) : undefined;
    },
  }) as Api;
}
