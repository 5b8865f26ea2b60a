/**
 * Pages: a long result in pieces that stay adjacent while they change.
 *
 * Spec: pagination
 * Not here: how a page is subscribed to (see ../pagination).
 */

import type { UnisonoError } from "./errors.js";
import type { Value } from "./values.js";

/** What a page is asked for, among the other arguments of the function. */
export type PaginationOptions = {
  readonly numItems: number;
  readonly cursor: string | null;
  readonly endCursor?: string;
  readonly id: number;
};

export type PaginationStatus = "LoadingFirstPage" | "LoadingMore" | "CanLoadMore" | "Exhausted";

/** All items that are there, and whether there are more; or why not. */
export type PageView<Item = Value> = {
  readonly items: readonly Item[];
  readonly status: PaginationStatus;
  readonly error?: Error;
};

/** What is visible of a page: a result, an error, or nothing yet. */
export type VisiblePage = { readonly value?: unknown; readonly error?: Error } | undefined;
type Read = (options: PaginationOptions) => VisiblePage;

type Result = {
  readonly page: readonly Value[];
  readonly isDone: boolean;
  readonly continueCursor: string;
  readonly splitCursor?: string | null;
  readonly pageStatus?: string | null;
};

type Page = { readonly options: PaginationOptions; readonly halves?: readonly PaginationOptions[] };

export type Pages = ReturnType<typeof createPages>;

/** What the first page is asked for. */
export const firstPage = (numItems: number, id: number): PaginationOptions => ({ numItems, cursor: null, id });

/** The pages of one use of a list; `newId` gives it, and each new beginning, a number of its own. */
export function createPages(initialItems: number, newId: () => number, id = newId()) {
  // [pagination.first-page]
  let pages: Page[] = [{ options: firstPage(initialItems, id) }];
  const last = (read: Read): PaginationOptions => shown(pages.at(-1)!, read).at(-1)!;

  // [pagination.split] [pagination.split-required] What is too long, or not whole, is asked for in halves.
  const split = ({ options }: Page, { page, pageStatus, splitCursor, continueCursor }: Result): Page =>
    splitCursor && (pageStatus || page.length > 2 * initialItems)
      ? {
          options,
          halves: [
            { ...options, endCursor: splitCursor },
            { ...options, cursor: splitCursor, endCursor: continueCursor },
          ],
        }
      : { options };

  return {
    /** The options of every page that is wanted now. */
    wanted: (): PaginationOptions[] => pages.flatMap(({ options, halves = [] }) => [options, ...halves]),

    /** What is there. */
    view(read: Read): PageView {
      const items: Value[] = [];
      let status: PaginationStatus = "LoadingFirstPage";
      for (const options of pages.flatMap((page) => shown(page, read))) {
        const { error, value: result } = look(read, options);
        if (error || !result) return { items, status, ...(error && !isInvalidCursor(error) && { error }) };
        status = "LoadingMore";
        // [pagination.split-required]
        if (result.pageStatus === "SplitRequired") break;
        for (const item of result.page) items.push(item);
        // [pagination.status]
        if (options === last(read)) status = result.isDone ? "Exhausted" : "CanLoadMore";
      }
      return { items, status };
    },

    /** Draw the conclusions from new results: begin anew, or divide what has grown. */
    update(read: Read): void {
      const all = pages.flatMap((page) => shown(page, read));
      // [pagination.invalid-cursor]
      if (all.some((options) => isInvalidCursor(look(read, options).error)))
        pages = [{ options: firstPage(initialItems, newId()) }];
      else
        pages = all.map((options) => {
          const page = pages.find((each) => each.options === options) ?? { options };
          const { value: result } = look(read, options);
          // [pagination.split-swap]
          return result && !page.halves ? split(page, result) : page;
        });
    },

    /** Ask for the next page; false when there is none or it is not its turn. */
    more(numItems: number, read: Read): boolean {
      const { id } = last(read);
      const { value: result } = look(read, last(read));
      // [pagination.done]
      if (!result || result.isDone || result.pageStatus === "SplitRequired") return false;
      // [pagination.next-page]
      pages.push({ options: { numItems, cursor: result.continueCursor, id } });
      return true;
    },
  };
}

/** The two halves of a page once both are there, else the whole. */
const shown = ({ options, halves }: Page, read: Read): readonly PaginationOptions[] =>
  halves?.every((half) => look(read, half).value) ? halves : [options];

const look = (read: Read, options: PaginationOptions): { readonly error?: Error; readonly value?: Result } =>
  (read(options) as { readonly value?: Result } | undefined) ?? {};

function isInvalidCursor(error: Partial<UnisonoError> | undefined): boolean {
  const data = error?.data as { readonly [field: string]: Value } | undefined;
  return !!error?.message?.includes("InvalidCursor") || (data?.["isConvexSystemError"] === true && data["paginationError"] === "InvalidCursor");
}
