import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";

import { Client, type ClientOptions, type WebSocketConstructor } from "../src/index.js";
import { response, transition, updated } from "./harness.js";
import { Server } from "./server.js";

let server: Server;
let client: Client;
const log = vi.fn();

const connect = (options: ClientOptions = {}): Client =>
  new Client(server.url, { WebSocket: WebSocket as unknown as WebSocketConstructor, log, ...options });

beforeEach(async () => {
  log.mockReset();
  server = await Server.start();
  client = connect();
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

/** The value that a subscriber is told next. */
const told = (path: string, args = {}): Promise<unknown> =>
  new Promise((resolve, reject) => client.subscribe(path, args, resolve, reject));

describe("a client", () => {
  it("says at its address which messages it understands", async () => {
    await server.frame("Connect");

    expect(server.paths).toEqual(["/api/1.45.0/sync"]);
  });

  it("tells a subscriber each value, until it leaves", async () => {
    const values: unknown[] = [];
    const subscription = client.subscribe("m:q", {}, (value) => values.push(value));
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)), transition([1, 0, 5], [1, 0, 6], updated(0, 2)));
    await vi.waitFor(() => expect(values).toEqual([1, 2]));
    expect(subscription.current).toEqual({ value: 2 });
    subscription.unsubscribe();
    subscription.unsubscribe();

    expect(await server.frame("ModifyQuerySet")).toMatchObject({ modifications: [{ type: "Remove" }] });
    expect(subscription.current).toBeUndefined();
  });

  it("tells a later subscriber soon what is known, but not at once", async () => {
    const first = told("m:q");
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));
    await first;
    const onValue = vi.fn();
    client.subscribe("m:q", {}, onValue);
    expect(onValue).not.toHaveBeenCalled();
    await Promise.resolve();

    expect(onValue.mock.calls).toEqual([[1]]);
  });

  it("calls a listener once for a snapshot, and shows it one that stays the same", async () => {
    const listener = vi.fn();
    const tokens = ["m:a", "m:b"].map((path) => client.subscribe(path, {}, () => undefined).token);
    const stop = client.subscribe(listener);
    const before = client.snapshot();
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1), updated(1, 2)));
    await vi.waitFor(() => expect(listener).toHaveBeenCalled());

    expect(listener.mock.calls).toEqual([[tokens]]);
    expect(before.size).toBe(0);
    expect(tokens.map((token) => client.snapshot().get(token))).toEqual([{ value: 1 }, { value: 2 }]);
    expect(client.snapshot()).toBe(client.snapshot());
    stop();
  });

  it("shows what a mutation wrote in the line after it", async () => {
    const subscription = client.subscribe("m:q", {}, () => undefined);
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, [])));
    const mutation = client.mutation("m:f", { id: "x" });
    await server.frame("Mutation");
    server.says(response(0, "value", 7), transition([1, 0, 5], [1, 0, 7], updated(0, ["x"])));

    expect(await mutation).toBe("value");
    expect(subscription.current).toEqual({ value: ["x"] });
  });

  it("asks a query once and leaves", async () => {
    const query = client.query<number>("m:q");
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 7)));

    expect(await query).toBe(7);
    expect(await server.frame("ModifyQuerySet")).toMatchObject({ modifications: [{ type: "Remove" }] });
  });

  it("rejects a query that fails", async () => {
    const query = client.query("m:q");
    await server.frame("ModifyQuerySet");
    const failed = { type: "QueryFailed", queryId: 0, errorMessage: "x", errorData: 5, logLines: [], journal: null };
    server.says(transition([0, 0, 0], [1, 0, 5], failed));

    await expect(query).rejects.toMatchObject({ kind: "application", data: 5, path: "m:q" });
  });

  it("lets a callback that throws hurt only itself", async () => {
    client.subscribe("m:q", {}, () => {
      throw new Error("mine");
    });
    client.subscribe(() => {
      throw new Error("mine too");
    });
    const value = told("m:q");
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));

    expect(await value).toBe(1);
    await vi.waitFor(() => expect(log.mock.calls.map(([error]) => error.message)).toEqual(["mine", "mine too"]));
  });

  it("logs the error of a query that nobody listens to", async () => {
    client.subscribe("m:q", {}, () => undefined);
    await server.frame("ModifyQuerySet");
    const failed = { type: "QueryFailed", queryId: 0, errorMessage: "oh", logLines: ["[LOG] hi"], journal: null };
    server.says(transition([0, 0, 0], [1, 0, 5], failed));

    await vi.waitFor(() => expect(log).toHaveBeenCalledTimes(2));
    expect(log).toHaveBeenCalledWith("[LOG] hi", "m:q");
  });

  it("does what a callback asks for", async () => {
    client.subscribe("m:q", {}, () => void client.mutation("m:f").catch(() => undefined));
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));

    expect(await server.frame("Mutation")).toMatchObject({ requestId: 0 });
  });

  it("comes back by itself and keeps what it shows", async () => {
    const subscription = client.subscribe("m:q", {}, () => undefined);
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));
    await vi.waitFor(() => expect(subscription.current).toEqual({ value: 1 }));
    server.drop();
    await vi.waitFor(() => expect(client.state.connection).toBe("waiting"));
    client.reconnectNow();

    expect(await server.frame("ModifyQuerySet")).toMatchObject({ baseVersion: 0, modifications: [{ queryId: 0 }] });
    expect(subscription.current).toEqual({ value: 1 });
    expect(client.state).toMatchObject({ connectionCount: 2, failures: 1 });
  });

  it("fetches tokens, and takes a fetcher that throws for one that has none", async () => {
    const onChange = vi.fn();
    client.setAuth(async () => {
      throw new Error("no network");
    }, onChange);

    await vi.waitFor(() => expect(onChange.mock.calls).toEqual([[false]]));
    client.setAuth(async ({ forceRefreshToken }) => (forceRefreshToken ? "fresh" : "cached"), onChange);
    expect(await server.frame("Authenticate")).toMatchObject({ value: "cached" });
    server.says(transition([0, 0, 0], [1, 1, 5]));
    expect(await server.frame("Authenticate")).toMatchObject({ value: "fresh", baseVersion: 1 });
    expect(onChange.mock.calls).toEqual([[false], [true]]);
    expect(client.state.isAuthenticated).toBe(true);
  });

  it.each([
    ["a bad path", () => client.query("no path!")],
    ["a bad key", () => client.mutation("m:f", { $a: 1 })],
    ["an absent element", () => client.action("m:f", { a: [undefined as never] })],
  ])("refuses %s at the call", async (_, call) => {
    await expect(call()).rejects.toMatchObject({ kind: "local" });
  });

  it.each([[""], ["nonsense"], ["ftp://x"], ["ws://x"], ["http://"], ["http://x?y"], ["http:// x"]])(
    "refuses the address '%s'",
    (url) => {
      expect(() => new Client(url, { WebSocket: WebSocket as never })).toThrow(
        expect.objectContaining({ kind: "local", rule: "connection.url" }),
      );
    },
  );

  it("says what it needs where there is no WebSocket", () => {
    vi.stubGlobal("WebSocket", undefined);
    expect(() => new Client("http://127.0.0.1:1")).toThrow("WebSocket");
    vi.unstubAllGlobals();
  });
});

describe("close", () => {
  it("rejects what is pending and leaves nothing behind", async () => {
    const calls = [client.mutation("m:f"), client.action("m:f"), client.query("m:q")];
    const settled = Promise.allSettled(calls);
    await server.frame("Connect");
    await client.close();

    for (const each of await settled) expect(each).toMatchObject({ reason: { kind: "closed" } });
    await vi.waitFor(() => expect(server.connections).toBe(0));
    expect(client.state.connection).toBe("closed");
    await expect(client.mutation("m:f")).rejects.toMatchObject({ kind: "closed" });
    await expect(client.query("m:q")).rejects.toMatchObject({ kind: "closed" });
  });

  it("ends a client whose server is not there", async () => {
    const lonely = new Client("http://127.0.0.1:1", { WebSocket: WebSocket as never });
    await lonely.close();

    expect(lonely.state.connection).toBe("closed");
  });

  it("leaves no timer and no socket in the process", async () => {
    const alive = (): string[] => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCPSocket/.test(kind));
    await server.frame("ModifyQuerySet");
    await client.close();
    await vi.waitFor(() => expect(server.connections).toBe(0));
    const before = alive();
    for (let count = 0; count < 20; count++) {
      const brief = connect();
      server.frames.length = 0;
      const value = brief.query("m:q");
      await server.frame("ModifyQuerySet");
      server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));
      await value;
      await brief.close();
    }
    await vi.waitFor(() => expect(server.connections).toBe(0));

    await vi.waitFor(() => expect(alive().length).toBeLessThanOrEqual(before.length));
  });

  it("can be called twice", async () => {
    await Promise.all([client.close(), client.close()]);
  });

  it("tells nobody that optimistic updates are gone, or that a token has come", async () => {
    const [onValue, onChange] = [vi.fn(), vi.fn()];
    let give: (token: string) => void = () => undefined;
    client.setAuth(() => new Promise((resolve) => (give = resolve)), onChange);
    client.subscribe("m:q", {}, onValue);
    const sent = client.mutation("m:f", {}, { optimistic: (store) => store.setQuery("m:q", {}, 1) });
    await Promise.allSettled([client.close(), sent]);
    give("late");
    await Promise.resolve();

    expect([onValue.mock.calls, onChange.mock.calls]).toEqual([[[1]], []]);
  });

  it("calls nobody back afterwards", async () => {
    const onValue = vi.fn();
    client.subscribe("m:q", {}, onValue);
    await server.frame("ModifyQuerySet");
    server.says(transition([0, 0, 0], [1, 0, 5], updated(0, 1)));
    await client.close();

    expect(onValue).not.toHaveBeenCalled();
  });
});
