/**
 * The HTTP client: one question, one answer, no subscription.
 *
 * Not here: what a request and its answer look like (see core/http).
 */

import { answer, call, request, result, type Identity } from "../core/http.js";
import type { Args, Json, Value } from "../core/values.js";
import { pathOf, type Action, type AnyFunction, type Mutation, type Query, type Rest } from "../reference.js";
import { deploymentAddress } from "./address.js";

export type HttpClientOptions = {
  /** Another `fetch`, for tests and for platforms without one. */
  readonly fetch?: typeof fetch;
  /** Where log lines of functions go. */
  readonly log?: (line: unknown, path?: string) => void;
};

export class HttpClient {
  readonly #address: string;
  readonly #fetch: typeof fetch;
  readonly #log: (line: unknown, path?: string) => void;
  #identity: Identity;

  constructor(url: string, options: HttpClientOptions = {}) {
    this.#address = deploymentAddress(url);
    this.#fetch = options.fetch ?? ((...call) => fetch(...call));
    this.#log = options.log ?? console.log;
  }

  /** Who asks from now on; nobody without an identity. */
  setAuth(identity?: Identity): void {
    this.#identity = identity;
  }

  /** Who asks. */
  get identity(): Identity {
    return this.#identity;
  }

  query<Arguments, Result>(query: Query<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  query<Result = Value>(path: string, args?: Args): Promise<Result>;
  query(query: AnyFunction, args?: unknown): Promise<never> {
    return this.#call("query", query, args);
  }

  // [http.no-retry] Neither this nor an action is repeated: the server could not tell.
  mutation<Arguments, Result>(mutation: Mutation<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  mutation<Result = Value>(path: string, args?: Args): Promise<Result>;
  mutation(mutation: AnyFunction, args?: unknown): Promise<never> {
    return this.#call("mutation", mutation, args);
  }

  action<Arguments, Result>(action: Action<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  action<Result = Value>(path: string, args?: Args): Promise<Result>;
  action(action: AnyFunction, args?: unknown): Promise<never> {
    return this.#call("action", action, args);
  }

  /** A moment at which queries can be run for a while. */
  async timestamp(): Promise<string> {
    return (await this.#post("query_ts", {}))["ts"] as string;
  }

  /** The value of a query at a moment. */
  queryAt<Arguments, Result>(ts: string, query: Query<Arguments, Result>, ...args: Rest<Arguments>): Promise<Result>;
  queryAt<Result = Value>(ts: string, path: string, args?: Args): Promise<Result>;
  queryAt(ts: string, query: AnyFunction, args?: unknown): Promise<never> {
    return this.#call("query_at_ts", query, args, { ts });
  }

  async #call(endpoint: string, reference: AnyFunction, args: unknown, more?: object): Promise<never> {
    const path = pathOf(reference);
    const outcome = await this.#post(endpoint, { ...call(path, args), ...more });
    for (const line of (outcome["logLines"] as string[] | undefined) ?? []) this.#log(line, path);
    return result(path, outcome) as never;
  }

  async #post(endpoint: string, body: object): Promise<{ readonly [field: string]: Json }> {
    const response = await this.#fetch(`${this.#address}/api/${endpoint}`, request(body, this.#identity));
    return answer(response.status, await response.text());
  }
}
