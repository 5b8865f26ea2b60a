/**
 * Vue: queries as refs that live as long as their scope.
 *
 * Not here: the client itself, which works the same without Vue.
 */

import { computed, defineComponent, inject, onScopeDispose, provide, shallowReadonly, shallowRef, toValue } from "vue";
import { watch, watchEffect } from "vue";
import type { Component, ComputedRef, InjectionKey, MaybeRefOrGetter, ShallowRef } from "vue";

import type { Client } from "./client.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageOf, type PageView, type PaginatedSubscription } from "./pagination.js";
import type { Action, AnyFunction, Mutation, Query } from "./reference.js";

const CLIENT: InjectionKey<Client> = Symbol("unisono");

/** Give a client to all components below. */
export const provideClient = (client: Client): void => provide(CLIENT, client);

/** The client of the nearest component that provides one. */
export function useClient(): Client {
  const client = inject(CLIENT, undefined);
  if (!client) throw new Error("no component above provides a client");
  return client;
}

/** What is visible of a query: its value, or undefined while it loads, and its error. */
export type QueryRefs<Result> = {
  readonly value: Readonly<ShallowRef<Result | undefined>>;
  readonly error: Readonly<ShallowRef<Error | undefined>>;
};

/** Keep told of a query; arguments may be reactive, and "skip" asks for nothing. */
export function useQuery<Arguments, Result>(
  query: Query<Arguments, Result>,
  args: MaybeRefOrGetter<Arguments | "skip">,
): QueryRefs<Result>;
export function useQuery<Result = Value>(path: string, args?: MaybeRefOrGetter<Args | "skip">): QueryRefs<Result>;
export function useQuery(query: AnyFunction, args?: MaybeRefOrGetter<unknown>): QueryRefs<never> {
  const client = useClient();
  const value = shallowRef<never>();
  const error = shallowRef<Error>();
  const show = (visible: Visible): void => {
    value.value = visible && "value" in visible ? (visible.value as never) : undefined;
    error.value = visible && "error" in visible ? visible.error : undefined;
  };
  watchEffect((onCleanup) => {
    const wanted = toValue(args) as Args | undefined | "skip";
    if (wanted === "skip") return show(undefined);
    const subscription = client.watch(query, wanted, show);
    show(subscription.current);
    // Later, so that a query which is wanted again at once is never left.
    onCleanup(() => queueMicrotask(subscription.unsubscribe));
  });
  return { value: shallowReadonly(value), error: shallowReadonly(error) };
}

/** As `useQuery`, for `<Suspense>` around a component that awaits it: there when the query has its first result. */
export function useSuspenseQuery<Arguments, Result>(
  query: Query<Arguments, Result>,
  args: MaybeRefOrGetter<Arguments>,
): Promise<QueryRefs<Result>>;
export function useSuspenseQuery<Result = Value>(
  path: string,
  args?: MaybeRefOrGetter<Args>,
): Promise<QueryRefs<Result>>;
export async function useSuspenseQuery(query: AnyFunction, args?: MaybeRefOrGetter<unknown>): Promise<QueryRefs<never>> {
  const refs = useQuery<never>(query as string, args as MaybeRefOrGetter<Args>);
  await until(() => refs.value.value !== undefined || !!refs.error.value);
  return refs;
}

/** What is there of a list, and how to ask for so many more. */
export type PaginatedRefs<Item> = {
  readonly view: Readonly<ShallowRef<PageView<Item>>>;
  readonly loadMore: (items: number) => boolean;
};

type Paginated = { readonly paginationOpts: unknown };
type Options = { readonly initialItems: number };

/** A list page by page; arguments may be reactive, and "skip" asks for nothing. */
export function usePaginatedQuery<Arguments extends Paginated, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: MaybeRefOrGetter<Omit<Arguments, "paginationOpts"> | "skip">,
  options: Options,
): PaginatedRefs<Item>;
export function usePaginatedQuery<Item = Value>(
  path: string,
  args: MaybeRefOrGetter<Args | "skip">,
  options: Options,
): PaginatedRefs<Item>;
export function usePaginatedQuery(
  query: AnyFunction,
  args: MaybeRefOrGetter<object | "skip">,
  options: Options,
): PaginatedRefs<never> {
  const client = useClient();
  const view = shallowRef<PageView<never>>(NOTHING);
  let list: PaginatedSubscription<never> | undefined;
  watchEffect((onCleanup) => {
    const wanted = toValue(args);
    list = undefined;
    view.value = NOTHING;
    if (wanted === "skip") return;
    const begun = paginate<never>(client, query as string, wanted as Args, options, (now) => (view.value = now));
    list = begun;
    onCleanup(begun.unsubscribe);
  });
  return { view: shallowReadonly(view), loadMore: (items) => !!list?.loadMore(items) };
}

/** As `usePaginatedQuery`, for `<Suspense>`: there when the list has its first page. */
export function useSuspensePaginatedQuery<Arguments extends Paginated, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: MaybeRefOrGetter<Omit<Arguments, "paginationOpts">>,
  options: Options,
): Promise<PaginatedRefs<Item>>;
export function useSuspensePaginatedQuery<Item = Value>(
  path: string,
  args: MaybeRefOrGetter<Args>,
  options: Options,
): Promise<PaginatedRefs<Item>>;
export async function useSuspensePaginatedQuery(
  query: AnyFunction,
  args: MaybeRefOrGetter<object>,
  options: Options,
): Promise<PaginatedRefs<never>> {
  const refs = usePaginatedQuery<never>(query as string, args as MaybeRefOrGetter<Args>, options);
  await until(() => refs.view.value.status !== "LoadingFirstPage" || !!refs.view.value.error);
  return refs;
}

const NOTHING: PageView<never> = { items: [], status: "LoadingFirstPage" };

/** When this has become true; watched in the scope of whoever asks. */
const until = (isSo: () => boolean): Promise<void> =>
  new Promise((resolve) => watch(isSo, (now) => now && resolve(), { immediate: true, flush: "sync" }));

/** A function that calls a mutation. */
export function useMutation<Arguments extends Args, Result>(
  mutation: Mutation<Arguments, Result>,
  options?: { readonly optimistic?: OptimisticUpdate<Arguments> },
): (args: Arguments) => Promise<Result>;
export function useMutation<Result = Value>(
  path: string,
  options?: { readonly optimistic?: OptimisticUpdate },
): (args?: Args) => Promise<Result>;
export function useMutation(
  mutation: AnyFunction,
  options?: { readonly optimistic?: OptimisticUpdate<never> },
): (args?: unknown) => Promise<never> {
  const client = useClient();
  return (args) => client.mutation(mutation as string, args as Args, options as { optimistic?: OptimisticUpdate });
}

/** A function that calls an action. */
export function useAction<Arguments, Result>(action: Action<Arguments, Result>): (args: Arguments) => Promise<Result>;
export function useAction<Result = Value>(path: string): (args?: Args) => Promise<Result>;
export function useAction(action: AnyFunction): (args?: unknown) => Promise<never> {
  const client = useClient();
  return (args) => client.action(action as string, args as Args);
}

/** How the connection is doing, and whether the user is confirmed. */
export function useConnectionState(): Readonly<ShallowRef<ClientState>> {
  const client = useClient();
  const state = shallowRef(client.state);
  onScopeDispose(client.onState((now) => (state.value = now)));
  return shallowReadonly(state);
}

/** Whether the server has confirmed the user; loading while that is undecided. */
export function useAuth(): { readonly isLoading: ComputedRef<boolean>; readonly isAuthenticated: ComputedRef<boolean> } {
  const state = useConnectionState();
  return {
    isLoading: computed(() => state.value.isAuthenticated === undefined),
    isAuthenticated: computed(() => !!state.value.isAuthenticated),
  };
}

const shownIf = (wanted: boolean | undefined): Component =>
  defineComponent((_, { slots }) => {
    const state = useConnectionState();
    return () => state.value.isAuthenticated === wanted && slots["default"]?.();
  });

/** Shown once the server has confirmed the user. */
export const Authenticated = /* @__PURE__ */ shownIf(true);
/** Shown to nobody in particular. */
export const Unauthenticated = /* @__PURE__ */ shownIf(false);
/** Shown while nobody knows. */
export const AuthLoading = /* @__PURE__ */ shownIf(undefined);
