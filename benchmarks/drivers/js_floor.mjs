/** The floor in JavaScript: the bare `ws` package and a JSON parse of the same bytes. */
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";

import { operationsOf, serve } from "./lines.mjs";

/** Just enough of the protocol to ask for what is measured. */
class Peer {
  #socket;
  #opened;
  #lists = [];
  #calls = new Map();
  #reflected = [];
  #querySet = 0;
  #queries = [];
  #unsent = [];
  #requests = 0;
  #closing = false;

  constructor(url) {
    this.#open(`${url.replace("http", "ws")}/api/sync`);
  }

  #open(address) {
    this.#socket = new WebSocket(address, { perMessageDeflate: false });
    this.#socket.on("message", (data) => this.#receive(JSON.parse(data)));
    this.#socket.on("close", () => this.#closing || this.#open(address));
    this.#opened = new Promise((resolve) => this.#socket.on("open", resolve));
    this.#socket.on("open", () => {
      this.#querySet = 0;
      this.#send({ type: "Connect", sessionId: randomUUID(), connectionCount: 0, lastCloseReason: "" });
      this.#unsent = this.#queries.map(([path, args], queryId) => this.#adding(queryId, path, args));
      this.#flush();
    });
  }

  #adding(queryId, udfPath, args) {
    return { type: "Add", queryId, udfPath, args: [args] };
  }

  #flush() {
    if (this.#unsent.length === 0 || this.#socket.readyState !== WebSocket.OPEN) return;
    const [baseVersion, newVersion] = [this.#querySet, ++this.#querySet];
    this.#send({ type: "ModifyQuerySet", baseVersion, newVersion, modifications: this.#unsent });
    this.#unsent = [];
  }

  #receive(message) {
    if (message.type === "Transition") {
      for (const { queryId, value } of message.modifications) this.#lists[queryId](value);
      this.#reflected.splice(0).forEach((settle) => settle());
    } else if (message.type === "MutationResponse") {
      this.#reflected.push(this.#calls.get(message.requestId));
    } else {
      this.#calls.get(message.requestId)(message.result);
    }
  }

  subscribe(path, args, changed) {
    const queryId = this.#queries.push([path, args]) - 1;
    this.#lists.push(changed);
    if (this.#unsent.push(this.#adding(queryId, path, args)) === 1) {
      queueMicrotask(() => this.#flush());
    }
  }

  mutate(path, args) {
    return this.#call("Mutation", path, args);
  }

  act(path, args) {
    return this.#call("Action", path, args);
  }

  async #call(type, udfPath, args) {
    await this.#opened;
    const requestId = this.#requests++;
    this.#send({ type, requestId, udfPath, args: [args] });
    return new Promise((resolve) => this.#calls.set(requestId, resolve));
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  close() {
    this.#closing = true;
    this.#socket.close();
  }
}

await serve(operationsOf(async (url) => new Peer(url)));
