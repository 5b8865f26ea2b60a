// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, createSSRApp, defineComponent, h, nextTick, ref, Suspense, type App, type Component } from "vue";
import { renderToString } from "vue/server-renderer";

import type { Client } from "../src/index.js";
import { renderingClient, type Preloaded } from "../src/preload.js";
import * as unisono from "../src/vue.js";
import { FakeServer } from "./fake_socket.js";

let server: FakeServer;
let app: App;
let container: HTMLElement;

beforeEach(() => {
  server = new FakeServer({ log: () => undefined });
  container = document.createElement("div");
});

afterEach(async () => {
  app.unmount();
  await server.client.close();
});

function mount(setup: () => () => unknown): void {
  const inner = defineComponent({ setup: () => setup() as never });
  const outer: Component = defineComponent({
    setup() {
      unisono.provideClient(server.client);
      return () => h(inner);
    },
  });
  app = createApp(outer);
  app.mount(container);
}

describe("Vue", () => {
  it("shows a query, follows its arguments, and leaves with the component", async () => {
    const args = ref<{ of: number } | "skip">("skip");
    mount(() => {
      const { value, error } = unisono.useQuery("m:q", args);
      return () => h("p", `${value.value ?? error.value?.message ?? "loading"}`);
    });
    expect([container.textContent, server.wanted]).toEqual(["loading", []]);
    args.value = { of: 1 };
    await nextTick();
    server.shows({ "m:q": 1 });
    await nextTick();
    expect(container.textContent).toBe("1");
    args.value = { of: 2 };
    await nextTick();
    await Promise.resolve();
    expect(server.wanted).toEqual(["1 m:q"]);
    server.shows({ "m:q": new Error("boom") });
    await nextTick();
    expect(container.textContent).toBe("boom");
    app.unmount();
    await Promise.resolve();

    expect(server.wanted).toEqual([]);
  });

  it("calls mutations and actions, pages through lists and follows the connection", async () => {
    let send: () => Promise<unknown> = () => Promise.resolve();
    let run: () => Promise<unknown> = () => Promise.resolve();
    mount(() => {
      const { view, loadMore } = unisono.usePaginatedQuery("m:list", {}, { initialItems: 2 });
      const state = unisono.useConnectionState();
      send = unisono.useMutation("m:send");
      run = unisono.useAction("m:run");
      return () => h("p", { onClick: () => loadMore(2) }, `${view.value.items} ${view.value.status} ${state.value.connection}`);
    });
    server.shows({ "m:list": { page: [1, 2], isDone: false, continueCursor: "c" } });
    await nextTick();
    expect(container.textContent).toBe("1,2 CanLoadMore live");
    container.querySelector("p")!.click();
    await nextTick();
    expect(container.textContent).toBe("1,2 LoadingMore live");
    void send().catch(() => undefined);
    void run().catch(() => undefined);

    expect([server.frames("Mutation").length, server.frames("Action").length]).toEqual([1, 1]);
  });

  it("suspends components that await a query or a list", async () => {
    const Late = defineComponent({
      async setup() {
        const [late, list] = await Promise.all([
          unisono.useSuspenseQuery("m:late"),
          unisono.useSuspensePaginatedQuery("m:list", {}, { initialItems: 2 }),
        ]);
        return () => h("p", `${late.value.value} ${list.view.value.items}`);
      },
    });
    mount(() => () => h(Suspense, null, { default: () => h(Late), fallback: () => "waiting" }));
    expect(container.textContent).toBe("waiting");
    server.shows({ "m:late": "there" });
    await nextTick();
    expect(container.textContent).toBe("waiting");
    server.shows({ "m:list": { page: [1, 2], isDone: false, continueCursor: "c" } });
    await vi.waitFor(() => expect(container.textContent).toBe("there 1,2"));
    server.shows({ "m:late": "changed" });
    await nextTick();
    expect(container.textContent).toBe("changed 1,2");
    app.unmount();
    await Promise.resolve();

    expect(server.wanted).toEqual([]);
  });

  it("begins a list anew when its arguments change, and asks for none when it is skipped", async () => {
    const args = ref<{ of: string } | "skip">("skip");
    mount(() => {
      const { view, loadMore } = unisono.usePaginatedQuery("m:list", args, { initialItems: 2 });
      return () => h("p", `${view.value.items} ${view.value.status} ${loadMore(1)}`);
    });
    expect([container.textContent, server.wanted]).toEqual([" LoadingFirstPage false", []]);
    args.value = { of: "x" };
    await nextTick();
    server.shows({ "m:list": { page: [1], isDone: true, continueCursor: "c" } });
    await nextTick();
    expect(container.textContent).toBe("1 Exhausted false");
    args.value = { of: "y" };
    await nextTick();
    await Promise.resolve();

    expect(container.textContent).toBe(" LoadingFirstPage false");
    expect(server.wanted).toEqual(["1 m:list"]);
  });

  it("shows the part for the state of auth that the server has confirmed", async () => {
    mount(() => {
      const { isLoading, isAuthenticated } = unisono.useAuth();
      return () => [
        h(unisono.AuthLoading, null, () => "?"),
        h(unisono.Authenticated, null, () => "in"),
        h(unisono.Unauthenticated, null, () => "out"),
        ` ${isLoading.value} ${isAuthenticated.value}`,
      ];
    });
    expect(container.textContent).toBe("? true false");
    server.client.setAuth(async () => "token");
    await vi.waitFor(() => expect(server.frames("Authenticate")).toHaveLength(1));
    server.shows({}, 1);
    await nextTick();
    expect(container.textContent).toBe("in false true");
    server.client.clearAuth();
    await nextTick();

    expect(container.textContent).toBe("out false false");
  });

  it("renders on a server, and hydrates that without a mismatch", async () => {
    const preloaded: Preloaded = { ts: "MgAAAAAAAAA=", identity: null, results: [['{"path":"m:q","args":{}}', 5]] };
    const page = (client: Client): App =>
      createSSRApp(
        defineComponent({
          setup() {
            unisono.provideClient(client);
            return () => h(Five);
          },
        }),
      );
    const Five = defineComponent({
      setup() {
        const { value } = unisono.useQuery<number>("m:q");
        return () => h("p", value.value ?? "loading");
      },
    });
    const rendering = renderingClient(preloaded);
    container.innerHTML = await renderToString(page(rendering));
    await rendering.close();
    expect(container.textContent).toBe("5");
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const live = new FakeServer({ preloaded });
    app = page(live.client);
    app.mount(container);
    expect(container.textContent).toBe("5");
    live.shows({ "m:q": 6 });
    await nextTick();

    expect(container.textContent).toBe("6");
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
    await live.client.close();
  });
});
