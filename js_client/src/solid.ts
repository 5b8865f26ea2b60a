/**
 * Solid: queries as signals that live as long as their owner.
 *
 * Not here: the client itself. Mutations and actions are called on it directly.
 */

import { createContext, createMemo, createRenderEffect, createResource, createSignal, onCleanup, useContext } from "solid-js";
import type { Accessor, JSX, ParentProps } from "solid-js";

import type { Client } from "./client.js";
import type { Visible } from "./core/optimistic.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageOf, type PageView, type PaginatedSubscription } from "./pagination.js";
import type { AnyFunction, Query } from "./reference.js";

const ClientContext = /* @__PURE__ */ createContext<Client>();

/** Gives a client to all components below. */
export const UnisonoProvider = ClientContext.Provider;

/** The client of the nearest provider. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error("no UnisonoProvider above");
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

/** As `createQuery`, but what reads it while it loads suspends. */
export function createSuspenseQuery<Arguments, Result>(
  query: Query<Arguments, Result>,
  args: Accessor<Arguments>,
): Accessor<Result | undefined>;
export function createSuspenseQuery<Result = Value>(path: string, args?: Accessor<Args>): Accessor<Result | undefined>;
export function createSuspenseQuery(query: AnyFunction, args?: Accessor<unknown>): Accessor<never> {
  const value = createQuery<never>(query as string, args as Accessor<Args>);
  return suspending(value as Accessor<never>, () => value() !== undefined);
}

/** What is there of a list, and how to ask for so many more. */
export type PaginatedAccessor<Item> = {
  readonly view: Accessor<PageView<Item>>;
  readonly loadMore: (items: number) => boolean;
};

type Paginated = { readonly paginationOpts: unknown };
type Options = { readonly initialItems: number };

/** A list page by page. */
export function createPaginatedQuery<Arguments extends Paginated, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: Accessor<Omit<Arguments, "paginationOpts"> | "skip">,
  options: Options,
): PaginatedAccessor<Item>;
export function createPaginatedQuery<Item = Value>(
  path: string,
  args: Accessor<Args | "skip">,
  options: Options,
): PaginatedAccessor<Item>;
export function createPaginatedQuery(
  query: AnyFunction,
  args: Accessor<object | "skip">,
  options: Options,
): PaginatedAccessor<never> {
  const client = useClient();
  const [view, show] = createSignal<PageView<never>>(NOTHING);
  let list: PaginatedSubscription<never> | undefined;
  createRenderEffect(() => {
    const wanted = args();
    list = undefined;
    show(NOTHING);
    if (wanted === "skip") return;
    const begun = paginate<never>(client, query as string, wanted as Args, options, (now) => show(() => now));
    list = begun;
    onCleanup(begun.unsubscribe);
  });
  return { view, loadMore: (items) => !!list?.loadMore(items) };
}

/** As `createPaginatedQuery`, but what reads it while the first page loads suspends. */
export function createSuspensePaginatedQuery<Arguments extends Paginated, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: Accessor<Omit<Arguments, "paginationOpts">>,
  options: Options,
): PaginatedAccessor<Item>;
export function createSuspensePaginatedQuery<Item = Value>(
  path: string,
  args: Accessor<Args>,
  options: Options,
): PaginatedAccessor<Item>;
export function createSuspensePaginatedQuery(
  query: AnyFunction,
  args: Accessor<object>,
  options: Options,
): PaginatedAccessor<never> {
  const { view, loadMore } = createPaginatedQuery<never>(query as string, args as Accessor<Args>, options);
  return { view: suspending(view, () => view().status !== "LoadingFirstPage" || !!view().error), loadMore };
}

const NOTHING: PageView<never> = { items: [], status: "LoadingFirstPage" };

/** Read through a resource that is loading until what is read has arrived. */
function suspending<Seen>(read: Accessor<Seen>, isThere: () => boolean): Accessor<Seen> {
  let arrive: () => void = () => undefined;
  const isLoading = createMemo(() => !isThere());
  const [arrival] = createResource(isLoading, () => new Promise<void>((resolve) => (arrive = resolve)));
  createRenderEffect(() => isLoading() || arrive());
  return () => {
    if (isLoading()) arrival();
    return read();
  };
}

/** How the connection is doing, and whether the user is confirmed. */
export function createConnectionState(): Accessor<ClientState> {
  const client = useClient();
  const [state, show] = createSignal(client.state);
  onCleanup(client.onState((now) => show(now)));
  return state;
}

/** Whether the server has confirmed the user; loading while that is undecided. */
export function createAuth(): { readonly isLoading: Accessor<boolean>; readonly isAuthenticated: Accessor<boolean> } {
  const state = createConnectionState();
  return {
    isLoading: () => state().isAuthenticated === undefined,
    isAuthenticated: () => !!state().isAuthenticated,
  };
}

const shownIf =
  (wanted: boolean | undefined) =>
  (props: ParentProps): JSX.Element => {
    const state = createConnectionState();
    const isShown = createMemo(() => state().isAuthenticated === wanted);
    return createMemo(() => isShown() && props.children) as unknown as JSX.Element;
  };

/** Shown once the server has confirmed the user. */
export const Authenticated = /* @__PURE__ */ shownIf(true);
/** Shown to nobody in particular. */
export const Unauthenticated = /* @__PURE__ */ shownIf(false);
/** Shown while nobody knows. */
export const AuthLoading = /* @__PURE__ */ shownIf(undefined);
