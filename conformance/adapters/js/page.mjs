// The JavaScript client in a real page, behind the lines of ADAPTER.md.
//
//   node page.mjs             starts Chromium (CHROMIUM names it) and plays in a page of it
//   node page.mjs --by-hand   says where the page is; open it in the browser that is to be played
//
// The page is one script, bundled here; its lines come and go over a WebSocket, and from there
// through standard input and output.

import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { WebSocketServer } from "ws";

const BY_HAND = process.argv.includes("--by-hand");
const PAGE = '<!doctype html><meta charset="utf-8"><title>Under test</title><script type="module" src="/page.js"></script>';

const bundle = await build({
  entryPoints: [fileURLToPath(new URL("page_adapter.mjs", import.meta.url))],
  bundle: true,
  format: "esm",
  target: "es2022",
  write: false,
  logLevel: "error",
});
const files = {
  "/": ["text/html", PAGE],
  "/page.js": ["text/javascript", bundle.outputFiles[0].text],
};

const server = createServer((request, response) => {
  const [type, text] = files[request.url] ?? [undefined, ""];
  if (type === undefined) response.writeHead(404).end();
  else response.writeHead(200, { "content-type": type }).end(text);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = `http://127.0.0.1:${server.address().port}/`;

const sockets = new WebSocketServer({ server, path: "/lines", maxPayload: 2 ** 30, perMessageDeflate: false });
const opened = once(sockets, "connection");
const browser = BY_HAND ? undefined : await start();
if (BY_HAND) process.stderr.write(`open ${address}\n`);
const [page] = await opened;

page.on("message", (data) => {
  process.stdout.write(`${data}\n`);
  if (isBye(data)) void end(0);
});
page.on("close", () => void end(1));

let bye;
for await (const line of createInterface({ input: process.stdin })) {
  const { op, seq } = JSON.parse(line);
  if (op === "bye") bye = seq;
  page.send(line);
}
await end(0);

/** Whether a line of the page is the answer to the goodbye. */
function isBye(data) {
  return bye !== undefined && JSON.parse(data).re === bye;
}

async function start() {
  const { chromium } = await import("playwright-core");
  const started = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  const tab = await started.newPage();
  tab.on("pageerror", (error) => process.stderr.write(`${error.message}\n`));
  tab.on("console", (line) => process.stderr.write(`${line.text()}\n`));
  await tab.goto(address);
  return started;
}

async function end(code) {
  await browser?.close();
  process.exit(code);
}
