/** The example of server rendering, in a real browser: the first paint has the value, and no frame is without it. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";

import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { HttpClient } from "../src/http.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const CHROMIUM = process.env["CHROMIUM"] || "/usr/bin/chromium";
const PYTHON = `${ROOT}.venv/bin/python`;
const MISSING = [CHROMIUM, PYTHON, `${ROOT}js_client/dist/preload.js`].filter((path) => !existsSync(path));

const programs: ChildProcess[] = [];
let browser: Browser;
let http: HttpClient;
let url: string;

async function start(...[command, ...args]: [string, ...string[]]): Promise<string> {
  const program = spawn(command, args, { cwd: ROOT });
  programs.push(program);
  for await (const line of createInterface({ input: program.stdout })) {
    const [address] = /http:\/\/\S+/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error(`${command} ${args.join(" ")} did not start`);
}

const say = (body: string): Promise<unknown> => http.mutation("messages:send", { author: "server", body });

/** Open the page and note what its list shows, in every frame from the first on. */
async function open(page: Page): Promise<string[]> {
  const problems: string[] = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  // As text, which no bundler of the tests rewrites.
  await page.addInitScript(`globalThis.frames_ = [];
    const look = () => {
      const list = document.querySelector("#messages");
      if (list) frames_.push(list.textContent);
      requestAnimationFrame(look);
    };
    look();`);
  await page.goto(url);
  return problems;
}

const frames = (page: Page): Promise<string[]> => page.evaluate("frames_");

describe.skipIf(MISSING.length)(`a page rendered on a server (needs ${MISSING.join(", ") || "nothing more"})`, () => {
  beforeAll(async () => {
    const backend = await start(PYTHON, "-m", "unisono_mock", "examples.chat.backend:app", "--port", "0");
    url = await start(process.execPath, "examples/ssr_react/server.mjs", "--backend", backend, "--port", "0");
    http = new HttpClient(backend, { log: () => undefined });
    await say("</script> from before");
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    for (const program of programs) {
      program.kill();
      if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
    }
  });

  it("has the value in its HTML, for a browser that runs no script", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(url);

    expect(await page.textContent("#messages")).toContain("server: </script> from before");
    await context.close();
  }, 30_000);

  it("shows it in every frame, hydrates without a word, and is live afterwards", async () => {
    const page = await browser.newPage();
    const problems = await open(page);
    await page.waitForFunction(() => document.querySelector("#connection")?.textContent === "live");
    await say("news");
    await page.waitForFunction(() => document.querySelector("#messages")?.textContent?.includes("news"));
    await page.fill("input", "from the page");
    await page.click("button");
    await page.waitForFunction(() => document.querySelector("#messages")?.textContent?.includes("page: from the page"));
    const seen = await frames(page);

    expect(problems).toEqual([]);
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.filter((text) => !text.includes("from before"))).toEqual([]);
    const list = await http.query<{ body: string }[]>("messages:list");
    expect(list.map(({ body }) => body)).toEqual(["</script> from before", "news", "from the page"]);
    await page.close();
  }, 30_000);

  it("has no mismatch when the script comes long after the page, and the value has changed", async () => {
    const page = await browser.newPage();
    let isHeld: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (isHeld = resolve));
    let goOn: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (goOn = resolve));
    await page.route("**/page.js", async (route) => {
      isHeld();
      await released;
      await route.continue();
    });
    const opening = open(page);
    await held;
    await say("meanwhile");
    goOn();
    const problems = await opening;
    await page.waitForFunction(() => document.querySelector("#messages")?.textContent?.includes("meanwhile"));

    expect(problems).toEqual([]);
    expect((await frames(page)).filter((text) => !text.includes("from before"))).toEqual([]);
    await page.close();
  }, 30_000);
});
