import { describe, expect, expectTypeOf, it } from "vitest";

import type { Client } from "../src/index.js";
import { pathOf, references, type Action, type Mutation, type Query } from "../src/reference.js";

type Message = { readonly body: string };
type Api = {
  messages: {
    list: Query<{ channel: string }, Message[]>;
    send: Mutation<{ channel: string; body: string }, null>;
  };
  jobs: { daily: { run: Action<Record<string, never>, number> } };
};

const api = references<Api>();

describe("references", () => {
  it("stand for paths", () => {
    expect(pathOf(api.messages.list)).toBe("messages:list");
    expect(pathOf(api.jobs.daily.run)).toBe("jobs/daily:run");
    expect(pathOf("a:b")).toBe("a:b");
  });

  it("know their types from end to end", () => {
    const typed = (client: Client): void => {
      expectTypeOf(client.query(api.messages.list, { channel: "x" })).resolves.toEqualTypeOf<Message[]>();
      expectTypeOf(client.action(api.jobs.daily.run)).resolves.toEqualTypeOf<number>();
      expectTypeOf(client.mutation(api.messages.send, { channel: "x", body: "y" })).resolves.toEqualTypeOf<null>();
      client.subscribe(api.messages.list, { channel: "x" }, (value) => expectTypeOf(value).toEqualTypeOf<Message[]>());
      // @ts-expect-error The arguments are missing.
      void client.query(api.messages.list);
      // @ts-expect-error A channel is a string.
      void client.query(api.messages.list, { channel: 1 });
      // @ts-expect-error A mutation is no query.
      void client.query(api.messages.send, { channel: "x", body: "y" });
      expectTypeOf(client.query<number>("any:path")).resolves.toEqualTypeOf<number>();
    };

    expect(typed).toBeTypeOf("function");
  });
});
