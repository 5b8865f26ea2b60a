// @vitest-environment happy-dom
/** React that renders in slices and throws renders away: what it shows still belongs to one snapshot. */

import {
  act,
  Component,
  createElement as h,
  startTransition,
  StrictMode,
  Suspense,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useState,
  type ReactNode,
} from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import * as unisono from "../src/react.js";
import { FakeServer } from "./fake_socket.js";

const environment = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };
const COUNT = 30;

let server: FakeServer;
let container: HTMLElement;
let root: Root;

beforeEach(() => {
  environment.IS_REACT_ACT_ENVIRONMENT = true;
  server = new FakeServer({ log: () => undefined });
  container = document.body.appendChild(document.createElement("div"));
  root = createRoot(container);
});

afterEach(async () => {
  environment.IS_REACT_ACT_ENVIRONMENT = true;
  vi.useRealTimers();
  await act(() => root.unmount());
  await server.client.close();
  container.remove();
});

const provided = (node: ReactNode): ReactNode => h(unisono.UnisonoProvider, { client: server.client }, node);
const shows = (results: object): Promise<void> => act(async () => server.shows(results as never));

/** Take long enough for React to let others have their turn. */
const work = (): void => {
  for (const until = performance.now() + 1; performance.now() < until; );
};

/**
 * Render many components with one value in a transition, let a new snapshot come in between, and
 * give what was on the page after every commit.
 */
async function commitsOf(useValue: () => unknown): Promise<string[][]> {
  const commits: string[][] = [];
  let rendered = 0;
  let begin: () => void = () => undefined;
  let isOver: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (isOver = resolve));
  const Slow = (): ReactNode => {
    const value = useValue();
    work();
    // React yields when it has worked for some milliseconds; then this comes in between.
    if (++rendered === 3) setTimeout(() => server.shows({ "m:q": 2 }));
    return h("i", null, String(value));
  };
  const All = (): ReactNode => {
    const [isShown, setShown] = useState(false);
    begin = () => startTransition(() => setShown(true));
    return isShown && Array.from({ length: COUNT }, (_, key) => h(Slow, { key }));
  };
  const look = (): void => {
    const texts = Array.from(container.querySelectorAll("i"), ({ textContent }) => textContent ?? "");
    commits.push(texts);
    if (texts.every((text) => text === "2")) isOver();
  };
  await act(async () => root.render(provided(h(All))));
  server.client.watch("m:q", {}, () => undefined);
  server.shows({ "m:q": 1 });
  environment.IS_REACT_ACT_ENVIRONMENT = false;
  const watching = new MutationObserver(look);
  watching.observe(container, { childList: true, subtree: true, characterData: true });
  begin();
  await over;
  watching.disconnect();
  return commits;
}

class Boundary extends Component<{ readonly children?: ReactNode }, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};
  static getDerivedStateFromError = (error: Error): { error: Error } => ({ error });
  override render = (): ReactNode => (this.state.error ? `error: ${this.state.error.message}` : this.props.children);
}

describe("concurrent rendering", () => {
  it("shows no two snapshots at once, even when one comes between the slices of a render", async () => {
    const commits = await commitsOf(() => unisono.useQuery("m:q"));

    expect(commits.length).toBeGreaterThan(0);
    expect(commits.filter((texts) => new Set(texts).size !== 1)).toEqual([]);
  });

  it("which a value that is merely read would do", async () => {
    const token = '{"path":"m:q","args":{}}';
    const read = (): unknown => (server.client.visible(token) as { value: unknown }).value;
    const useMerely = (): unknown => {
      const [, setValue] = useState<unknown>();
      useEffect(() => server.client.subscribe(() => setValue(read)), []);
      useEffect(() => setValue(read), []);
      return read();
    };
    const commits = await commitsOf(useMerely);

    expect(commits.filter((texts) => new Set(texts).size !== 1)).not.toEqual([]);
  });

  it("has deferred values that lag behind but were true once", async () => {
    const seen: unknown[][] = [];
    const Deferred = (): ReactNode => {
      const value = unisono.useQuery("m:q");
      const late = useDeferredValue(value);
      useLayoutEffect(() => void seen.push([value, late]));
      return `${value} ${late}`;
    };
    await act(async () => root.render(h(StrictMode, null, provided(h(Deferred)))));
    await shows({ "m:q": 1 });
    await shows({ "m:q": 2 });

    expect(container.textContent).toBe("2 2");
    expect(seen).toContainEqual([2, 1]);
    expect(seen.filter(([value, late]) => value !== late && late !== undefined && Number(late) > Number(value))).toEqual([]);
  });

  it("renders two sets of queries in turn without taking one for the other", async () => {
    let renders = 0;
    let move: (of: number) => void = () => undefined;
    const Moving = (): ReactNode => {
      const [of, setOf] = useState(1);
      move = setOf;
      renders++;
      const { a, b } = unisono.useQueries({ a: ["m:a", { of }], b: ["m:b"] });
      return `${of} ${String(a)} ${String(b)}`;
    };
    await act(async () => root.render(provided(h(Moving))));
    await shows({ "m:a": "A", "m:b": "B" });
    renders = 0;
    await act(async () => {
      startTransition(() => move(2));
      server.shows({ "m:b": "C" });
    });
    expect(container.textContent).toBe("2 undefined C");
    await shows({ "m:a": "D" });

    expect(container.textContent).toBe("2 D C");
    expect(renders).toBeLessThan(6);
  });

  it("is not disturbed by a value that is not equal to itself", async () => {
    const Odd = (): ReactNode => String(unisono.useQuery("m:q"));
    await act(async () => root.render(provided(h(Odd))));
    await shows({ "m:q": { $float: "AAAAAAAA+H8=" } });

    expect(container.textContent).toBe("NaN");
  });
});

describe("suspense", () => {
  const Item = ({ of }: { of: number }): ReactNode => String(unisono.useSuspenseQuery("m:q", { of }));
  const suspending = (node: ReactNode): ReactNode => h(StrictMode, null, provided(h(Suspense, { fallback: "waiting" }, node)));

  it("keeps what is shown while a transition waits for other arguments", async () => {
    let move: (of: number) => void = () => undefined;
    const Moving = (): ReactNode => {
      const [of, setOf] = useState(1);
      move = setOf;
      return h(Item, { of });
    };
    await act(async () => root.render(suspending(h(Moving))));
    expect(container.textContent).toBe("waiting");
    await shows({ "m:q": "one" });
    expect(container.textContent).toBe("one");
    await act(async () => startTransition(() => move(2)));
    expect(container.textContent).toBe("one");
    await shows({ "m:q": "two" });

    expect(container.textContent).toBe("two");
  });

  it("waits for as long as it takes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await act(async () => root.render(suspending(h(Item, { of: 1 }))));
    await act(() => vi.advanceTimersByTime(50_000));
    expect(container.textContent).toBe("waiting");
    await shows({ "m:q": "late" });

    expect(container.textContent).toBe("late");
  });

  it("asks once for many, and for nothing once those who waited have gone", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await act(async () => root.render(suspending([h(Item, { of: 1, key: 1 }), h(Item, { of: 1, key: 2 })])));
    expect(server.wanted).toEqual(["0 m:q"]);
    await act(async () => root.render(suspending(null)));
    await shows({ "m:q": "too late" });
    await act(() => vi.advanceTimersByTime(6_000));

    expect(server.wanted).toEqual([]);
  });

  it("throws what the query threw, and the end of the client", async () => {
    const quiet = vi.spyOn(console, "error").mockImplementation(() => undefined);
    await act(async () => root.render(suspending(h(Boundary, { key: 1 }, h(Item, { of: 1 })))));
    await shows({ "m:q": new Error("boom") });
    expect(container.textContent).toBe("error: boom");
    await act(async () => root.render(suspending(h(Boundary, { key: 2 }, h(Item, { of: 2 })))));
    await act(() => server.client.close());

    expect(container.textContent).toBe("error: the client is closed");
    quiet.mockRestore();
  });

  it("leaves no timer behind when the client is closed", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const client = new FakeServer({ log: () => undefined });
    const before = vi.getTimerCount();
    await act(async () => root.render(h(unisono.UnisonoProvider, { client: client.client }, h(Suspense, null, h(Item, { of: 1 })))));
    await act(async () => client.shows({ "m:q": 1 }));
    expect(vi.getTimerCount()).toBeGreaterThan(before);
    await act(() => client.client.close());

    expect(vi.getTimerCount()).toBeLessThan(before);
  });

  it("waits for the first page of a list, and shows the next ones as they come", async () => {
    let more: (items: number) => boolean = () => false;
    const List = (): ReactNode => {
      const { items, status, loadMore } = unisono.useSuspensePaginatedQuery("m:list", { of: "x" }, { initialItems: 2 });
      more = loadMore;
      return `${items.join()} ${status}`;
    };
    await act(async () => root.render(suspending(h(List))));
    expect(container.textContent).toBe("waiting");
    await shows({ "m:list": { page: [1, 2], isDone: false, continueCursor: "c" } });
    expect(container.textContent).toBe("1,2 CanLoadMore");
    expect(server.wanted).toEqual(["0 m:list"]);
    await act(async () => void more(2));
    expect(container.textContent).toBe("1,2 LoadingMore");
    await act(async () => root.render(suspending(null)));

    // What waited for the first page holds it for a while.
    expect(server.wanted).toEqual(["0 m:list"]);
  });
});
