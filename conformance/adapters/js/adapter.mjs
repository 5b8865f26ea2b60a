// The JavaScript client behind the lines of ADAPTER.md: over real sockets with `ws`, or, with
// `--core`, without any socket and on the runner's clock.

import { createInterface } from "node:readline";
import { WebSocket } from "ws";

import { inlineSocket } from "./inline_socket.mjs";
import { adapter, load } from "./operations.mjs";
import { VirtualClock } from "./virtual_clock.mjs";

const IS_CORE = process.argv.includes("--core");
const SOCKETS = { name: "unisono-js", features: ["http"] };
const CORE = { name: "unisono-js-core", levels: "L2", features: ["http", "clock.virtual", "wire.inline"] };

// The clock has to be in its place before the client looks at it.
const clock = new VirtualClock();
if (IS_CORE) clock.install();

const answer = adapter({
  library: await load(),
  write: (line) => process.stdout.write(`${JSON.stringify(line)}\n`),
  Socket: IS_CORE ? inlineSocket : () => WebSocket,
  about: IS_CORE ? CORE : SOCKETS,
  clock,
  turn: () => new Promise(setImmediate),
  bye: () => void setImmediate(() => process.exit(0)),
});

for await (const line of createInterface({ input: process.stdin })) if (line.trim()) await answer(line);
