import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";

import { createPages, type PaginationOptions } from "../src/core/pagination.js";
import { UnisonoError } from "../src/core/errors.js";
import { Client } from "../src/index.js";
import { paginate, type PageView } from "../src/pagination.js";
import { transition, updated } from "./harness.js";
import { Server } from "./server.js";

const page = (items: readonly unknown[], more: object = {}): { value: never } => ({
  value: { page: items, isDone: false, continueCursor: `after ${items.at(-1)}`, ...more } as never,
});

/** Pages over results that the test gives by `cursor` and `endCursor`. */
function paged(initialItems = 2) {
  let ids = 0;
  const results = new Map<string, object>();
  const pages = createPages(initialItems, () => ++ids);
  const read = ({ cursor, endCursor, id }: PaginationOptions) => results.get(`${id}:${cursor}..${endCursor ?? ""}`) as never;
  return {
    results,
    pages,
    view: () => pages.view(read),
    update: () => pages.update(read),
    more: (items: number) => pages.more(items, read),
  };
}

describe("pages", () => {
  it("begin with the first, and an id of their own", () => {
    const { pages, view } = paged();

    expect(pages.wanted()).toEqual([{ numItems: 2, cursor: null, id: 1 }]);
    expect(view()).toEqual({ items: [], status: "LoadingFirstPage" });
  });

  it("go on where the last one ends, one at a time", () => {
    const { results, pages, view, more } = paged();
    expect(more(3)).toBe(false);
    results.set("1:null..", page([1, 2]));
    expect(view()).toEqual({ items: [1, 2], status: "CanLoadMore" });
    expect(more(3)).toBe(true);
    expect(pages.wanted()[1]).toEqual({ numItems: 3, cursor: "after 2", id: 1 });
    expect(view()).toEqual({ items: [1, 2], status: "LoadingMore" });
    expect(more(3)).toBe(false);
    results.set("1:after 2..", page([3], { isDone: true }));

    expect(view()).toEqual({ items: [1, 2, 3], status: "Exhausted" });
    expect(more(3)).toBe(false);
  });

  it("that have grown are divided, and shown whole until both halves are there", () => {
    const { results, pages, view, update } = paged();
    results.set("1:null..", page([1, 2, 3, 4, 5], { splitCursor: "after 2" }));
    update();
    expect(pages.wanted().slice(1)).toEqual([
      { numItems: 2, cursor: null, endCursor: "after 2", id: 1 },
      { numItems: 2, cursor: "after 2", endCursor: "after 5", id: 1 },
    ]);
    results.set("1:null..after 2", page([1, 2]));
    update();
    expect(view()).toEqual({ items: [1, 2, 3, 4, 5], status: "CanLoadMore" });
    results.set("1:after 2..after 5", page([3, 4, 5, 6]));
    expect(view()).toEqual({ items: [1, 2, 3, 4, 5, 6], status: "CanLoadMore" });
    update();

    expect(pages.wanted()).toHaveLength(2);
    expect(view()).toEqual({ items: [1, 2, 3, 4, 5, 6], status: "CanLoadMore" });
  });

  it("that must be split are not shown as whole", () => {
    const { results, view, more } = paged();
    results.set("1:null..", page([1, 2], { splitCursor: "after 1", pageStatus: "SplitRequired" }));

    expect(view()).toEqual({ items: [], status: "LoadingMore" });
    expect(more(1)).toBe(false);
  });

  it.each([
    ["by its text", new UnisonoError("function", "xx InvalidCursor xx")],
    [
      "by its data",
      new UnisonoError("application", "x", { data: { isConvexSystemError: true, paginationError: "InvalidCursor" } }),
    ],
  ])("begin anew after an invalid cursor, known %s", (_, error) => {
    const { results, pages, view, update } = paged();
    results.set("1:null..", { error });
    expect(view()).toEqual({ items: [], status: "LoadingFirstPage" });
    update();

    expect(pages.wanted()).toEqual([{ numItems: 2, cursor: null, id: 2 }]);
  });

  it("show every other error", () => {
    const { results, view, update } = paged();
    const error = new UnisonoError("function", "boom");
    results.set("1:null..", { error });
    update();

    expect(view()).toEqual({ items: [], status: "LoadingFirstPage", error });
  });
});

describe("paginate", () => {
  let server: Server;
  let client: Client;

  beforeEach(async () => {
    server = await Server.start();
    client = new Client(server.url, { WebSocket: WebSocket as never });
  });

  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  it("tells each view once, and leaves no subscription behind", async () => {
    const views: PageView<number>[] = [];
    const list = paginate<number>(client, "m:list", { of: "x" }, { initialItems: 2 }, (view) => views.push(view));
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 1], updated(0, page([1, 2]).value)));
    await vi.waitFor(() => expect(views.at(-1)?.status).toBe("CanLoadMore"));
    expect(list.loadMore(2)).toBe(true);
    expect(list.current).toBe(list.current);
    const add = await server.frame("ModifyQuerySet");
    expect(add).toMatchObject({ modifications: [{ args: [{ of: "x", paginationOpts: { cursor: "after 2" } }] }] });
    server.says(transition([1, 0, 1], [2, 0, 2], updated(0, page([0, 1, 2]).value), updated(1, page([3], { isDone: true }).value)));
    await vi.waitFor(() => expect(views.at(-1)?.status).toBe("Exhausted"));

    expect(views.map(({ items }) => items)).toEqual([[], [1, 2], [1, 2], [0, 1, 2, 3]]);
    list.unsubscribe();
    const removed = [await server.frame("ModifyQuerySet"), await server.frame("ModifyQuerySet")];
    expect(removed).toMatchObject([{ modifications: [{ queryId: 0 }] }, { modifications: [{ queryId: 1 }] }]);
  });
});
