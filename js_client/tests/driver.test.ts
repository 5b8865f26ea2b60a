import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createSession, type Session } from "../src/core/session.js";
import { createDriver, type Driver, type FaceEffect } from "../src/runtime/driver.js";
import type { TransportEvents } from "../src/runtime/transport.js";
import { SESSION_ID, transition, updated } from "./harness.js";

let session: Session;
let driver: Driver;
let sockets: TransportEvents[];
let sent: string[];
let closes: number;
let send: (text: string) => void;
let told: FaceEffect[];
let onEffect: (effect: FaceEffect) => void;

const types = (): string[] => sent.map((text) => (JSON.parse(text) as { type: string }).type);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  [sockets, sent, closes, told] = [[], [], 0, []];
  send = (text) => void sent.push(text);
  onEffect = () => undefined;
  session = createSession(SESSION_ID);
  driver = createDriver(
    session,
    (events) => {
      sockets.push(events);
      return { send: (text) => send(text), close: async () => void closes++ };
    },
    (effect) => {
      told.push(effect);
      onEffect(effect);
    },
  );
  driver.turn(session.start);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the driver", () => {
  it("opens a socket and says what the session says", () => {
    sockets[0]!.opened();

    expect(types()).toEqual(["Connect", "ModifyQuerySet"]);
  });

  it("wakes the session in time", () => {
    sockets[0]!.lost(1006, "");
    vi.advanceTimersByTime(999);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(60_000);

    expect(closes).toBe(1);
  });

  it("has one timer at most, and none after close", async () => {
    sockets[0]!.opened();
    for (let count = 0; count < 100; count++) sockets[0]!.received('{"type":"Ping"}');
    expect(vi.getTimerCount()).toBe(1);
    driver.turn(session.close);
    await driver.allClosed();

    expect([vi.getTimerCount(), closes]).toEqual([0, 1]);
  });

  it("gives up a socket that takes no message, and comes back soon", () => {
    sockets[0]!.opened();
    send = () => {
      throw new Error("not open");
    };
    driver.turn(() => session.mutate("m:f"));
    expect([closes, session.state().connection]).toEqual([1, "waiting"]);
    send = (text) => void sent.push(text);
    vi.advanceTimersByTime(100);
    sockets[1]!.opened();

    expect(JSON.parse(sent[2]!)).toMatchObject({ lastCloseReason: "FailedToSendMessage" });
    expect(types().slice(2)).toEqual(["Connect", "ModifyQuerySet", "Mutation"]);
  });

  it("does what a callback asks for after what it was called for", () => {
    driver.turn(() => session.subscribe("m:q"));
    sockets[0]!.opened();
    sent.length = 0;
    onEffect = ({ type }) => {
      if (type !== "Publish") return;
      driver.turn(() => session.mutate("m:f"));
      expect(sent).toEqual([]);
    };
    sockets[0]!.received(JSON.stringify(transition([0, 0, 0], [1, 0, 1], updated(0, 1))));

    expect(types()).toEqual(["Mutation"]);
  });

  it("plays a recorded trace to the same effects", () => {
    const play = (): string => {
      const replayed = createSession(SESSION_ID);
      replayed.start(1);
      replayed.opened(2);
      replayed.subscribe("m:q");
      replayed.received(JSON.stringify(transition([0, 0, 0], [2, 0, 1], updated(0, 1))), 3, 0.5);
      return JSON.stringify(replayed.takeEffects());
    };

    expect(play()).toBe(play());
  });
});
