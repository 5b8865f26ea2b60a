/** Other homes than a page: a worker of Node, and an engine with little more than a socket and timers. */

import { once } from "node:events";
import vm from "node:vm";
import { Worker } from "node:worker_threads";

import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { transition, updated } from "./harness.js";
import { Server } from "./server.js";

const HERE = new URL("..", import.meta.url).pathname;

let server: Server;

beforeEach(async () => {
  server = await Server.start();
});

afterEach(() => server.stop());

/** The client in one file, with what it exports under `global`. */
async function bundle(format: "iife" | "cjs"): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${HERE}src/index.ts`],
    bundle: true,
    format,
    globalName: "unisono",
    target: "es2022",
    write: false,
  });
  return outputFiles[0]!.text;
}

/** Answer a query with a value, and the mutation after it. */
async function serve(): Promise<void> {
  await server.frame("ModifyQuerySet");
  server.says(transition([0, 0, 0], [1, 0, 10], updated(0, { text: "grüße ☂", big: { $integer: "BQAAAAAAAAA=" } })));
}

describe("the client", () => {
  it("works in a worker of Node", async () => {
    const worker = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       const { WebSocket } = require("ws");
       const module = { exports: {} };
       new Function("module", workerData.code)(module);
       const client = new module.exports.Client(workerData.url, { WebSocket });
       client.query("m:q").then(async (value) => {
         await client.close();
         parentPort.postMessage(String(value.big) + value.text);
       });`,
      { eval: true, workerData: { code: await bundle("cjs"), url: server.url } },
    );
    // Both are waited for from the start: they may come at once.
    const exited = once(worker, "exit");
    const [[message]] = await Promise.all([once(worker, "message"), serve()]);

    expect(message).toBe("5grüße ☂");
    // Nothing holds it: it ends by itself.
    expect(await exited).toEqual([0]);
  });

  it("works with nothing but a socket, timers, a clock, chance and base64", async () => {
    // No window, document, addEventListener, TextEncoder, URL, fetch, structuredClone or AbortController.
    const few = { WebSocket, setTimeout, clearTimeout, queueMicrotask, performance, crypto, atob, btoa };
    const context = vm.createContext({ ...few, console: { log: () => undefined } });
    vm.runInContext(await bundle("iife"), context);
    const value = vm.runInContext(
      `const client = new unisono.Client(${JSON.stringify(server.url)});
       client.query("m:q", { bytes: new Uint8Array([1, 2]).buffer, big: 7n, odd: NaN }).then(async (value) => {
         await client.close();
         return value.big + value.text;
       });`,
      context,
    ) as Promise<string>;
    const frame = server.frame("ModifyQuerySet");
    expect(await frame).toMatchObject({
      modifications: [{ args: [{ bytes: { $bytes: "AQI=" }, big: { $integer: "BwAAAAAAAAA=" }, odd: { $float: "AAAAAAAA+H8=" } }] }],
    });
    server.says(transition([0, 0, 0], [1, 0, 10], updated(0, { text: "grüße ☂", big: { $integer: "BQAAAAAAAAA=" } })));

    expect(await value).toBe("5grüße ☂");
  });
});
