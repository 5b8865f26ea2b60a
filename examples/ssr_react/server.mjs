/**
 * A server that renders the chat with React before it sends the page.
 *
 *     python -m unisono_mock examples.chat.backend:app --port 3210
 *     node examples/ssr_react/server.mjs --backend http://127.0.0.1:3210 --port 3000
 */

import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { build } from "esbuild";
import { createElement as h } from "react";
import { renderToString } from "react-dom/server";
import { HttpClient } from "unisono/http";
import { preload, renderingClient, scriptJson } from "unisono/preload";
import { UnisonoProvider } from "unisono/react";

import { App, LIST } from "./app.mjs";

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "http://127.0.0.1:3210" },
    port: { type: "string", default: "3000" },
  },
});

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("page.mjs", import.meta.url))],
  define: { "process.env.NODE_ENV": '"production"' },
  bundle: true,
  minify: true,
  format: "esm",
  write: false,
});

/** The page with what the list holds now, and with what the client in it has to know. */
async function page() {
  const preloaded = await preload(new HttpClient(values.backend), [[LIST]]);
  const client = renderingClient(preloaded);
  try {
    const html = renderToString(h(UnisonoProvider, { client }, h(App)));
    return `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Unisono chat, rendered on the server</title>
  <link rel="icon" href="data:,">
  <div id="root">${html}</div>
  <script id="preloaded" type="application/json">${scriptJson({ url: values.backend, preloaded })}</script>
  <script type="module" src="/page.js"></script>
</html>`;
  } finally {
    await client.close();
  }
}

const server = createServer(async ({ url }, response) => {
  try {
    const isScript = url === "/page.js";
    const body = isScript ? outputFiles[0].text : await page();
    response.writeHead(200, { "Content-Type": `text/${isScript ? "javascript" : "html"}; charset=utf-8` }).end(body);
  } catch (error) {
    response.writeHead(502, { "Content-Type": "text/plain" }).end(String(error));
  }
});
server.listen(Number(values.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
