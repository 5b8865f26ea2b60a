/**
 * Preloading: results from a server that renders a page, handed over to the client in the page.
 *
 *     server   const preloaded = await preload(http, [[api.messages.list, { channel: "general" }]]);
 *              const client = renderingClient(preloaded);
 *              ... render with it, write scriptJson(preloaded) into the page, close it ...
 *     page     const client = new Client(url, { preloaded });
 *              ... hydrate with it ...
 *
 * Not here: the rendering (see the bindings).
 */

import { Client } from "./client.js";
import { queryToken } from "./core/messages.js";
import { firstPage } from "./core/pagination.js";
import { encode, type Args, type Json } from "./core/values.js";
import { pathOf, type AnyFunction, type ArgsOf } from "./reference.js";
import type { HttpClient } from "./runtime/http.js";

/** Results of one moment, as plain JSON for the page. */
export type Preloaded = {
  /** The moment; the client in the page goes on from there and never back. */
  readonly ts: string;
  /** Whose results they are; null for nobody's. The client waits for its auth if they are somebody's. */
  readonly identity: string | null;
  readonly results: readonly (readonly [token: string, value: Json])[];
};

/** A query with its arguments; with `initialItems` it is the first page of a list. */
export type Wanted<Reference = AnyFunction> = readonly [
  query: Reference,
  args?: object,
  list?: { readonly initialItems: number },
];

/** The same, with the arguments that each of the queries takes. */
export type Typed<Queries extends readonly Wanted[]> = {
  readonly [index in keyof Queries]: Queries[index] extends readonly [infer Reference, object?]
    ? readonly [query: Reference, args?: ArgsOf<Reference>]
    : Queries[index] extends readonly [infer Reference, object?, object?]
      ? readonly [
          query: Reference,
          args?: Omit<ArgsOf<Reference>, "paginationOpts">,
          list?: { readonly initialItems: number },
        ]
      : never;
};

/** Run queries at one and the same moment; throws what any of them throws. */
export async function preload<const Queries extends readonly Wanted[]>(
  http: HttpClient,
  queries: Queries & Typed<Queries>,
): Promise<Preloaded> {
  const ts = await http.timestamp();
  const results = (queries as readonly Wanted[]).map(async ([query, args, list]) => {
    const path = pathOf(query);
    const all = { ...args, ...(list && { paginationOpts: firstPage(list.initialItems, 0) }) } as Args;
    return [queryToken(path, all), encode(await http.queryAt(ts, path, all))] as const;
  });
  const { identity } = http;
  return { ts, identity: identity ? ownerOf("token" in identity ? identity.token : "") : null, results: await Promise.all(results) };
}

/** Whether the results belong to the owner of a token: if not, the page must begin without them. */
export const belongsTo = ({ identity }: Preloaded, token: string | null): boolean =>
  identity === (token === null ? null : ownerOf(token));

/** JSON that may stand in a `<script>`, whatever it holds: a `Preloaded`, or an object around one. */
export const scriptJson = (data: object): string => JSON.stringify(data).replaceAll("<", "\\u003c");

/** A client to render with on a server: it shows what was preloaded and asks nobody. Close it when that is done. */
export const renderingClient = (preloaded: Preloaded): Client =>
  new Client("http://nowhere", { preloaded, WebSocket: SilentSocket });

/** A socket that never opens. */
class SilentSocket {
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose: ((event: never) => unknown) | null = null;

  send(): void {
    // Nobody is there.
  }

  close(): void {
    this.onclose?.({} as never);
  }
}

/** Who a token is about, without what it is good for. */
function ownerOf(token: string): string {
  try {
    const { iss, sub } = JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
    return `${iss}|${sub}`;
  } catch {
    // A token that is closed to us, or an admin's key.
    return "somebody";
  }
}
