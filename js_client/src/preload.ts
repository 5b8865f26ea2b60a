/**
 * Preloading: results from a server that renders a page, handed over to the client in the page.
 *
 *     server   const preloaded = await preload(http, [[api.messages.list, { channel: "general" }]]);
 *     page     const client = new Client(url, { preloaded });
 *
 * Not here: the rendering (see the bindings).
 */

import { queryToken } from "./core/messages.js";
import { encode, type Args, type Json } from "./core/values.js";
import { pathOf, type AnyFunction } from "./reference.js";
import type { HttpClient } from "./runtime/http.js";

/** Results of one moment, as plain JSON for the page. */
export type Preloaded = {
  /** The moment; the client in the page goes on from there and never back. */
  readonly ts: string;
  /** Whether they are a signed-in user's; the client then waits for its own auth. */
  readonly isAuthenticated: boolean;
  readonly results: readonly (readonly [token: string, value: Json])[];
};

/** Run queries at one and the same moment; throws what any of them throws. */
export async function preload(
  http: HttpClient,
  queries: readonly (readonly [query: AnyFunction, args?: object])[],
): Promise<Preloaded> {
  const ts = await http.timestamp();
  const results = queries.map(async ([query, args]) => {
    const path = pathOf(query);
    const value = await http.queryAt(ts, path, args as Args);
    return [queryToken(path, args), encode(value)] as const;
  });
  return { ts, isAuthenticated: http.isAuthenticated, results: await Promise.all(results) };
}
