/**
 * React: hooks over one client, in which every component of a render shows the same snapshot.
 *
 * Not here: the client itself, which works the same without React.
 */

import {
  createContext,
  createElement,
  use,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useSyncExternalStore,
  type ReactNode,
} from "react";

import type { Client } from "./client.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import { queryToken } from "./core/messages.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginate, type PageOf, type PageView, type PaginatedSubscription } from "./pagination.js";
import { pathOf, type Action, type AnyFunction, type Mutation, type Query } from "./reference.js";

const ClientContext = createContext<Client | undefined>(undefined);

/** Give a client to all components below. */
export const UnisonoProvider = ({ client, children }: { client: Client; children?: ReactNode }): ReactNode =>
  createElement(ClientContext, { value: client }, children);

/** The client of the nearest provider. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error("no UnisonoProvider above this component");
  return client;
}

/** No query for now, instead of its arguments. */
export type Skip = "skip";

/** Keep told of several queries, by names of your own; failed ones give their error. */
export function useQueries<Name extends string>(
  queries: { readonly [name in Name]: readonly [query: AnyFunction, args?: object | Skip] },
): { readonly [name in Name]: Value | Error | undefined } {
  const client = useClient();
  const names = Object.keys(queries) as Name[];
  const wanted = names
    .filter((name) => queries[name][1] !== "skip")
    .map((name) => [name, pathOf(queries[name][0]), queries[name][1] as Args | undefined] as const);
  // What is equal has an equal key, whatever objects a render makes.
  const key = JSON.stringify(wanted.map(([name, path, args]) => [name, queryToken(path, args)]));
  const last = useRef<readonly Visible[]>([]);

  const subscribe = useCallback(
    (onChange: () => void) => {
      const subscriptions = wanted.map(([, path, args]) => client.watch(path, args, onChange));
      // Later, so that a query which is wanted again in the same commit is never left.
      return () => queueMicrotask(() => subscriptions.forEach(({ unsubscribe }) => unsubscribe()));
    },
    [client, key],
  );
  const read = (): readonly Visible[] => {
    const tokens = JSON.parse(key) as [name: string, token: string][];
    const now = tokens.map(([, token]) => client.visible(token));
    const isSame = now.length === last.current.length && now.every((each, index) => each === last.current[index]);
    return isSame ? last.current : (last.current = now);
  };
  const visible = useSyncExternalStore(subscribe, read, read);
  return useMemo(() => {
    const found = wanted.map(([name], index) => [name, outcome(visible[index])]);
    return Object.fromEntries(found) as { [name in Name]: Value | Error | undefined };
  }, [visible, key]);
}

const outcome = (visible: Visible): Value | Error | undefined =>
  visible && ("value" in visible ? visible.value : visible.error);

/** The value of a query, kept up to date; undefined while it loads. Throws what the query threw. */
export function useQuery<Arguments, Result>(query: Query<Arguments, Result>, args: Arguments | Skip): Result | undefined;
export function useQuery<Result = Value>(path: string, args?: Args | Skip): Result | undefined;
export function useQuery(query: AnyFunction, args?: unknown): unknown {
  const { value } = useQueries({ value: [query, args as Args] });
  if (value instanceof Error) throw value;
  return value;
}

/** As `useQuery`, but suspends while the query loads instead of giving undefined. */
export function useSuspenseQuery<Arguments, Result>(query: Query<Arguments, Result>, args: Arguments): Result;
export function useSuspenseQuery<Result = Value>(path: string, args?: Args): Result;
export function useSuspenseQuery(query: AnyFunction, args?: unknown): unknown {
  const client = useClient();
  const value = useQuery(query as string, args as Args);
  return value === undefined ? use(arrival(client, pathOf(query), args as Args)) : value;
}

const ARRIVALS = new WeakMap<Client, Map<string, Promise<unknown>>>();
/** A query that has arrived is kept so long for the component that waits for it to mount. */
const KEEP_MS = 5_000;

/** The first value of a query; the same promise for all who wait for it. */
function arrival(client: Client, path: string, args?: Args): Promise<unknown> {
  const token = queryToken(path, args);
  const arrivals = ARRIVALS.get(client) ?? new Map<string, Promise<unknown>>();
  ARRIVALS.set(client, arrivals);
  const waiting = arrivals.get(token);
  if (waiting) return waiting;
  const value = new Promise((resolve, reject) => {
    const subscription = client.subscribe(path, args ?? {}, resolve, reject);
    setTimeout(() => {
      arrivals.delete(token);
      subscription.unsubscribe();
    }, KEEP_MS);
  });
  arrivals.set(token, value);
  return value;
}

/** A function that calls a mutation, the same in every render. */
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
  const latest = useRef(options);
  latest.current = options;
  const path = pathOf(mutation);
  return useCallback(
    (args) => client.mutation(path, args as Args, { optimistic: latest.current?.optimistic as OptimisticUpdate }),
    [client, path],
  );
}

/** A function that calls an action, the same in every render. */
export function useAction<Arguments, Result>(action: Action<Arguments, Result>): (args: Arguments) => Promise<Result>;
export function useAction<Result = Value>(path: string): (args?: Args) => Promise<Result>;
export function useAction(action: AnyFunction): (args?: unknown) => Promise<never> {
  const client = useClient();
  const path = pathOf(action);
  return useCallback((args) => client.action(path, args as Args), [client, path]);
}

/** How the connection is doing. */
export function useConnectionState(): ClientState {
  const client = useClient();
  const read = (): ClientState => client.state;
  return useSyncExternalStore(useCallback((onChange) => client.onState(onChange), [client]), read, read);
}

/** Whether the server has confirmed the user; loading while that is undecided. */
export function useAuth(): { readonly isLoading: boolean; readonly isAuthenticated: boolean } {
  const { isAuthenticated } = useConnectionState();
  return { isLoading: isAuthenticated === undefined, isAuthenticated: isAuthenticated === true };
}

type Children = { readonly children?: ReactNode };

/** Shown once the server has confirmed the user. */
export const Authenticated = ({ children }: Children): ReactNode => useAuth().isAuthenticated && children;

/** Shown to nobody in particular. */
export function Unauthenticated({ children }: Children): ReactNode {
  const { isLoading, isAuthenticated } = useAuth();
  return !isLoading && !isAuthenticated && children;
}

/** Shown while nobody knows. */
export const AuthLoading = ({ children }: Children): ReactNode => useAuth().isLoading && children;

const LOADING: PageView<never> = { items: [], status: "LoadingFirstPage" };

/** A list page by page; `loadMore` asks for so many more. Throws what a page threw. */
export function usePaginatedQuery<Arguments extends { readonly paginationOpts: unknown }, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts"> | Skip,
  options: { readonly initialItems: number },
): PageView<Item> & { readonly loadMore: (items: number) => boolean };
export function usePaginatedQuery<Item = Value>(
  path: string,
  args: Args | Skip,
  options: { readonly initialItems: number },
): PageView<Item> & { readonly loadMore: (items: number) => boolean };
export function usePaginatedQuery(
  query: AnyFunction,
  args: object | Skip,
  { initialItems }: { readonly initialItems: number },
): PageView<never> & { readonly loadMore: (items: number) => boolean } {
  const client = useClient();
  const path = pathOf(query);
  const token = args === "skip" ? args : queryToken(path, args);
  const latest = useRef<PaginatedSubscription<never> & { token: string }>(undefined);
  const list = (): PaginatedSubscription<never> | undefined =>
    // [pagination.reset]
    latest.current?.token === token ? latest.current : undefined;
  const subscribe = useCallback(
    (onChange: () => void) => {
      if (args === "skip") return () => undefined;
      const begun = paginate<never>(client, path, args as Args, { initialItems }, onChange);
      latest.current = Object.assign(begun, { token });
      return () => queueMicrotask(begun.unsubscribe);
    },
    [client, token],
  );
  const read = (): PageView<never> => list()?.current ?? LOADING;
  const view = useSyncExternalStore(subscribe, read, read);
  const loadMore = useCallback((items: number) => list()?.loadMore(items) ?? false, [token]);
  if (view.error) throw view.error;
  return { ...view, loadMore };
}
