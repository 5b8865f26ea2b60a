/**
 * Solid: queries as signals that live as long as their owner.
 *
 * Not here: the client itself. Mutations and actions are called on it directly.
 */

import { createContext, createRenderEffect, createSignal, onCleanup, useContext, type Accessor } from "solid-js";

import type { Client } from "./client.js";
import type { Visible } from "./core/optimistic.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageView } from "./pagination.js";
import type { AnyFunction, Query } from "./reference.js";

const ClientContext = createContext<Client>();

/** Gives a client to all components below. */
export const UnisonoProvider = ClientContext.Provider;

/** The client of the nearest provider. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error("no UnisonoProvider above this component");
  return client;
}

/** The value of a query, kept up to date; undefined while it loads. Throws what the query threw. */
export function createQuery<Arguments, Result>(
  query: Query<Arguments, Result>,
  args: Accessor<Arguments | "skip">,
): Accessor<Result | undefined>;
export function createQuery<Result = Value>(path: string, args?: Accessor<Args | "skip">): Accessor<Result | undefined>;
export function createQuery(query: AnyFunction, args?: Accessor<unknown>): Accessor<never> {
  const client = useClient();
  const [visible, show] = createSignal<Visible>();
  createRenderEffect(() => {
    const wanted = args?.() as Args | undefined | "skip";
    if (wanted === "skip") return void show(undefined);
    const subscription = client.watch(query, wanted, show);
    show(subscription.current);
    // Later, so that a query which is wanted again at once is never left.
    onCleanup(() => queueMicrotask(subscription.unsubscribe));
  });
  return () => {
    const now = visible();
    if (now && "error" in now) throw now.error;
    return now?.value as never;
  };
}

/** A list page by page. */
export function createPaginatedQuery<Item = Value>(
  path: string,
  args: Args,
  options: { readonly initialItems: number },
): { readonly view: Accessor<PageView<Item>>; readonly loadMore: (items: number) => boolean } {
  const [view, show] = createSignal<PageView<Item>>({ items: [], status: "LoadingFirstPage" });
  const list = paginate<Item>(useClient(), path, args, options, (now) => show(() => now));
  onCleanup(list.unsubscribe);
  return { view, loadMore: list.loadMore };
}

/** How the connection is doing, and whether the user is confirmed. */
export function createConnectionState(): Accessor<ClientState> {
  const client = useClient();
  const [state, show] = createSignal(client.state);
  onCleanup(client.onState((now) => show(now)));
  return state;
}
