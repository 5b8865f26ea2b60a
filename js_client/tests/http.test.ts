import { describe, expect, it, vi } from "vitest";

import { HttpClient } from "../src/http.js";

type Call = readonly [url: string, init: { readonly headers: Record<string, string>; readonly body: string }];

/** A client whose server gives these answers, one after the other. */
function answering(...answers: (readonly [status: number, body: unknown])[]) {
  const calls: { url: string; headers: Record<string, string>; body: { [field: string]: unknown } }[] = [];
  const log = vi.fn();
  const fetch = async (...[url, { headers, body }]: Call): Promise<Response> => {
    calls.push({ url, headers, body: JSON.parse(body) });
    const [status, answer] = answers.shift()!;
    return { status, text: async () => (typeof answer === "string" ? answer : JSON.stringify(answer)) } as Response;
  };
  return { http: new HttpClient("http://127.0.0.1:1/", { fetch: fetch as never, log }), calls, log };
}

const success = (value: unknown): [number, unknown] => [200, { status: "success", value }];

describe("a one-shot call", () => {
  it.each(["query", "mutation", "action"] as const)("to a %s sends path and arguments", async (kind) => {
    const { http, calls } = answering(success({ $integer: "BQAAAAAAAAA=" }));

    expect(await http[kind]("m.js:f", { a: 1n })).toBe(5n);
    expect(calls).toEqual([
      {
        url: `http://127.0.0.1:1/api/${kind}`,
        headers: { "Content-Type": "application/json", "Convex-Client": "unisono-0.1.0" },
        body: { path: "m.js:f", args: [{ a: { $integer: "AQAAAAAAAAA=" } }], format: "convex_encoded_json" },
      },
    ]);
  });

  it("says who asks", async () => {
    const { http, calls } = answering(success(1), success(1), success(1), success(1));
    http.setAuth({ token: "jwt" });
    await http.query("m:f");
    http.setAuth({ adminKey: "key" });
    await http.query("m:f");
    http.setAuth({ adminKey: "key", actingAs: { name: "é" } });
    await http.query("m:f");
    http.setAuth();
    await http.query("m:f");

    const [user, admin, acting, nobody] = calls.map(({ headers }) => headers["Authorization"]);
    expect([user, admin, nobody]).toEqual(["Bearer jwt", "Convex key", undefined]);
    expect(Buffer.from(acting!.replace("Convex key:", ""), "base64").toString()).toBe('{"name":"é"}');
  });

  it.each([200, 560])("throws what the function threw, with status %d", async (status) => {
    const failed = { status: "error", errorMessage: "oh", logLines: ["[LOG] hi"] };
    const { http, log } = answering([status, failed], [status, { ...failed, errorData: null }]);

    await expect(http.query("m:f")).rejects.toMatchObject({ kind: "function", path: "m:f", message: "oh" });
    await expect(http.query("m:f")).rejects.toMatchObject({ kind: "application", data: null });
    expect(log).toHaveBeenCalledWith("[LOG] hi", "m:f");
  });

  it("throws the status of an answer that is from no function", async () => {
    const { http } = answering([503, { code: "Overloaded", message: "later" }]);

    await expect(http.mutation("m:f")).rejects.toMatchObject({ kind: "http", status: 503 });
  });

  it.each([
    ["bad path!", {}],
    ["m:f", { $a: 1 }],
  ])("to %s with %j is refused at the call", async (path, args) => {
    const { http, calls } = answering();

    await expect(http.query(path, args)).rejects.toMatchObject({ kind: "local" });
    expect(calls).toEqual([]);
  });
});
