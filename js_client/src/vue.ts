/**
 * Vue: queries as refs that live as long as their scope.
 *
 * Not here: the client itself, which works the same without Vue.
 */

import { inject, onScopeDispose, provide, shallowReadonly, shallowRef, toValue, watchEffect } from "vue";
import type { InjectionKey, MaybeRefOrGetter, ShallowRef } from "vue";

import type { Client } from "./client.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageView, type PaginatedSubscription } from "./pagination.js";
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

/** A list page by page. */
export function usePaginatedQuery<Item = Value>(
  path: string,
  args: Args,
  options: { readonly initialItems: number },
): { readonly view: Readonly<ShallowRef<PageView<Item>>>; readonly loadMore: (items: number) => boolean } {
  const view = shallowRef<PageView<Item>>({ items: [], status: "LoadingFirstPage" });
  const list: PaginatedSubscription<Item> = paginate<Item>(useClient(), path, args, options, (now) => (view.value = now));
  onScopeDispose(list.unsubscribe);
  return { view: shallowReadonly(view), loadMore: list.loadMore };
}

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
