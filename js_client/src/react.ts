/**
 * React: hooks over one client, in which every component of a render shows the same snapshot.
 *
 * Not here: the client itself, which works the same without React.
 */

import {
  createContext,
  createElement,
  use,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
  type ReactNode,
} from "react";

import type { Client } from "./client.js";
import { closedError } from "./core/errors.js";
import { queryToken } from "./core/messages.js";
import type { OptimisticUpdate, Visible } from "./core/optimistic.js";
import { firstPage } from "./core/pagination.js";
import type { ClientState } from "./core/session.js";
import type { Args, Value } from "./core/values.js";
import { paginatedList, type PageOf, type PageView } from "./pagination.js";
import { pathOf, type Action, type AnyFunction, type ArgsOf, type Mutation, type Query, type ResultOf } from "./reference.js";

const ClientContext = /* @__PURE__ */ createContext<Client | undefined>(undefined);

/** Give a client to all components below. */
export const UnisonoProvider = ({ client, children }: { client: Client; children?: ReactNode }): ReactNode =>
  createElement(ClientContext, { value: client }, children);

/** The client of the nearest provider. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error("no UnisonoProvider");
  return client;
}

/** What a component can be rendered from. */
type Store<Seen> = {
  readonly subscribe: (onChange: () => void) => () => void;
  readonly current: Seen;
  /** What the page was rendered with: React demands just that while it hydrates, whatever has come since. */
  readonly initial: Seen;
};

/** What is there of a store of the client; another one for each key, as renders of two keys must not meet. */
function useStore<Kind extends Store<unknown>>(key: string, begin: (client: Client) => Kind): [Kind["current"], Kind] {
  const client = useClient();
  const store = useMemo(() => begin(client), [client, key]);
  const read = (): Kind["current"] => store.current;
  return [useSyncExternalStore(store.subscribe, read, () => store.initial), store];
}

/** No query for now, instead of its arguments. */
export type Skip = "skip";

/** Queries by names of your own. */
export type NamedQueries = { readonly [name: string]: readonly [query: AnyFunction, args?: object | Skip] };

/** The same, with the arguments that each of them takes. */
export type TypedQueries<Queries extends NamedQueries> = {
  readonly [name in keyof Queries]: readonly [query: Queries[name][0], args?: ArgsOf<Queries[name][0]> | Skip];
};

/** What is visible of each: undefined while it loads, and the error of a failed one. */
export type QueryResults<Queries extends NamedQueries> = {
  readonly [name in keyof Queries]?: ResultOf<Queries[name][0]> | Error;
};

/** Keep told of several queries. */
export function useQueries<const Queries extends NamedQueries>(
  queries: Queries & TypedQueries<Queries>,
): QueryResults<Queries> {
  const wanted = Object.entries<NamedQueries[string]>(queries)
    .filter(([, [, args]]) => args !== "skip")
    .map(([name, [query, args]]) => [name, queryToken(pathOf(query), args), query, args as Args] as const);
  // What is equal has an equal key, whatever objects a render makes.
  const key = String(wanted.map(([name, token]) => name + token));
  return useStore(key, (client) => {
    const collect = (visible: (token: string) => Visible): { readonly [name: string]: Value | Error | undefined } =>
      Object.fromEntries(wanted.map(([name, token]) => [name, outcome(visible(token))]));
    const initial = collect((token) => client.initial.results.get(token));
    let last = initial;
    return {
      initial,
      get current() {
        const now = collect((token) => client.visible(token));
        return wanted.every(([name]) => Object.is(now[name], last[name])) ? last : (last = now);
      },
      subscribe: (onChange) => {
        const subscriptions = wanted.map(([, , query, args]) => client.watch(query, args, onChange));
        // Later, so that a query which is wanted again in the same commit is never left.
        return () => queueMicrotask(() => subscriptions.forEach(({ unsubscribe }) => unsubscribe()));
      },
    };
  })[0] as QueryResults<Queries>;
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
  const value = useQuery(query as string, args as Args);
  useArrival(value !== undefined, query, args);
  return value;
}

const ARRIVALS = new WeakMap<Client, Map<string, Promise<void>>>();
/** React wants `use` in each render, if in one; with this it goes on at once. */
const ARRIVED = { status: "fulfilled", then: () => undefined } as unknown as Promise<void>;

/** Suspend until a query has a first result; the same promise for all who wait for it. */
function useArrival(isThere: boolean, query: AnyFunction, args: unknown): void {
  const client = useClient();
  const token = queryToken(pathOf(query), args);
  const arrivals = ARRIVALS.get(client) ?? new Map<string, Promise<void>>();
  ARRIVALS.set(client, arrivals);
  if (!isThere && !arrivals.has(token)) {
    const arrived = new Promise<void>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const { unsubscribe } = client.watch(query, args as Args, () => {
        // The components that wait for it have so long to mount and subscribe to it themselves.
        timer ??= setTimeout(() => {
          stop();
          arrivals.delete(token);
          unsubscribe();
        }, 5_000);
        resolve();
      });
      const stop = client.onState(({ connection }) => {
        if (connection !== "closed") return;
        clearTimeout(timer);
        reject(closedError());
      });
    });
    arrivals.set(token, arrived);
  }
  use(isThere ? ARRIVED : arrivals.get(token)!);
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
  return useCall((client, args) => client.mutation(mutation as string, args, options as object));
}

/** The same function in every render, which does what the latest of them says. */
function useCall(call: (client: Client, args?: Args) => Promise<never>): (args?: unknown) => Promise<never> {
  const client = useClient();
  const latest = useRef(call);
  // Not while it renders: React may throw a render away.
  useEffect(() => void (latest.current = call));
  return useMemo(() => (args) => latest.current(client, args as Args), [client]);
}

/** A function that calls an action, the same in every render. */
export function useAction<Arguments, Result>(action: Action<Arguments, Result>): (args: Arguments) => Promise<Result>;
export function useAction<Result = Value>(path: string): (args?: Args) => Promise<Result>;
export function useAction(action: AnyFunction): (args?: unknown) => Promise<never> {
  return useCall((client, args) => client.action(action as string, args));
}

/** How the connection is doing, and whether the user is confirmed. */
export const useConnectionState = (): ClientState =>
  useStore("", (client) => ({
    subscribe: (onChange) => client.onState(onChange),
    get current() {
      return client.state;
    },
    initial: client.initial.state,
  }))[0];

/** Whether the server has confirmed the user; loading while that is undecided. */
export function useAuth(): { readonly isLoading: boolean; readonly isAuthenticated: boolean } {
  const { isAuthenticated } = useConnectionState();
  return { isLoading: isAuthenticated === undefined, isAuthenticated: !!isAuthenticated };
}

const shownIf =
  (wanted: boolean | undefined) =>
  ({ children }: { readonly children?: ReactNode }): ReactNode =>
    useConnectionState().isAuthenticated === wanted && children;

/** Shown once the server has confirmed the user. */
export const Authenticated = /* @__PURE__ */ shownIf(true);
/** Shown to nobody in particular. */
export const Unauthenticated = /* @__PURE__ */ shownIf(false);
/** Shown while nobody knows. */
export const AuthLoading = /* @__PURE__ */ shownIf(undefined);

/** What is there of a list, and how to ask for so many more. */
export type PaginatedResult<Item> = PageView<Item> & { readonly loadMore: (items: number) => boolean };

type Paginated = { readonly paginationOpts: unknown };
type Options = { readonly initialItems: number };

/** A list page by page. Throws what a page threw. */
export function usePaginatedQuery<Arguments extends Paginated, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts"> | Skip,
  options: Options,
): PaginatedResult<Item>;
export function usePaginatedQuery<Item = Value>(path: string, args: Args | Skip, options: Options): PaginatedResult<Item>;
export function usePaginatedQuery(query: AnyFunction, args: object | Skip, options: Options): PaginatedResult<never> {
  const path = pathOf(query);
  const isSkipped = args === "skip";
  // [pagination.reset] A new list for new arguments.
  const key = isSkipped ? args : queryToken(path, args);
  const [view, list] = useStore(key, (client) => {
    const begun = paginatedList<never>(client, isSkipped ? args : path, isSkipped ? {} : (args as Args), options);
    return isSkipped ? { ...begun, current: begun.initial, subscribe: () => () => undefined } : begun;
  });
  if (view.error) throw view.error;
  return { ...view, loadMore: list.loadMore };
}

/** As `usePaginatedQuery`, but suspends while the first page loads. */
export function useSuspensePaginatedQuery<Arguments extends Paginated, Item>(
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts">,
  options: Options,
): PaginatedResult<Item>;
export function useSuspensePaginatedQuery<Item = Value>(path: string, args: Args, options: Options): PaginatedResult<Item>;
export function useSuspensePaginatedQuery(query: AnyFunction, args: object, options: Options): PaginatedResult<never> {
  const list = usePaginatedQuery<never>(query as string, args as Args, options);
  const first = { ...args, paginationOpts: firstPage(options.initialItems, 0) };
  useArrival(list.status !== "LoadingFirstPage", query, first);
  return list;
}
