import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createDriver, type Driver } from "../src/runtime/driver.js";
import { SESSION_ID, transition, updated } from "./harness.js";

type Event = { data?: string; code?: number; reason?: string };
type Handler = ((event: never) => unknown) | null;

class Socket {
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  sent: string[] = [];
  closes = 0;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closes++;
    this.tell("onclose", { code: 1000, reason: "" });
  }

  tell(handler: "onopen" | "onmessage" | "onclose", event: Event = {}): void {
    this[handler]?.(event as never);
  }
}

let driver: Driver<number>;
let sockets: Socket[];
let onPublish: () => void;
const log = vi.fn();

const types = (socket = sockets.at(-1)!): string[] =>
  socket.sent.map((text) => (JSON.parse(text) as { type: string }).type);
const ignore = (): void => undefined;
const mutate = (): void => driver._input._call("Mutation", "m:f", {}, 0);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  sockets = [];
  onPublish = ignore;
  log.mockReset();
  const connect = (): Socket => {
    sockets.push(new Socket());
    return sockets.at(-1)!;
  };
  driver = createDriver<number>(SESSION_ID, {}, connect, {
    _log: log,
    _publish: () => onPublish(),
    _settle: ignore,
    _fetch: ignore,
    _authChanged: ignore,
    _stateChanged: ignore,
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the driver", () => {
  it("opens a socket and says what the session says", () => {
    sockets[0]!.tell("onopen");

    expect(types()).toEqual(["Connect", "ModifyQuerySet"]);
  });

  it("wakes the session in time", () => {
    sockets[0]!.tell("onclose", { code: 1006, reason: "" });
    vi.advanceTimersByTime(999);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(60_000);

    expect(sockets[1]!.closes).toBe(1);
  });

  it("has one timer at most, and none after close", async () => {
    sockets[0]!.tell("onopen");
    for (let count = 0; count < 100; count++) sockets[0]!.tell("onmessage", { data: '{"type":"Ping"}' });
    expect(vi.getTimerCount()).toBe(1);
    driver._input._close();
    await driver._allClosed();

    expect([vi.getTimerCount(), sockets[0]!.closes]).toEqual([0, 1]);
  });

  it("gives up a socket that takes no message, and comes back soon", async () => {
    sockets[0]!.tell("onopen");
    sockets[0]!.send = () => {
      throw new Error("not open");
    };
    mutate();
    mutate();
    expect([sockets[0]!.closes, driver._session._state().connection]).toEqual([1, "waiting"]);
    vi.advanceTimersByTime(100);
    sockets[1]!.tell("onopen");

    expect(JSON.parse(sockets[1]!.sent[0]!)).toMatchObject({ lastCloseReason: "FailedToSendMessage" });
    expect(types()).toEqual(["Connect", "ModifyQuerySet", "Mutation", "Mutation"]);
    driver._input._close();
    await driver._allClosed();
  });

  it("does what a callback asks for after what it was called for", () => {
    driver._input._subscribe("m:q", {}, ignore);
    sockets[0]!.tell("onopen");
    sockets[0]!.sent.length = 0;
    onPublish = () => {
      mutate();
      expect(types()).toEqual([]);
    };
    sockets[0]!.tell("onmessage", { data: JSON.stringify(transition([0, 0, 0], [1, 0, 1], updated(0, 1))) });

    expect(types()).toEqual(["Mutation"]);
  });

  it("goes on after a callback that throws, and hands its error to the log", async () => {
    driver._input._subscribe("m:q", {}, ignore);
    sockets[0]!.tell("onopen");
    onPublish = () => {
      throw new Error("mine");
    };
    sockets[0]!.tell("onmessage", { data: JSON.stringify(transition([0, 0, 0], [1, 0, 1], updated(0, 1))) });
    mutate();
    await Promise.resolve();

    expect(types().at(-1)).toBe("Mutation");
    expect(log.mock.calls).toMatchObject([[{ message: "mine" }]]);
  });
});
