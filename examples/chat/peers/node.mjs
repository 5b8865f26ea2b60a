// The JS client in Node: it stands in for the page where no Chromium can be had.
import { Client } from "unisono";
import WebSocket from "ws";
import { asLines, fail, print, untilInputEnds } from "./say_and_print.mjs";

const [url] = process.argv.slice(2);

try {
  const client = new Client(url, { WebSocket });
  client.subscribe("messages:list", {}, (messages) => print(asLines(messages)), fail);
  await client.mutation("messages:send", { author: "page", body: "hello from the page" });
  await untilInputEnds();
  await client.close();
} catch (error) {
  fail(error);
}
