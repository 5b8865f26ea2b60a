// @vitest-environment happy-dom
import { get } from "svelte/store";
import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import * as unisono from "../src/svelte.js";
import App from "./components/App.svelte";
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

  it("shows them in compiled components, follows their arguments, and leaves with the component", async () => {
    const target = document.body.appendChild(document.createElement("div"));
    let move: (channel: string) => void = () => undefined;
    const text = (selector: string): string | null => target.querySelector(selector)!.textContent;
    const app = mount(App, { target, props: { client: server.client, steer: (set: typeof move) => (move = set) } });
    flushSync();
    expect([text("#count"), text("em"), text("i")]).toEqual(["loading", "waiting", "live"]);
    expect(target.textContent).toContain("?");
    server.shows({ "m:q": ["one", "two"], "m:list": { page: [1, 2], isDone: false, continueCursor: "c" }, "m:late": 1 });
    flushSync();
    expect([text("#count"), text("ul"), text("button")]).toEqual(["2", "onetwo", "1,2 CanLoadMore"]);
    await vi.waitFor(() => expect(text("em")).toBe("there"));
    target.querySelector("button")!.click();
    flushSync();
    expect(text("button")).toBe("1,2 LoadingMore");
    const kept = target.querySelector("li");
    server.shows({ "m:q": ["one", "three"] });
    flushSync();
    expect([text("ul"), target.querySelector("li") === kept]).toEqual(["onethree", true]);
    move("b");
    flushSync();
    expect(text("#count")).toBe("loading");
    server.shows({ "m:q": new Error("boom") });
    flushSync();
    expect(text("#count")).toBe("boom");
    server.client.setAuth(async () => "token");
    await vi.waitFor(() => expect(server.frames("Authenticate")).toHaveLength(1));
    server.shows({}, 1);
    flushSync();
    expect(target.textContent).toContain("in");
    await unmount(app);
    await vi.waitFor(() => expect(server.wanted).toEqual([]));
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
    await Promise.resolve();
    expect(server.wanted).toEqual([]);

    const state = unisono.connectionStore(server.client);
    expect(get(state).connection).toBe("live");
    await server.client.close();
    expect(get(state).connection).toBe("closed");
  });
});
