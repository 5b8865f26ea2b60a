import { afterEach, describe, expect, it } from "vitest";

import { HttpClient } from "../src/http.js";
import { encodeTimestamp } from "../src/core/messages.js";
import { paginatedList } from "../src/pagination.js";
import { belongsTo, preload, renderingClient, scriptJson, type Preloaded } from "../src/preload.js";
import { FakeServer } from "./fake_socket.js";

type Asked = { readonly endpoint: string; readonly body: { readonly [field: string]: unknown } };

const TS = encodeTimestamp(50n);
const FIRST_PAGE = '{"path":"m:list","args":{"of":"x","paginationOpts":{"cursor":null,"id":0,"numItems":2}}}';
const token = (claims: object): string => `x.${btoa(JSON.stringify(claims))}.x`;
const ADA = token({ iss: "https://issuer", sub: "ada" });

/** A server that gives these values, one after the other. */
function answering(...values: unknown[]): { http: HttpClient; asked: Asked[] } {
  const asked: Asked[] = [];
  const fetch = async (url: string, { body }: { body: string }): Promise<Response> => {
    const endpoint = url.split("/api/")[1]!;
    asked.push({ endpoint, body: JSON.parse(body) as Asked["body"] });
    const answer = endpoint === "query_ts" ? { ts: TS } : { status: "success", value: values.shift() };
    return { status: 200, text: async () => JSON.stringify(answer) } as Response;
  };
  return { http: new HttpClient("http://127.0.0.1:1", { fetch: fetch as never, log: () => undefined }), asked };
}

const preloaded = (results: Preloaded["results"], identity: string | null = null): Preloaded => ({ ts: TS, identity, results });

describe("preload", () => {
  it("runs all queries at one moment and gives plain JSON", async () => {
    const { http, asked } = answering(1, { $integer: "BQAAAAAAAAA=" });
    const all = await preload(http, [["m:a"], ["m:b", { x: 1 }]]);

    expect(JSON.parse(JSON.stringify(all))).toEqual({
      ts: TS,
      identity: null,
      results: [
        ['{"path":"m:a","args":{}}', 1],
        ['{"path":"m:b","args":{"x":1}}', { $integer: "BQAAAAAAAAA=" }],
      ],
    });
    expect(asked.map(({ endpoint, body }) => [endpoint, body["ts"]])).toEqual([
      ["query_ts", undefined],
      ["query_at_ts", TS],
      ["query_at_ts", TS],
    ]);
  });

  it("takes the first page of a list", async () => {
    const { http } = answering({ page: [1, 2], isDone: false, continueCursor: "c" });
    const { results } = await preload(http, [["m:list", { of: "x" }, { initialItems: 2 }]]);

    expect(results[0]![0]).toBe(FIRST_PAGE);
  });

  it("says whose results they are, and nothing of the token", async () => {
    const { http } = answering(1);
    http.setAuth({ token: ADA });
    const all = await preload(http, [["m:a"]]);

    expect(all.identity).toBe("https://issuer|ada");
    expect(JSON.stringify(all)).not.toContain(ADA);
    expect(belongsTo(all, ADA)).toBe(true);
    expect(belongsTo(all, token({ iss: "https://issuer", sub: "bob" }))).toBe(false);
    expect(belongsTo(all, null)).toBe(false);
    expect(belongsTo(preloaded([]), null)).toBe(true);
  });

  it("is written into a page so that no result can end the script", () => {
    const text = scriptJson(preloaded([["m:a", "</script><b>"]]));

    expect(text).not.toContain("<");
    expect(JSON.parse(text)).toEqual(preloaded([["m:a", "</script><b>"]]));
  });
});

describe("a client with preloaded results", () => {
  let server: FakeServer;

  afterEach(() => server.client.close());

  it("shows them at once, goes on from their moment, and replaces them all in one snapshot", () => {
    server = new FakeServer({ preloaded: preloaded([['{"path":"m:a","args":{}}', 1], ['{"path":"m:b","args":{}}', 1]]) });
    const seen: unknown[] = [];
    server.client.subscribe(() => seen.push([...server.client.snapshot().values()]));
    // The second part of the page comes late, as one below a boundary does.
    server.client.watch("m:a", {}, () => undefined);
    expect(server.frames("Connect")).toMatchObject([{ maxObservedTimestamp: TS }]);
    expect(server.wanted).toEqual(["0 m:a", "1 m:b"]);
    server.shows({ "m:a": 2, "m:b": 2 });
    server.client.watch("m:b", {}, () => undefined);

    expect(seen).toEqual([[{ value: 2 }, { value: 2 }]]);
  });

  it("leaves each of them with its last subscriber", async () => {
    server = new FakeServer({ preloaded: preloaded([['{"path":"m:a","args":{}}', 1]]) });
    const [one, two] = [server.client.watch("m:a", {}, () => undefined), server.client.watch("m:a", {}, () => undefined)];
    one.unsubscribe();
    expect(server.wanted).toEqual(["0 m:a"]);
    two.unsubscribe();

    expect([server.wanted, server.client.visible('{"path":"m:a","args":{}}')]).toEqual([[], undefined]);
  });

  it("remembers what the page was rendered with", () => {
    server = new FakeServer({ preloaded: preloaded([['{"path":"m:a","args":{}}', 1]]) });
    server.shows({ "m:a": 2 });

    expect(server.client.initial.results.get('{"path":"m:a","args":{}}')).toEqual({ value: 1 });
    expect(server.client.initial.state.connection).toBe("opening");
  });

  it("goes on with the list whose first page it has", async () => {
    const page = { page: [1, 2], isDone: false, continueCursor: "c" };
    server = new FakeServer({ preloaded: preloaded([[FIRST_PAGE, page]]) });
    const list = paginatedList(server.client, "m:list", { of: "x" }, { initialItems: 2 });
    expect(list.current).toEqual({ items: [1, 2], status: "CanLoadMore" });
    const stop = list.subscribe(() => undefined);
    expect(server.wanted).toEqual(["0 m:list"]);
    expect(list.loadMore(1)).toBe(true);
    expect(server.wanted).toHaveLength(2);
    stop();
    await Promise.resolve();

    expect(server.wanted).toEqual([]);
    expect(list.current.status).toBe("LoadingFirstPage");
    expect(list.initial.items).toEqual([1, 2]);
  });

  it("waits for its auth when they are somebody's, and takes the user for signed in meanwhile", async () => {
    server = new FakeServer({ preloaded: preloaded([['{"path":"m:a","args":{}}', 1]], "https://issuer|ada") });
    expect(server.wanted).toEqual([]);
    expect(server.client.state.isAuthenticated).toBe(true);
    server.client.setAuth(async () => ADA);
    await Promise.resolve();
    await Promise.resolve();
    expect(server.client.state.isAuthenticated).toBe(true);
    expect(server.wanted).toEqual(["0 m:a"]);
    server.client.clearAuth();

    expect(server.client.state.isAuthenticated).toBe(false);
  });
});

describe("a client to render with", () => {
  it("shows what was preloaded, asks nobody, and is gone when it is closed", async () => {
    const client = renderingClient(preloaded([['{"path":"m:a","args":{}}', 1]], "https://issuer|ada"));

    expect(client.visible('{"path":"m:a","args":{}}')).toEqual({ value: 1 });
    expect(client.state).toMatchObject({ connection: "opening", isAuthenticated: true });
    await client.close();
    expect(client.initial.state).toMatchObject({ connection: "opening", isAuthenticated: true });
  });
});
