import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

const ROOT = new URL("../..", import.meta.url).pathname;
const CHROMIUM = process.env["CHROMIUM"] || "/usr/bin/chromium";
const PYTHON = `${ROOT}.venv/bin/python`;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const MISSING = [CHROMIUM, PYTHON, `${ROOT}js_client/dist/index.js`].filter((path) => !existsSync(path));

/** What the pages under test have in common. */
type World = { client: import("../src/index.js").Client; Client: typeof import("../src/index.js").Client };
declare const world: World;

const programs: ChildProcess[] = [];
let browser: Browser;
let context: BrowserContext;
let url: string;
let issuer: string;

/** Start a Python program that prints the address it serves. */
async function start(...command: string[]): Promise<string> {
  const program = spawn(PYTHON, ["-m", ...command, "--port", "0"], { cwd: ROOT });
  programs.push(program);
  for await (const line of createInterface({ input: program.stdout })) {
    const [address] = /http:\/\/\S+/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error(`${command.join(" ")} did not start`);
}

/** End what was started, and wait until it has gone. */
async function end(program: ChildProcess): Promise<void> {
  program.kill();
  if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
}

async function open(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  // As text, which no bundler of the tests rewrites.
  await page.evaluate(`import("/unisono/index.js").then(({ Client }) => {
    globalThis.world = { Client, client: new Client(location.origin, { log: () => undefined }) };
  })`);
  return page;
}

const items = (page: Page): Promise<string[]> => page.locator("#messages li").allTextContents();

const say = async (page: Page, body: string): Promise<void> => {
  await page.fill("#body", body);
  await page.keyboard.press("Enter");
};

describe.skipIf(MISSING.length)(`in Chromium (needs ${MISSING.join(", ") || "nothing more"})`, () => {
  beforeAll(async () => {
    issuer = await start("unisono_mock.issuer");
    url = await start("unisono_mock", "examples.chat.backend:app", "--issuer", issuer, "--audience", "unisono");
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await Promise.all(programs.map(end));
  });

  beforeEach(async () => {
    context = await browser.newContext();
  });

  afterEach(() => context.close());

  it("two pages agree", async () => {
    const [one, two] = [await open(), await open()];
    await say(one, "from one");
    await two.waitForSelector("text=from one");
    await say(two, "from two");
    await one.waitForSelector("text=from two");

    expect(await items(one)).toEqual(await items(two));
  }, 30_000);

  it("a page that was offline shows what it missed, and sends what waited", async () => {
    const [away, here] = [await open(), await open()];
    await say(here, "before");
    await away.waitForSelector("text=before");
    await context.setOffline(true);
    await away.evaluate(() => world.client.pause());
    const sent = away.evaluate(() => world.client.mutation("messages:send", { author: "away", body: "waited" }));
    await context.setOffline(false);
    await say(here, "missed");
    await away.waitForSelector("text=missed");
    await away.evaluate(() => world.client.resume());
    await sent;

    await here.waitForSelector("text=waited");
    expect(await items(away)).toEqual(await items(here));
  }, 30_000);

  it("an optimistic item appears at once, and no frame is without it", async () => {
    const page = await open();
    const frames = await page.evaluate(async () => {
      const { client } = world;
      const body = `optimistic ${Math.random()}`;
      const seen: boolean[] = [];
      const has = (list: unknown): boolean => Array.isArray(list) && list.some((item) => item.body === body);
      const subscription = client.subscribe("messages:list", {}, () => undefined);
      await client.query("messages:list");
      let isRunning = true;
      const sample = (): void => {
        const now = subscription.current;
        seen.push(!!now && "value" in now && has(now.value));
        if (isRunning) requestAnimationFrame(sample);
      };
      const sent = client.mutation(
        "messages:send",
        { author: "me", body },
        {
          optimistic: (store, message) => {
            const list = store.getQuery("messages:list");
            if (Array.isArray(list)) store.setQuery("messages:list", {}, [...list, message as never]);
          },
        },
      );
      sample();
      await sent;
      for (let frame = 0; frame < 6; frame++) await new Promise(requestAnimationFrame);
      isRunning = false;
      return seen;
    });

    expect(frames.length).toBeGreaterThan(2);
    expect(frames).not.toContain(false);
  }, 30_000);

  it("tokens are refreshed while mutations go on, and none of them fails", async () => {
    const page = await open();
    const fetches: boolean[] = [];
    await page.exposeFunction("mint", async (force: boolean) => {
      fetches.push(force);
      // A token of the same second and lifetime would be the same token.
      const answer = await fetch(`${issuer}/mint?subject=ada&lifetime_s=${force ? 11 : 60}`);
      return (await answer.text()).trim();
    });
    const [changes, count] = await page.evaluate(async () => {
      const { mint } = globalThis as unknown as { mint(force: boolean): Promise<string> };
      const { client } = world;
      const changes: boolean[] = [];
      client.setAuth(({ forceRefreshToken }) => mint(forceRefreshToken), (is) => void changes.push(is));
      const until = performance.now() + 3_500;
      let count = 0;
      for (; performance.now() < until; count++) {
        await client.mutation("messages:send", { author: "ada", body: `busy ${count}` });
      }
      return [changes, count] as const;
    });

    expect(changes).toEqual([true]);
    expect(count).toBeGreaterThan(10);
    // One from the cache, one with force after it, and at least one ahead of its expiry.
    expect(fetches.slice(0, 3)).toEqual([false, true, true]);
  }, 30_000);

  it("a page that was hidden for a while is up to date when it is shown", async () => {
    const [hidden, here] = [await open(), await open()];
    const session = await context.newCDPSession(hidden);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    await say(here, "while you were away");
    await here.waitForSelector("text=while you were away");
    await session.send("Page.setWebLifecycleState", { state: "active" });

    await hidden.waitForSelector("text=while you were away");
  }, 30_000);

  it("a result of more than 5 MB arrives in chunks", async () => {
    const page = await open();
    const chunks: boolean[] = [];
    page.on("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => chunks.push(String(payload).startsWith('{"type":"TransitionChunk"'))),
    );
    const length = await page.evaluate(async () => {
      const client = new world.Client(location.origin, { log: () => undefined });
      const body = "x".repeat(900_000);
      for (let count = 0; count < 6; count++) await client.mutation("messages:send", { author: "big", body });
      const list = await client.query<{ body: string }[]>("messages:list");
      await client.close();
      return list.reduce((sum, each) => sum + each.body.length, 0);
    });

    expect(length).toBeGreaterThan(5_000_000);
    expect(chunks).toContain(true);
  }, 60_000);

  it("three lines of HTML and one script show a live query", async () => {
    const page = await context.newPage();
    await page.goto(url);
    await page.setContent(`<ul id="list"></ul>
      <script type="module">
        import { Client } from "${url}/unisono/unisono.min.js";
        new Client("${url}").subscribe("messages:list", {}, (messages) => (list.textContent = messages.length));
      </script>`);

    await page.waitForFunction(() => Number(document.querySelector("#list")?.textContent) > 0);
  }, 30_000);

  it("a worker has a live query too", async () => {
    const page = await context.newPage();
    await page.goto(url);
    // As text, which no bundler of the tests rewrites.
    const told = page.evaluate<string>(`new Promise((resolve, reject) => {
      const code = \`import { Client } from "\${location.origin}/unisono/index.js";
        const client = new Client("\${location.origin}");
        const body = "from a worker";
        client.subscribe("messages:list", {}, async (messages) => {
          if (!messages.some((each) => each.body === body)) return;
          await client.close();
          postMessage(typeof document + " " + body);
        });
        client.mutation("messages:send", { author: "worker", body });\`;
      const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    })`);

    expect(await told).toBe("undefined from a worker");
  }, 30_000);

  it("nothing is left of a client that was closed", async () => {
    const page = await open();
    const counts = await page.evaluate(async () => {
      const listeners: string[] = [];
      const { addEventListener, removeEventListener } = globalThis;
      globalThis.addEventListener = (...args: Parameters<typeof addEventListener>) => {
        listeners.push(args[0]);
        addEventListener(...args);
      };
      globalThis.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
        listeners.splice(listeners.indexOf(args[0]), 1);
        removeEventListener(...args);
      };
      const client = new world.Client(location.origin);
      await client.query("messages:list");
      const before = listeners.length;
      await client.close();
      return [before, listeners.length];
    });

    expect(counts).toEqual([1, 0]);
  }, 30_000);
});
