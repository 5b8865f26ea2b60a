// @vitest-environment happy-dom
import { act, createElement as h, StrictMode, Suspense, Component, useState, type ReactNode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Preloaded } from "../src/preload.js";
import * as unisono from "../src/react.js";
import { FakeServer } from "./fake_socket.js";
import { encodeTimestamp } from "../src/core/messages.js";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

let server: FakeServer;
let container: HTMLElement;
let root: Root;

beforeEach(() => {
  server = new FakeServer({ log: () => undefined });
  container = document.body.appendChild(document.createElement("div"));
  root = createRoot(container);
});

afterEach(async () => {
  await act(() => root.unmount());
  await server.client.close();
  container.remove();
});

const render = (node: ReactNode): Promise<void> =>
  act(async () => root.render(h(StrictMode, null, h(unisono.UnisonoProvider, { client: server.client }, node))));
const shows = (results: object): Promise<void> => act(async () => server.shows(results as never));

const Show = ({ path, args }: { path: string; args?: object | "skip" }): ReactNode =>
  String(unisono.useQuery(path, args as never) ?? "loading");

class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};
  static getDerivedStateFromError = (error: Error): { error: Error } => ({ error });
  override render = (): ReactNode => (this.state.error ? `error ${this.state.error.message}` : this.props.children);
}

describe("useQuery", () => {
  it("shows loading, then each value", async () => {
    await render(h(Show, { path: "m:q" }));
    expect(container.textContent).toBe("loading");
    await shows({ "m:q": 1 });
    expect(container.textContent).toBe("1");
    await shows({ "m:q": 2 });

    expect(container.textContent).toBe("2");
  });

  it("is asked for once by many, also under StrictMode, and left with the last", async () => {
    await render([h(Show, { path: "m:q", key: 1 }), h(Show, { path: "m:q", key: 2 })]);
    expect(server.wanted).toEqual(["0 m:q"]);
    expect(server.frames("ModifyQuerySet")).toHaveLength(2);
    await render(null);

    expect(server.wanted).toEqual([]);
  });

  it("moves to other arguments without leaving what is shared", async () => {
    await render([h(Show, { path: "m:q", args: { a: 1 }, key: 1 }), h(Show, { path: "m:q", args: { a: 2 }, key: 2 })]);
    await render([h(Show, { path: "m:q", args: { a: 2 }, key: 1 }), h(Show, { path: "m:q", args: { a: 1 }, key: 2 })]);

    expect(server.wanted).toEqual(["0 m:q", "1 m:q"]);
  });

  it("asks for nothing when it is skipped", async () => {
    await render(h(Show, { path: "m:q", args: "skip" }));

    expect([container.textContent, server.wanted]).toEqual(["loading", []]);
  });

  it("throws the error of the query to the nearest boundary", async () => {
    const quiet = vi.spyOn(console, "error").mockImplementation(() => undefined);
    await render(h(Boundary, null, h(Show, { path: "m:q" })));
    await shows({ "m:q": new Error("boom") });

    expect(container.textContent).toBe("error boom");
    quiet.mockRestore();
  });

  it("renders a snapshot once, with all that changed", async () => {
    const renders: string[] = [];
    const Both = (): ReactNode => {
      const both = `${unisono.useQuery("m:a")}${unisono.useQuery("m:b")}`;
      renders.push(both);
      return both;
    };
    await act(async () => root.render(h(unisono.UnisonoProvider, { client: server.client }, h(Both))));
    renders.length = 0;
    await shows({ "m:a": 1, "m:b": 2 });
    await shows({ "m:a": 3, "m:b": 4 });

    expect(renders).toEqual(["12", "34"]);
  });
});

describe("useQueries", () => {
  it("gives values and errors by name", async () => {
    const seen: unknown[] = [];
    const All = (): ReactNode => {
      seen.push(unisono.useQueries({ a: ["m:a"], b: ["m:b", {}], c: ["m:c", "skip"] }));
      return null;
    };
    await render(h(All));
    await shows({ "m:a": 1, "m:b": new Error("boom") });

    expect(seen.at(-1)).toEqual({ a: 1, b: expect.objectContaining({ message: "boom" }) });
  });
});

describe("useSuspenseQuery", () => {
  it("suspends until there is a value, and keeps told of it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const Now = (): ReactNode => String(unisono.useSuspenseQuery("m:q"));
    await render(h(Suspense, { fallback: "waiting" }, h(Now)));
    expect(container.textContent).toBe("waiting");
    await shows({ "m:q": 1 });
    expect(container.textContent).toBe("1");
    await act(() => vi.advanceTimersByTime(6_000));
    await shows({ "m:q": 2 });

    expect(container.textContent).toBe("2");
    vi.useRealTimers();
  });
});

describe("useMutation", () => {
  it("is the same function in every render, and shows its update at once", async () => {
    const functions = new Set<unknown>();
    let send: (args?: never) => Promise<unknown> = () => Promise.resolve();
    const Send = (): ReactNode => {
      send = unisono.useMutation("m:send", {
        optimistic: (store) => store.setQuery("m:q", {}, "mine"),
      }) as typeof send;
      functions.add(send);
      return h(Show, { path: "m:q" });
    };
    await render(h(Send));
    await shows({ "m:q": "theirs" });
    await act(async () => void send().catch(() => undefined));

    expect(container.textContent).toBe("mine");
    expect(functions.size).toBe(1);
    expect(server.frames("Mutation")).toHaveLength(1);
  });
});

describe("useAction", () => {
  it("calls the action", async () => {
    let run: () => Promise<unknown> = () => Promise.resolve();
    const Run = (): ReactNode => {
      run = unisono.useAction("m:run");
      return null;
    };
    await render(h(Run));
    const answer = run();
    server.says({ type: "ActionResponse", requestId: 0, success: true, result: 5, logLines: [] });

    expect(await answer).toBe(5);
  });
});

describe("auth", () => {
  it("shows the part for the state that the server has confirmed", async () => {
    const parts = [
      h(unisono.AuthLoading, { key: 1 }, "?"),
      h(unisono.Authenticated, { key: 2 }, "in"),
      h(unisono.Unauthenticated, { key: 3 }, "out"),
    ];
    await render(parts);
    expect(container.textContent).toBe("?");
    await act(async () => server.client.setAuth(async () => "token"));
    expect(container.textContent).toBe("?");
    await act(async () => server.shows({}, 1));
    expect(container.textContent).toBe("in");
    await act(async () => server.client.clearAuth());

    expect(container.textContent).toBe("out");
  });
});

describe("useConnectionState", () => {
  it("follows the connection", async () => {
    const State = (): ReactNode => unisono.useConnectionState().connection;
    await render(h(State));
    expect(container.textContent).toBe("live");
    await act(() => server.client.close());

    expect(container.textContent).toBe("closed");
  });
});

describe("usePaginatedQuery", () => {
  it("shows page after page, and begins anew with other arguments", async () => {
    let list: { loadMore(items: number): boolean } = { loadMore: () => false };
    let change: (of: string) => void = () => undefined;
    const List = (): ReactNode => {
      const [of, setOf] = useState("x");
      change = setOf;
      const paginated = unisono.usePaginatedQuery("m:list", { of }, { initialItems: 2 });
      list = paginated;
      return `${paginated.items.join()} ${paginated.status}`;
    };
    await render(h(List));
    await shows({ "m:list": { page: [1, 2], isDone: false, continueCursor: "c" } });
    expect(container.textContent).toBe("1,2 CanLoadMore");
    await act(async () => void list.loadMore(2));
    expect(container.textContent).toBe("1,2 LoadingMore");
    await act(async () => change("y"));
    expect(container.textContent).toBe(" LoadingFirstPage");
    expect(server.wanted).toHaveLength(1);
    await shows({ "m:list": { page: [9], isDone: true, continueCursor: "d" } });

    expect(container.textContent).toBe("9 Exhausted");
  });
});

describe("server rendering", () => {
  const preloaded: Preloaded = {
    ts: encodeTimestamp(50n),
    identity: null,
    results: [['{"path":"m:q","args":{}}', { n: { $integer: "BQAAAAAAAAA=" } }]],
  };
  const Five = (): ReactNode => String((unisono.useQuery<{ n: bigint }>("m:q") ?? { n: "loading" }).n);

  it("shows in the page what the server has rendered, and never less", async () => {
    const rendering = new FakeServer({ preloaded });
    const html = renderToString(h(unisono.UnisonoProvider, { client: rendering.client }, h(Five)));
    await rendering.client.close();
    expect(html).toBe("5");
    container.innerHTML = html;
    const live = new FakeServer({ preloaded });
    const texts: (string | null)[] = [];
    const watching = new MutationObserver(() => texts.push(container.textContent));
    watching.observe(container, { childList: true, subtree: true, characterData: true });
    const problems: unknown[] = [];
    let hydrated: Root;
    await act(async () => {
      hydrated = hydrateRoot(container, h(unisono.UnisonoProvider, { client: live.client }, h(Five)), {
        onRecoverableError: (error) => problems.push(error),
      });
    });
    expect([container.textContent, problems]).toEqual(["5", []]);
    expect(live.frames("Connect")).toMatchObject([{ maxObservedTimestamp: preloaded.ts }]);
    await act(async () => live.shows({ "m:q": { n: 6 } }));

    expect(container.textContent).toBe("6");
    expect(texts).not.toContain("loading");
    await act(() => hydrated.unmount());
    await live.client.close();
    watching.disconnect();
  });
});

describe("mounting and unmounting", () => {
  it("a thousand times leaves nothing behind", async () => {
    for (let round = 0; round < 1_000; round++) {
      await render(round % 2 ? null : h(Show, { path: "m:q", args: { round } }));
    }

    expect(server.wanted).toEqual([]);
    expect(server.client.snapshot().size).toBe(0);
  });
});
