// A WebSocket that is none: what a client does with it is told as `wire` events.

/** A class of sockets that tell everything to `report`. */
export const inlineSocket = (report) =>
  class {
    constructor() {
      report({ do: "open" }, this);
    }

    send(text) {
      report({ do: "send", text }, this);
    }

    close() {
      report({ do: "close", code: 1000 }, this);
      queueMicrotask(() => this.onclose?.({ code: 1000, reason: "" }));
    }
  };
