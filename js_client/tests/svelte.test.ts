// @vitest-environment happy-dom
import { get } from "svelte/store";
import { fromStore } from "svelte/store";
import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import * as unisono from "../src/svelte.js";
import { FakeServer } from "./fake_socket.js";

let server: FakeServer;

beforeEach(() => {
  server = new FakeServer({ log: () => undefined });
});

afterEach(() => server.client.close());

describe("Svelte", () => {
  it("has stores of queries that are subscribed to while somebody reads them", async () => {
    const seen: unknown[] = [];
    const store = unisono.queryStore(server.client, "m:q");
    expect(server.wanted).toEqual([]);
    const stop = store.subscribe((state) => seen.push(state));
    server.shows({ "m:q": 1 });
    server.shows({ "m:q": new Error("boom") });
    expect(seen.slice(-2)).toEqual([{ value: 1 }, { error: expect.objectContaining({ message: "boom" }) }]);
    stop();
    await Promise.resolve();

    expect(server.wanted).toEqual([]);
  });

  it("has stores that its runes can follow", async () => {
    const store = fromStore(unisono.queryStore<number>(server.client, "m:q"));
    const texts: unknown[] = [];
    // A compiled component is such a function.
    const component = mount(
      (() => {
        texts.push(store.current.value);
      }) as never,
      { target: document.body },
    );
    flushSync();
    await unmount(component);

    expect(texts).toEqual([undefined]);
  });

  it("pages through lists and follows the connection", async () => {
    const list = unisono.paginatedStore<number>(server.client, "m:list", {}, { initialItems: 2 });
    expect(list.loadMore(1)).toBe(false);
    const stop = list.subscribe(() => undefined);
    server.shows({ "m:list": { page: [1, 2], isDone: false, continueCursor: "c" } });
    expect(get(list)).toMatchObject({ items: [1, 2], status: "CanLoadMore" });
    expect(list.loadMore(2)).toBe(true);
    expect(get(list).status).toBe("LoadingMore");
    stop();
    expect(server.wanted).toEqual([]);

    const state = unisono.connectionStore(server.client);
    expect(get(state).connection).toBe("live");
    await server.client.close();
    expect(get(state).connection).toBe("closed");
  });
});
