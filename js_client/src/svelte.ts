/**
 * Svelte: queries as stores, which are subscribed to for as long as somebody reads them.
 *
 * Not here: the client itself. Mutations and actions are called on it directly.
 */

import { getContext, setContext } from "svelte";
import { derived, readable, type Readable } from "svelte/store";

import type { Client } from "./client.js";
import type { Visible } from "./core/optimistic.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageOf, type PageView } from "./pagination.js";
import type { AnyFunction, Query } from "./reference.js";

/** Give a client to all components below. */
export const provideClient = (client: Client): Client => setContext(CLIENT, client);

/** The client of the nearest component that provides one. */
export function useClient(): Client {
  const client = getContext<Client | undefined>(CLIENT);
  if (!client) throw new Error("no component above provides a client");
  return client;
}

const CLIENT = "unisono";

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
export type PaginatedStore<Item> = Readable<PageView<Item>> & { readonly loadMore: (items: number) => boolean };

type Paginated = { readonly paginationOpts: unknown };
type Options = { readonly initialItems: number };

/** A store of a list page by page. */
export function paginatedStore<Arguments extends Paginated, Item>(
  client: Client,
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts">,
  options: Options,
): PaginatedStore<Item>;
export function paginatedStore<Item = Value>(
  client: Client,
  path: string,
  args: Args,
  options: Options,
): PaginatedStore<Item>;
export function paginatedStore(
  client: Client,
  query: AnyFunction,
  args: object,
  options: Options,
): PaginatedStore<never> {
  let more = (_: number): boolean => false;
  const store = readable<PageView<never>>({ items: [], status: "LoadingFirstPage" }, (set) => {
    const list = paginate<never>(client, query as string, args as Args, options, set);
    more = list.loadMore;
    return list.unsubscribe;
  });
  return { ...store, loadMore: (items) => more(items) };
}

/** For `{#await}`: the store, when what it holds has arrived. */
export const arrived = <State extends QueryState<unknown> | PageView<unknown>, Store extends Readable<State>>(
  store: Store,
): Promise<Store> =>
  new Promise((resolve) => {
    const stop = store.subscribe((state) => {
      const isLoading = "status" in state ? state.status === "LoadingFirstPage" && !state.error : !("value" in state || state.error);
      // Its readers come after the promise, and would find it empty again.
      if (!isLoading) setTimeout(() => stop());
      if (!isLoading) resolve(store);
    });
  });

/** A store of how the connection is doing, and whether the user is confirmed. */
export const connectionStore = (client: Client): Readable<ClientState> =>
  readable(client.state, (set) => {
    set(client.state);
    return client.onState(set);
  });

/** A store of whether the server has confirmed the user; loading while that is undecided. */
export const authStore = (client: Client): Readable<{ readonly isLoading: boolean; readonly isAuthenticated: boolean }> =>
  derived(connectionStore(client), ({ isAuthenticated }) => ({
    isLoading: isAuthenticated === undefined,
    isAuthenticated: !!isAuthenticated,
  }));
