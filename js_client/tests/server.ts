/** A server of one query set that tests drive by hand, over real sockets. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { WebSocketServer, type WebSocket } from "ws";

type Frame = { readonly type: string; readonly [field: string]: unknown };

export class Server {
  readonly #server: WebSocketServer;
  /** What the clients said, oldest first. */
  readonly frames: Frame[] = [];
  readonly paths: (string | undefined)[] = [];
  #socket: WebSocket | undefined;
  #waiting: (() => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, request) => {
      this.#socket = socket;
      this.paths.push(request.url);
      socket.on("message", (data) => this.#heard(JSON.parse(String(data)) as Frame));
    });
  }

  static async start(): Promise<Server> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    return new Server(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#server.clients.size;
  }

  /** The next frame of this type that nobody has taken yet. */
  async frame(type: string): Promise<Frame> {
    for (;;) {
      const index = this.frames.findIndex((frame) => frame.type === type);
      if (index >= 0) return this.frames.splice(index, 1)[0]!;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  says(...frames: object[]): void {
    for (const frame of frames) this.#socket!.send(JSON.stringify(frame));
  }

  drop(code = 1011, reason = "InternalServerError"): void {
    this.#socket!.close(code, reason);
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #heard(frame: Frame): void {
    this.frames.push(frame);
    this.#waiting.splice(0).forEach((wake) => wake());
  }
}
