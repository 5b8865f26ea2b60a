/**
 * Pagination: a long result of a live query, page by page.
 *
 * Not here: how pages stay adjacent (see core/pagination).
 */

import type { Client, Subscription } from "./client.js";
import { queryToken } from "./core/messages.js";
import {
  createPages,
  firstPage,
  type Pages,
  type PageView,
  type PaginationOptions,
  type VisiblePage,
} from "./core/pagination.js";
import type { Args, Value } from "./core/values.js";
import { pathOf, type AnyFunction, type Query } from "./reference.js";

export type { PageView, PaginationOptions, PaginationStatus } from "./core/pagination.js";

/** A live list; it ends with `unsubscribe()`. */
export type PaginatedSubscription<Item = Value> = {
  /** What is there now; the same object until something changes. */
  readonly current: PageView<Item>;
  /** Ask for so many more; false when there are none or it is not their turn. */
  loadMore(items: number): boolean;
  unsubscribe(): void;
};

/** A list that is live while it has a subscriber, one at a time, and then begins anew. */
export type PaginatedList<Item = Value> = Omit<PaginatedSubscription<Item>, "unsubscribe"> & {
  /** What the page was rendered with. */
  readonly initial: PageView<Item>;
  /** Call back when `current` has changed. */
  subscribe(onChange: () => void): () => void;
};

/** What a function that paginates returns, as far as a reader is concerned. */
export type PageOf<Item> = { readonly page: readonly Item[] };

type Paginated = { readonly paginationOpts: unknown };

let uses = 0;
const newId = (): number => ++uses;

type Options = { readonly initialItems: number };

/** A list of which nothing is asked for yet; a first page that was preloaded shows already. */
export function paginatedList<Arguments extends Paginated, Item>(
  client: Client,
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts">,
  options: Options,
): PaginatedList<Item>;
export function paginatedList<Item = Value>(
  client: Client,
  path: string,
  args: Args,
  options: Options,
): PaginatedList<Item>;
export function paginatedList(
  client: Client,
  query: AnyFunction,
  args: object,
  { initialItems }: Options,
): PaginatedList<never> {
  const path = pathOf(query);
  const pageArgs = (paginationOpts: PaginationOptions): Args => ({ ...args, paginationOpts }) as unknown as Args;
  const tokenOf = (page: PaginationOptions): string =>
    subscriptions.get(page)?.token ?? queryToken(path, pageArgs(page));
  const read = (page: PaginationOptions): VisiblePage => client.visible(tokenOf(page));
  let subscriptions = new Map<PaginationOptions, Subscription>();
  let pages: Pages;
  let view: PageView<never>;
  let told: unknown;
  let seen: unknown[] = [];
  let listener: (() => void) | undefined;
  let stop: (() => void) | undefined;

  const begin = (): void => {
    // [pagination.reset]
    pages = createPages(initialItems, newId, read(firstPage(initialItems, 0))?.value ? 0 : newId());
    told = undefined;
  };

  /** The view, made anew only when a page is another than before. */
  const look = (): PageView<never> => {
    const now = pages.wanted().flatMap((page) => [page, read(page)]);
    if (now.length !== seen.length || now.some((each, index) => each !== seen[index])) {
      seen = now;
      view = pages.view(read) as PageView<never>;
    }
    return view;
  };

  /** Subscribe to the pages that are wanted, leave those that are not, and tell what is new. */
  const sync = (wanted = pages.wanted()): void => {
    const before = subscriptions;
    subscriptions = new Map(
      wanted.map((page) => [page, before.get(page) ?? client.watch(path, pageArgs(page), () => undefined)]),
    );
    for (const [page, { unsubscribe }] of before) if (!subscriptions.has(page)) unsubscribe();
    if (wanted[0] && look() !== told) {
      told = view;
      listener?.();
    }
  };

  begin();
  return {
    initial: pages!.view((page) => client.initial.results.get(tokenOf(page))) as PageView<never>,
    get current() {
      return look();
    },
    loadMore(items) {
      const isMore = !!listener && pages.more(items, read);
      if (isMore) sync();
      return isMore;
    },
    subscribe(onChange) {
      const mine = (listener = () => onChange());
      if (!stop) {
        // All pages of a publication have changed by the time that a listener is called.
        stop = client.subscribe(() => {
          pages.update(read);
          sync();
        });
        sync();
      }
      return () => {
        if (listener !== mine) return;
        listener = undefined;
        // Later, so that a list which is wanted again at once is never left.
        queueMicrotask(() => {
          if (listener || !stop) return;
          stop();
          stop = undefined;
          sync([]);
          begin();
        });
      };
    },
  };
}

/** Keep told of a list: at once, and whenever what is there has changed. */
export function paginate<Arguments extends Paginated, Item>(
  client: Client,
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts">,
  options: Options,
  onChange?: (view: PageView<Item>) => void,
): PaginatedSubscription<Item>;
export function paginate<Item = Value>(
  client: Client,
  path: string,
  args: Args,
  options: Options,
  onChange?: (view: PageView<Item>) => void,
): PaginatedSubscription<Item>;
export function paginate(
  client: Client,
  query: AnyFunction,
  args: object,
  options: Options,
  onChange?: (view: PageView<never>) => void,
): PaginatedSubscription<never> {
  const list = paginatedList<never>(client, query as string, args as Args, options);
  const unsubscribe = list.subscribe(() => onChange?.(list.current));
  return Object.assign(list, { unsubscribe });
}
