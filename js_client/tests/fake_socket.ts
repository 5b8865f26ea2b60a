/** A client over a socket that is none: the test is the server, and everything happens at once. */

import { Client, type ClientOptions } from "../src/index.js";
import { transition, updated } from "./harness.js";

type Frame = { readonly type: string; readonly [field: string]: unknown };
type Handler = ((event: never) => unknown) | null;

class FakeSocket {
  static last: FakeSocket;
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  readonly frames: Frame[] = [];

  constructor() {
    FakeSocket.last = this;
  }

  send(text: string): void {
    this.frames.push(JSON.parse(text) as Frame);
  }

  close(): void {
    this.onclose?.({ code: 1000, reason: "" } as never);
  }
}

export class FakeServer {
  readonly client: Client;
  #version: [number, number, number] = [0, 0, 0];

  constructor(options: ClientOptions = {}) {
    this.client = new Client("http://127.0.0.1:1", { WebSocket: FakeSocket, ...options });
    this.open();
  }

  open(): void {
    this.#version = [0, 0, 0];
    FakeSocket.last.onopen?.({} as never);
  }

  says(frame: object): void {
    FakeSocket.last.onmessage?.({ data: JSON.stringify(frame) } as never);
  }

  /** The queries that the client wants now, as `id path`. */
  get wanted(): string[] {
    const wanted = new Map<number, string>();
    for (const { type, modifications } of FakeSocket.last.frames) {
      if (type !== "ModifyQuerySet") continue;
      for (const { type: kind, queryId, udfPath } of modifications as { type: string; queryId: number; udfPath: string }[]) {
        if (kind === "Add") wanted.set(queryId, udfPath);
        else wanted.delete(queryId);
      }
    }
    return [...wanted].map(([id, path]) => `${id} ${path}`);
  }

  frames(type: string): Frame[] {
    return FakeSocket.last.frames.filter((frame) => frame.type === type);
  }

  /** New results by path, in one transition. */
  shows(results: { readonly [path: string]: unknown }, identity = this.#version[1]): void {
    const querySets = this.frames("ModifyQuerySet").length;
    const next: [number, number, number] = [querySets, identity, this.#version[2] + 10];
    const changes = this.wanted.flatMap((each) => {
      const [id, path] = each.split(" ") as [string, string];
      const value = results[path];
      if (value === undefined) return [];
      if (!(value instanceof Error)) return [updated(+id, value)];
      return [{ type: "QueryFailed", queryId: +id, errorMessage: value.message, logLines: [], journal: null }];
    });
    this.says(transition(this.#version, next, ...changes));
    this.#version = next;
  }
}
