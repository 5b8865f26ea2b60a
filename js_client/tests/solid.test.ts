// @vitest-environment happy-dom
import { createComponent, createEffect, createMemo, createSignal, ErrorBoundary, type Accessor } from "solid-js";
import { render } from "solid-js/web";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import * as unisono from "../src/solid.js";
import { App } from "./components/messages.solid.jsx";
import { FakeServer } from "./fake_socket.js";

let server: FakeServer;
let container: HTMLElement;
let dispose: () => void;

beforeEach(() => {
  server = new FakeServer({ log: () => undefined });
  container = document.createElement("div");
});

afterEach(async () => {
  dispose();
  await server.client.close();
});

function show(body: () => Accessor<unknown>): void {
  dispose = render(
    () =>
      createComponent(unisono.UnisonoProvider, {
        value: server.client,
        get children() {
          return createComponent(ErrorBoundary, {
            fallback: (error: Error) => `error ${error.message}`,
            get children() {
              return createComponent(() => createMemo(body()) as never, {});
            },
          });
        },
      }),
    container,
  );
}

describe("Solid", () => {
  it("shows a query, follows its arguments, and leaves with its owner", async () => {
    const [args, setArgs] = createSignal<{ of: number } | "skip">("skip");
    show(() => {
      const value = unisono.createQuery<number>("m:q", args);
      return () => value() ?? "loading";
    });
    expect([container.textContent, server.wanted]).toEqual(["loading", []]);
    setArgs({ of: 1 });
    server.shows({ "m:q": 1 });
    expect(container.textContent).toBe("1");
    setArgs({ of: 2 });
    await Promise.resolve();
    expect(server.wanted).toEqual(["1 m:q"]);
    server.shows({ "m:q": new Error("boom") });
    expect(container.textContent).toBe("error boom");
    dispose();
    await Promise.resolve();

    expect(server.wanted).toEqual([]);
  });

  it("shows all that a snapshot has changed at once", async () => {
    const seen: string[] = [];
    show(() => {
      const a = unisono.createQuery<number>("m:a");
      const b = unisono.createQuery<number>("m:b");
      createEffect(() => seen.push(`${a()}${b()}`));
      return () => "";
    });
    await Promise.resolve();
    server.shows({ "m:a": 1, "m:b": 2 });

    expect(seen.at(-1)).toBe("12");
  });

  it("pages through lists and follows the connection", async () => {
    let more: (items: number) => boolean = () => false;
    show(() => {
      const { view, loadMore } = unisono.createPaginatedQuery("m:list", () => ({}), { initialItems: 2 });
      const state = unisono.createConnectionState();
      more = loadMore;
      return () => `${view().items} ${view().status} ${state().connection}`;
    });
    server.shows({ "m:list": { page: [1, 2], isDone: false, continueCursor: "c" } });
    expect(container.textContent).toBe("1,2 CanLoadMore live");
    expect(more(2)).toBe(true);

    expect(container.textContent).toBe("1,2 LoadingMore live");
  });

  it("shows all of that in compiled components, and suspends them", async () => {
    let move: (channel: string) => void = () => undefined;
    dispose = render(() => createComponent(App, { client: server.client, steer: (set) => (move = set) }), container);
    const text = (selector: string): string | null => container.querySelector(selector)!.textContent;
    expect([text("div"), text("p"), text("button")]).toEqual(["loading", "waiting", "waiting"]);
    expect([text("u"), text("i")]).toEqual(["LoadingFirstPage false", "live true false ?"]);
    server.shows({ "m:q": ["one", "two"], "m:pages": { page: [1, 2], isDone: false, continueCursor: "c" } });
    expect(text("div")).toBe("onetwo");
    await vi.waitFor(() => expect(text("button")).toBe("1,2 CanLoadMore"));
    expect(text("p")).toBe("waiting");
    server.shows({ "m:late": "there" });
    await vi.waitFor(() => expect(text("p")).toBe("there"));
    const kept = container.querySelector("li");
    server.shows({ "m:q": ["one", "three"] });
    expect([text("div"), container.querySelector("li") === kept]).toEqual(["onethree", true]);
    move("b");
    server.shows({ "m:q": ["other"], "m:late": "new" });
    await vi.waitFor(() => expect([text("div"), text("p")]).toEqual(["other", "new"]));
    server.client.setAuth(async () => "token");
    await vi.waitFor(() => expect(server.frames("Authenticate")).toHaveLength(1));
    server.shows({}, 1);
    expect(text("i")).toBe("live false true in");
    dispose();
    await Promise.resolve();

    expect(server.wanted).toEqual([]);
  });
});
