/** What is left after a long life: the heap is measured in a Node of its own, with its collector called by hand. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const HERE = new URL("..", import.meta.url).pathname;
const ROUNDS = 1_000;
/** More than the noise of an engine that warms up, and far less than one entry of each round would take. */
const SLACK_BYTES = 250_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "unisono-memory-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** How many bytes more are in use after so many rounds than after the same number before. */
async function growth(round: string): Promise<number> {
  const path = join(folder, `${Math.random()}.mjs`);
  await build({
    stdin: {
      resolveDir: `${HERE}tests`,
      loader: "ts",
      contents: `
        import { Client } from "../src/index.js";
        import { paginate } from "../src/pagination.js";
        import { AnsweringSocket, payload } from "./answering_socket.js";
        const kept: unknown[] = [];
        const open = () => new Client("http://127.0.0.1:1", { WebSocket: AnsweringSocket, log: () => undefined });
        const client = open();
        const settled = () => new Promise((resolve) => setImmediate(resolve));
        const once = async (round: number) => { ${round} };
        const measure = async (): Promise<number> => {
          for (let round = 0; round < ${ROUNDS}; round++) await once(round);
          for (let turn = 0; turn < 3; turn++) { await settled(); globalThis.gc!(); }
          return process.memoryUsage().heapUsed;
        };
        await client.query("m:warm");
        await measure();
        // The least of three: what leaks does so each time, what the engine keeps for itself does not.
        const sizes = [await measure(), await measure(), await measure(), await measure()];
        console.log(Math.min(...sizes.slice(1).map((size, index) => size - sizes[index]!)), kept.length);
        await client.close();`,
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: path,
    logLevel: "error",
  });
  const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", path], { encoding: "utf8" });
  expect(stderr).toBe("");
  return Number.parseInt(stdout, 10);
}

const MOUNT = `
  let values = 0;
  const subscription = client.subscribe("m:q", { round }, () => values++);
  const list = paginate(client, "m:list", { round }, { initialItems: 2 });
  await settled();
  if (!values || list.current.items.length !== 50) throw new Error("nothing came");
  subscription.unsubscribe();
  list.unsubscribe();
  await settled();`;

describe("memory", () => {
  it("is flat over a thousand subscriptions that come and go", async () => {
    expect(await growth(MOUNT)).toBeLessThan(SLACK_BYTES);
  }, 60_000);

  it("is flat over a thousand clients that are opened and closed", async () => {
    const round = `
      const each = open();
      each.subscribe("m:q", { round }, () => undefined);
      each.onState(() => undefined);
      await settled();
      await each.close();`;

    expect(await growth(round)).toBeLessThan(SLACK_BYTES);
  }, 60_000);

  it("would show the result of each round, if it were kept", async () => {
    expect(await growth(`${MOUNT} kept.push(payload(round));`)).toBeGreaterThan(SLACK_BYTES);
  }, 60_000);
});
