// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp, defineComponent, h, nextTick, ref, type App, type Component } from "vue";

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
});
