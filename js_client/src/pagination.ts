/**
 * Pagination: a long result of a live query, page by page.
 *
 * Not here: how pages stay adjacent (see core/pagination).
 */

import type { Client, Subscription } from "./client.js";
import { createPages, type PageView, type PaginationOptions } from "./core/pagination.js";
import type { Args, Value } from "./core/values.js";
import type { AnyFunction, Query } from "./reference.js";

export type { PageView, PaginationOptions, PaginationStatus } from "./core/pagination.js";

/** A live list; it ends with `unsubscribe()`. */
export type PaginatedSubscription<Item = Value> = {
  /** What is there now; the same object until something changes. */
  readonly current: PageView<Item>;
  /** Ask for so many more; false when there are none or it is not their turn. */
  loadMore(items: number): boolean;
  unsubscribe(): void;
};

/** What a function that paginates returns, as far as a reader is concerned. */
export type PageOf<Item> = { readonly page: readonly Item[] };

let uses = 0;

/** Keep told of a list: at once, and whenever what is there has changed. */
export function paginate<Arguments extends { readonly paginationOpts: unknown }, Item>(
  client: Client,
  query: Query<Arguments, PageOf<Item>>,
  args: Omit<Arguments, "paginationOpts">,
  options: { readonly initialItems: number },
  onChange?: (view: PageView<Item>) => void,
): PaginatedSubscription<Item>;
export function paginate<Item = Value>(
  client: Client,
  path: string,
  args: Args,
  options: { readonly initialItems: number },
  onChange?: (view: PageView<Item>) => void,
): PaginatedSubscription<Item>;
export function paginate(
  client: Client,
  query: AnyFunction,
  args: object,
  { initialItems }: { readonly initialItems: number },
  onChange?: (view: PageView<never>) => void,
): PaginatedSubscription<never> {
  const pages = createPages(initialItems, () => ++uses);
  let subscriptions = new Map<string, Subscription>();
  let view: PageView<never>;
  let seen: unknown[] = [];
  let told: unknown;
  const read = (page: PaginationOptions) => subscriptions.get(JSON.stringify(page))?.current;

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
      wanted.map((paginationOpts) => {
        const key = JSON.stringify(paginationOpts);
        return [key, before.get(key) ?? client.watch(query, { ...args, paginationOpts }, () => undefined)];
      }),
    );
    for (const [key, { unsubscribe }] of before) if (!subscriptions.has(key)) unsubscribe();
    if (wanted[0] && look() !== told) onChange?.((told = view) as PageView<never>);
  };

  // All pages of a publication have changed by the time that a listener is called.
  const stop = client.subscribe(() => {
    pages.update(read);
    sync();
  });
  sync();
  return {
    get current() {
      return look();
    },
    loadMore(items) {
      const isMore = pages.more(items, read);
      sync();
      return isMore;
    },
    unsubscribe() {
      stop();
      sync([]);
    },
  };
}
