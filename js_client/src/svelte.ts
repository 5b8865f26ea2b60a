/**
 * Svelte: queries as stores, which are subscribed to for as long as somebody reads them.
 *
 * Not here: the client itself. Mutations and actions are called on it directly.
 */

import { readable, type Readable } from "svelte/store";

import type { Client } from "./client.js";
import type { Visible } from "./core/optimistic.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageView } from "./pagination.js";
import type { AnyFunction, Query } from "./reference.js";

/** What is visible of a query: its value, or undefined while it loads, and its error. */
export type QueryState<Result> = { readonly value?: Result; readonly error?: Error };

/** A store of what is visible of a query. */
export function queryStore<Arguments, Result>(
  client: Client,
  query: Query<Arguments, Result>,
  args: Arguments,
): Readable<QueryState<Result>>;
export function queryStore<Result = Value>(client: Client, path: string, args?: Args): Readable<QueryState<Result>>;
export function queryStore(client: Client, query: AnyFunction, args?: unknown): Readable<QueryState<never>> {
  return readable<QueryState<never>>({}, (set) => {
    const show = (visible: Visible): void => set((visible ?? {}) as QueryState<never>);
    const subscription = client.watch(query, args as Args | undefined, show);
    show(subscription.current);
    // Later, so that a query which is read again at once is never left.
    return () => queueMicrotask(subscription.unsubscribe);
  });
}

/** A store of a list page by page, with a way to ask for more. */
export function paginatedStore<Item = Value>(
  client: Client,
  path: string,
  args: Args,
  options: { readonly initialItems: number },
): Readable<PageView<Item>> & { readonly loadMore: (items: number) => boolean } {
  let more = (_: number): boolean => false;
  const store = readable<PageView<Item>>({ items: [], status: "LoadingFirstPage" }, (set) => {
    const list = paginate<Item>(client, path, args, options, set);
    more = list.loadMore;
    return list.unsubscribe;
  });
  return { ...store, loadMore: (items) => more(items) };
}

/** A store of how the connection is doing, and whether the user is confirmed. */
export const connectionStore = (client: Client): Readable<ClientState> =>
  readable(client.state, (set) => {
    set(client.state);
    return client.onState(set);
  });
