// The JavaScript client behind the lines of ADAPTER.md, in a page: the browser's own WebSocket
// carries both the lines, one message each, and the client's frames.

import { adapter, load } from "./operations.mjs";

const lines = new WebSocket(new URL("/lines", location.href.replace(/^http/, "ws")));

/** A turn of the page's loop: messages and promises that were ready have been handled. */
const turn = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(null);
  });

const answer = adapter({
  library: await load(),
  write: (line) => lines.send(JSON.stringify(line)),
  Socket: () => WebSocket,
  about: { name: "unisono-js-page", features: [] },
  clock: { pending: 0 },
  turn,
  bye: () => undefined,
});

// Lines are answered one after another, as they would be from a pipe.
let last = Promise.resolve();
lines.onmessage = ({ data }) => {
  last = last.then(() => answer(data));
};
